//! The source of a project as a layer of the sandbox: always at one path, of one owner, of one time, so that a build finds
//! the same thing wherever and whenever it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use imgbuild_archive::limits::{MOST_ENTRIES, MOST_PATH_BYTES};
use imgbuild_archive::{Folder, ImagePath, Owner, PathError, TarError, ZipFileError};
use imgbuild_folder::FileError;
use imgbuild_layer::{Codec, EntryHead, EntryKind, EntrySink, LayerWriter, Parents, SinkError};

use crate::limits::{PROJECT_FILE_LIMIT, SOURCE_LIMIT};

/// Whom the source belongs to in the sandbox, and who builds it: nobody of any image, who may write this source, the folders
/// of the results and `/tmp`.
pub(crate) const BUILDER: Owner = Owner { uid: 65_533, gid: 65_533 };

/// The time of every file, and what backends take for now: the first that a zip can hold, in seconds since 1970.
pub(crate) const TIME: i64 = 315_532_800;

/// Where the source is in the sandbox.
pub(crate) const SOURCE: &str = "build/source";

/// The files that are looked at before anything is built, and their largest size in bytes.
const LOOKED_AT: [&str; 4] = ["pyproject.toml", "setup.py", "setup.cfg", ARCHIVAL];

/// Where setuptools-scm and those like it look for a version when there is no repository.
pub(crate) const ARCHIVAL: &str = ".git_archival.txt";

/// A source that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SourceError {
    /// Its tar is damaged or hostile.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// Its zip is damaged or hostile.
    #[error(transparent)]
    Zip(#[from] ZipFileError),
    /// A path of it must not be written.
    #[error(transparent)]
    Path(#[from] PathError),
    /// It holds something twice, or below something that is no folder.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A file of this machine cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is packed in a way that no source distribution is.
    #[error("`{0}` is not named like a source distribution")]
    #[diagnostic(help("these end in `.tar.gz`, `.tgz`, `.tar.bz2`, `.tar.xz` or `.zip`"))]
    Kind(String),
    /// It has no folder of its own.
    #[error("it holds `{}` beside `{first}`: a source distribution has one folder, with all else in it", other.escape_default())]
    SeveralFolders {
        /// The folder that it has.
        first: String,
        /// What stands beside it.
        other: String,
    },
    /// A link leads out of it.
    #[error("its link `{path}` leads out of it, to `{}`", target.escape_default())]
    Link {
        /// The link.
        path: ImagePath,
        /// Where it points.
        target: String,
    },
    /// It holds what no source holds.
    #[error("it holds `{}`, which {rule}", path.escape_default())]
    Member {
        /// The path.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// It fills the disk.
    #[error("it unpacks to more than {SOURCE_LIMIT} bytes")]
    TooLarge,
    /// Its paths fill the memory.
    #[error(
        "it has more than {MOST_ENTRIES} files and folders, or their paths more than {MOST_PATH_BYTES} bytes"
    )]
    TooMany,
    /// The project is not where it should be.
    #[error("it has no folder `{0}`, in which the project should be")]
    NoSubdirectory(String),
    /// An ignore file is wrong.
    #[error("`{}` cannot be read", path.display())]
    Ignore {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: ignore::Error,
    },
    /// A folder is another one than it was.
    #[error(
        "the folder `{path}` is not what was locked: its files have the hash `{found}`, and the lock has `{locked}`"
    )]
    #[diagnostic(help("run `imgbuild lock` to build it as it is now"))]
    FolderChanged {
        /// The folder, as it is written in the lock.
        path: String,
        /// The hash of its files.
        found: imgbuild_oci::Digest,
        /// The hash in the lock.
        locked: imgbuild_oci::Digest,
    },
    /// A file changed while it was read.
    #[error("`{}` changed while it was read", .0.display())]
    Changed(PathBuf),
    /// A repository cannot be had.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Git(#[from] crate::git_error::GitError),
}

imgbuild_diagnostic::boxed_sources!(SourceError);

/// What of a project is known before it is built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Project {
    files: BTreeMap<&'static str, Vec<u8>>,
    folders: BTreeSet<String>,
}

impl Project {
    /// The bytes of a file in the project's root; nothing where it is not there, or is none of those that are looked at.
    pub(crate) fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Whether it has such a folder, relative to the project's root.
    pub(crate) fn has_folder(&self, path: &str) -> bool {
        path == "." || self.folders.contains(path)
    }
}

/// Takes the files of a source, in any order.
pub(crate) struct SourceTree<'a> {
    writer: LayerWriter<'a, BufWriter<File>>,
    root: ImagePath,
    /// The project's root, relative to the source's.
    subdirectory: Option<ImagePath>,
    left: u64,
    entries_left: u64,
    path_bytes_left: u64,
    project: Project,
}

/// Writes the layer of a source to the tar `archive`. `subdirectory` is where in it the project is; `fill` puts the files.
///
/// # Errors
///
/// When the source cannot be used.
pub(crate) fn write_source(
    archive: &Path,
    subdirectory: Option<&str>,
    fill: impl FnOnce(&mut SourceTree<'_>) -> Result<(), SourceError>,
) -> Result<Project, SourceError> {
    let failed = |error| SourceError::File(FileError { path: archive.to_owned(), what: "written", error });
    let root = ImagePath::new(SOURCE)?;
    let mut parents = Parents::default();
    parents.insert_tree(root.clone(), 0o755, BUILDER);
    let out = BufWriter::new(File::create(archive).map_err(failed)?);
    let writer = LayerWriter::new(out, Codec::None, NonZero::<u32>::MIN, &parents).map_err(failed)?;
    let subdirectory = subdirectory.filter(|it| !matches!(*it, "" | ".")).map(ImagePath::new).transpose()?;
    let mut tree = SourceTree {
        writer,
        root: root.clone(),
        subdirectory: subdirectory.clone(),
        left: SOURCE_LIMIT,
        entries_left: MOST_ENTRIES,
        path_bytes_left: MOST_PATH_BYTES,
        project: Project::default(),
    };
    let whole =
        EntryHead { path: root, kind: EntryKind::Directory, mode: 0o755, owner: BUILDER, mtime: TIME };
    tree.writer.put(&whole, &mut io::empty())?;
    fill(&mut tree)?;
    let SourceTree { writer, project, .. } = tree;
    let (_, out) = writer.finish().map_err(failed)?;
    out.into_inner().map_err(|error| failed(error.into_error()))?;
    match subdirectory {
        Some(subdirectory) if !project.folders.contains("") => {
            Err(SourceError::NoSubdirectory(subdirectory.as_str().to_owned()))
        }
        _ => Ok(project),
    }
}

/// What a path of a source is called from the root of its project; nothing outside of it. The root itself has no name.
fn in_project<'p>(subdirectory: Option<&ImagePath>, path: &'p str) -> Option<&'p str> {
    let Some(subdirectory) = subdirectory else { return Some(path) };
    let below = path.strip_prefix(subdirectory.as_str())?;
    if below.is_empty() { Some(below) } else { below.strip_prefix('/') }
}

impl SourceTree<'_> {
    fn put(
        &mut self,
        path: &ImagePath,
        kind: EntryKind,
        mode: u32,
        body: &mut dyn Read,
    ) -> Result<(), SourceError> {
        let entries = self.entries_left.checked_sub(1);
        let path_bytes = self.path_bytes_left.checked_sub(path.as_str().len() as u64);
        let (Some(entries), Some(path_bytes)) = (entries, path_bytes) else {
            return Err(SourceError::TooMany);
        };
        (self.entries_left, self.path_bytes_left) = (entries, path_bytes);
        let own = (kind == EntryKind::Directory).then_some(path.as_str());
        for folder in own.into_iter().chain(path.folders().map(Folder::as_str)) {
            let Some(name) = in_project(self.subdirectory.as_ref(), folder) else { continue };
            // What is above a known one is known.
            if !self.project.folders.insert(name.to_owned()) {
                break;
            }
        }
        let path = self.root.join_path(path)?;
        Ok(self.writer.put(&EntryHead { path, kind, mode, owner: BUILDER, mtime: TIME }, body)?)
    }

    /// Puts a file of `size` bytes.
    ///
    /// # Errors
    ///
    /// When it is there already, is too large, or has another size.
    pub(crate) fn file(
        &mut self,
        path: &ImagePath,
        executable: bool,
        size: u64,
        body: &mut dyn Read,
    ) -> Result<(), SourceError> {
        self.left = self.left.checked_sub(size).ok_or(SourceError::TooLarge)?;
        let mode = if executable { 0o755 } else { 0o644 };
        let looked_at = in_project(self.subdirectory.as_ref(), path.as_str())
            .and_then(|name| LOOKED_AT.into_iter().find(|it| *it == name));
        let Some(name) = looked_at else {
            return self.put(path, EntryKind::File { size }, mode, body);
        };
        if size > PROJECT_FILE_LIMIT {
            return Err(SourceError::Member { path: path.to_string(), rule: "is too large to be one" });
        }
        let mut bytes = Vec::new();
        let read = body.take(PROJECT_FILE_LIMIT).read_to_end(&mut bytes);
        read.map_err(|error| SinkError::Read { path: path.clone(), error })?;
        self.put(path, EntryKind::File { size }, mode, &mut bytes.as_slice())?;
        self.project.files.insert(name, bytes);
        Ok(())
    }

    /// Puts a folder.
    ///
    /// # Errors
    ///
    /// When something else is there.
    pub(crate) fn folder(&mut self, path: &ImagePath) -> Result<(), SourceError> {
        self.put(path, EntryKind::Directory, 0o755, &mut io::empty())
    }

    /// Puts a symbolic link, wherever it points: what follows it is in the sandbox.
    ///
    /// # Errors
    ///
    /// When something is there already.
    pub(crate) fn link(&mut self, path: &ImagePath, target: &str) -> Result<(), SourceError> {
        if in_project(self.subdirectory.as_ref(), path.as_str()) == Some("pyproject.toml") {
            return Err(SourceError::Member { path: path.to_string(), rule: "must be a file of its own" });
        }
        self.put(path, EntryKind::Symlink { target: target.to_owned() }, 0o777, &mut io::empty())
    }

    /// Puts another name of a file that is there.
    ///
    /// # Errors
    ///
    /// When the file is not there.
    pub(crate) fn name(&mut self, path: &ImagePath, target: &ImagePath) -> Result<(), SourceError> {
        let target = self.root.join_path(target)?;
        self.put(path, EntryKind::Hardlink { target }, 0o644, &mut io::empty())
    }
}

//! Local projects: the files of a folder that belong to its source, and a hash of them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ignore::gitignore::Gitignore;
use ignore::{DirEntry, WalkBuilder};
use imgbuild_archive::ImagePath;
use imgbuild_folder::{FileError, IGNORE_FILE, IgnoreError, secret};
use imgbuild_layer::KeyHasher;
use imgbuild_oci::{Digest, HashReader};

use crate::source::{SourceError, SourceTree};

/// The file that names what git does not keep.
const GIT_IGNORE_FILE: &str = ".gitignore";

/// What tools leave in any folder, and what git keeps of itself.
const EVERYWHERE: [&str; 9] = [
    ".git",
    ".hg",
    ".svn",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".DS_Store",
    "node_modules",
];

/// What tools leave in the project's own folder. Below it a package may have such a name.
const AT_THE_ROOT: [&str; 7] = ["build", "dist", ".venv", "venv", ".tox", ".nox", ".eggs"];

/// How what imgbuild itself writes begins: locks, and images as one file. An image as a folder has the file `oci-layout`.
const OWN: [&[u8]; 2] = [imgbuild_lock::MARK.as_bytes(), b"oci-layout\0"];

enum Item {
    File { from: PathBuf, size: u64, digest: Digest, executable: bool },
    Link(String),
    Folder,
}

/// The files of a local project.
pub(crate) struct Folder {
    items: BTreeMap<ImagePath, Item>,
    /// A hash of all that is in it: paths, contents, and which files can be run.
    pub(crate) sha256: Digest,
}

impl Folder {
    /// Reads the project in `folder`. What its `.gitignore` and `.imgbuildignore` name is left out, and what the
    /// `.imgbuildignore` of the spec's folder `spec` names; so is what tools leave, and what is a secret.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or holds what no source holds.
    pub(crate) fn read(folder: &Path, spec: &Path) -> Result<Self, SourceError> {
        let spec_ignores = ignored(spec)?;
        let root = folder.to_owned();
        let mut walk = WalkBuilder::new(folder);
        // What is left out follows from the project's files alone, and from no setting of this machine.
        walk.standard_filters(false).git_ignore(true).require_git(false).parents(false);
        walk.add_custom_ignore_filename(IGNORE_FILE).follow_links(false);
        regular_ignore_files(folder)?;
        // The library opens the ignore files of a folder as it enters it, and would wait for a pipe.
        let irregular = Arc::new(OnceLock::new());
        let first = Arc::clone(&irregular);
        walk.filter_entry(move |entry| {
            let wanted = is_wanted(entry, &root, &spec_ignores);
            let is_folder = entry.file_type().is_some_and(|it| it.is_dir());
            let irregular = wanted && is_folder && regular_ignore_files(entry.path()).is_err();
            if irregular {
                first.get_or_init(|| entry.path().to_owned());
            }
            wanted && !irregular
        });
        let mut items = BTreeMap::new();
        for entry in walk.build() {
            let entry = entry.map_err(|error| SourceError::Ignore { path: folder.to_owned(), error })?;
            let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            if relative.as_os_str().is_empty() {
                continue;
            }
            let refused = |rule| SourceError::Member { path: relative.display().to_string(), rule };
            let name = relative.to_str().ok_or_else(|| refused("has a name that is not UTF-8"))?;
            if let Some(item) = item(entry.path(), name)? {
                items.insert(ImagePath::new(name)?, item);
            }
        }
        if let Some(folder) = irregular.get() {
            regular_ignore_files(folder)?;
        }
        let sha256 = digest(&items);
        Ok(Self { items, sha256 })
    }

    /// Puts its files.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read, or has changed.
    pub(crate) fn put(&self, tree: &mut SourceTree<'_>) -> Result<(), SourceError> {
        for (path, item) in &self.items {
            match item {
                Item::Folder => tree.folder(path)?,
                Item::Link(target) => tree.link(path, target)?,
                Item::File { from, size, digest, executable } => {
                    let mut reader = HashReader::new(File::open(from).map_err(failed(from))?);
                    tree.file(path, *executable, *size, &mut reader)?;
                    if reader.finish().0 != *digest {
                        return Err(SourceError::Changed(from.clone()));
                    }
                }
            }
        }
        Ok(())
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> SourceError {
    let path = path.to_owned();
    move |error| SourceError::File(FileError { path, what: "read", error })
}

fn ignored(folder: &Path) -> Result<Gitignore, SourceError> {
    imgbuild_folder::ignored(folder).map_err(|error| match error {
        IgnoreError::Pattern { path, error } => SourceError::Ignore { path, error },
        error @ IgnoreError::LeadsOut(_) => {
            SourceError::File(FileError::of(&folder.join(IGNORE_FILE), "read")(io::Error::other(error)))
        }
    })
}

/// Whether the ignore files of a folder are files, where there are any.
fn regular_ignore_files(folder: &Path) -> Result<(), SourceError> {
    for name in [GIT_IGNORE_FILE, IGNORE_FILE] {
        let path = folder.join(name);
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            let error = ignore::Error::Io(io::Error::other("it is not a file"));
            return Err(SourceError::Ignore { path, error });
        }
    }
    Ok(())
}

fn is_wanted(entry: &DirEntry, root: &Path, spec: &Gitignore) -> bool {
    let name = entry.file_name().to_string_lossy();
    let is_folder = entry.file_type().is_some_and(|it| it.is_dir());
    let left = EVERYWHERE.contains(&&*name)
        || is_folder && (name.ends_with(".egg-info") || entry.path().join("oci-layout").is_file())
        || entry.path().parent() == Some(root) && AT_THE_ROOT.contains(&&*name);
    let by_spec = entry.path().starts_with(spec.path())
        && spec.matched_path_or_any_parents(entry.path(), is_folder).is_ignore();
    entry.depth() == 0 || !left && !by_spec
}

/// What stands at a path; nothing for what is no part of a source.
fn item(from: &Path, name: &str) -> Result<Option<Item>, SourceError> {
    let refused = |rule| SourceError::Member { path: name.to_owned(), rule };
    let found = fs::symlink_metadata(from).map_err(failed(from))?;
    if found.is_dir() {
        return Ok(Some(Item::Folder));
    }
    if found.is_symlink() {
        let target = fs::read_link(from).map_err(failed(from))?;
        let target = target.to_str().ok_or_else(|| refused("is a link to a name that is not UTF-8"))?;
        return Ok(Some(Item::Link(target.to_owned())));
    }
    if !found.is_file() {
        return Err(refused("is neither a file, a folder nor a link"));
    }
    if secret(from).map_err(failed(from))?.is_some() || is_own(from)? {
        return Ok(None);
    }
    let mut reader = HashReader::new(File::open(from).map_err(failed(from))?);
    io::copy(&mut reader, &mut io::sink()).map_err(failed(from))?;
    let (digest, size) = reader.finish();
    let executable = found.permissions().mode() & 0o100 != 0;
    Ok(Some(Item::File { from: from.to_owned(), size, digest, executable }))
}

/// Whether imgbuild wrote a file: the hash of the folder that it may stand in is in the lock, and the image is made of it.
fn is_own(path: &Path) -> Result<bool, SourceError> {
    let mut head = Vec::new();
    let longest = OWN.map(<[u8]>::len).into_iter().max().unwrap_or(0) as u64;
    let file = File::open(path).map_err(failed(path))?;
    file.take(longest).read_to_end(&mut head).map_err(failed(path))?;
    Ok(OWN.iter().any(|own| head.starts_with(own)))
}

fn digest(items: &BTreeMap<ImagePath, Item>) -> Digest {
    let mut hasher = KeyHasher::new("local project");
    for (path, item) in items {
        hasher = match item {
            Item::File { digest, executable, .. } => hasher
                .field("file", path.as_str())
                .field("content", digest.as_bytes())
                .field("executable", [u8::from(*executable)]),
            Item::Link(target) => hasher.field("link", path.as_str()).field("target", target),
            Item::Folder => hasher.field("folder", path.as_str()),
        };
    }
    hasher.finish()
}

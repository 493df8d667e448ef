//! A package's metadata: what stands in its `info/` folder.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use imgbuild_archive::{ImagePath, PathError};
use imgbuild_oci::Digest;
use rattler_conda_types::package::{
    EntryPoint, Files, HasPrefix, IndexJson, LinkJson, NoArchLinks, NoLink, NoSoftlink, PackageFile,
    PathType, PathsEntry, PathsJson,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::conda_archive::{Archive, ArchiveError, ArchiveFormat, Tar, path_type};
use crate::licences::Licences;
use crate::limits::{
    ALWAYS_ALLOWED, INFO_FILE_LIMIT, LEAST_PLACEHOLDER, MOST_PATHS, MOST_RATIO, MOST_RATIO_UNDECLARED,
    ROOM_OF_PATH, SCRIPT_LIMIT,
};

/// Metadata that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum InfoError {
    /// The archive cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Archive(#[from] ArchiveError),
    /// A file of the metadata is not there.
    #[error("the archive has no `{0}`")]
    Missing(&'static str),
    /// A file of the metadata cannot be parsed.
    #[error("`{file}` of the archive cannot be read")]
    Parse {
        /// The file.
        file: &'static str,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// A file of the metadata is larger than any real one.
    #[error("`{file}` of the archive is larger than {} MiB", limit >> 20)]
    TooLarge {
        /// The file.
        file: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The archive holds a file of the metadata more than once.
    #[error("the archive holds `{0}` twice")]
    TwiceFile(String),
    /// The member with the metadata holds something else.
    #[error("the metadata of the archive holds `{0}`, which is not in `info/`")]
    Outside(ImagePath),
    /// It lists more paths than any real package.
    #[error("the archive lists {found} paths, and no package may have more than {MOST_PATHS}")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// A placeholder is too short to be one.
    #[error(
        "`info/paths.json` of the archive has the placeholder `{}` in `{path}`: one of fewer than {LEAST_PLACEHOLDER} bytes stands for nothing",
        placeholder.escape_default()
    )]
    Placeholder {
        /// The file.
        path: ImagePath,
        /// The placeholder.
        placeholder: String,
    },
    /// A file of the metadata follows rules that are not known. conda takes none of another version either.
    #[error("`{file}` of the archive has version {version}, and version 1 is the one that is known")]
    Version {
        /// The file.
        file: &'static str,
        /// What it states.
        version: u64,
    },
    /// The build string is none.
    #[error("`info/index.json` of the archive has the build string `{}`, which may hold letters, digits, `_`, `.` and `+` only", .0.escape_default())]
    Build(String),
    /// `paths.json` lists a path that must not be written.
    #[error("`info/paths.json` of the archive lists a path that must not be written: {0}")]
    Path(#[from] PathError),
    /// `index.json` makes no record.
    #[error("`info/index.json` of the archive makes no record: {0}")]
    Record(String),
    /// The metadata declares more than any real archive unpacks to.
    #[error(
        "`info/paths.json` of the archive declares {declared} bytes, more than {MOST_RATIO} times the {size} bytes of the archive"
    )]
    Bomb {
        /// The size of all files.
        declared: u64,
        /// The size of the archive.
        size: u64,
    },
    /// `paths.json` lists a path twice, and says different things of it.
    #[error("`info/paths.json` of the archive lists `{path}` twice, and says different things of it")]
    #[diagnostic(help("{}", way_round(package)))]
    Twice {
        /// The package.
        package: String,
        /// The path.
        path: ImagePath,
    },
}

/// What to do about a package that contradicts itself.
pub(crate) fn way_round(package: &str) -> String {
    format!(
        "where the package is to be trusted, `[conda] accept-damaged = [\"{package}\"]` installs it as rattler does"
    )
}

/// What becomes of a package that different installers would install differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Damaged {
    /// It is an error.
    #[default]
    Refused,
    /// The spec accepts it: it is installed as rattler does, and where that is left to chance, as conda does.
    Accepted,
}

impl From<imgbuild_archive::TarError> for InfoError {
    fn from(error: imgbuild_archive::TarError) -> Self {
        Self::Archive(error.into())
    }
}

/// A package's metadata.
#[derive(Debug, Clone)]
pub struct Info {
    /// `info/index.json`.
    pub index: IndexJson,
    /// What `info/paths.json` says of each path, or, where a package is too old to have one, `info/files` and its
    /// companions. The paths are those in the archive, before a noarch package's are moved.
    pub paths: BTreeMap<ImagePath, PathsEntry>,
    /// The entry points of a noarch Python package.
    pub entry_points: Vec<EntryPoint>,
    /// A hash of the files that the above was read from.
    pub digest: Digest,
    /// What was wrong with the metadata and does not matter, for people.
    pub(crate) notes: Vec<String>,
}

const INDEX: &str = "info/index.json";
const PATHS: &str = "info/paths.json";
const LINK: &str = "info/link.json";
const FILES: &str = "info/files";
const HAS_PREFIX: &str = "info/has_prefix";
const NO_LINK: &str = "info/no_link";
const NO_SOFTLINK: &str = "info/no_softlink";
const WANTED: [&str; 7] = [INDEX, PATHS, LINK, FILES, HAS_PREFIX, NO_LINK, NO_SOFTLINK];

/// The files of `info/` that matter, as they stand in an archive.
#[derive(Debug, Default)]
pub(crate) struct InfoFiles {
    files: BTreeMap<&'static str, Vec<u8>>,
    /// The kinds of all other entries: only packages without `paths.json` need them.
    kinds: BTreeMap<ImagePath, PathType>,
}

/// Names the file that unpacks to more than metadata may, where it is one.
fn too_large(error: imgbuild_archive::TarError) -> InfoError {
    match error {
        imgbuild_archive::TarError::Bomb { limit, entry: Some(entry) } => {
            InfoError::TooLarge { file: entry.escape_default().to_string(), limit }
        }
        error => error.into(),
    }
}

impl InfoFiles {
    /// Collects the files from a tar, and of a `.conda`, whose metadata stands by itself, the texts of licences. Of a `.tar.bz2`, no more is
    /// read than is needed.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read.
    pub(crate) fn collect(
        mut tar: Tar,
        format: ArchiveFormat,
        licences: &mut Licences,
    ) -> Result<Self, InfoError> {
        let mut found = Self::default();
        while let Some(head) = tar.next_entry().map_err(too_large)? {
            let Some(path) = head.path.clone() else { continue };
            match WANTED.into_iter().find(|wanted| *wanted == path.as_str()) {
                Some(wanted) => {
                    if head.size > INFO_FILE_LIMIT {
                        return Err(InfoError::TooLarge { file: wanted.to_owned(), limit: INFO_FILE_LIMIT });
                    }
                    let mut bytes = Vec::new();
                    tar.body().read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
                    if found.files.insert(wanted, bytes).is_some() {
                        return Err(InfoError::TwiceFile(wanted.to_owned()));
                    }
                }
                None if is_info(&path) && format == ArchiveFormat::Conda => {
                    licences.add(&path, &head, &mut tar.body())?;
                }
                None if is_info(&path) => {}
                // Installers unpack both members into one folder.
                None if format == ArchiveFormat::Conda => return Err(InfoError::Outside(path)),
                None => {
                    found.kinds.insert(path, path_type(&head.kind));
                }
            }
            if format == ArchiveFormat::TarBz2 && found.is_enough() {
                break;
            }
        }
        Ok(found)
    }

    /// Whether the rest of the tar can say nothing more: all but noarch Python packages are complete with two files.
    fn is_enough(&self) -> bool {
        let Some(index) = self.files.get(INDEX) else { return false };
        let python = || IndexJson::from_slice(index).is_ok_and(|index| index.noarch.is_python());
        self.files.contains_key(PATHS) && (self.files.contains_key(LINK) || !python())
    }

    /// The files as texts, where they are all text and say everything.
    pub(crate) fn to_texts(&self) -> Option<BTreeMap<&'static str, &str>> {
        let complete = self.files.contains_key(PATHS);
        let texts = self.files.iter().map(|(name, bytes)| Some((*name, std::str::from_utf8(bytes).ok()?)));
        texts.collect::<Option<_>>().filter(|_| complete)
    }

    /// What [`InfoFiles::to_texts`] gave.
    pub(crate) fn from_texts(texts: BTreeMap<String, String>) -> Option<Self> {
        let known = |name: &String| WANTED.into_iter().find(|wanted| wanted == name);
        let files = texts.into_iter().map(|(name, text)| Some((known(&name)?, text.into_bytes())));
        Some(Self { files: files.collect::<Option<_>>()?, kinds: BTreeMap::new() })
    }

    /// Parses what was collected.
    ///
    /// # Errors
    ///
    /// When a file is missing, damaged, or lists what must not be written.
    pub(crate) fn parse(mut self, damaged: Damaged) -> Result<Info, InfoError> {
        let digest =
            self.files.iter().fold(imgbuild_layer::KeyHasher::new("conda info"), |hasher, (name, bytes)| {
                hasher.field(name, bytes)
            });
        let index: IndexJson = self.file(INDEX)?.ok_or(InfoError::Missing(INDEX))?;
        check_build(index.build.as_str())?;
        self.check_count()?;
        let paths = match self.file::<PathsJson>(PATHS)? {
            Some(paths) => paths,
            None => self.legacy_paths()?,
        };
        check_version(PATHS, paths.paths_version)?;
        let (mut by_path, mut notes) = (BTreeMap::new(), Vec::new());
        for entry in paths.paths {
            let path = image_path(&entry.relative_path)?;
            let placeholder = entry.prefix_placeholder.as_ref().map(|it| &it.placeholder);
            if let Some(short) = placeholder.filter(|it| it.len() < LEAST_PLACEHOLDER) {
                return Err(InfoError::Placeholder { path, placeholder: short.clone() });
            }
            if let Some(first) = by_path.get(&path) {
                if !is_alike(first, &entry) && damaged == Damaged::Refused {
                    let package = index.name.as_normalized().to_owned();
                    return Err(InfoError::Twice { package, path });
                }
                notes.push(format!("`info/paths.json` lists `{path}` twice"));
            }
            by_path.insert(path, entry);
        }
        let link = self.file::<LinkJson>(LINK)?;
        link.iter().try_for_each(|link| check_version(LINK, link.package_metadata_version))?;
        let entry_points = match link {
            Some(LinkJson { noarch: NoArchLinks::Python(links), .. }) if index.noarch.is_python() => {
                links.entry_points
            }
            _ => Vec::new(),
        };
        Ok(Info { index, paths: by_path, entry_points, digest: digest.finish(), notes })
    }

    /// Counts the paths before they are kept: each takes many times its bytes.
    fn check_count(&self) -> Result<(), InfoError> {
        #[derive(Deserialize)]
        struct PathCount {
            paths: Vec<IgnoredAny>,
        }
        let listed = self.files.get(PATHS).and_then(|bytes| serde_json::from_slice::<PathCount>(bytes).ok());
        let lines = || self.files.get(FILES).map(|bytes| bytes.split(|byte| *byte == b'\n').count());
        match listed.map(|it| it.paths.len()).or_else(lines) {
            Some(found) if found > MOST_PATHS => Err(InfoError::TooMany { found }),
            _ => Ok(()),
        }
    }

    fn file<T: PackageFile>(&mut self, file: &'static str) -> Result<Option<T>, InfoError> {
        let parse = |bytes: &Vec<u8>| T::from_slice(bytes).map_err(|error| InfoError::Parse { file, error });
        self.files.get(file).map(parse).transpose()
    }

    /// The form of packages from before `paths.json` (conda-build 2 and older).
    fn legacy_paths(&mut self) -> Result<PathsJson, InfoError> {
        let files: Files = self.file(FILES)?.ok_or(InfoError::Missing(PATHS))?;
        let has_prefix: Option<HasPrefix> = self.file(HAS_PREFIX)?;
        let no_link: Option<NoLink> = self.file(NO_LINK)?;
        let no_softlink: Option<NoSoftlink> = self.file(NO_SOFTLINK)?;
        PathsJson::from_deprecated(files, has_prefix, no_link, no_softlink, |path| {
            let path = image_path(path)?;
            // A file that is listed and not there is found when the archive is written.
            Ok(self.kinds.get(&path).copied().unwrap_or(PathType::HardLink))
        })
    }
}

impl Info {
    /// Reads the metadata of an archive on the disk.
    ///
    /// # Errors
    ///
    /// When the archive or its metadata cannot be used.
    pub fn read(archive: &Archive<'_>, damaged: Damaged) -> Result<Self, InfoError> {
        InfoFiles::collect(archive.info()?, archive.format(), &mut Licences::default())?.parse(damaged)
    }

    /// Checks that the files' declared sizes are such as an archive of `size` bytes may have.
    ///
    /// # Errors
    ///
    /// When they are those of a decompression bomb.
    pub(crate) fn check_declared(&self, size: u64) -> Result<(), InfoError> {
        let declared = self.installed_size();
        let most = size.saturating_mul(MOST_RATIO).saturating_add(ALWAYS_ALLOWED);
        if declared > most { Err(InfoError::Bomb { declared, size }) } else { Ok(()) }
    }

    /// How far the tar of the package's files may unpack where the archive has `size` bytes: what is declared and room for
    /// headers. Old packages declare nothing; no real one compresses better than a hundred to one.
    pub(crate) fn content_limit(&self, size: u64, damaged: Damaged) -> u64 {
        let sized = self.paths.values().all(|entry| entry.size_in_bytes.is_some());
        let content = match damaged {
            // What it declares need not be true.
            Damaged::Accepted => size.saturating_mul(MOST_RATIO),
            Damaged::Refused if sized => {
                self.paths.values().filter_map(|entry| entry.size_in_bytes).fold(0, u64::saturating_add)
            }
            Damaged::Refused => size.saturating_mul(MOST_RATIO_UNDECLARED),
        };
        content.saturating_add(self.paths.len() as u64 * ROOM_OF_PATH).saturating_add(ALWAYS_ALLOWED)
    }

    /// The sum of the files' sizes in bytes, as far as the metadata says them.
    pub fn installed_size(&self) -> u64 {
        let file = |entry: &&PathsEntry| entry.path_type == PathType::HardLink;
        let sizes = self.paths.values().filter(file).filter_map(|entry| entry.size_in_bytes);
        sizes.fold(0, u64::saturating_add)
    }
}

/// Whether a path is one of the archive's metadata.
pub(crate) fn is_info(path: &ImagePath) -> bool {
    path.as_str() == "info" || path.as_str().starts_with("info/")
}

/// Whether a path is that of a file which says what is installed: it may be there once only.
pub(crate) fn is_wanted(path: &ImagePath) -> bool {
    WANTED.contains(&path.as_str())
}

/// Counts the bytes of an activation script, which is held in memory.
pub(crate) fn count_script(bytes: &mut u64, path: &ImagePath, size: u64) -> Result<(), InfoError> {
    *bytes = bytes.saturating_add(size);
    if *bytes > SCRIPT_LIMIT {
        return Err(InfoError::TooLarge { file: path.as_str().to_owned(), limit: SCRIPT_LIMIT });
    }
    Ok(())
}

fn check_version(file: &'static str, version: u64) -> Result<(), InfoError> {
    if version == 1 { Ok(()) } else { Err(InfoError::Version { file, version }) }
}

/// A build string becomes a part of files' names.
fn check_build(build: &str) -> Result<(), InfoError> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+');
    if ![".", ".."].contains(&build) && !build.is_empty() && build.bytes().all(is_good) {
        Ok(())
    } else {
        Err(InfoError::Build(build.to_owned()))
    }
}

/// Whether two entries of one path make the same of the archive's file.
pub(crate) fn is_alike(one: &PathsEntry, other: &PathsEntry) -> bool {
    let replaced = |entry: &PathsEntry| {
        entry.prefix_placeholder.as_ref().map(|it| (it.file_mode, it.placeholder.clone()))
    };
    (one.path_type, replaced(one)) == (other.path_type, replaced(other))
}

/// A path of the metadata as the path of an entry.
///
/// # Errors
///
/// When it is absolute, leaves the package, or is not UTF-8.
pub(crate) fn image_path(path: &Path) -> Result<ImagePath, PathError> {
    use std::os::unix::ffi::OsStrExt;
    let refused = || PathError { path: path.display().to_string(), rule: "names the root" };
    ImagePath::from_archive(path.as_os_str().as_bytes())?.ok_or_else(refused)
}

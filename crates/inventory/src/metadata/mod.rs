//! What package managers leave in an image: one file for each.

pub(crate) mod apk;
mod conda;
mod copyright;
mod distribution;
mod dpkg;

use imgbuild_archive::ImagePath;
use serde::{Deserialize, Serialize};

use crate::{Described, PackageId};

/// The files whose text is kept as it is.
const TEXTS: [&str; 5] = ["etc/os-release", "usr/lib/os-release", "etc/passwd", "etc/group", apk::WORLD];
/// The lock of an image that imgbuild made. The folder may be a link in what it stands on.
const LOCK: &str = "share/imgbuild/spec.lock";

/// What a file of an image says of its packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// Which packages there are.
    Packages(Vec<Described>),
    /// Under which licence the package of Debian is whose documentation it stands in.
    Licence {
        /// The package's name.
        package: String,
        /// The licences.
        licence: String,
    },
    /// Something that others read.
    Text(String),
    /// Nothing that anybody can read, and why.
    Unreadable(String),
}

/// The files that a package has, as a file of an image says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// The package.
    pub package: PackageId,
    /// Its files; and its folders, where its manager lists these too.
    pub files: Vec<ImagePath>,
}

/// What can be read of a file.
#[derive(Debug, Default)]
pub(crate) struct FileMetadata {
    /// What it says of packages.
    pub(crate) told: Option<Told>,
    /// Whose files are which.
    pub(crate) owned: Vec<Owned>,
}

impl FileMetadata {
    fn packages(packages: Vec<Described>, owned: Vec<Owned>) -> Self {
        Self { told: Some(Told::Packages(packages)), owned }
    }

    fn unreadable(why: String) -> Self {
        Self { told: Some(Told::Unreadable(why)), owned: Vec::new() }
    }

    fn owned(owned: impl IntoIterator<Item = Owned>) -> Self {
        Self { told: None, owned: owned.into_iter().collect() }
    }
}

/// What reads a file.
type Reader = fn(&ImagePath, &str) -> Option<FileMetadata>;

/// What reads the file of a path; nothing for most.
pub(crate) fn reader(path: &ImagePath) -> Option<Reader> {
    if TEXTS.contains(&path.as_str()) || is_lock(path) {
        return Some(|_, text| {
            Some(FileMetadata { told: Some(Told::Text(text.to_owned())), owned: Vec::new() })
        });
    }
    let readers: [fn(&ImagePath) -> Option<Reader>; 5] =
        [conda::reader, distribution::reader, dpkg::reader, apk::reader, copyright::reader];
    readers.iter().find_map(|reader| reader(path))
}

/// Whether a path is that of the lock of an image that imgbuild made.
pub(crate) fn is_lock(path: &ImagePath) -> bool {
    path.as_str().strip_suffix(LOCK).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// Paths as managers write them: absolute, or relative to a folder, with `./` and doubled slashes. What is none is left out.
fn paths<'a>(below: Option<&ImagePath>, names: impl Iterator<Item = &'a str>) -> Vec<ImagePath> {
    let path = |name: &str| {
        let name = ImagePath::from_archive(name.trim_start_matches('/').as_bytes()).ok()??;
        below.map_or(Some(name.clone()), |folder| folder.join_path(&name).ok())
    };
    names.filter_map(path).collect()
}

//! Files of advisories.

mod osv;
mod tracker;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use imgbuild_archive::{ZipArchive, ZipFileError, ZipLimits};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::finding::Found;
use crate::limits::{DEEPEST_FOLDER, LARGEST_FILE, MOST_FILES};
use crate::subject::Subjects;

/// Why advisories cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum AdvisoryError {
    /// The file is not there, or cannot be read.
    #[error("the advisories `{file}` cannot be read")]
    Read {
        /// The file or folder.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not JSON, or not of a form that is known.
    #[error("the advisory file `{file}` is damaged")]
    #[diagnostic(help(
        "fetch it again: advisories are files of OSV's form, or Debian's security tracker as `data/json`"
    ))]
    Damaged {
        /// The file; of a zip with the file within.
        file: String,
        /// What is wrong, and in which line and column.
        source: serde_json::Error,
    },
    /// The zip cannot be read.
    #[error("the zip of advisories `{file}` is damaged")]
    #[diagnostic(help("fetch it again"))]
    Zip {
        /// The zip.
        file: String,
        /// What is wrong.
        source: ZipFileError,
    },
    /// A file is larger than any that is known.
    #[error("the advisory file `{0}` has more than {max} bytes", max = LARGEST_FILE)]
    TooLarge(String),
    /// Folders in folders, and no end.
    #[error("the folder `{0}` is more than {max} folders deep", max = DEEPEST_FOLDER)]
    TooDeep(PathBuf),
    /// There is none.
    #[error("there are no advisories in `{0}`")]
    #[diagnostic(help(
        "name a `.json` file of OSV's form or of Debian's security tracker, a `.zip` of OSV's, or a folder of them"
    ))]
    Nothing(PathBuf),
}

/// Holds the packages against all advisories of a file, a folder or a zip.
pub(crate) fn judge(place: &Path, subjects: &Subjects, found: &mut Found) -> Result<(), AdvisoryError> {
    let before = found.advisories;
    let metadata = std::fs::metadata(place).map_err(|error| unread(place, error))?;
    if metadata.is_dir() {
        folder(place, subjects, found, 0)?;
    } else {
        file(place, subjects, found)?;
    }
    if found.advisories == before { Err(AdvisoryError::Nothing(place.to_owned())) } else { Ok(()) }
}

fn unread(place: &Path, source: std::io::Error) -> AdvisoryError {
    AdvisoryError::Read { file: place.display().to_string(), source }
}

fn folder(place: &Path, subjects: &Subjects, found: &mut Found, depth: usize) -> Result<(), AdvisoryError> {
    if depth > DEEPEST_FOLDER {
        return Err(AdvisoryError::TooDeep(place.to_owned()));
    }
    let entries = std::fs::read_dir(place).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| unread(place, error))?;
    let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let extension = path.extension().and_then(|it| it.to_str());
        // Such as the `.git` of a database that was cloned.
        if path.file_name().is_some_and(|it| it.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        if path.is_dir() {
            folder(&path, subjects, found, depth + 1)?;
        } else if matches!(extension, Some("json" | "zip")) {
            file(&path, subjects, found)?;
        }
    }
    Ok(())
}

fn file(path: &Path, subjects: &Subjects, found: &mut Found) -> Result<(), AdvisoryError> {
    let name = path.display().to_string();
    let mut reader = std::fs::File::open(path).map_err(|error| unread(path, error))?;
    let bytes = whole(&mut reader, &name)?;
    // A zip begins with a member, or where it has none, with its end.
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return zip(path, &name, subjects, found);
    }
    document(&bytes, &name, subjects, found)
}

fn whole(reader: &mut impl Read, name: &str) -> Result<Vec<u8>, AdvisoryError> {
    let mut bytes = Vec::new();
    reader.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| unread(Path::new(name), error))?;
    let is_too_large = u64::try_from(bytes.len()).is_ok_and(|it| it > LARGEST_FILE);
    if is_too_large { Err(AdvisoryError::TooLarge(name.to_owned())) } else { Ok(bytes) }
}

fn zip(path: &Path, name: &str, subjects: &Subjects, found: &mut Found) -> Result<(), AdvisoryError> {
    let damaged = |source| AdvisoryError::Zip { file: name.to_owned(), source };
    let limits = ZipLimits { members: MOST_FILES, content: u64::MAX };
    let archive = ZipArchive::open(path, limits).map_err(damaged)?;
    for (number, member) in archive.members().iter().enumerate() {
        let is_json = Path::new(member.name()).extension().is_some_and(|it| it == "json");
        let Some(mut body) = archive.body(number).filter(|_| is_json) else { continue };
        let within = format!("{name}/{}", member.name());
        let bytes = whole(&mut body, &within)?;
        document(&bytes, &within, subjects, found)?;
    }
    Ok(())
}

/// One advisory, a list of them, or the tracker: the keys of the outermost object tell which.
fn document(bytes: &[u8], name: &str, subjects: &Subjects, found: &mut Found) -> Result<(), AdvisoryError> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        for advisory in read::<Vec<osv::Advisory>>(bytes, name)? {
            advisory.judge(subjects, found);
            found.advisories += 1;
        }
        return Ok(());
    }
    let keys: BTreeMap<String, IgnoredAny> = read(bytes, name)?;
    if keys.contains_key("id") {
        read::<osv::Advisory>(bytes, name)?.judge(subjects, found);
        found.advisories += 1;
    } else {
        let tracker: tracker::Tracker = read(bytes, name)?;
        tracker::judge(&tracker, subjects, found);
        found.advisories += tracker.values().map(BTreeMap::len).sum::<usize>();
    }
    Ok(())
}

fn read<T: DeserializeOwned>(bytes: &[u8], name: &str) -> Result<T, AdvisoryError> {
    serde_json::from_slice(bytes).map_err(|source| AdvisoryError::Damaged { file: name.to_owned(), source })
}

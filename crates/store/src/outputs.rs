//! What was written outside of the store, and in which state it is then: what still is in it need not be written again.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use imgbuild_folder::FileState;
use imgbuild_layer::KeyHasher;
use imgbuild_oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{Kind, Store, StoreError};

/// A file or folder that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    /// What was written: the hash of all that it depends on.
    content: Digest,
    /// The files, by their paths in the folder, which of a file is empty: number, size, and nanoseconds since 1970.
    files: BTreeMap<String, (u64, u64, i64)>,
}

impl Output {
    /// What is at `path` now.
    ///
    /// # Errors
    ///
    /// When there is nothing, or it cannot be looked at.
    fn at(path: &Path, content: Digest) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let mut left = vec![(PathBuf::from(path), String::new())];
        while let Some((path, name)) = left.pop() {
            let metadata = fs::symlink_metadata(&path)?;
            if metadata.is_dir() {
                for item in fs::read_dir(&path)? {
                    let item = item?;
                    left.push((item.path(), format!("{name}/{}", item.file_name().to_string_lossy())));
                }
            } else {
                let state = FileState::of(&metadata).ok_or_else(|| io::Error::other("it is no file"))?;
                files.insert(name, (state.inode, state.size, state.modified));
            }
        }
        Ok(Self { content, files })
    }
}

impl Store {
    /// Whether what is at `path` is what was written there, of this content, and nothing of it has been changed since.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn is_written(&self, path: &Path, content: &Digest) -> Result<bool, StoreError> {
        let Some(key) = key(path) else { return Ok(false) };
        let Some(record) = self.record::<Output>(Kind::Output, &key)? else { return Ok(false) };
        Ok(record.content == *content && Output::at(path, *content).is_ok_and(|found| found == record))
    }

    /// Notes that something of this content was written to `path`.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub fn put_output(&self, path: &Path, content: &Digest) -> Result<(), StoreError> {
        let (Some(key), Ok(output)) = (key(path), Output::at(path, *content)) else { return Ok(()) };
        self.put_record(Kind::Output, &key, &output)
    }
}

/// The key of what is at a path; nothing where its folder is not there.
fn key(path: &Path) -> Option<Digest> {
    let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let path = parent.canonicalize().ok()?.join(path.file_name()?);
    Some(KeyHasher::new("output").field("path", path.as_os_str().as_encoded_bytes()).finish())
}

//! An image as a folder: the OCI image layout.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::contents::{Contents, WRITER, WriteError, blob_path, copy_layer};
use crate::{BlobError, Blobs, Digest, Image, Index, Reference};

/// The prefix of files and folders that are being written.
const TEMPORARY: &str = ".imgbuild-";

/// Writes a layout. Several images are one image for several platforms: `index.json` then points to an index of them.
///
/// A new folder gets its name when it is whole. A layout that imgbuild wrote before is replaced in place: the new blobs
/// first, then `index.json`, by renaming, then the blobs that nothing points to any more are removed; whoever reads it
/// meanwhile finds the old image or the new one. Any other folder that holds something is refused.
///
/// # Errors
///
/// When a layer cannot be read or is not what its descriptor says, the folder holds something else, or cannot be
/// written.
pub fn write(
    target: &Path,
    images: &[Image],
    references: &[Reference],
    blobs: &dyn Blobs,
) -> Result<(), WriteError> {
    let contents = Contents::new(images, references)?;
    if is_ours(target)? {
        fill(target, target, &contents, blobs)?;
        return remove_unused(target, &contents);
    }
    let parent = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let temporary = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .permissions(Permissions::from_mode(0o777))
        .tempdir_in(parent)
        .map_err(WriteError::file(target))?;
    fill(temporary.path(), target, &contents, blobs)?;
    // Renaming onto an empty folder replaces it.
    fs::rename(temporary.path(), target).map_err(WriteError::file(target))?;
    // What it would remove when dropped has another name now.
    let _renamed = temporary.keep();
    Ok(())
}

/// Whether the target is a layout that imgbuild wrote; an error where it is anything else that may be of use to somebody.
fn is_ours(target: &Path) -> Result<bool, WriteError> {
    let occupied = |reason| Err(WriteError::Occupied { path: target.to_owned(), reason });
    let mut entries = match fs::read_dir(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return occupied("is not a folder"),
        result => result.map_err(WriteError::file(target))?.peekable(),
    };
    if entries.peek().is_none() {
        return Ok(false);
    }
    for entry in entries {
        let name = entry.map_err(WriteError::file(target))?.file_name();
        let known = ["blobs", "index.json", "oci-layout"].iter().any(|known| name == OsStr::new(known));
        if !known && !is_temporary(&name) {
            return occupied("holds files that are not an image layout's");
        }
    }
    match Layout::open(target) {
        Ok(layout) if layout.index.annotations.contains_key(WRITER) => Ok(true),
        _ => occupied("is an image layout that imgbuild did not write"),
    }
}

fn is_temporary(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes())
}

/// Writes everything below `folder`, the index last. Errors name `target`.
fn fill(folder: &Path, target: &Path, contents: &Contents, blobs: &dyn Blobs) -> Result<(), WriteError> {
    let failed = || WriteError::file(target);
    fs::create_dir_all(folder.join("blobs/sha256")).map_err(failed())?;
    for (digest, layer) in &contents.layers {
        let path = folder.join(blob_path(digest));
        let present = fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() == layer.size);
        if !present {
            put(folder, &path, target, |out| copy_layer(blobs, layer, out, target))?;
        }
    }
    let bytes = |path: PathBuf, bytes: &[u8]| {
        put(folder, &path, target, |out| out.write_all(bytes).map_err(WriteError::file(target)))
    };
    for (digest, document) in &contents.documents {
        bytes(folder.join(blob_path(digest)), document)?;
    }
    bytes(folder.join("oci-layout"), &contents.layout)?;
    bytes(folder.join("index.json"), &contents.index)
}

/// Writes one file under a temporary name and renames it.
fn put(
    folder: &Path,
    path: &Path,
    target: &Path,
    write: impl FnOnce(&mut File) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let mut temporary = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(WriteError::file(target))?;
    write(temporary.as_file_mut())?;
    temporary.persist(path).map_err(|error| WriteError::file(target)(error.error))?;
    Ok(())
}

/// Removes the blobs of the image that was there before, and what a killed run left.
fn remove_unused(target: &Path, contents: &Contents) -> Result<(), WriteError> {
    let used: BTreeSet<String> =
        contents.layers.keys().chain(contents.documents.keys()).map(Digest::hex).collect();
    let remove = |folder: &Path, unused: &dyn Fn(&OsStr) -> bool| -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if unused(&entry.file_name()) {
                match entry.file_type()?.is_dir() {
                    true => fs::remove_dir_all(entry.path())?,
                    false => fs::remove_file(entry.path())?,
                }
            }
        }
        Ok(())
    };
    let blobs = target.join("blobs/sha256");
    remove(&blobs, &|name| !name.to_str().is_some_and(|name| used.contains(name)))
        .map_err(WriteError::file(&blobs))?;
    remove(target, &is_temporary).map_err(WriteError::file(target))
}

/// A layout that is read.
#[derive(Debug)]
pub struct Layout {
    root: PathBuf,
    index: Index,
}

impl Layout {
    /// Opens a layout and reads its index.
    ///
    /// # Errors
    ///
    /// When there is none, or its index cannot be read.
    pub fn open(root: &Path) -> io::Result<Self> {
        let index = serde_json::from_slice(&fs::read(root.join("index.json"))?)?;
        Ok(Self { root: root.to_owned(), index })
    }

    /// A layout whose index is read elsewhere.
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), index: Index::new(Vec::new()) }
    }

    /// Its index.
    pub fn index(&self) -> &Index {
        &self.index
    }
}

impl Blobs for Layout {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        match File::open(self.root.join(blob_path(digest))) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BlobError::Absent(*digest)),
            Err(error) => Err(BlobError::Read { digest: *digest, error }),
        }
    }

    fn path(&self, digest: &Digest) -> Option<PathBuf> {
        Some(self.root.join(blob_path(digest))).filter(|path| path.is_file())
    }
}

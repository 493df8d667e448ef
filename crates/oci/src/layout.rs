//! An image as a folder: the OCI image layout.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use folder::{Folder, TEMPORARY};

use crate::contents::{Contents, WRITER, WriteError, blob_path, copy_layer};
use crate::limits::DOCUMENT_LIMIT;
use crate::{BlobError, Blobs, Descriptor, Digest, HashReader, Image, Index, Reference};

/// Where blobs stand in a layout.
const BLOBS: &str = "blobs/sha256";

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
        let folder = Folder::open(target).map_err(WriteError::file(target))?;
        fill(&folder, target, &contents, blobs)?;
        return remove_unused(&folder, &contents).map_err(WriteError::file(target));
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
    let folder = Folder::open(temporary.path()).map_err(WriteError::file(target))?;
    fill(&folder, target, &contents, blobs)?;
    // Renaming onto an empty folder replaces it.
    fs::rename(temporary.path(), target).map_err(WriteError::file(target))?;
    // What it would remove when dropped has another name now.
    let _renamed = temporary.keep();
    Ok(())
}

/// Whether the target is a layout that imgbuild wrote; an error where it is anything else that may be of use to somebody.
fn is_ours(target: &Path) -> Result<bool, WriteError> {
    let occupied = |reason| Err(WriteError::Occupied { path: target.to_owned(), reason });
    let folder = match Folder::open(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            let link = fs::symlink_metadata(target).is_ok_and(|found| found.is_symlink());
            return occupied(if link { "is a link" } else { "is not a folder" });
        }
        result => result.map_err(WriteError::file(target))?,
    };
    let names = folder.names().map_err(WriteError::file(target))?;
    if names.is_empty() {
        return Ok(false);
    }
    let known = |name: &OsString| ["blobs", "index.json", "oci-layout"].iter().any(|known| name == known);
    if !names.iter().all(|name| known(name) || is_temporary(name)) {
        return occupied("holds files that are not an image layout's");
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
fn fill(folder: &Folder, target: &Path, contents: &Contents, blobs: &dyn Blobs) -> Result<(), WriteError> {
    let failed = || WriteError::file(target);
    let place = folder.make_below(BLOBS).map_err(failed())?;
    for (digest, layer) in &contents.layers {
        let name = digest.hex();
        if !holds(&place, &name, layer) {
            put(&place, &name, target, |out| copy_layer(blobs, layer, out, target))?;
        }
    }
    let bytes = |folder: &Folder, name: &str, bytes: &[u8]| {
        put(folder, name, target, |out| out.write_all(bytes).map_err(WriteError::file(target)))
    };
    for (digest, document) in &contents.documents {
        bytes(&place, &digest.hex(), document)?;
    }
    bytes(folder, "oci-layout", &contents.layout)?;
    bytes(folder, "index.json", &contents.index)
}

/// Whether a blob is there and is what its name says: it may have been damaged since it was written.
fn holds(place: &Folder, name: &str, layer: &Descriptor) -> bool {
    let found = place.file(name).and_then(|file| {
        let mut reader = HashReader::new(file.take(layer.size + 1));
        io::copy(&mut reader, &mut io::sink())?;
        Ok(reader.finish())
    });
    found.is_ok_and(|found| found == (layer.digest, layer.size))
}

/// Writes one file, which has its name when it is whole.
fn put(
    folder: &Folder,
    name: &str,
    target: &Path,
    write: impl FnOnce(&mut File) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let mut failed = None;
    let written = folder.write(name, |file| {
        write(file).map_err(|error| {
            failed = Some(error);
            io::Error::other("it is not written")
        })
    });
    match (written, failed) {
        (_, Some(error)) => Err(error),
        (written, None) => written.map_err(WriteError::file(target)),
    }
}

/// Removes the blobs of the image that was there before, and what a killed run left. Whatever else is there stays.
fn remove_unused(folder: &Folder, contents: &Contents) -> io::Result<()> {
    let used: BTreeSet<String> =
        contents.layers.keys().chain(contents.documents.keys()).map(Digest::hex).collect();
    let remove = |folder: &Folder, unused: &dyn Fn(&OsStr) -> bool| -> io::Result<()> {
        for name in folder.names()? {
            if (is_temporary(&name) || unused(&name)) && folder.has_file(&name)? {
                folder.remove_file(&name)?;
            }
        }
        Ok(())
    };
    let is_unused = |name: &OsStr| {
        name.to_str().is_some_and(|name| Digest::from_hex(name).is_ok() && !used.contains(name))
    };
    remove(&folder.folder("blobs")?.folder("sha256")?, &is_unused)?;
    remove(folder, &|_| false)
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
        let mut index = Vec::new();
        open_beneath(root, "index.json")?.take(DOCUMENT_LIMIT + 1).read_to_end(&mut index)?;
        if index.len() as u64 > DOCUMENT_LIMIT {
            let message = format!("`index.json` is larger than {} MiB", DOCUMENT_LIMIT >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(Self { root: root.to_owned(), index: serde_json::from_slice(&index)? })
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

/// Opens a file of a layout. A layout that somebody else has made holds no links that lead out of it, and nothing that has to be
/// waited for.
///
/// # Errors
///
/// When it is not there, is no regular file, or is not in the layout.
pub(crate) fn open_beneath(root: &Path, name: &str) -> io::Result<File> {
    match folder::leads_out(root, Path::new(name)) {
        Some(found) => {
            let found = found.display();
            Err(io::Error::other(format!(
                "`{name}` leads out of the layout, to `{found}`\n\nhint: copy the layout with what its links lead to: `cp -rL`"
            )))
        }
        None => folder::open_regular(&root.join(name)),
    }
}

impl Blobs for Layout {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        match open_beneath(&self.root, &blob_path(digest)) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BlobError::Absent(*digest)),
            Err(error) => Err(BlobError::Read { digest: *digest, error }),
        }
    }
}

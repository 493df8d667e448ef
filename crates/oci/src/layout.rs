//! An image as a folder: the OCI image layout.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use imgbuild_folder::{Folder, TEMPORARY};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::contents::{WRITER, WriteError, blob_path, layout_index, layout_marker};
use crate::image::Document;
use crate::limits::DOCUMENT_LIMIT;
use crate::sink::{Order, Sink, copy_layer};
use crate::{BlobError, Blobs, Descriptor, Digest, HashReader, Index, Reference, canonical};

/// Where blobs stand in a layout.
const BLOBS: &str = "blobs/sha256";

/// Writes a layout.
///
/// A new folder gets its name when it is whole. A layout that imgbuild wrote before is replaced in place: the new blobs
/// first, then `index.json`, by renaming, then the blobs that nothing points to any more are removed; whoever reads it
/// meanwhile finds the old image or the new one. Any other folder that holds something is refused.
pub struct LayoutWriter {
    target: PathBuf,
    folder: Folder,
    /// Where blobs go.
    place: Folder,
    /// The folder until it has its name; nothing where a layout is replaced.
    temporary: Option<TempDir>,
    given: Mutex<LayoutContent>,
    /// What is written in place of layers; nothing where layers are written.
    sparse: Option<Mutex<Sparse>>,
}

/// The file of a sparse layout that says what is in place of its layers.
pub const SPARSE: &str = "imgbuild-sparse.json";

/// What a layout has in place of layers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sparse {
    /// The layers.
    pub layers: Vec<Descriptor>,
    /// Images of registries whose repositories have them.
    pub repositories: Vec<String>,
}

impl Sparse {
    /// What the layout of a folder has in place of layers; nothing where it has layers.
    ///
    /// # Errors
    ///
    /// When what says it cannot be read.
    pub fn read(folder: &Path) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        match open_beneath(folder, SPARSE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?.take(DOCUMENT_LIMIT).read_to_end(&mut bytes)?,
        };
        Ok(Some(serde_json::from_slice(&bytes)?))
    }
}

/// What a layout will hold.
#[derive(Default)]
struct LayoutContent {
    blobs: BTreeSet<String>,
    index: Vec<u8>,
}

impl LayoutWriter {
    /// A layout at `target`.
    ///
    /// # Errors
    ///
    /// When the folder holds something else, or cannot be written.
    pub fn new(target: &Path) -> Result<Self, WriteError> {
        let failed = || WriteError::file(target);
        let (folder, temporary) = if is_ours(target)? {
            (Folder::open(target).map_err(failed())?, None)
        } else {
            let parent = match target.parent() {
                Some(parent) if parent != Path::new("") => parent,
                _ => Path::new("."),
            };
            let temporary = tempfile::Builder::new()
                .prefix(TEMPORARY)
                .permissions(Permissions::from_mode(0o777))
                .tempdir_in(parent)
                .map_err(failed())?;
            (Folder::open(temporary.path()).map_err(failed())?, Some(temporary))
        };
        let place = folder.make_below(BLOBS).map_err(failed())?;
        let given = Mutex::default();
        Ok(Self { target: target.to_owned(), folder, place, temporary, given, sparse: None })
    }

    /// A layout at `target` with descriptors in place of layers, which the repositories of some images have.
    ///
    /// # Errors
    ///
    /// As [`LayoutWriter::new`].
    pub fn sparse(target: &Path, repositories: Vec<String>) -> Result<Self, WriteError> {
        let sparse = Mutex::new(Sparse { layers: Vec::new(), repositories });
        Ok(Self { sparse: Some(sparse), ..Self::new(target)? })
    }

    /// No thread leaves it half changed.
    fn given(&self) -> MutexGuard<'_, LayoutContent> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_bytes(&self, folder: &Folder, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let write = |out: &mut File| out.write_all(bytes).map_err(WriteError::file(&self.target));
        put(folder, name, &self.target, write)
    }
}

impl Sink for LayoutWriter {
    fn order(&self) -> Order {
        Order::LayersFirst
    }

    /// A blob that is there may have been damaged since it was written: it is read.
    fn has(&self, layer: &Descriptor) -> Result<bool, WriteError> {
        if let Some(sparse) = &self.sparse {
            sparse.lock().unwrap_or_else(PoisonError::into_inner).layers.push(layer.clone());
            return Ok(true);
        }
        let name = layer.digest.hex();
        let has = holds(&self.place, &name, layer);
        self.given().blobs.insert(name);
        Ok(has)
    }

    fn put_file(&self, layer: &Descriptor, file: &Path) -> Result<bool, WriteError> {
        if self.sparse.is_some() {
            return Ok(false);
        }
        let name = layer.digest.hex();
        let linked = self.place.link(&name, file).map_err(WriteError::file(&self.target))?;
        if linked {
            self.given().blobs.insert(name);
        }
        Ok(linked)
    }

    fn put_layer(&self, layer: &Descriptor, body: &mut dyn Read) -> Result<(), WriteError> {
        let name = layer.digest.hex();
        put(&self.place, &name, &self.target, |out| copy_layer(body, out, &self.target))?;
        self.given().blobs.insert(name);
        Ok(())
    }

    fn put_document(&self, document: &Document) -> Result<(), WriteError> {
        let name = document.descriptor.digest.hex();
        self.put_bytes(&self.place, &name, &document.bytes)?;
        self.given().blobs.insert(name);
        Ok(())
    }

    fn name(&self, top: &Descriptor, references: &[Reference]) -> Result<(), WriteError> {
        self.given().index = layout_index(top, references)?;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        self.put_bytes(&self.folder, "oci-layout", &layout_marker()?)?;
        if let Some(sparse) = &self.sparse {
            let sparse = sparse.lock().unwrap_or_else(PoisonError::into_inner).clone();
            self.put_bytes(&self.folder, SPARSE, &canonical::to_vec(&sparse)?)?;
        }
        let LayoutContent { blobs, index } = std::mem::take(&mut *self.given());
        self.put_bytes(&self.folder, "index.json", &index)?;
        let Self { target, folder, temporary, sparse, .. } = *self;
        let Some(temporary) = temporary else {
            return remove_unused(&folder, &blobs, sparse.is_some()).map_err(WriteError::file(&target));
        };
        // Renaming onto an empty folder replaces it.
        fs::rename(temporary.path(), &target).map_err(WriteError::file(&target))?;
        // What it would remove when dropped has another name now.
        let _renamed = temporary.keep();
        Ok(())
    }
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
    let known =
        |name: &OsString| ["blobs", "index.json", "oci-layout", SPARSE].iter().any(|known| name == known);
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
fn remove_unused(folder: &Folder, used: &BTreeSet<String>, is_sparse: bool) -> io::Result<()> {
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
    remove(folder, &|name| name == SPARSE && !is_sparse)
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

/// A file of a layout that a link leads out of it by.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("`{name}` leads out of the layout, to `{}`", found.display())]
#[diagnostic(help("copy the layout with what its links lead to: `cp -rL`"))]
struct LeadsOutOfLayout {
    name: String,
    found: PathBuf,
}

/// Opens a file of a layout. A layout that somebody else has made holds no links that lead out of it, and nothing that has to be
/// waited for.
///
/// # Errors
///
/// When it is not there, is no regular file, or is not in the layout.
pub(crate) fn open_beneath(root: &Path, name: &str) -> io::Result<File> {
    match imgbuild_folder::leads_out(root, Path::new(name)) {
        Some(found) => Err(imgbuild_diagnostic::io_error(
            io::ErrorKind::Other,
            LeadsOutOfLayout { name: name.to_owned(), found },
        )),
        None => imgbuild_folder::open_regular(&root.join(name)),
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

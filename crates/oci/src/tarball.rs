//! An image as one file: an OCI layout in a tar, with docker's `manifest.json` over the same blobs.
//!
//! | reader | reads |
//! |---|---|
//! | docker with its classic store (20.10 and later) | `manifest.json` |
//! | docker with containerd's store, `ctr image import`, nerdctl | `index.json` |
//! | podman, skopeo `oci-archive:` | `index.json` |
//! | skopeo `docker-archive:` | `manifest.json` |
//!
//! The entry points stand first, then the documents, then the layers, so that a reader of a stream knows what comes.
//! Docker's classic store finds out how a layer is compressed from its first bytes. Measured with real engines: docker
//! 20.10 loads uncompressed and gzip layers of this tarball, and fails on zstd with `archive/tar: invalid tar header`; it
//! knows zstd from version 23.0 on. Podman names an image by `index.json` where that holds one reference, and reads
//! `manifest.json` where it holds several.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use imgbuild_archive::{ImagePath, TarError, TarKind, TarReader};
use imgbuild_folder::open_regular;
use tempfile::NamedTempFile;

use crate::contents::{WriteError, blob_path, docker_items, layout_index, layout_marker};
use crate::image::Document;
use crate::sink::{Order, Sink, copy_layer};
use crate::{BlobError, Blobs, Descriptor, Digest, Manifest, MediaType, Reference};

const BLOCK: u64 = 512;

/// Writes a tarball. Several images are one image for several platforms; see [`crate::tarball`] for who reads what, and
/// note that docker's classic store then loads the first.
///
/// The file gets its name when it is whole: a failed run leaves what was there before. It is not forced to the disk.
pub struct TarballWriter {
    target: PathBuf,
    out: Out,
    given: Mutex<TarballHead>,
}

/// Where a tarball goes.
enum Out {
    /// To a file, which has another name until it is whole.
    Named(NamedTempFile),
    /// To whoever reads.
    Stream(File),
}

impl Out {
    fn file(&self) -> &File {
        match self {
            Self::Named(temporary) => temporary.as_file(),
            Self::Stream(file) => file,
        }
    }
}

/// What stands before the layers, until the first of them comes.
#[derive(Default)]
struct TarballHead {
    documents: BTreeMap<Digest, Vec<u8>>,
    /// What docker knows: the first image.
    first: Option<Manifest>,
    index: Vec<u8>,
    docker: Vec<u8>,
    is_written: bool,
}

impl TarballWriter {
    /// A tarball at `target`.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub fn new(target: &Path) -> Result<Self, WriteError> {
        let folder = match target.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let temporary = tempfile::Builder::new()
            .prefix(".imgbuild-")
            .suffix(".tar")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(WriteError::file(target))?;
        Ok(Self { target: target.to_owned(), out: Out::Named(temporary), given: Mutex::default() })
    }

    /// A tarball for whoever reads `stream`, such as a pipe: of a run that fails they have a part, without its end.
    pub fn stream(stream: File) -> Self {
        Self { target: PathBuf::from("-"), out: Out::Stream(stream), given: Mutex::default() }
    }

    /// What was given, and the file, of which no two threads write at once. A thread that died while it wrote has left a
    /// tarball that is never finished: whoever drives the sink ends with it.
    fn given(&self) -> MutexGuard<'_, TarballHead> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the entry of a layer, whose body `copy` writes.
    fn put_entry(
        &self,
        layer: &Descriptor,
        copy: impl FnOnce(&File) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let failed = || WriteError::file(&self.target);
        let mut given = self.given();
        self.put_head(&mut given)?;
        let mut out = self.out.file();
        let header = header(&blob_path(&layer.digest), layer.size, tar::EntryType::Regular);
        out.write_all(header.map_err(failed())?.as_bytes()).map_err(failed())?;
        copy(out)?;
        pad(&mut out, layer.size).map_err(failed())
    }

    /// Writes what stands before the layers, unless that is done.
    fn put_head(&self, given: &mut TarballHead) -> Result<(), WriteError> {
        if std::mem::replace(&mut given.is_written, true) {
            return Ok(());
        }
        let failed = || WriteError::file(&self.target);
        let mut out = self.out.file();
        let marker = layout_marker()?;
        let texts = [("oci-layout", &marker), ("index.json", &given.index), ("manifest.json", &given.docker)];
        for (path, bytes) in texts {
            put_bytes(&mut out, path, bytes).map_err(failed())?;
        }
        for path in ["blobs/", "blobs/sha256/"] {
            let header = header(path, 0, tar::EntryType::Directory).map_err(failed())?;
            out.write_all(header.as_bytes()).map_err(failed())?;
        }
        for (digest, bytes) in &given.documents {
            put_bytes(&mut out, &blob_path(digest), bytes).map_err(failed())?;
        }
        Ok(())
    }
}

impl Sink for TarballWriter {
    fn order(&self) -> Order {
        Order::DocumentsFirst
    }

    fn has(&self, _: &Descriptor) -> Result<bool, WriteError> {
        Ok(false)
    }

    fn put_file(&self, layer: &Descriptor, path: &Path) -> Result<bool, WriteError> {
        let unreadable = |error| BlobError::Read { digest: layer.digest, error };
        let file = open_regular(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.len() != layer.size {
            return Ok(false);
        }
        self.put_entry(layer, |mut out| {
            // By the kernel, without a way through this program.
            let copied = io::copy(&mut &file, &mut out).map_err(WriteError::file(&self.target))?;
            if copied == layer.size { Ok(()) } else { Err(short(layer, copied)) }
        })?;
        Ok(true)
    }

    fn put_layer(&self, layer: &Descriptor, body: &mut dyn Read) -> Result<(), WriteError> {
        self.put_entry(layer, |mut out| copy_layer(body, &mut out, &self.target))
    }

    fn put_document(&self, document: &Document) -> Result<(), WriteError> {
        let mut given = self.given();
        if matches!(document.descriptor.media_type, MediaType::Manifest | MediaType::DockerManifest) {
            let manifest = || serde_json::from_slice(&document.bytes).map_err(io::Error::from);
            if given.first.is_none() {
                given.first = Some(manifest().map_err(WriteError::file(&self.target))?);
            }
        }
        given.documents.insert(document.descriptor.digest, document.bytes.clone());
        Ok(())
    }

    fn name(&self, top: &Descriptor, references: &[Reference]) -> Result<(), WriteError> {
        let mut given = self.given();
        given.index = layout_index(top, references)?;
        given.docker = given.first.as_ref().map_or(Ok(Vec::new()), |it| docker_items(it, references))?;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        self.put_head(&mut self.given())?;
        let mut out = self.out.file();
        out.write_all(&[0; 2 * BLOCK as usize]).map_err(WriteError::file(&self.target))?;
        let Self { target, out, .. } = *self;
        if let Out::Named(temporary) = out {
            temporary.persist(&target).map_err(|error| WriteError::file(&target)(error.error))?;
        }
        Ok(())
    }
}

/// A file that ended before it should.
fn short(layer: &Descriptor, found: u64) -> WriteError {
    BlobError::Size { digest: layer.digest, wanted: layer.size, found }.into()
}

fn put_bytes(out: &mut dyn Write, path: &str, bytes: &[u8]) -> io::Result<()> {
    out.write_all(header(path, bytes.len() as u64, tar::EntryType::Regular)?.as_bytes())?;
    out.write_all(bytes)?;
    pad(out, bytes.len() as u64)
}

fn pad(out: &mut dyn Write, size: u64) -> io::Result<()> {
    let rest = (BLOCK - size % BLOCK) % BLOCK;
    out.write_all(&[0; BLOCK as usize][..rest as usize])
}

/// A header with every field set here: nothing depends on the user, the clock or the umask. GNU's form, since its sizes
/// beyond 8 GiB are what every reader knows.
fn header(path: &str, size: u64, kind: tar::EntryType) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_gnu();
    header.set_path(path)?;
    header.set_entry_type(kind);
    header.set_mode(if kind == tar::EntryType::Directory { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

/// A tarball that is read: its entries by name.
#[derive(Debug)]
pub struct Tarball {
    path: PathBuf,
    entries: BTreeMap<ImagePath, Entry>,
}

#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Folder,
    /// Where its bytes are.
    File {
        offset: u64,
        size: u64,
    },
    /// What it leads to, where that is within the tarball: old versions of docker write a layer that occurs twice as a
    /// symbolic link.
    Link(Option<ImagePath>),
}

impl Tarball {
    /// Reads the headers of a tarball.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is not a tar, or can be read in two ways: readers would not agree on what is in it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let unreadable = |error: TarError| match error {
            TarError::Read(error) => error,
            error => io::Error::new(io::ErrorKind::InvalidData, error),
        };
        let mut archive = TarReader::new(BufReader::new(open_regular(path)?), u64::MAX);
        let mut entries = BTreeMap::new();
        while let Some(head) = archive.next_entry().map_err(unreadable)? {
            let offset = archive.position();
            archive.pass_body().map_err(unreadable)?;
            let Some(name) = head.path else { continue };
            let entry = match head.kind {
                TarKind::Directory => Entry::Folder,
                TarKind::File => Entry::File { offset, size: head.size },
                TarKind::Symlink(target) => Entry::Link(beside(&name, &target)),
                TarKind::Hardlink(target) => Entry::Link(Some(target)),
            };
            let is_folder = entry == Entry::Folder;
            let before = entries.insert(name.clone(), entry);
            if before.is_some_and(|before| !is_folder || before != Entry::Folder) {
                let message = format!("the tar holds `{}` twice", name.as_str());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(Self { path: path.to_owned(), entries })
    }

    /// Opens a file of the tarball; nothing where it holds none of that name.
    ///
    /// # Errors
    ///
    /// When the tarball cannot be read.
    pub fn file(&self, name: &str) -> io::Result<Option<impl Read + Send + use<>>> {
        let entry = match self.entries.get(name) {
            Some(Entry::Link(Some(target))) => self.entries.get(target),
            entry => entry,
        };
        let Some(Entry::File { offset, size }) = entry else { return Ok(None) };
        let mut file = open_regular(&self.path)?;
        file.seek(SeekFrom::Start(*offset))?;
        Ok(Some(file.take(*size)))
    }
}

/// What a symbolic link leads to: one that leads out of the tarball leads to nothing.
fn beside(name: &ImagePath, target: &str) -> Option<ImagePath> {
    let folder = name.parent();
    let mut parts: Vec<&str> = folder.iter().flat_map(|folder| folder.as_str().split('/')).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    ImagePath::new(&parts.join("/")).ok()
}

impl Blobs for Tarball {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        match self.file(&blob_path(digest)) {
            Ok(Some(file)) => Ok(Box::new(file)),
            Ok(None) => Err(BlobError::Absent(*digest)),
            Err(error) => Err(BlobError::Read { digest: *digest, error }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_beyond_eight_gigabytes_are_read_by_others() {
        // Such a size does not fit into the eleven octal digits of the old format. The body is a hole in the file.
        let size = 9 << 30;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(header("big", size, tar::EntryType::Regular).unwrap().as_bytes()).unwrap();
        file.as_file().set_len(size + 3 * BLOCK).unwrap();
        let listed = std::process::Command::new("tar").arg("-tvf").arg(file.path()).output().unwrap();
        assert!(listed.status.success());
        assert!(String::from_utf8(listed.stdout).unwrap().contains(&format!(" {size} ")));
        assert_eq!(Tarball::open(file.path()).unwrap().entries["big"], Entry::File { offset: BLOCK, size });
    }
}

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
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::contents::{Contents, WriteError, blob_path, copy_layer};
use crate::{BlobError, Blobs, Digest, Image, Reference};

const BLOCK: u64 = 512;

/// Writes a tarball. Several images are one image for several platforms; see [`crate::tarball`] for who reads what, and
/// note that docker's classic store then loads the first.
///
/// The file gets its name when it is whole: a failed run leaves what was there before. It is not forced to the disk.
///
/// # Errors
///
/// When a layer cannot be read or is not what its descriptor says, or the file cannot be written.
pub fn write(
    target: &Path,
    images: &[Image],
    references: &[Reference],
    blobs: &dyn Blobs,
) -> Result<(), WriteError> {
    let contents = Contents::new(images, references)?;
    let failed = || WriteError::file(target);
    let folder = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let temporary = tempfile::Builder::new()
        .prefix(".imgbuild-")
        .suffix(".tar")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed())?;
    let mut out = temporary.as_file().try_clone().map_err(failed())?;
    let text = [
        ("oci-layout", &contents.layout),
        ("index.json", &contents.index),
        ("manifest.json", &contents.docker),
    ];
    for (path, bytes) in text {
        put_bytes(&mut out, path, bytes).map_err(failed())?;
    }
    for path in ["blobs/", "blobs/sha256/"] {
        out.write_all(header(path, 0, tar::EntryType::Directory).map_err(failed())?.as_bytes())
            .map_err(failed())?;
    }
    for (digest, bytes) in &contents.documents {
        put_bytes(&mut out, &blob_path(digest), bytes).map_err(failed())?;
    }
    for (digest, layer) in &contents.layers {
        let header = header(&blob_path(digest), layer.size, tar::EntryType::Regular).map_err(failed())?;
        out.write_all(header.as_bytes()).map_err(failed())?;
        copy_layer(blobs, layer, &mut out, target)?;
        pad(&mut out, layer.size).map_err(failed())?;
    }
    out.write_all(&[0; 2 * BLOCK as usize]).map_err(failed())?;
    temporary.persist(target).map_err(|error| WriteError::file(target)(error.error))?;
    Ok(())
}

fn put_bytes(out: &mut File, path: &str, bytes: &[u8]) -> io::Result<()> {
    out.write_all(header(path, bytes.len() as u64, tar::EntryType::Regular)?.as_bytes())?;
    out.write_all(bytes)?;
    pad(out, bytes.len() as u64)
}

fn pad(out: &mut File, size: u64) -> io::Result<()> {
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

/// A tarball that is read: its files by name.
#[derive(Debug)]
pub struct Tarball {
    path: PathBuf,
    entries: BTreeMap<String, Place>,
    /// Symbolic links and what they lead to: old versions of docker write a layer that occurs twice as one.
    links: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    size: u64,
}

impl Tarball {
    /// Reads the headers of a tarball.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is not a tar, or names a file twice: readers would not agree on which one holds.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut archive = tar::Archive::new(File::open(path)?);
        let length = std::fs::metadata(path)?.len();
        let (mut entries, mut links) = (BTreeMap::new(), BTreeMap::new());
        for entry in archive.entries_with_seek()? {
            let entry = entry?;
            if let Some(target) = entry.link_name_bytes().filter(|_| entry.header().entry_type().is_symlink())
            {
                let target = String::from_utf8_lossy(&target).into_owned();
                let name = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
                links.insert(name.clone(), beside(&name, &target));
            }
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
            let place = Place { offset: entry.raw_file_position(), size: entry.size() };
            if place.offset.checked_add(place.size).is_none_or(|end| end > length) {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("the tar ends within `{name}`"),
                ));
            }
            if entries.insert(name.clone(), place).is_some() {
                let message = format!("the tar holds `{name}` twice");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(Self { path: path.to_owned(), entries, links })
    }

    /// Opens a file of the tarball; nothing where it holds none of that name.
    ///
    /// # Errors
    ///
    /// When the tarball cannot be read.
    pub fn file(&self, name: &str) -> io::Result<Option<impl Read + Send + use<>>> {
        let linked = || self.entries.get(self.links.get(name)?);
        let Some(place) = self.entries.get(name).or_else(linked) else { return Ok(None) };
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(place.offset))?;
        Ok(Some(file.take(place.size)))
    }
}

/// What a link leads to, by the names of the tarball: one that leads out of it leads to nothing.
fn beside(name: &str, target: &str) -> String {
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
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
        assert_eq!(Tarball::open(file.path()).unwrap().entries["big"].size, size);
    }
}

//! A folder of archives: what a machine without a network builds from.
//!
//! The folder is for people as well: `debian/NAME_VERSION_ARCHITECTURE.deb`, `conda/SUBDIR/FILE`, `pypi/WHEEL`, and
//! `SHA256SUMS`, which `sha256sum --check` reads.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use imgbuild_archive::ImagePath;
use imgbuild_folder::{Folder, read_regular};
use imgbuild_lock::Archive;
use imgbuild_oci::Digest;
use imgbuild_store::verify;

use crate::error::ArchiveFailure;

/// The index: a hash, two blanks and a path on each line.
const INDEX: &str = "SHA256SUMS";

/// A folder of archives, by their hashes.
#[derive(Debug, Clone)]
pub struct Vendor {
    folder: PathBuf,
    files: BTreeMap<Digest, ImagePath>,
}

impl Vendor {
    /// Reads the index of a folder.
    ///
    /// # Errors
    ///
    /// When it is not there, or not an index.
    pub fn open(folder: &Path) -> Result<Self, ArchiveFailure> {
        let path = folder.join(INDEX);
        let text = read_regular(&path)
            .and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other))
            .map_err(|error| ArchiveFailure::NoVendor {
            folder: folder.to_owned(),
            error: Some(error),
        })?;
        let read = |(number, line): (usize, &str)| {
            let parts = line.split_once("  ");
            let parts = parts
                .and_then(|(hash, path)| Some((Digest::from_hex(hash).ok()?, ImagePath::new(path).ok()?)));
            parts.ok_or_else(|| ArchiveFailure::VendorIndex { path: path.clone(), line: number + 1 })
        };
        let files = text.lines().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { folder: folder.to_owned(), files })
    }

    /// Reads the index of a folder; one that has none yet is empty.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is not an index.
    pub fn open_or_new(folder: &Path) -> Result<Self, ArchiveFailure> {
        match Self::open(folder) {
            Err(ArchiveFailure::NoVendor { error: Some(error), .. })
                if error.kind() == io::ErrorKind::NotFound =>
            {
                Ok(Self { folder: folder.to_owned(), files: BTreeMap::new() })
            }
            opened => opened,
        }
    }

    /// Copies the archive of a package into the folder, from a file that is checked first.
    ///
    /// # Errors
    ///
    /// When the file is not what the lock says, or the folder cannot be written.
    pub fn add(&mut self, archive: &Archive, from: &Path) -> Result<(), ArchiveFailure> {
        let sha256 = archive.sha256;
        let place = self.place(archive)?;
        verify(from, &sha256).map_err(|error| ArchiveFailure::Fetch {
            name: place.as_str().to_owned(),
            error: Box::new(error.into()),
        })?;
        let copy = |file: &mut File| io::copy(&mut File::open(from)?, file).map(|_| ());
        write_whole(&self.folder, place.as_str(), copy)?;
        self.files.insert(sha256, place);
        Ok(())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where an archive is; nothing where the folder does not have it.
    pub fn path(&self, sha256: &Digest) -> Option<PathBuf> {
        let path = self.folder.join(self.files.get(sha256)?.as_str());
        path.is_file().then_some(path)
    }

    /// Where a new archive belongs. Two channels may have different archives of one name: the second one gets a folder
    /// named by its hash.
    fn place(&self, archive: &Archive) -> Result<ImagePath, imgbuild_archive::PathError> {
        let usual = ImagePath::new(&archive.place)?;
        if self.files.iter().any(|(other, path)| *path == usual && *other != archive.sha256) {
            let (folder, name) = archive.place.rsplit_once('/').unwrap_or(("", &archive.place));
            return ImagePath::new(&format!("{folder}/{}/{name}", &archive.sha256.hex()[..12]));
        }
        Ok(usual)
    }

    /// Writes the index.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub fn write_index(&self) -> Result<(), ArchiveFailure> {
        let mut lines: Vec<_> =
            self.files.iter().map(|(sha256, path)| (path.as_str(), sha256.hex())).collect();
        lines.sort();
        let text: String = lines.into_iter().map(|(path, hash)| format!("{hash}  {path}\n")).collect();
        write_whole(&self.folder, INDEX, |file| file.write_all(text.as_bytes()))
    }
}

fn failed(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> ArchiveFailure {
    let path = path.to_owned();
    move |error| ArchiveFailure::File(imgbuild_folder::FileError { path, what, error })
}

/// Writes a file at a path below a folder, through no link. It bears its name only when it is whole.
fn write_whole(
    folder: &Path,
    path: &str,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), ArchiveFailure> {
    let written = || {
        let (below, name) = path.rsplit_once('/').unwrap_or(("", path));
        Folder::make(folder)?.make_below(below)?.write(name, write)
    };
    written().map_err(failed(&folder.join(path), "written"))
}

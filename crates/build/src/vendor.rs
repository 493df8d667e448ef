//! Archives in a folder of their own: what a machine without a network builds from.
//!
//! The folder is for people as well: `debian/NAME_VERSION_ARCHITECTURE.deb`, `conda/SUBDIR/FILE`, `pypi/WHEEL`, and
//! `SHA256SUMS`, which `sha256sum --check` reads.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use archive::ImagePath;
use folder::Folder;
use lock::Lock;
use oci::Digest;
use spec::Variant;

use crate::assembly::Needed;
use crate::fetching::verify;
use crate::layers::Getter;
use crate::{BuildError, Context};

/// The index: a hash, two blanks and a path on each line.
const INDEX: &str = "SHA256SUMS";

/// A folder of archives, by their hashes.
#[derive(Debug, Clone)]
pub struct Vendor {
    folder: PathBuf,
    files: BTreeMap<Digest, ImagePath>,
}

/// What was put into such a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendored {
    /// How many archives the lock names.
    pub archives: usize,
    /// How many of them were not there yet.
    pub added: usize,
}

impl Vendor {
    /// Reads the index of a folder.
    ///
    /// # Errors
    ///
    /// When it is not there, or not an index.
    pub fn open(folder: &Path) -> Result<Self, BuildError> {
        let path = folder.join(INDEX);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| BuildError::NoVendor { folder: folder.to_owned(), error: Some(error) })?;
        let read = |(number, line): (usize, &str)| {
            let parts = line.split_once("  ");
            let parts = parts
                .and_then(|(hash, path)| Some((Digest::from_hex(hash).ok()?, ImagePath::new(path).ok()?)));
            parts.ok_or_else(|| BuildError::VendorIndex { path: path.clone(), line: number + 1 })
        };
        let files = text.lines().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { folder: folder.to_owned(), files })
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where an archive is; nothing where the folder does not have it.
    pub(crate) fn path(&self, sha256: &Digest) -> Option<PathBuf> {
        let path = self.folder.join(self.files.get(sha256)?.as_str());
        path.is_file().then_some(path)
    }

    /// Where a new archive belongs. Two channels may have different archives of one name: the second one gets a folder
    /// named by its hash.
    fn place(&self, sha256: &Digest, needed: &Needed) -> Result<ImagePath, archive::PathError> {
        let (folder, name) = match needed {
            Needed::Conda(package) => (
                format!("conda/{}", package.text("subdir").unwrap_or("noarch")),
                package.file_name().to_owned(),
            ),
            // As apt calls the files of its cache.
            Needed::Debian(package) => {
                ("debian".to_owned(), format!("{}.deb", package.id().replace(':', "%3a")))
            }
            Needed::Pypi(package) => ("pypi".to_owned(), package.filename.clone()),
        };
        let usual = ImagePath::new(&format!("{folder}/{name}"))?;
        if self.files.iter().any(|(other, path)| *path == usual && other != sha256) {
            return ImagePath::new(&format!("{folder}/{}/{name}", &sha256.hex()[..12]));
        }
        Ok(usual)
    }

    fn write_index(&self) -> Result<(), BuildError> {
        let mut lines: Vec<_> =
            self.files.iter().map(|(sha256, path)| (path.as_str(), sha256.hex())).collect();
        lines.sort();
        let text: String = lines.into_iter().map(|(path, hash)| format!("{hash}  {path}\n")).collect();
        write_whole(&self.folder, INDEX, |file| file.write_all(text.as_bytes()))
    }
}

fn failed(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> BuildError {
    let path = path.to_owned();
    move |error| BuildError::File { path, what, error }
}

/// Writes a file at a path below a folder, through no link. It bears its name only when it is whole.
fn write_whole(
    folder: &Path,
    path: &str,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), BuildError> {
    let written = || {
        let (below, name) = path.rsplit_once('/').unwrap_or(("", path));
        Folder::make(folder)?.make_below(below)?.write(name, write)
    };
    written().map_err(failed(&folder.join(path), "written"))
}

/// Keeps every archive of a lock in `folder`: those of all variants, and the interpreters that compile bytecode. What is
/// there stays, so that several locks may share a folder.
///
/// # Errors
///
/// When an archive cannot be had, or the folder not be written.
pub async fn vendor(
    lock: &Lock,
    variants: &[Variant],
    folder: &Path,
    context: &Context,
) -> Result<Vendored, BuildError> {
    let mut vendor = match Vendor::open(folder) {
        Err(BuildError::NoVendor { error: Some(error), .. }) if error.kind() == io::ErrorKind::NotFound => {
            Vendor { folder: folder.to_owned(), files: BTreeMap::new() }
        }
        opened => opened?,
    };
    let mut seen = std::collections::BTreeSet::new();
    let mut added = 0;
    for (index, (locked, variant)) in lock.variants.iter().zip(variants).enumerate() {
        let getter = Getter::new(variant, context)?.with_wheels(lock, index, variant)?;
        let missing: Vec<Needed> = needed(lock, locked)
            .into_iter()
            .filter(|needed| seen.insert(needed.sha256()))
            .filter(|needed| {
                let sha256 = needed.sha256();
                vendor.path(&sha256).is_none_or(|path| verify(&path, &sha256).is_err())
            })
            .collect();
        futures::future::try_join_all(missing.iter().map(|one| getter.get(one))).await?;
        for one in missing {
            let sha256 = one.sha256();
            let place = vendor.place(&sha256, &one)?;
            let from = context.store.archive_path(&sha256);
            let copied = verify(&from, &sha256).map_err(|error| BuildError::Fetch {
                name: place.as_str().to_owned(),
                error: Box::new(error),
            });
            copied?;
            let copy = |file: &mut File| io::copy(&mut File::open(&from)?, file).map(|_| ());
            write_whole(folder, place.as_str(), copy)?;
            vendor.files.insert(sha256, place);
            added += 1;
        }
    }
    vendor.write_index()?;
    Ok(Vendored { archives: seen.len(), added })
}

/// The archives of one variant.
fn needed(lock: &Lock, variant: &lock::Variant) -> Vec<Needed> {
    let debian = variant.debian.iter().flat_map(|set| {
        let compilers = set.compilers.iter().flat_map(|compiler| &compiler.packages);
        set.packages.iter().chain(compilers).filter_map(|id| lock.debian_package(id))
    });
    let conda = variant.conda.iter().flat_map(|set| {
        let compilers = set.compilers.iter().flat_map(|compiler| &compiler.packages);
        set.packages.iter().chain(compilers).filter_map(|url| lock.conda_package(url))
    });
    let wheels = variant.pypi.iter().flat_map(|set| &set.packages).filter_map(|id| lock.pypi_package(id));
    let archives = debian.cloned().map(Needed::Debian).chain(conda.cloned().map(Needed::Conda));
    archives.chain(wheels.cloned().map(Box::new).map(Needed::Pypi)).collect()
}

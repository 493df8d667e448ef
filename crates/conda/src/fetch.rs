//! Getting at a package's metadata: by range requests where only that is needed, from the store where it was read before.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::PathBuf;

use imgbuild_layer::KeyHasher;
use imgbuild_net::{ArchiveReadError, ArchiveRequest, Archives, Client, Locations};
use imgbuild_oci::Digest;
use imgbuild_store::Store;
use rattler_conda_types::RepoDataRecord;

use crate::channel::{ServedChannel, serving};
use crate::conda_archive::{Archive, ArchiveError, ArchiveFormat, info_tar};
use crate::info::{Damaged, Info, InfoError, InfoFiles};
use crate::licences::Licences;
use crate::limits::{INFO_LIMIT, PACKED_INFO_LIMIT};
use crate::record;
use crate::zip::{self, ZipError};

/// Metadata that cannot be had.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum MetadataError {
    /// The archive cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Archive(#[from] ArchiveReadError),
    /// An archive whose sha256 nobody knows has not the MD5 that it should have.
    #[error("`{name}` has the hash `{found}`, and must have `{wanted}`")]
    Md5 {
        /// The archive.
        name: String,
        /// What it must have.
        wanted: String,
        /// What it has.
        found: String,
    },
    /// The metadata cannot be used.
    #[error("cannot use the metadata of `{name}`")]
    Info {
        /// The archive.
        name: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: InfoError,
    },
}

/// Reads the metadata of packages.
pub struct Metadata<'a> {
    /// The client.
    pub client: &'a Client,
    /// Where archives come from.
    pub archives: &'a dyn Archives,
    /// What keeps the metadata.
    pub store: &'a Store,
    /// Who serves the packages.
    pub channels: &'a [ServedChannel],
    /// Packages that may contradict themselves.
    pub accept_damaged: &'a BTreeSet<String>,
}

/// What the store keeps of packages: the texts of their metadata.
const DOCUMENTS: &str = "conda-info-v3";
/// How much of an archive's end is asked for first: the directory, and the metadata of most packages.
const TAIL: u64 = 64 << 10;

impl Metadata<'_> {
    /// Where a package is to be had.
    ///
    /// # Errors
    ///
    /// When its path leads out of its channel.
    pub fn wanted(&self, record: &RepoDataRecord) -> Result<ArchiveRequest, MetadataError> {
        let name = record.identifier.to_file_name();
        let from = match serving(self.channels, record.url.as_str()) {
            None => Locations::from(&record.url),
            Some((served, path)) => served
                .locations(path)
                .map_err(|error| ArchiveReadError::Part { name: name.clone(), error })?,
        };
        let package = &record.package_record;
        Ok(ArchiveRequest {
            name,
            from,
            sha256: package.sha256.as_ref().map(record::digest),
            size: package.size,
        })
    }

    /// What becomes of a package that contradicts itself.
    pub(crate) fn damaged(&self, record: &RepoDataRecord) -> Damaged {
        let package = record.package_record.name.as_source().to_lowercase();
        if self.accept_damaged.contains(&package) { Damaged::Accepted } else { Damaged::Refused }
    }

    /// The whole archive of a package. Where only its MD5 is known, that is checked; what is locked is the sha256.
    ///
    /// # Errors
    ///
    /// When it cannot be had, or is another one.
    pub async fn archive(&self, record: &RepoDataRecord) -> Result<(Digest, PathBuf), MetadataError> {
        let wanted = self.wanted(record)?;
        let name = wanted.name.clone();
        let known = wanted.sha256.is_some();
        let fetched = self.archives.fetch(wanted).await;
        let (digest, path) =
            fetched.map_err(|error| ArchiveReadError::Whole { name: name.clone(), error })?;
        if let Some(wanted) = record.package_record.md5.filter(|_| !known) {
            let read =
                |error| MetadataError::Info { name: name.clone(), error: ArchiveError::Read(error).into() };
            let found = rattler_digest::compute_file_digest::<rattler_digest::Md5>(&path).map_err(read)?;
            if found != wanted {
                let text = |hash| imgbuild_environment::Md5::from(<[u8; 16]>::from(hash)).to_string();
                let (wanted, found) = (text(wanted), text(found));
                return Err(MetadataError::Md5 { name, wanted, found });
            }
        }
        Ok((digest, path))
    }

    /// The metadata of a package and its archive's hash. Of a `.conda`, only the metadata is read.
    ///
    /// What is read by ranges cannot be checked against a hash; what it says is a fact of the lock, and is checked when
    /// the archive, which is hashed, is put into a layer.
    ///
    /// # Errors
    ///
    /// When it cannot be had or used.
    pub async fn info(&self, record: &RepoDataRecord) -> Result<(Digest, Info), MetadataError> {
        let wanted = self.wanted(record)?;
        let name = wanted.name.clone();
        let damaged = self.damaged(record);
        let info_error = |error: InfoError| MetadataError::Info { name: name.clone(), error };
        if let Some(digest) = wanted.sha256 {
            if let Some(files) = self.cached(&of_archive(&digest)) {
                return Ok((digest, files.parse(damaged).map_err(info_error)?));
            }
            let stored = matches!(self.store.archive(&digest), Ok(Some(_)));
            let format = ArchiveFormat::of(&name).map_err(|error| info_error(error.into()))?;
            if let (false, ArchiveFormat::Conda, Some(size)) = (stored, format, wanted.size) {
                let key = of_ranges(&digest, &wanted.from);
                let files = match self.cached(&key) {
                    Some(files) => files,
                    None => {
                        let files = self.by_ranges(&wanted, size).await?;
                        self.keep(&key, &files);
                        files
                    }
                };
                return Ok((digest, files.parse(damaged).map_err(info_error)?));
            }
        }
        let (digest, path) = self.archive(record).await?;
        let format = ArchiveFormat::of(&name).map_err(|error| info_error(error.into()))?;
        let archive = Archive::new(&path, format);
        let files = archive
            .info()
            .map_err(InfoError::from)
            .and_then(|tar| InfoFiles::collect(tar, format, &mut Licences::default()));
        let files = files.map_err(info_error)?;
        self.keep(&of_archive(&digest), &files);
        Ok((digest, files.parse(damaged).map_err(info_error)?))
    }

    async fn by_ranges(&self, wanted: &ArchiveRequest, size: u64) -> Result<InfoFiles, MetadataError> {
        let name = || wanted.name.clone();
        let net = |error| ArchiveReadError::Part { name: name(), error };
        let info = |error: ArchiveError| MetadataError::Info { name: name(), error: error.into() };
        let mut start = size.saturating_sub(TAIL);
        let mut tail = self.client.get_range(wanted.from.clone(), start..size).await.map_err(net)?;
        let member = loop {
            match zip::members(&tail, size) {
                Ok(members) => break members.info,
                Err(ZipError::Zip(imgbuild_archive::ZipError::NeedTail(offset)))
                    if offset < start && size - offset < (1 << 20) =>
                {
                    start = offset;
                    tail = self.client.get_range(wanted.from.clone(), start..size).await.map_err(net)?;
                }
                Err(error) => return Err(info(error.into())),
            }
        };
        let end = member.end().min(size);
        if end.saturating_sub(member.header()) > PACKED_INFO_LIMIT {
            let error = InfoError::TooLarge { file: member.name().to_owned(), limit: PACKED_INFO_LIMIT };
            return Err(MetadataError::Info { name: name(), error });
        }
        let bytes = match member.header().checked_sub(start) {
            Some(within) => tail.slice(usize::try_from(within).unwrap_or(tail.len()).min(tail.len())..),
            None => self.client.get_range(wanted.from.clone(), member.header()..end).await.map_err(net)?,
        };
        let data = member.content(&bytes).map_err(|error| info(ZipError::from(error).into()))?;
        let tar = info_tar(Cursor::new(data), INFO_LIMIT).map_err(info)?;
        InfoFiles::collect(tar, ArchiveFormat::Conda, &mut Licences::default())
            .map_err(|error| MetadataError::Info { name: name(), error })
    }

    /// What was read before.
    fn cached(&self, key: &Digest) -> Option<InfoFiles> {
        InfoFiles::from_texts(self.store.documents(DOCUMENTS).get(key)?)
    }

    fn keep(&self, key: &Digest, files: &InfoFiles) {
        if let Some(texts) = files.to_texts() {
            self.store.documents(DOCUMENTS).put(key, &texts);
        }
    }
}

/// What an archive is kept under whose hash was checked.
fn of_archive(sha256: &Digest) -> Digest {
    KeyHasher::new("conda metadata").field("sha256", sha256.as_bytes()).finish()
}

/// What is kept under a hash that only an index states depends on who was asked: another channel may state it too, and tell
/// the truth.
fn of_ranges(sha256: &Digest, from: &Locations) -> Digest {
    let hasher = KeyHasher::new("conda metadata by ranges").field("sha256", sha256.as_bytes());
    hasher.list("from", from.iter().map(|url| String::from(url.public()))).finish()
}

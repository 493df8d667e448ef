//! Getting at a wheel's metadata: by range requests where only that is needed, from the store where it was read before.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imgbuild_archive::{ZipError, ZipFileError, ZipMember, zip_members};
use imgbuild_layer::KeyHasher;
use imgbuild_net::{ArchiveReadError, ArchiveRequest, Archives, Client, Locations, NetError};
use imgbuild_oci::Digest;
use imgbuild_secret::SecretUrl;
use imgbuild_store::Store;
use serde::{Deserialize, Serialize};

use crate::limits::{DIRECTORY_LIMIT, MOST_MEMBERS, TEXT_LIMIT};
use crate::wheel::filename::WheelFilename;
use crate::wheel::wheel_error::WheelError;
use crate::wheel::whole_wheel::{METADATA_FILES, Wheel};

/// A wheel whose metadata cannot be had.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum WheelReadError {
    /// The archive cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Archive(#[from] ArchiveReadError),
    /// The wheel cannot be used.
    #[error("`{name}` cannot be installed")]
    Wheel {
        /// The archive.
        name: String,
        /// Why.
        #[source]
        error: Box<WheelError>,
    },
}

/// Reads the metadata of wheels.
pub struct WheelReader<'a> {
    /// The client, with the credentials of the indexes ([`crate::Settings::layer`]).
    pub client: &'a Client,
    /// Where archives come from.
    pub archives: &'a dyn Archives,
    /// What keeps the metadata.
    pub store: &'a Store,
}

/// What the store keeps of wheels: [`Parts`].
const DOCUMENTS: &str = "pypi-info-v3";
/// How much of a wheel's end is asked for first: the directory, and the metadata of most wheels.
const TAIL: u64 = 64 << 10;
/// Metadata that stands together is asked for at once.
const TOGETHER: u64 = 1 << 20;

/// What was read of a wheel: the end of its file, and its files of metadata. The form in which it is kept.
#[derive(Serialize, Deserialize)]
struct Parts {
    total: u64,
    tail: String,
    texts: BTreeMap<usize, String>,
}

impl WheelReader<'_> {
    /// A wheel by its metadata. Its hash may be unknown where a requirement named its URL: then all of it is fetched.
    ///
    /// What is read by ranges cannot be checked against a hash; what it says is a fact of the lock, and is checked when
    /// the archive, which is hashed, is put into a layer.
    ///
    /// # Errors
    ///
    /// When it cannot be had, or is not a wheel that may be installed.
    pub async fn wheel(
        &self,
        filename: &WheelFilename,
        url: &SecretUrl,
        sha256: Option<Digest>,
        size: Option<u64>,
    ) -> Result<(Digest, Wheel), WheelReadError> {
        let wrong =
            |error: WheelError| WheelReadError::Wheel { name: filename.to_string(), error: Box::new(error) };
        if let Some(digest) = sha256 {
            if let Ok(Some(path)) = self.store.archive(&digest) {
                return Ok((digest, Wheel::open(&path, filename).map_err(wrong)?.1));
            }
            let key = key(&digest, url);
            let documents = self.store.documents(DOCUMENTS);
            if let Some(wheel) = documents.get(&key).and_then(|parts: Parts| parts.wheel(filename)) {
                return Ok((digest, wheel.map_err(wrong)?));
            }
            if let Some(parts) = self.by_ranges(filename, url).await? {
                let wheel =
                    parts.wheel(filename).unwrap_or(Err(ZipFileError::from(ZipError::Truncated).into()));
                let wheel = wheel.map_err(wrong)?;
                documents.put(&key, &parts);
                return Ok((digest, wheel));
            }
        }
        let wanted = ArchiveRequest { name: filename.to_string(), from: Locations::from(url), sha256, size };
        let (digest, path) = self.archive(wanted).await?;
        Ok((digest, Wheel::open(&path, filename).map_err(wrong)?.1))
    }

    /// A whole archive.
    ///
    /// # Errors
    ///
    /// When it cannot be had.
    pub async fn archive(&self, wanted: ArchiveRequest) -> Result<(Digest, PathBuf), WheelReadError> {
        let name = wanted.name.clone();
        Ok(self.archives.fetch(wanted).await.map_err(|error| ArchiveReadError::Whole { name, error })?)
    }

    /// Reads the end and the metadata; nothing where the server knows no ranges.
    async fn by_ranges(
        &self,
        filename: &WheelFilename,
        url: &SecretUrl,
    ) -> Result<Option<Parts>, WheelReadError> {
        let net = |error| ArchiveReadError::Part { name: filename.to_string(), error };
        let zip = |error: ZipError| WheelReadError::Wheel {
            name: filename.to_string(),
            error: Box::new(ZipFileError::from(error).into()),
        };
        let Some(imgbuild_net::Tail { bytes: mut tail, total }) =
            self.client.get_tail(url, TAIL).await.map_err(net)?
        else {
            return Ok(None);
        };
        let members = loop {
            let start = total - tail.len() as u64;
            match zip_members(&tail, total, MOST_MEMBERS) {
                Err(ZipError::NeedTail(offset)) if offset < start && total - offset <= DIRECTORY_LIMIT => {
                    let before = self.client.get_range(url, offset..start).await.map_err(net)?;
                    tail = [before, tail].concat().into();
                }
                result => break result.map_err(zip)?,
            }
        };
        let start = total - tail.len() as u64;
        let wanted: Vec<(usize, &ZipMember)> =
            members.iter().enumerate().filter(|(_, member)| is_metadata(member)).collect();
        let directory = members.last().map_or(total, ZipMember::end);
        let mut read = WheelPart { client: self.client, url, offset: start, bytes: tail.clone() };
        if let Some(first) = wanted.iter().map(|(_, member)| member.header()).min()
            && first < start
            && directory.saturating_sub(first) <= TOGETHER
        {
            let before = self.client.get_range(url, first..start).await.map_err(net)?;
            read.bytes = [before, tail.clone()].concat().into();
            read.offset = first;
        }
        let mut texts = BTreeMap::new();
        for (number, member) in wanted {
            let bytes = read.member(member).await.map_err(net)?;
            let wrong = |error: WheelError| WheelReadError::Wheel {
                name: filename.to_string(),
                error: Box::new(error),
            };
            let content = member.content(&bytes).map_err(|error| wrong(error.into()))?;
            let text = String::from_utf8(content).map_err(|_| {
                wrong(WheelError::Text { file: member.name().to_owned(), rule: "is not valid UTF-8" })
            })?;
            texts.insert(number, text);
        }
        // Only the directory is kept of the end.
        let behind = usize::try_from(directory.saturating_sub(start)).unwrap_or(tail.len()).min(tail.len());
        Ok(Some(Parts { total, tail: STANDARD.encode(&tail[behind..]), texts }))
    }
}

/// The hash is only what an index or a requirement states: so what was read by ranges depends on who was asked as well.
fn key(sha256: &Digest, url: &SecretUrl) -> Digest {
    KeyHasher::new("wheel metadata by ranges")
        .field("sha256", sha256.as_bytes())
        .field("url", url.public().as_str())
        .finish()
}

/// Whether a member is one of the files that say what a wheel is. Larger ones are refused when the wheel is read.
fn is_metadata(member: &ZipMember) -> bool {
    let name = member.name().split_once('/').filter(|(folder, _)| folder.ends_with(".dist-info"));
    name.is_some_and(|(_, name)| METADATA_FILES.contains(&name))
        && member.size() <= TEXT_LIMIT
        && member.packed() <= TEXT_LIMIT
}

/// The part of a wheel that was read so far.
struct WheelPart<'a> {
    client: &'a Client,
    url: &'a SecretUrl,
    offset: u64,
    bytes: imgbuild_net::Bytes,
}

impl WheelPart<'_> {
    /// The bytes of a member, from its header on.
    async fn member(&self, member: &ZipMember) -> Result<imgbuild_net::Bytes, NetError> {
        if let Some(within) = member.header().checked_sub(self.offset) {
            let within = usize::try_from(within).unwrap_or(usize::MAX).min(self.bytes.len());
            return Ok(self.bytes.slice(within..));
        }
        let most = member.header() + ZipMember::LOCAL_LIMIT + member.packed();
        self.client.get_range(self.url, member.header()..member.end().min(most)).await
    }
}

impl Parts {
    /// The wheel; nothing where the parts are damaged.
    fn wheel(&self, filename: &WheelFilename) -> Option<Result<Wheel, WheelError>> {
        let tail = STANDARD.decode(&self.tail).ok()?;
        let members = zip_members(&tail, self.total, MOST_MEMBERS).ok()?;
        let is_whole = |(number, member): (usize, &ZipMember)| {
            !is_metadata(member) || self.texts.get(&number).is_some_and(|it| it.len() as u64 == member.size())
        };
        if !members.iter().enumerate().all(is_whole) {
            return None;
        }
        Some(Wheel::read(filename, &members, &mut |number| {
            let text = self.texts.get(&number).cloned();
            Ok(text.ok_or(ZipError::Truncated)?.into_bytes())
        }))
    }
}

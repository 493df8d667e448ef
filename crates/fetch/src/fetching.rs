//! Archives from the network into the store, each once, a few at a time.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use imgbuild_lock::DebianPackage;
use imgbuild_net::{ArchiveRequest, Archives, Client, Download, FetchError, Locations, NetError, Size};
use imgbuild_oci::Digest;
use imgbuild_secret::{KnownSecrets, SecretUrl};
use imgbuild_store::Store;
use tokio::sync::Semaphore;

use crate::error::ArchiveFailure;
use crate::events::{Event, Reporter};
use crate::fetch_failure::FetchFailure;
use crate::limits::ARCHIVE_LIMIT;
use crate::vendor_folder::Vendor;

/// How many downloads run at once.
const DOWNLOADS: usize = 8;
/// Content without a known hash is read in pieces of this size.
const PIECE: u64 = 16 << 20;

/// Gets archives.
#[derive(Clone)]
pub struct Fetcher {
    client: Client,
    store: Store,
    reporter: Arc<dyn Reporter>,
    permits: Arc<Semaphore>,
}

impl Fetcher {
    /// A fetcher that keeps what it gets in `store`.
    pub fn new(client: Client, store: Store, reporter: Arc<dyn Reporter>) -> Self {
        Self { client, store, reporter, permits: Arc::new(Semaphore::new(DOWNLOADS)) }
    }

    /// The same with another client: one that knows the credentials of an index.
    pub fn with_client(&self, client: Client) -> Self {
        Self { client, ..self.clone() }
    }

    /// The same, which knows these secrets as well.
    pub fn knowing(&self, known: &KnownSecrets) -> Self {
        self.with_client(self.client.knowing(known))
    }

    /// The client that it uses.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// An archive by its hash: from the store where it is there.
    ///
    /// # Errors
    ///
    /// When it cannot be had, or is another than it should be.
    pub async fn archive(
        &self,
        name: &str,
        from: Locations,
        sha256: Digest,
        size: Option<u64>,
    ) -> Result<PathBuf, FetchFailure> {
        if let Some(path) = self.store.archive(&sha256)? {
            return Ok(path);
        }
        // The semaphore is never closed, so a permit always comes.
        let _permit = self.permits.acquire().await;
        if let Some(path) = self.store.archive(&sha256)? {
            return Ok(path);
        }
        let started = Event::DownloadStarted { name: name.to_owned(), size };
        self.reporter.event(started);
        let mut writer = self.store.archive_writer()?;
        let what = Download { from, size: size.map_or(Size::AtMost(ARCHIVE_LIMIT), Size::Exactly), sha256 };
        let progress =
            |bytes| self.reporter.event(Event::DownloadProgressed { name: name.to_owned(), bytes });
        let size = self.client.download(&what, &mut writer, &progress).await?;
        let path = writer.commit(&sha256)?;
        self.reporter.event(Event::DownloadFinished { name: name.to_owned(), size });
        Ok(path)
    }

    /// Takes an archive from a folder into the store.
    pub(crate) fn vendored(&self, vendor: &Vendor, sha256: &Digest) -> Result<(), FetchFailure> {
        let missing = || FetchFailure::NotVendored(vendor.folder().to_owned());
        let path = vendor.path(sha256).ok_or_else(missing)?;
        let mut writer = imgbuild_oci::HashWriter::new(self.store.archive_writer()?);
        let read = |error| FetchFailure::Vendored { path: path.clone(), error };
        let mut file = File::open(&path).map_err(read)?;
        io::copy(&mut file, &mut writer).map_err(read)?;
        let (writer, found, _) = writer.finish();
        if found != *sha256 {
            return Err(FetchFailure::VendorDamaged(path));
        }
        writer.commit(sha256)?;
        Ok(())
    }

    /// An archive whose hash nobody has said: it is computed.
    pub(crate) async fn unknown(
        &self,
        name: &str,
        from: Locations,
    ) -> Result<(Digest, PathBuf), FetchFailure> {
        let _permit = self.permits.acquire().await;
        self.reporter.event(Event::DownloadStarted { name: name.to_owned(), size: None });
        let mut bytes = 0;
        let mut writer = imgbuild_oci::HashWriter::new(self.store.archive_writer()?);
        loop {
            let piece = self.client.get_range(from.clone(), bytes..bytes + PIECE).await?;
            let error = |error| NetError::Sink { url: name.to_owned(), error };
            io::Write::write_all(&mut writer, &piece).map_err(error)?;
            bytes += piece.len() as u64;
            self.reporter.event(Event::DownloadProgressed { name: name.to_owned(), bytes });
            if (piece.len() as u64) < PIECE {
                break;
            }
        }
        let (writer, digest, size) = writer.finish();
        let path = writer.commit(&digest)?;
        self.reporter.event(Event::DownloadFinished { name: name.to_owned(), size });
        Ok((digest, path))
    }
}

impl Archives for Fetcher {
    fn fetch(&self, wanted: ArchiveRequest) -> BoxFuture<'_, Result<(Digest, PathBuf), FetchError>> {
        let ArchiveRequest { name, from, sha256, size } = wanted;
        async move {
            let fetched = match sha256 {
                Some(sha256) => self.archive(&name, from, sha256, size).await.map(|path| (sha256, path)),
                None => self.unknown(&name, from).await,
            };
            fetched.map_err(|error| match error {
                FetchFailure::Net(NetError::NotFound { .. }) => FetchError::NotFound(Box::new(error)),
                error => FetchError::Other(Box::new(error)),
            })
        }
        .boxed()
    }
}

/// What the store keeps of Debian packages: what is known of each once it was read from end to end.
const EXAMINED: &str = "debian-info-v2";

/// What a store knows of a locked package of Debian, or finds out of its archive; nothing where that is not in it either.
///
/// # Errors
///
/// When the store cannot be read, or the archive is damaged.
pub fn examined(
    package: &DebianPackage,
    store: &Store,
) -> Result<Option<imgbuild_debian::Examined>, ArchiveFailure> {
    let (documents, key) = (store.documents(EXAMINED), imgbuild_debian::Examined::key(package));
    if let Some(examined) = documents.get(&key) {
        return Ok(Some(examined));
    }
    let Some(archive) = store.archive(&package.sha256)? else { return Ok(None) };
    let examined = imgbuild_debian::Examined::read(package, &archive)?;
    documents.put(&key, &examined);
    Ok(Some(examined))
}

impl imgbuild_debian::Fetch for Fetcher {
    fn examined(&self, key: &Digest) -> Option<imgbuild_debian::Examined> {
        self.store.documents(EXAMINED).get(key)
    }

    fn keep_examined(&self, key: &Digest, examined: &imgbuild_debian::Examined) {
        self.store.documents(EXAMINED).put(key, examined);
    }

    async fn get(&self, url: &SecretUrl, limit: u64) -> Result<Vec<u8>, imgbuild_debian::FetchError> {
        match self.client.get_bytes(url, limit).await {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(NetError::NotFound { .. }) => Err(imgbuild_debian::FetchError::NotFound(url.clone())),
            Err(error) => Err(imgbuild_debian::FetchError::Other(Box::new(error))),
        }
    }

    async fn archive(
        &self,
        name: &str,
        url: &SecretUrl,
        sha256: &Digest,
        size: u64,
    ) -> Result<PathBuf, imgbuild_debian::FetchError> {
        match Fetcher::archive(self, name, url.into(), *sha256, Some(size)).await {
            Ok(path) => Ok(path),
            Err(FetchFailure::Net(NetError::NotFound { .. })) => {
                Err(imgbuild_debian::FetchError::NotFound(url.clone()))
            }
            Err(error) => Err(imgbuild_debian::FetchError::Other(Box::new(error))),
        }
    }
}

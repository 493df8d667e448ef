//! What keeps the entries and the blobs of a shared cache: a repository, or objects.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::executor::block_on;
use imgbuild_layer::Key;
use imgbuild_oci::{BlobError, Blobs, Descriptor, Digest};
use imgbuild_registry::{RemoteBlobs, RemoteManifest, RemoteRepository};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, WriteMultipart};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::entry::EMPTY_CONFIG;

/// Why a cache does not do what it should: it costs time, and is told.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The size of the parts in which large objects are written, in bytes.
const PART: usize = 8 << 20;
/// How many parts are on their way at once.
const PARTS: usize = 4;
/// How many pieces of an object wait to be read.
const AHEAD: usize = 8;

/// What keeps a shared cache.
#[derive(Clone)]
pub(super) enum Shelf {
    Repository(Box<RemoteRepository>),
    Objects { objects: Arc<dyn ObjectStore>, below: Path },
}

/// The bytes of one blob in memory.
struct InMemory(&'static [u8]);

impl Blobs for InMemory {
    fn open(&self, _: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        Ok(Box::new(self.0))
    }
}

impl Shelf {
    /// The entry of a key, where there is one.
    pub(super) async fn entry(&self, key: &Key) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Repository(remote) => Ok(remote.manifest(&tag(key)).await?.map(|manifest| manifest.bytes)),
            Self::Objects { objects, below } => match objects.get(&entry_path(below, key)).await {
                Ok(found) => Ok(Some(found.bytes().await?.to_vec())),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// Keeps the entry of a key, whose blob is there. One that is there already says the same.
    pub(super) async fn put_entry(&self, key: &Key, bytes: Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Repository(remote) => {
                let (config, size) = (Digest::of(EMPTY_CONFIG), EMPTY_CONFIG.len() as u64);
                if !remote.has_blob(&config).await? {
                    remote.upload(config, size, Arc::new(InMemory(EMPTY_CONFIG)), &[]).await?;
                }
                let manifest = RemoteManifest::parse(bytes, None)?;
                remote.put_manifest(&manifest, &tag(key), &[]).await?;
                Ok(())
            }
            Self::Objects { objects, below } => {
                let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
                match objects.put_opts(&entry_path(below, key), PutPayload::from(bytes), options).await {
                    Ok(_)
                    | Err(
                        object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. },
                    ) => Ok(()),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// Whether a blob is there, as long as it should be.
    pub(super) async fn has(&self, layer: &Descriptor) -> Result<bool, Failure> {
        match self {
            Self::Repository(remote) => Ok(remote.has_blob(&layer.digest).await?),
            Self::Objects { objects, below } => match objects.head(&blob_path(below, &layer.digest)).await {
                Ok(found) => Ok(found.size == layer.size),
                Err(object_store::Error::NotFound { .. }) => Ok(false),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// Keeps a blob. In a registry it is mounted from one of `homes`, where that is possible.
    pub(super) async fn put(
        &self,
        layer: &Descriptor,
        blobs: Arc<dyn Blobs>,
        homes: &[String],
    ) -> Result<(), Failure> {
        match self {
            Self::Repository(remote) => {
                remote.upload(layer.digest, layer.size, blobs, homes).await?;
                Ok(())
            }
            Self::Objects { objects, below } => {
                let upload = objects.put_multipart(&blob_path(below, &layer.digest)).await?;
                let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
                let (sender, mut pieces) = mpsc::channel::<io::Result<Bytes>>(AHEAD);
                let digest = layer.digest;
                tokio::task::spawn_blocking(move || read(&*blobs, digest, &sender));
                while let Some(piece) = pieces.recv().await {
                    match piece {
                        Ok(piece) => {
                            writer.wait_for_capacity(PARTS).await?;
                            writer.put(piece);
                        }
                        Err(error) => {
                            writer.abort().await?;
                            return Err(error.into());
                        }
                    }
                }
                writer.finish().await?;
                Ok(())
            }
        }
    }

    /// Opens a blob.
    pub(super) fn open(
        &self,
        layer: &Descriptor,
        runtime: &Handle,
    ) -> Result<Box<dyn Read + Send>, BlobError> {
        match self {
            Self::Repository(remote) => {
                let blobs = RemoteBlobs::new(
                    RemoteRepository::clone(remote),
                    [(layer.digest, layer.size)],
                    runtime.clone(),
                );
                blobs.open(&layer.digest)
            }
            Self::Objects { objects, below } => {
                let (sender, pieces) = mpsc::channel(AHEAD);
                let (objects, path) = (Arc::clone(objects), blob_path(below, &layer.digest));
                runtime.spawn(async move {
                    let mut stream = match objects.get(&path).await {
                        Ok(found) => found.into_stream(),
                        Err(error) => return drop(sender.send(Err(io::Error::other(error))).await),
                    };
                    while let Some(piece) = stream.next().await {
                        if sender.send(piece.map_err(io::Error::other)).await.is_err() {
                            break;
                        }
                    }
                });
                Ok(Box::new(Pieces { pieces, rest: Bytes::new() }))
            }
        }
    }
}

fn tag(key: &Key) -> String {
    format!("layer-{key}")
}

fn entry_path(below: &Path, key: &Key) -> Path {
    below.clone().join("layers").join(format!("{key}.json"))
}

fn blob_path(below: &Path, digest: &Digest) -> Path {
    below.clone().join("blobs").join("sha256").join(digest.hex())
}

/// Reads a blob in pieces.
fn read(blobs: &dyn Blobs, digest: Digest, sender: &mpsc::Sender<io::Result<Bytes>>) {
    let read = || -> io::Result<()> {
        let mut blob = blobs.open(&digest).map_err(io::Error::other)?;
        loop {
            let mut piece = vec![0; 256 << 10];
            match blob.read(&mut piece)? {
                0 => return Ok(()),
                length => piece.truncate(length),
            }
            if sender.blocking_send(Ok(piece.into())).is_err() {
                return Ok(());
            }
        }
    };
    if let Err(error) = read() {
        // Who waits for it has gone, or hears it.
        let _gone = sender.blocking_send(Err(error));
    }
}

/// The pieces of an object as a stream.
struct Pieces {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match block_on(self.pieces.recv()) {
                Some(piece) => self.rest = piece?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

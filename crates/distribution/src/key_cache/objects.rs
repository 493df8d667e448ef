//! A folder or a bucket that keeps a cache: its entries are `layers/KEY.json`, its blobs `blobs/sha256/HEX`.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::StreamExt;
use futures::executor::block_on;
use imgbuild_layer::Key;
use imgbuild_oci::{BlobError, Blobs, Descriptor, Digest, HashReader};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, WriteMultipart};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::unconstrained;

use super::costs::{PART, PARTS};
use super::failure::{Failure, found, is_unknown, plain};
use crate::limits::ENTRY_LIMIT;

/// How many pieces of an object wait to be read.
const AHEAD: usize = 8;
/// How large they are, in bytes.
const PIECE: usize = 256 << 10;

/// Where objects are.
#[derive(Debug, Clone)]
pub(super) struct Objects {
    pub(super) objects: Arc<dyn ObjectStore>,
    /// The path that all of them are below.
    pub(super) below: Path,
    /// Whether it has said that it knows no conditions.
    unconditional: Arc<AtomicBool>,
}

impl Objects {
    pub(super) fn new(objects: Arc<dyn ObjectStore>, below: Path) -> Self {
        Self { objects, below, unconditional: Arc::default() }
    }

    /// The entry of a key, where there is one.
    pub(super) async fn entry(&self, key: &Key) -> Result<Option<Vec<u8>>, Failure> {
        let Some(entry) = found(self.objects.get(&self.entry_path(key)).await)? else { return Ok(None) };
        if entry.meta.size > ENTRY_LIMIT {
            // It is none, as is what is empty.
            return Ok(Some(Vec::new()));
        }
        Ok(Some(entry.bytes().await.map_err(plain)?.to_vec()))
    }

    /// Keeps the entry of a key, whose blob is there. One that is there already says the same, unless it is one to replace.
    pub(super) async fn put_entry(&self, key: &Key, bytes: Vec<u8>, replaces: bool) -> Result<(), Failure> {
        let path = self.entry_path(key);
        if !replaces && self.knows_conditions() {
            match self.create(&path, bytes.clone()).await {
                Ok(_) => return Ok(()),
                Err(error) if self.knows_conditions() => return Err(plain(error)),
                Err(_) => {}
            }
        }
        self.objects.put(&path, bytes.into()).await.map(|_| ()).map_err(plain)
    }

    /// Creates an object where there is none. Says whether it has.
    pub(super) async fn create(&self, path: &Path, bytes: Vec<u8>) -> object_store::Result<bool> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.objects.put_opts(path, bytes.into(), options).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(false)
            }
            Err(error) => {
                if is_unknown(&error) {
                    self.unconditional.store(true, Ordering::Relaxed);
                }
                Err(error)
            }
        }
    }

    /// Whether an object can be created where there is none. Some that speak S3 do not know that.
    pub(super) fn knows_conditions(&self) -> bool {
        !self.unconditional.load(Ordering::Relaxed)
    }

    /// Whether a blob is there, as long as it should be.
    pub(super) async fn has(&self, layer: &Descriptor) -> Result<bool, Failure> {
        let blob = found(self.objects.head(&self.blob_path(&layer.digest)).await)?;
        Ok(blob.is_some_and(|blob| blob.size == layer.size))
    }

    /// Keeps a blob.
    pub(super) async fn put(&self, layer: &Descriptor, blobs: Arc<dyn Blobs>) -> Result<(), Failure> {
        let path = self.blob_path(&layer.digest);
        let mut pieces = pieces(layer, blobs);
        if layer.size <= PART as u64 {
            let mut all = Vec::new();
            while let Some(piece) = pieces.recv().await {
                all.push(piece?);
            }
            self.objects.put(&path, PutPayload::from_iter(all)).await.map_err(plain)?;
            return Ok(());
        }
        let upload = self.objects.put_multipart(&path).await.map_err(plain)?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
        match fill(&mut writer, pieces).await {
            Ok(()) => writer.finish().await.map(|_| ()).map_err(plain),
            Err(error) => {
                // Parts that nobody ends are kept, and paid for.
                if let Err(error) = writer.abort().await {
                    tracing::debug!("an upload is not taken back: {}", plain(error));
                }
                Err(error)
            }
        }
    }

    /// Opens a blob.
    pub(super) fn open(&self, layer: &Descriptor, runtime: &Handle) -> Box<dyn Read + Send> {
        let (sender, pieces) = mpsc::channel(AHEAD);
        let (objects, path) = (Arc::clone(&self.objects), self.blob_path(&layer.digest));
        runtime.spawn(async move {
            let failed = |error| io::Error::other(plain(error));
            let mut stream = match objects.get(&path).await {
                Ok(found) => found.into_stream(),
                Err(error) => return drop(sender.send(Err(failed(error))).await),
            };
            while let Some(piece) = stream.next().await {
                if sender.send(piece.map_err(failed)).await.is_err() {
                    break;
                }
            }
        });
        Box::new(Pieces { pieces, rest: Bytes::new() })
    }

    /// Where the lease of a key is.
    pub(super) fn lease_path(&self, key: &Key) -> Path {
        self.below.clone().join("leases").join(key.to_string())
    }

    fn entry_path(&self, key: &Key) -> Path {
        self.below.clone().join("layers").join(format!("{key}.json"))
    }

    fn blob_path(&self, digest: &Digest) -> Path {
        self.below.clone().join("blobs").join("sha256").join(digest.hex())
    }
}

async fn fill(
    writer: &mut WriteMultipart,
    mut pieces: mpsc::Receiver<io::Result<Bytes>>,
) -> Result<(), Failure> {
    while let Some(piece) = pieces.recv().await {
        writer.wait_for_capacity(PARTS).await.map_err(plain)?;
        writer.put(piece?);
    }
    Ok(())
}

/// A blob in pieces, the last of which is an error where they are not what they should be.
fn pieces(layer: &Descriptor, blobs: Arc<dyn Blobs>) -> mpsc::Receiver<io::Result<Bytes>> {
    let (sender, pieces) = mpsc::channel(AHEAD);
    let digest = layer.digest;
    tokio::task::spawn_blocking(move || {
        let read = || -> io::Result<()> {
            let mut blob = HashReader::new(blobs.open(&digest).map_err(io::Error::other)?);
            loop {
                let mut piece = vec![0; PIECE];
                match blob.read(&mut piece)? {
                    0 => break,
                    length => piece.truncate(length),
                }
                if sender.blocking_send(Ok(piece.into())).is_err() {
                    return Ok(());
                }
            }
            let (found, _) = blob.finish();
            let is_right = found == digest;
            is_right
                .then_some(())
                .ok_or_else(|| io::Error::other(BlobError::Digest { wanted: digest, found }))
        };
        if let Err(error) = read() {
            // Who waits for it has gone, or hears it.
            let _gone = sender.blocking_send(Err(error));
        }
    });
    pieces
}

/// The pieces of an object as a stream.
struct Pieces {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    rest: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            // As for other blobs: see `RemoteBlobs` of the registries.
            match block_on(unconstrained(self.pieces.recv())) {
                Some(piece) => self.rest = piece?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

//! The body of an upload: bytes of a blob, read by a thread that may block.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::Stream;
use futures::stream::unfold;
use imgbuild_oci::{BlobError, Blobs, Digest};
use tokio::sync::mpsc;

/// How much is read at once, in bytes.
const PIECE: usize = 256 << 10;
/// How many pieces wait to be sent.
const AHEAD: usize = 4;

/// A part of a blob on its way.
#[derive(Clone)]
pub(crate) struct Outgoing {
    blobs: Arc<dyn Blobs>,
    digest: Digest,
    /// How many bytes the connection has taken, of all requests.
    taken: Arc<AtomicU64>,
    /// Why it could not be read.
    failure: Arc<Mutex<Option<BlobError>>>,
}

impl Outgoing {
    pub(crate) fn new(blobs: Arc<dyn Blobs>, digest: Digest) -> Self {
        Self { blobs, digest, taken: Arc::default(), failure: Arc::default() }
    }

    /// How many bytes were taken until now.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Why reading failed, where it did.
    pub(crate) fn failure(&self) -> Option<BlobError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The bytes from `at` on, as the body of a request.
    pub(crate) fn body(&self, at: u64, length: u64) -> reqwest::Body {
        reqwest::Body::wrap_stream(self.stream(at, length))
    }

    fn stream(&self, at: u64, length: u64) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
        let (sender, receiver) = mpsc::channel::<std::io::Result<Bytes>>(AHEAD);
        let own = self.clone();
        tokio::task::spawn_blocking(move || own.read(at, length, &sender));
        let taken = Arc::clone(&self.taken);
        unfold((receiver, taken), |(mut receiver, taken)| async move {
            let piece = receiver.recv().await?;
            if let Ok(piece) = &piece {
                taken.fetch_add(piece.len() as u64, Ordering::Relaxed);
            }
            Some((piece, (receiver, taken)))
        })
    }

    fn read(&self, at: u64, length: u64, sender: &mpsc::Sender<std::io::Result<Bytes>>) {
        if let Err(error) = self.try_read(at, length, sender) {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            // The request ends there, whether somebody waits for it or not.
            let _ended = sender.blocking_send(Err(std::io::ErrorKind::UnexpectedEof.into()));
        }
    }

    fn try_read(
        &self,
        at: u64,
        length: u64,
        sender: &mpsc::Sender<std::io::Result<Bytes>>,
    ) -> Result<(), BlobError> {
        let digest = self.digest;
        let mut reader = self.blobs.open_at(&digest, at)?.take(length);
        let mut left = length;
        while left > 0 {
            let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
            let mut filled = 0;
            while filled < piece.len() {
                match reader.read(&mut piece[filled..]) {
                    Ok(0) => {
                        let found = at + length - left + filled as u64;
                        return Err(BlobError::Size { digest, wanted: at + length, found });
                    }
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(BlobError::Read { digest, error }),
                }
            }
            left -= filled as u64;
            // The request is over, or was given up.
            if sender.blocking_send(Ok(piece.into())).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

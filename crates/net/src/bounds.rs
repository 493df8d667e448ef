//! What an answer may cost a library that reads it without limits of its own: rattler, which reads the indexes of channels.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::Extensions;
use imgbuild_secret::SecretUrl;
use reqwest::{Body, Request, Response};
use reqwest_middleware::{Error, Middleware, Next};

use crate::NetError;
use crate::answer::stating;
use crate::limits::{INDEX_LIMIT, PIECE_LIMIT, ZSTD_WINDOW};
use crate::pace::Pace;

/// Passes answers on, as long as they keep to the limits.
pub(crate) struct Bounds {
    /// How long the head of an answer may take, and over what time its pace is measured.
    patience: Duration,
    /// What had an answer that was too large: it would have one again, and whoever is told of a body that broke off asks again.
    refused: Arc<Mutex<HashMap<String, Excess>>>,
}

/// In what an answer was too large.
#[derive(Debug, Clone, Copy)]
enum Excess {
    /// As it came.
    Sent,
    /// Unpacked.
    Unpacked,
}

impl Excess {
    fn error(self, url: String, limit: u64) -> NetError {
        match self {
            Self::Sent => NetError::TooLarge { url, limit },
            Self::Unpacked => NetError::UnpacksTooLarge { url, limit },
        }
    }
}

impl Bounds {
    /// With so much patience.
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience, refused: Arc::default() }
    }
}

#[async_trait::async_trait]
impl Middleware for Bounds {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        let url = SecretUrl::from(request.url());
        let limit = if request.url().path().ends_with(".msgpack.zst") { PIECE_LIMIT } else { INDEX_LIMIT };
        let known =
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).get(url.whole().as_str()).copied();
        if let Some(excess) = known {
            return Err(Error::middleware(excess.error(url.to_string(), limit)));
        }
        let refused = Arc::clone(&self.refused);
        let response = tokio::time::timeout(self.patience, next.run(request, extensions))
            .await
            .map_err(|_| Error::middleware(NetError::Slow { url: url.to_string() }))??;
        let mut watch =
            Watch { url, limit, refused, came: 0, unpacking: None, pace: Pace::new(self.patience) };
        let from = response.url().clone();
        let (head, body) = http::Response::<Body>::from(response).into_parts();
        let stream = Response::from(http::Response::new(body)).bytes_stream();
        let watched = stream.map_err(io::Error::other).map(move |piece| {
            let piece = piece?;
            watch.look(&piece).map_err(io::Error::other)?;
            Ok::<Bytes, io::Error>(piece)
        });
        Ok(stating(from, http::Response::from_parts(head, Body::wrap_stream(watched))))
    }
}

/// What is known of an answer so far.
struct Watch {
    url: SecretUrl,
    limit: u64,
    refused: Arc<Mutex<HashMap<String, Excess>>>,
    came: u64,
    /// What decompresses it only to count; nothing before the first bytes, and for what is not compressed.
    unpacking: Option<Box<dyn Write + Send + Sync>>,
    pace: Pace,
}

impl Watch {
    fn look(&mut self, piece: &[u8]) -> Result<(), NetError> {
        let url = || self.url.to_string();
        self.pace.came(piece.len()).map_err(|_| NetError::Slow { url: url() })?;
        if self.came == 0 {
            self.unpacking = unpacking(piece, self.limit);
        }
        self.came += piece.len() as u64;
        if self.came > self.limit {
            return Err(self.refuse(Excess::Sent));
        }
        let Some(unpacking) = &mut self.unpacking else { return Ok(()) };
        match unpacking.write_all(piece).and_then(|()| unpacking.flush()) {
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(self.refuse(Excess::Unpacked)),
            // Whoever reads it says better what is wrong with it.
            Err(_) => {
                self.unpacking = None;
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

impl Watch {
    fn refuse(&self, excess: Excess) -> NetError {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.insert(self.url.whole().as_str().to_owned(), excess);
        excess.error(self.url.to_string(), self.limit)
    }
}

/// What decompresses an answer that begins so.
fn unpacking(start: &[u8], limit: u64) -> Option<Box<dyn Write + Send + Sync>> {
    let count = Count { left: limit };
    if start.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
        let mut decoder = zstd::stream::write::Decoder::new(count).ok()?;
        decoder.window_log_max(ZSTD_WINDOW).ok()?;
        return Some(Box::new(decoder));
    }
    start.starts_with(b"BZh").then(|| Box::new(bzip2::write::BzDecoder::new(count)) as _)
}

/// Counts what is written, up to a limit.
struct Count {
    left: u64,
}

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! The end of a content whose size nobody has said: where a zip keeps its directory.

use bytes::{Bytes, BytesMut};
use imgbuild_secret::SecretUrl;
use reqwest::header::CONTENT_RANGE;
use reqwest::{Response, StatusCode};

use crate::client::{chunk, not_found, note};
use crate::retry::Retry;
use crate::{Client, Locations, NetError, file};

/// The last bytes of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// The bytes: as many as were asked for, or all that there are.
    pub bytes: Bytes,
    /// How many bytes the content has in all.
    pub total: u64,
}

impl Client {
    /// Reads the last `length` bytes of some content, and learns its size; nothing where the server knows no ranges, and
    /// the content is longer than that.
    ///
    /// # Errors
    ///
    /// When it cannot be had.
    pub async fn get_tail(&self, from: impl Into<Locations>, length: u64) -> Result<Option<Tail>, NetError> {
        let from = from.into();
        let mut retry = Retry::new(self.options.schedule);
        loop {
            let mut failure = None;
            for url in from.iter() {
                match self.try_get_tail(url, length).await {
                    Err(error) if error.tries_next_mirror() => note(&mut failure, error),
                    result => return result,
                }
            }
            retry.wait(failure.unwrap_or_else(|| not_found(from.first()))).await?;
        }
    }

    async fn try_get_tail(&self, url: &SecretUrl, length: u64) -> Result<Option<Tail>, NetError> {
        if url.whole().scheme() == "file" {
            let total = file::length(url).await?;
            let bytes = file::read(url, total.saturating_sub(length), length, false).await?;
            return Ok(Some(Tail { bytes, total }));
        }
        let mut response = match self.send(url, Some(format!("bytes=-{length}"))).await {
            // Some servers know ranges, but not those from the end.
            Err(NetError::Status {
                status:
                    StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::BAD_REQUEST | StatusCode::NOT_IMPLEMENTED,
                ..
            }) => return Ok(None),
            result => result?,
        };
        let partial = response.status() == StatusCode::PARTIAL_CONTENT;
        let total = if partial { total(&response) } else { response.content_length() };
        let Some(total) = total.filter(|total| partial || *total <= length) else { return Ok(None) };
        let wanted = total.min(length);
        let mut bytes = BytesMut::new();
        let mut pace = self.pace();
        while let Some(piece) = chunk(url, &mut response, &mut pace).await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 > wanted {
                return Ok(None);
            }
        }
        Ok((bytes.len() as u64 == wanted).then(|| Tail { bytes: bytes.freeze(), total }))
    }
}

/// The size of the whole, where the answer is its end: `bytes 200-999/1000` (RFC 9110, 14.4).
fn total(response: &Response) -> Option<u64> {
    let header = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = header.strip_prefix("bytes ")?.split_once('/')?;
    let total: u64 = total.parse().ok()?;
    let last: u64 = range.split_once('-')?.1.parse().ok()?;
    (last.checked_add(1) == Some(total)).then_some(total)
}

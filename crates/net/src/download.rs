//! Downloads: content that does not fit in memory, by its hash.

use std::io::Write;

use imgbuild_oci::{Digest, HashWriter};
use imgbuild_secret::SecretUrl;
use reqwest::StatusCode;
use tokio::io::AsyncReadExt;

use crate::client::{chunk, not_found, note, skipped};
use crate::retry::Retry;
use crate::{Client, Locations, NetError, file};

/// What is known of a content's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// It has exactly so many bytes.
    Exactly(u64),
    /// It has at most so many bytes.
    AtMost(u64),
}

/// What to download.
#[derive(Debug, Clone)]
pub struct Download {
    /// Where it is to be had.
    pub from: Locations,
    /// Its size.
    pub size: Size,
    /// Its hash.
    pub sha256: Digest,
}

type Progress<'a> = &'a (dyn Fn(u64) + Send + Sync);
type Sink<'a> = HashWriter<&'a mut (dyn Write + Send)>;

impl Client {
    /// Writes content into `sink`, tells `progress` how many bytes there are in all after each piece, and checks size and
    /// hash at the end. A download that breaks goes on where it stopped, if need be from another mirror.
    ///
    /// What the sink was given before an error must be thrown away. The sink is a local file: it may block for as long as
    /// such a one does.
    ///
    /// # Errors
    ///
    /// When the content cannot be had or kept, or is not what was expected.
    pub async fn download(
        &self,
        what: &Download,
        sink: &mut (dyn Write + Send),
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<u64, NetError> {
        let mut sink = HashWriter::new(sink);
        let mut retry = Retry::new(self.options.schedule);
        let url = 'done: loop {
            let mut failure = None;
            let before = sink.size();
            for url in what.from.iter() {
                match self.try_download(url, what.size, &mut sink, progress).await {
                    Err(error) if error.tries_next_mirror() => note(&mut failure, error),
                    Err(error) => return Err(error),
                    Ok(()) => break 'done url,
                }
            }
            // Who trickles makes progress too, and would do so for hours.
            if sink.size() > before && !matches!(failure, Some(NetError::Slow { .. })) {
                retry.progressed();
            }
            retry.wait(failure.unwrap_or_else(|| not_found(what.from.first()))).await?;
        };
        let (_, found, size) = sink.finish();
        if found != what.sha256 {
            let url = url.to_string();
            return Err(NetError::Hash { url, expected: what.sha256, found });
        }
        Ok(size)
    }

    /// Writes what the sink lacks.
    async fn try_download(
        &self,
        url: &SecretUrl,
        size: Size,
        sink: &mut Sink<'_>,
        progress: Progress<'_>,
    ) -> Result<(), NetError> {
        if url.whole().scheme() == "file" {
            return copy_file(url, size, sink, progress).await;
        }
        let start = sink.size();
        let range = (start > 0).then(|| format!("bytes={start}-"));
        let mut response = match self.send(url, range).await {
            // All of it came, and the connection broke behind it.
            Err(NetError::Status { status: StatusCode::RANGE_NOT_SATISFIABLE, .. }) if start > 0 => {
                return check_end(url, size, start);
            }
            result => result?,
        };
        let mut skip = skipped(url, &response, start)?;
        let stated = response.content_length().map(|length| length + start - skip);
        if let Some(stated) = stated {
            check_stated(url, size, stated)?;
        }
        let mut pace = self.pace();
        while let Some(mut piece) = chunk(url, &mut response, &mut pace).await? {
            let skipped = skip.min(piece.len() as u64);
            skip -= skipped;
            let piece = piece.split_off(skipped as usize);
            put(url, size, sink, &piece, progress)?;
        }
        match stated {
            None if matches!(size, Size::Exactly(size) if sink.size() < size) => {
                Err(NetError::Truncated { url: url.to_string(), found: sink.size() })
            }
            Some(stated) if sink.size() < stated => {
                Err(NetError::Truncated { url: url.to_string(), found: sink.size() })
            }
            _ => check_end(url, size, sink.size()),
        }
    }
}

async fn copy_file(
    url: &SecretUrl,
    size: Size,
    sink: &mut Sink<'_>,
    progress: Progress<'_>,
) -> Result<(), NetError> {
    let mut file = file::open(url).await?;
    let failed = |error| file::failed(url, error);
    let length = file.metadata().await.map_err(failed)?.len();
    check_stated(url, size, length)?;
    let start = std::io::SeekFrom::Start(sink.size());
    tokio::io::AsyncSeekExt::seek(&mut file, start).await.map_err(failed)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).await.map_err(failed)?;
        if read == 0 {
            return check_end(url, size, sink.size());
        }
        put(url, size, sink, &buffer[..read], progress)?;
    }
}

/// Gives the sink a piece, unless there would be too much.
fn put(
    url: &SecretUrl,
    size: Size,
    sink: &mut Sink<'_>,
    piece: &[u8],
    progress: Progress<'_>,
) -> Result<(), NetError> {
    check_stated_at_most(url, size, sink.size() + piece.len() as u64)?;
    sink.write_all(piece).map_err(|error| NetError::Sink { url: url.to_string(), error })?;
    progress(sink.size());
    Ok(())
}

/// Checks the size that the server states before anything comes.
fn check_stated(url: &SecretUrl, size: Size, stated: u64) -> Result<(), NetError> {
    check_stated_at_most(url, size, stated)?;
    check_end(url, size, stated)
}

fn check_stated_at_most(url: &SecretUrl, size: Size, found: u64) -> Result<(), NetError> {
    let shown = || url.to_string();
    match size {
        Size::Exactly(expected) if found > expected => Err(NetError::Size { url: shown(), expected, found }),
        Size::AtMost(limit) if found > limit => Err(NetError::TooLarge { url: shown(), limit }),
        _ => Ok(()),
    }
}

fn check_end(url: &SecretUrl, size: Size, found: u64) -> Result<(), NetError> {
    match size {
        Size::Exactly(expected) if found != expected => {
            Err(NetError::Size { url: url.to_string(), expected, found })
        }
        _ => Ok(()),
    }
}

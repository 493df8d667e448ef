//! Serving `file://`.

use std::io::{self, SeekFrom};
use std::path::PathBuf;

use bytes::Bytes;
use imgbuild_secret::SecretUrl;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::NetError;

/// Opens the file of a URL.
pub(crate) async fn open(url: &SecretUrl) -> Result<File, NetError> {
    let path: PathBuf = url.whole().to_file_path().map_err(|()| NetError::Scheme { url: url.to_string() })?;
    let metadata = tokio::fs::metadata(&path).await.map_err(|error| failed(url, error))?;
    // Opening a pipe would wait for its other end.
    if !metadata.is_file() {
        return Err(failed(url, io::Error::other("it is not a file")));
    }
    File::open(path).await.map_err(|error| failed(url, error))
}

pub(crate) fn failed(url: &SecretUrl, error: io::Error) -> NetError {
    let url = url.to_string();
    match error.kind() {
        io::ErrorKind::NotFound => NetError::NotFound { url },
        _ => NetError::File { url, error },
    }
}

/// How many bytes the file of a URL has.
pub(crate) async fn length(url: &SecretUrl) -> Result<u64, NetError> {
    let file = open(url).await?;
    Ok(file.metadata().await.map_err(|error| failed(url, error))?.len())
}

/// Reads at most `limit` bytes from `start` on; when it must be all that there is, more is an error.
pub(crate) async fn read(url: &SecretUrl, start: u64, limit: u64, all: bool) -> Result<Bytes, NetError> {
    let mut file = open(url).await?;
    let mut bytes = Vec::new();
    let read = async {
        file.seek(SeekFrom::Start(start)).await?;
        file.take(limit.saturating_add(u64::from(all))).read_to_end(&mut bytes).await
    };
    read.await.map_err(|error| failed(url, error))?;
    if bytes.len() as u64 > limit {
        return Err(NetError::TooLarge { url: url.to_string(), limit });
    }
    Ok(bytes.into())
}

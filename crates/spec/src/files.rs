//! Reading the files that a spec names, and nothing else.

use std::io::{self, Read as _};
use std::path::Path;

use crate::error::{Mistake, Problem};
use crate::source::{Source, source};

/// Far more bytes than any spec, environment file or explicit list has.
pub(crate) const LIMIT: usize = 4 << 20;

/// Where files come from: the disk, or a test's own table. It hands over no more than `limit` bytes.
pub(crate) type Read<'a> = dyn Fn(&Path, usize) -> io::Result<Vec<u8>> + 'a;

/// Reads from the disk.
pub(crate) fn from_disk(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a file of text that has no more than `limit` bytes.
pub(crate) fn text(path: &Path, limit: usize, read: &Read<'_>) -> Result<Source, Problem> {
    let file = path.display().to_string();
    let bytes = read(path, limit + 1).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        Problem::new(Mistake::Unreadable { file: file.clone(), reason })
    })?;
    if bytes.len() > limit {
        return Err(Problem::new(Mistake::TooLarge { file, limit }));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(source(&file, text)),
        Err(_) => Err(Problem::new(Mistake::NotText { file })),
    }
}

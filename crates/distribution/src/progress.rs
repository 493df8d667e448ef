//! How far blobs are on their way, for whoever draws it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use imgbuild_fetch::{Event, Reporter};
use imgbuild_oci::{BlobError, Blobs, Digest};

/// After how many bytes it is told again. Blobs that are smaller are there before anybody has read that they come.
const STEP: u64 = 1 << 20;

/// What is read, with somebody who is told how much it is.
pub(crate) struct Counted<R> {
    inner: R,
    /// How many bytes were read, those before the beginning included.
    bytes: u64,
    told: u64,
    tell: Box<dyn Fn(u64) + Send>,
}

impl<R: Read> Counted<R> {
    /// What is read from the byte `at` on.
    pub(crate) fn new(inner: R, at: u64, tell: impl Fn(u64) + Send + 'static) -> Self {
        Self { inner, bytes: at, told: at, tell: Box::new(tell) }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        if self.bytes - self.told >= STEP {
            (self.tell)(self.bytes);
            self.told = self.bytes;
        }
        Ok(read)
    }
}

/// Blobs that are sent while they are read.
pub(crate) struct Outgoing {
    /// Where they are.
    pub(crate) blobs: Arc<dyn Blobs>,
    /// Their sizes in bytes.
    pub(crate) sizes: BTreeMap<Digest, u64>,
    /// Who is told.
    pub(crate) reporter: Arc<dyn Reporter>,
}

impl Outgoing {
    fn counted(&self, digest: &Digest, at: u64, blob: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let Some(size) = self.sizes.get(digest).copied() else { return blob };
        let (digest, reporter) = (digest.to_string(), Arc::clone(&self.reporter));
        let tell = move |bytes| reporter.event(Event::BlobProgressed { digest: digest.clone(), bytes, size });
        Box::new(Counted::new(blob, at, tell))
    }
}

impl Blobs for Outgoing {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        Ok(self.counted(digest, 0, self.blobs.open(digest)?))
    }

    fn open_at(&self, digest: &Digest, at: u64) -> Result<Box<dyn Read + Send>, BlobError> {
        Ok(self.counted(digest, at, self.blobs.open_at(digest, at)?))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn it_is_told_in_steps_from_where_it_begins() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let content = vec![0; 5 << 19];
        let mut counted =
            Counted::new(content.as_slice(), 100, move |bytes| heard.lock().unwrap().push(bytes));
        assert_eq!(io::copy(&mut counted, &mut io::sink()).unwrap(), 5 << 19);
        let told = told.lock().unwrap().clone();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.iter().all(|it| *it <= 100 + (5 << 19)) && told.is_sorted());
    }
}

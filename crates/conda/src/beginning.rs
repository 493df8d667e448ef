//! The beginning of a `.tar.bz2`, which holds metadata and files in one tar: what was unpacked to find the metadata is kept until the
//! files are read, since nothing unpacks as slowly as bzip2.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bzip2::read::MultiBzDecoder;

use crate::limits::MOST_KEPT;

type Decoder = MultiBzDecoder<BufReader<File>>;

/// A tar that is unpacked as it is read, and of which what was read is kept, as long as that is little.
#[derive(Clone)]
pub(crate) struct Beginning(Arc<Mutex<Unpacked>>);

struct Unpacked {
    kept: Vec<u8>,
    /// Nothing once more was read than is kept.
    rest: Option<Decoder>,
    /// What reads on where nothing is kept.
    unkept: Option<Decoder>,
}

impl Beginning {
    pub(crate) fn new(decoder: Decoder) -> Self {
        Self(Arc::new(Mutex::new(Unpacked { kept: Vec::new(), rest: Some(decoder), unkept: None })))
    }

    /// The whole tar from its start; nothing where more of it was read than is kept.
    pub(crate) fn whole(&self) -> Option<impl Read + Send + use<>> {
        let mut unpacked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = unpacked.rest.take()?;
        Some(Cursor::new(std::mem::take(&mut unpacked.kept)).chain(rest))
    }
}

impl Read for Beginning {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut unpacked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Unpacked { kept, rest, unkept } = &mut *unpacked;
        if let Some(decoder) = rest {
            let read = decoder.read(buffer)?;
            if kept.len() + read <= MOST_KEPT {
                kept.extend_from_slice(&buffer[..read]);
            } else {
                *kept = Vec::new();
                *unkept = rest.take();
            }
            return Ok(read);
        }
        unkept.as_mut().map_or(Ok(0), |decoder| decoder.read(buffer))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn beginning(bytes: &[u8]) -> Beginning {
        let mut file = tempfile::tempfile().unwrap();
        let mut encoder = bzip2::write::BzEncoder::new(&mut file, bzip2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap();
        io::Seek::rewind(&mut file).unwrap();
        Beginning::new(MultiBzDecoder::new(BufReader::new(file)))
    }

    #[test]
    fn what_was_read_is_there_again() {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
        for read in [0, 1, 512, 2_000_000, 3_000_000] {
            let mut started = beginning(&bytes);
            let mut first = vec![0; read];
            started.read_exact(&mut first).unwrap();
            assert_eq!(first, bytes[..read]);
            let mut whole = Vec::new();
            started.whole().unwrap().read_to_end(&mut whole).unwrap();
            assert!(whole == bytes, "after {read} bytes");
        }
    }

    #[test]
    fn of_what_is_long_nothing_is_kept() {
        let bytes = vec![7; MOST_KEPT + (1 << 20)];
        let mut started = beginning(&bytes);
        let mut all = Vec::new();
        started.read_to_end(&mut all).unwrap();
        assert!(all == bytes);
        assert!(started.whole().is_none());
    }
}

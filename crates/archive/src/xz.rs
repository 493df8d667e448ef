//! What xz packed.

use std::io::{self, BufRead, Read};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream, TELL_UNSUPPORTED_CHECK};

/// Reads what xz packed (tukaani.org, `xz-file-format.txt`): all streams that follow each other, up to the end, with their checks.
/// A stream that needs more than `memory` bytes of it is refused.
///
/// # Errors
///
/// When there is no memory for the decoder. What is damaged, cut off, or needs too much is an error of reading.
pub fn xz<R: BufRead>(packed: R, memory: u64) -> io::Result<impl Read + use<R>> {
    let stream = Stream::new_stream_decoder(memory, CONCATENATED | TELL_UNSUPPORTED_CHECK)?;
    Ok(XzDecoder::new_stream(packed, stream))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use lzma_rust2::{XzOptions, XzWriter};
    use proptest::prelude::*;

    use super::*;

    /// Packed by another implementation.
    fn packed(bytes: &[u8], preset: u32) -> Vec<u8> {
        let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(preset)).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn read(packed: &[u8], memory: u64) -> Result<Vec<u8>, String> {
        let mut unpacked = Vec::new();
        let read = xz(packed, memory).and_then(|mut reader| reader.read_to_end(&mut unpacked));
        read.map(|_| unpacked).map_err(|error| error.to_string())
    }

    const ENOUGH: u64 = 128 << 20;

    #[test]
    fn streams_follow_each_other_and_nothing_else_does() {
        let (one, other) = (packed(b"one ", 6), packed(b"other", 0));
        let all = [one.as_slice(), &other].concat();
        assert_eq!(read(&all, ENOUGH).unwrap(), b"one other");
        assert_eq!(read(&[&one, [0; 8].as_slice(), &other].concat(), ENOUGH).unwrap(), b"one other");
        assert_eq!(
            read(&[&all, b"more than xz packed".as_slice()].concat(), ENOUGH).unwrap_err(),
            "lzma data error"
        );
        assert_eq!(read(b"", ENOUGH).unwrap_err(), "premature eof");
    }

    #[test]
    fn what_needs_too_much_memory_is_refused() {
        let large = packed(b"text", 9);
        assert_eq!(read(&large, 8 << 20).unwrap_err(), "memory limit reached");
        assert_eq!(read(&large, ENOUGH).unwrap(), b"text");
    }

    proptest! {
        #[test]
        fn what_is_cut_off_or_changed_is_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 1..2000),
            at in any::<proptest::sample::Index>(),
            change in 1u8..=255,
        ) {
            let whole = packed(&bytes, 3);
            prop_assert_eq!(read(&whole, ENOUGH).unwrap(), bytes);
            let at = at.index(whole.len());
            prop_assert!(read(&whole[..at], ENOUGH).is_err());
            let mut changed = whole;
            changed[at] ^= change;
            prop_assert!(read(&changed, ENOUGH).is_err());
        }
    }
}

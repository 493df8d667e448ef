//! Reading a layer whatever its compression.

use std::io::{self, BufReader, Read};

use crate::MediaType;

/// A layer may unpack to this many times its size, and [`ALWAYS`] beside; more is a bomb. Gzip's own limit is 1032 times.
const RATIO: u64 = 1032;
const ALWAYS: u64 = 64 << 20;

/// The most bytes that a layer of `size` bytes may unpack to: who reads one that somebody else made stops there.
pub const fn unpacked_limit(size: u64) -> u64 {
    size.saturating_mul(RATIO).saturating_add(ALWAYS)
}

/// The uncompressed tar of a layer with this media type. Nothing is checked: whoever must know that the bytes are the
/// right ones wraps the result into a [`crate::HashReader`] and compares the diffID.
///
/// # Errors
///
/// When the media type is not a layer's, or the decompressor cannot be made.
pub fn uncompressed<'a>(
    media_type: MediaType,
    reader: impl Read + Send + 'a,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    match media_type {
        MediaType::Layer | MediaType::DockerLayer => Ok(Box::new(reader)),
        MediaType::LayerGzip | MediaType::DockerLayerGzip => {
            Ok(Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(1 << 17, reader))))
        }
        MediaType::LayerZstd => Ok(Box::new(zstd::Decoder::new(reader)?)),
        other => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{other}` is not the media type of a layer"),
        )),
    }
}

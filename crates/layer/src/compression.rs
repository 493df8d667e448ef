//! The codecs of layers.
//!
//! A codec's output must be the same on every machine and with any number of threads, and must not depend on the
//! sizes of the writes that reach it. The traps are in `docs/reproducibility.md`; the golden digests in this file's
//! tests hold what was chosen.

use std::io::{self, Write};
use std::num::NonZero;

use imgbuild_oci::MediaType;
use serde::{Deserialize, Serialize};

use crate::zstd_encoder::ZstdEncoder;

/// How layers are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// Zstandard, level 3.
    #[default]
    Zstd,
    /// Gzip, level 6, for engines that do not know zstd.
    Gzip,
    /// No compression.
    None,
}

/// The version of libzstd whose output the golden digests hold.
const ZSTD_VERSION: u32 = 10507;
const ZSTD_LEVEL: i32 = 3;
const GZIP_LEVEL: i32 = 6;
/// Each gzip member holds this much of the tar. libdeflate compresses whole buffers only, and members can be compressed
/// side by side; RFC 1952 (2.2) makes a file of several members one file.
const GZIP_MEMBER: usize = 1 << 20;

/// A compressor that was linked is not the one whose output is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this program is linked with libzstd {found}, and its layers are defined by libzstd {wanted}")]
pub struct WrongLibrary {
    found: u32,
    wanted: u32,
}

/// Checks at the start of the program that the compressors are those that the golden digests hold.
///
/// # Errors
///
/// When another libzstd was linked.
pub fn check_libraries() -> Result<(), WrongLibrary> {
    let found = zstd::zstd_safe::version_number();
    if found == ZSTD_VERSION { Ok(()) } else { Err(WrongLibrary { found, wanted: ZSTD_VERSION }) }
}

impl Codec {
    /// Every codec.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Gzip, Self::None];

    /// The media type of a layer with this compression.
    pub const fn media_type(self) -> MediaType {
        match self {
            Self::Zstd => MediaType::LayerZstd,
            Self::Gzip => MediaType::LayerGzip,
            Self::None => MediaType::Layer,
        }
    }

    /// The codec's name and parameters, for keys.
    pub const fn recipe(self) -> &'static str {
        match self {
            Self::Zstd => "zstd 1.5.7 level 3 multithreaded",
            Self::Gzip => "libdeflate level 6 members of 1 MiB",
            Self::None => "none",
        }
    }

    pub(crate) fn encoder<W: Write>(self, inner: W, threads: NonZero<u32>) -> io::Result<Encoder<W>> {
        Ok(match self {
            Self::Zstd => Encoder::Zstd(ZstdEncoder::new(inner, ZSTD_LEVEL, threads)?),
            Self::Gzip => Encoder::Gzip(GzipEncoder::new(inner, threads)),
            Self::None => Encoder::None(inner),
        })
    }
}

pub(crate) enum Encoder<W: Write> {
    Zstd(ZstdEncoder<W>),
    Gzip(GzipEncoder<W>),
    None(W),
}

impl<W: Write> Encoder<W> {
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Zstd(encoder) => encoder.finish(),
            Self::Gzip(encoder) => encoder.finish(),
            Self::None(inner) => Ok(inner),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Zstd(encoder) => encoder.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::None(inner) => inner.write(bytes),
        }
    }

    /// Does nothing: a flush would end a block early and change the bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gzip members of a fixed size, compressed on several threads, written in order.
pub(crate) struct GzipEncoder<W> {
    inner: W,
    threads: usize,
    pending: Vec<u8>,
}

impl<W: Write> GzipEncoder<W> {
    fn new(inner: W, threads: NonZero<u32>) -> Self {
        let threads = threads.get() as usize;
        Self { inner, threads, pending: Vec::with_capacity(threads * GZIP_MEMBER) }
    }

    fn write_pending(&mut self) -> io::Result<()> {
        let members: Vec<io::Result<Vec<u8>>> = std::thread::scope(|scope| {
            let chunks = self.pending.chunks(GZIP_MEMBER);
            let spawn = |chunk| {
                let thread = std::thread::Builder::new().name("compress".to_owned());
                thread.spawn_scoped(scope, move || gzip_member(chunk)).map_err(|_| chunk)
            };
            let running: Vec<_> = chunks.map(spawn).collect();
            let died = |_| Err(io::Error::other("a compressing thread died"));
            let member = |running: Result<std::thread::ScopedJoinHandle<'_, _>, &[u8]>| match running {
                Ok(thread) => thread.join().unwrap_or_else(died),
                // Where there can be no further thread, this one does it.
                Err(chunk) => gzip_member(chunk),
            };
            running.into_iter().map(member).collect()
        });
        for member in members {
            self.inner.write_all(&member?)?;
        }
        self.pending.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<W> {
        self.write_pending()?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for GzipEncoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.threads * GZIP_MEMBER - self.pending.len();
        let taken = room.min(bytes.len());
        self.pending.extend_from_slice(&bytes[..taken]);
        if taken == room {
            self.write_pending()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gzip_member(chunk: &[u8]) -> io::Result<Vec<u8>> {
    let level = libdeflater::CompressionLvl::new(GZIP_LEVEL)
        .map_err(|_| io::Error::other("libdeflate does not know level 6"))?;
    let mut compressor = libdeflater::Compressor::new(level);
    let mut member = vec![0; compressor.gzip_compress_bound(chunk.len())];
    let size = compressor.gzip_compress(chunk, &mut member).map_err(io::Error::other)?;
    member.truncate(size);
    Ok(member)
}

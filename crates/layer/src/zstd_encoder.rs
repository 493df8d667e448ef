//! Zstandard by contexts that are kept: one takes tens of megabytes, which are asked of the system once and not for each layer.

use std::io::{self, Write};
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};

use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd::zstd_safe::{CCtx, CParameter, ErrorCode, InBuffer, OutBuffer, ResetDirective, get_error_name};

/// The most workers of one layer: each takes some 24 MB, and more of them than this wait for what they compress.
const MOST_WORKERS: u32 = 4;

/// The contexts that no layer uses, and how many workers each has. There are never more than layers were made at once.
static CONTEXTS: Mutex<Vec<(u32, CCtx<'static>)>> = Mutex::new(Vec::new());

/// What compresses one layer. Its output depends on neither the workers, nor the sizes of what is written, nor on what its context
/// compressed before.
pub(crate) struct ZstdEncoder<W> {
    inner: W,
    context: CCtx<'static>,
    workers: u32,
    buffer: Vec<u8>,
}

impl<W: Write> ZstdEncoder<W> {
    pub(crate) fn new(inner: W, level: i32, threads: NonZero<u32>) -> io::Result<Self> {
        // Nought workers give other bytes than one; one and many give the same.
        let workers = threads.get().min(MOST_WORKERS);
        let kept = {
            let mut contexts = CONTEXTS.lock().unwrap_or_else(PoisonError::into_inner);
            let fitting = contexts.iter().position(|(of_context, _)| *of_context == workers);
            fitting.map(|index| contexts.swap_remove(index).1)
        };
        let context = match kept {
            Some(context) => context,
            None => {
                let mut context = CCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
                for parameter in [CParameter::CompressionLevel(level), CParameter::NbWorkers(workers)] {
                    context.set_parameter(parameter).map_err(failed)?;
                }
                context
            }
        };
        let buffer = Vec::with_capacity(CCtx::out_size());
        Ok(Self { inner, context, workers, buffer })
    }

    /// Passes on what is compressed. Says how much of the input was taken, and how much is still to come where it was the last.
    fn step(&mut self, bytes: &[u8], directive: ZSTD_EndDirective) -> io::Result<(usize, usize)> {
        let mut input = InBuffer::around(bytes);
        self.buffer.clear();
        let mut output = OutBuffer::around(&mut self.buffer);
        let left = self.context.compress_stream2(&mut output, &mut input, directive).map_err(failed)?;
        let taken = input.pos();
        self.inner.write_all(&self.buffer)?;
        Ok((taken, left))
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        while self.step(&[], ZSTD_EndDirective::ZSTD_e_end)?.1 > 0 {}
        let Self { inner, mut context, workers, .. } = self;
        context.reset(ResetDirective::SessionOnly).map_err(failed)?;
        // A context whose layer failed is not kept.
        CONTEXTS.lock().unwrap_or_else(PoisonError::into_inner).push((workers, context));
        Ok(inner)
    }
}

impl<W: Write> Write for ZstdEncoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let (taken, _) = self.step(bytes, ZSTD_EndDirective::ZSTD_e_continue)?;
            if taken > 0 || bytes.is_empty() {
                return Ok(taken);
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failed(code: ErrorCode) -> io::Error {
    io::Error::other(get_error_name(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text that is like nothing before it for as long as `seed` differs, and long enough for several jobs.
    fn text(seed: u64, size: usize) -> Vec<u8> {
        let mut state = seed;
        let byte = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Few different bytes, so that there is something to find.
            b"abcdefgh"[(state >> 61) as usize]
        };
        (0..size).map(byte).collect()
    }

    fn compressed(bytes: &[u8], workers: u32, piece: usize) -> Vec<u8> {
        let mut encoder = ZstdEncoder::new(Vec::new(), 3, NonZero::new(workers).unwrap()).unwrap();
        bytes.chunks(piece).for_each(|piece| encoder.write_all(piece).unwrap());
        encoder.finish().unwrap()
    }

    #[test]
    fn a_context_that_was_used_makes_the_same_bytes_as_a_new_one() {
        let texts: Vec<_> = [(1, 20_000_000), (2, 10), (3, 0), (4, 9_000_000), (1, 20_000_000)]
            .map(|(seed, size)| text(seed, size))
            .into();
        let anew: Vec<Vec<u8>> = texts
            .iter()
            .map(|text| {
                let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
                encoder.multithread(1).unwrap();
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            })
            .collect();
        for workers in [1, 2, 4, 9] {
            for (text, anew) in texts.iter().zip(&anew) {
                assert!(compressed(text, workers, 100_000) == *anew, "{workers} workers");
            }
        }
        // What is given up in the middle leaves nothing behind.
        let mut encoder = ZstdEncoder::new(Vec::new(), 3, NonZero::<u32>::MIN).unwrap();
        encoder.write_all(&texts[0]).unwrap();
        drop(encoder);
        assert!(compressed(&texts[3], 1, 7_777) == anew[3]);
    }
}

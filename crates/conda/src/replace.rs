//! Replacing the placeholder of the prefix in a file.
//!
//! What is replaced, and how, is rattler's: `install::link::copy_and_replace_placeholders`. It needs the whole file at
//! once, so a large one goes through an unlinked temporary file and is mapped: memory stays bounded.

use std::fs::File;
use std::io::{self, BufWriter, Cursor, Read, Seek, Write};

use imgbuild_oci::{Digest, HashWriter};
use rattler::install::link::{
    OffsetReplaceError, copy_and_replace_placeholders, copy_and_replace_placeholders_with_offsets,
};
use rattler_conda_types::Subdir;
use rattler_conda_types::package::PrefixPlaceholder;

use crate::limits::MOST_GROWTH;

/// Files from this size on are not held in memory.
const IN_MEMORY: u64 = 16 << 20;

/// A file in which the prefix stands.
pub(crate) struct PrefixFile {
    /// Its size in bytes.
    pub size: u64,
    /// Its hash: what `sha256_in_prefix` of `conda-meta` says.
    pub sha256: Digest,
    bytes: Bytes,
}

enum Bytes {
    Memory(Cursor<Vec<u8>>),
    File(File),
}

impl Read for PrefixFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.bytes {
            Bytes::Memory(bytes) => bytes.read(buffer),
            Bytes::File(file) => file.read(buffer),
        }
    }
}

/// Replaces the placeholder in a file of `size` bytes. What comes of it may have no more than `most`.
///
/// # Errors
///
/// When the file cannot be read, the prefix is longer than the placeholder in a binary, or the file grows too large.
pub(crate) fn replace(
    mut body: impl Read,
    size: u64,
    most: u64,
    placeholder: &PrefixPlaceholder,
    prefix: &str,
    subdir: Subdir,
) -> io::Result<PrefixFile> {
    if size <= IN_MEMORY {
        let mut source = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        body.read_to_end(&mut source)?;
        let mut out = HashWriter::new(Vec::with_capacity(source.len()));
        copy(&source, &mut LimitWriter { inner: &mut out, left: most }, placeholder, prefix, subdir)?;
        let (bytes, sha256, size) = out.finish();
        return Ok(PrefixFile { size, sha256, bytes: Bytes::Memory(Cursor::new(bytes)) });
    }
    let mut source = tempfile::tempfile()?;
    io::copy(&mut body, &mut source)?;
    let source = map(&source)?;
    let mut out = HashWriter::new(BufWriter::new(tempfile::tempfile()?));
    copy(&source, &mut LimitWriter { inner: &mut out, left: most }, placeholder, prefix, subdir)?;
    let (file, sha256, size) = out.finish();
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(PrefixFile { size, sha256, bytes: Bytes::File(file) })
}

/// A writer that fails once more than allowed is written.
struct LimitWriter<W> {
    inner: W,
    left: u64,
}

impl<W: Write> Write for LimitWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.left = self.left.checked_sub(written as u64).ok_or_else(|| {
            let most = MOST_GROWTH >> 20;
            io::Error::other(format!("the files of the package grow by more than {most} MiB"))
        })?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[allow(unsafe_code)]
fn map(file: &File) -> io::Result<memmap2::Mmap> {
    // SAFETY: the file was made by `tempfile`, has no name, and is held by nobody else: it cannot change or shrink
    // while it is mapped.
    unsafe { memmap2::Mmap::map(file) }
}

/// As rattler's installer does it: by the recorded offsets where these fit the file, else by searching.
fn copy(
    source: &[u8],
    out: &mut impl Write,
    placeholder: &PrefixPlaceholder,
    prefix: &str,
    subdir: Subdir,
) -> io::Result<()> {
    let mode = placeholder.file_mode;
    let text = &placeholder.placeholder;
    if let Some(Ok(offsets)) = &placeholder.experimental_offsets {
        match copy_and_replace_placeholders_with_offsets(
            source, &mut *out, text, prefix, &subdir, mode, offsets,
        ) {
            Ok(()) => return Ok(()),
            Err(OffsetReplaceError::Io(error)) => return Err(error),
            // Nothing was written in this case.
            Err(OffsetReplaceError::InconsistentMetadata(_)) => {}
        }
    }
    copy_and_replace_placeholders(source, out, text, prefix, &subdir, mode)
}

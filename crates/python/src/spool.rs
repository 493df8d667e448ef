//! Bytecode between its making and its place at a layer's end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use layer::{EntryHead, EntryKind, EntrySink, ImagePath, Owner, SinkError, TarWriter};
use oci::Digest;
use store::Store;

use crate::bytecode::{BytecodeError, put};

/// What was compiled, in a temporary file, in the order in which it came.
#[derive(Default)]
pub(crate) struct Spool {
    file: Option<File>,
    end: u64,
    files: BTreeMap<ImagePath, Spooled>,
}

struct Spooled {
    offset: u64,
    size: u64,
    owner: Owner,
    mtime: i64,
}

impl Spool {
    pub(crate) fn add(&mut self, path: ImagePath, owner: Owner, mtime: i64, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(bytes)?;
        let size = bytes.len() as u64;
        self.files.insert(path, Spooled { offset: self.end, size, owner, mtime });
        self.end += size;
        Ok(())
    }

    fn each(
        &mut self,
        mut visit: impl FnMut(&ImagePath, &Spooled, &mut dyn Read) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        for (path, spooled) in &self.files {
            file.seek(SeekFrom::Start(spooled.offset))
                .map_err(|error| SinkError::Read { path: path.clone(), error })?;
            let mut body = Read::take(&mut *file, spooled.size);
            visit(path, spooled, &mut body)?;
        }
        Ok(())
    }

    pub(crate) fn put_all(&mut self, sink: &mut dyn EntrySink) -> Result<(), SinkError> {
        self.each(|path, spooled, body| {
            put(sink, path.clone(), spooled.size, spooled.owner, spooled.mtime, body)
        })
    }

    /// Whether the bytecode at this path is among it.
    pub(crate) fn holds(&self, path: &ImagePath) -> bool {
        self.files.contains_key(path)
    }

    /// Keeps everything in the store, as a tar.
    pub(crate) fn keep(
        &mut self,
        store: &Store,
        key: &Digest,
        dropped: &BTreeSet<ImagePath>,
    ) -> Result<(), BytecodeError> {
        let head = |path: &ImagePath, size, owner, mtime| EntryHead {
            path: path.clone(),
            kind: EntryKind::File { size },
            mode: 0o644,
            owner,
            mtime,
        };
        let write = |error: SinkError| BytecodeError::Spool(io::Error::other(error));
        let mut tar = TarWriter::new(io::BufWriter::new(store.bytecode_writer(key)?));
        for path in dropped {
            tar.append(&head(path, 0, Owner::ROOT, 0), &mut io::empty()).map_err(write)?;
        }
        self.each(|path, spooled, body| {
            tar.append(&head(path, spooled.size, spooled.owner, spooled.mtime), body)
        })
        .map_err(write)?;
        let writer = tar.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        writer.commit()?;
        Ok(())
    }
}

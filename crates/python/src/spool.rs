//! Bytecode between its making and its place at a layer's end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, SinkError, TarWriter};
use imgbuild_oci::Digest;
use imgbuild_store::Store;

use crate::bytecode_error::BytecodeError;

/// What was compiled, in a temporary file, in the order in which it came.
#[derive(Default)]
pub(crate) struct Spool {
    file: Option<File>,
    end: u64,
    /// The heads, and where the bodies begin.
    files: BTreeMap<ImagePath, (EntryHead, u64)>,
}

impl Spool {
    pub(crate) fn add(&mut self, head: EntryHead, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(bytes)?;
        self.files.insert(head.path.clone(), (head, self.end));
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn each(
        &mut self,
        mut visit: impl FnMut(&EntryHead, &mut dyn Read) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        for (path, (head, offset)) in &self.files {
            file.seek(SeekFrom::Start(*offset))
                .map_err(|error| SinkError::Read { path: path.clone(), error })?;
            visit(head, &mut Read::take(&mut *file, head.size()))?;
        }
        Ok(())
    }

    pub(crate) fn put_all(&mut self, sink: &mut dyn EntrySink) -> Result<(), SinkError> {
        self.each(|head, body| sink.put(head, body))
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
        let write = |error: SinkError| BytecodeError::Spool(io::Error::other(error));
        let mut tar = TarWriter::new(io::BufWriter::new(store.bytecode_writer(key)?));
        for path in dropped {
            let (path, kind) = (path.clone(), EntryKind::File { size: 0 });
            let head = EntryHead { path, kind, mode: 0o644, owner: Owner::ROOT, mtime: 0 };
            tar.append(&head, &mut io::empty()).map_err(write)?;
        }
        self.each(|head, body| tar.append(head, body)).map_err(write)?;
        let writer = tar.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        writer.commit()?;
        Ok(())
    }
}

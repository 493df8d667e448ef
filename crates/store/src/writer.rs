//! Writing into the store: below `tmp/` first, renamed when whole.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgbuild_diagnostic::io_error;
use imgbuild_folder::FileState;
use imgbuild_oci::{Descriptor, Digest, HashWriter};
use tempfile::{NamedTempFile, TempDir};

use crate::disk::Counted;
use crate::lease::prefix;
use crate::record::BytecodeRecord;
use crate::{Kind, Store, StoreError};

/// A file below `tmp/`, locked as long as its writer lives, removed when dropped. Its failures to write say which disk
/// is full.
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    store: Store,
    file: NamedTempFile,
    counted: Counted,
}

impl TemporaryFile {
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Gives the finished file its name, in place of what has it.
    pub(crate) fn rename(self, path: &Path) -> Result<File, StoreError> {
        let Self { store, file, counted } = self;
        let file = file.persist(path).map_err(|error| store.error(path, "written", error.error))?;
        counted.keep();
        Ok(file)
    }
}

impl Write for TemporaryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.as_file_mut().write(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io_error(kind, self.store.error(self.file.path(), "written", error)),
        })?;
        self.counted.add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(()) // Nothing is buffered.
    }
}

impl Store {
    pub(crate) fn temporary_file(&self) -> Result<TemporaryFile, StoreError> {
        let folder = self.root().join("tmp");
        let _gate = self.shared()?;
        // Nobody else comes into the store; what is linked from there into a folder of the user's is as if it were made there.
        let mode = Permissions::from_mode(0o666);
        let file = tempfile::Builder::new().prefix(&prefix()).permissions(mode).tempfile_in(&folder);
        let file = file.and_then(|file| file.as_file().lock().map(|()| file));
        let file = file.map_err(|error| self.error(&folder, "written", error))?;
        Ok(TemporaryFile { store: self.clone(), file, counted: Counted::new(Arc::clone(self.disk())) })
    }

    /// A file on the disk of the store that nobody else sees, and that is gone when it is closed.
    ///
    /// # Errors
    ///
    /// When nothing can be written.
    pub fn unnamed_file(&self) -> Result<File, StoreError> {
        let folder = self.root().join("tmp");
        tempfile::tempfile_in(&folder).map_err(|error| self.error(&folder, "written", error))
    }

    /// Gives a finished file its name. What has that name already is replaced: it is the same, or damaged.
    pub(crate) fn place(
        &self,
        temporary: TemporaryFile,
        kind: Kind,
        key: &Digest,
    ) -> Result<PathBuf, StoreError> {
        let path = self.folder(kind).join(key.hex());
        let file = {
            let _gate = self.shared()?;
            self.keep(kind, &key.hex())?;
            temporary.rename(&path)?
        };
        // What has a hash for a name was hashed while it was written.
        let metadata = file.metadata().map_err(|error| self.error(&path, "read", error))?;
        if let Some(state) = FileState::of(&metadata) {
            self.seal(kind, &key.hex(), state)?;
        }
        Ok(path)
    }

    /// Starts an archive.
    ///
    /// # Errors
    ///
    /// When nothing can be written.
    pub fn archive_writer(&self) -> Result<ArchiveWriter, StoreError> {
        Ok(ArchiveWriter(HashWriter::new(self.temporary_file()?)))
    }

    /// Starts a blob.
    ///
    /// # Errors
    ///
    /// When nothing can be written.
    pub fn blob_writer(&self) -> Result<BlobWriter, StoreError> {
        Ok(BlobWriter { file: self.temporary_file()?, size: 0 })
    }

    /// Starts the bytecode of a key.
    ///
    /// # Errors
    ///
    /// When nothing can be written.
    pub fn bytecode_writer(&self, key: &Digest) -> Result<BytecodeWriter, StoreError> {
        Ok(BytecodeWriter { key: *key, file: HashWriter::new(self.temporary_file()?) })
    }

    /// The folder of a tool: the one that is there, or one that `fill` fills now, in one process.
    ///
    /// # Errors
    ///
    /// That of `fill`, and when it cannot be kept.
    pub fn filled_tool<E: From<StoreError>>(
        &self,
        key: &Digest,
        fill: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        if let Some(path) = self.tool(key)? {
            return Ok(path);
        }
        let _exclusive = self.exclusive(Kind::Tool, key)?;
        if let Some(path) = self.tool(key)? {
            return Ok(path);
        }
        let writer = self.tool_writer(key)?;
        fill(writer.path())?;
        Ok(writer.commit()?)
    }

    /// Starts the tool of a key: an empty folder, on the disk of the store.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn tool_writer(&self, key: &Digest) -> Result<ToolWriter, StoreError> {
        let parent = self.root().join("tmp");
        let _gate = self.shared()?;
        let folder = tempfile::Builder::new().prefix(&prefix()).tempdir_in(&parent);
        let locked = folder.and_then(|folder| {
            let lock = File::open(folder.path())?;
            lock.lock()?;
            Ok((folder, lock))
        });
        let (folder, lock) = locked.map_err(|error| self.error(&parent, "written", error))?;
        Ok(ToolWriter { store: self.clone(), key: *key, folder, _lock: lock })
    }
}

/// An archive that is being written. Dropping it removes it.
#[derive(Debug)]
pub struct ArchiveWriter(HashWriter<TemporaryFile>);

impl ArchiveWriter {
    /// Keeps the archive, and says where.
    ///
    /// # Errors
    ///
    /// When its sha256 is not the expected one, or the store cannot be written; then nothing is kept.
    pub fn commit(self, expected: &Digest) -> Result<PathBuf, StoreError> {
        let (file, found, _) = self.0.finish();
        if found != *expected {
            return Err(StoreError::Digest { wanted: *expected, found });
        }
        let store = file.store.clone();
        store.place(file, Kind::Archive, expected)
    }
}

impl Write for ArchiveWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A blob that is being written. Dropping it removes it.
///
/// It does not hash what it is given: who makes a layer has computed its digest already.
#[derive(Debug)]
pub struct BlobWriter {
    file: TemporaryFile,
    size: u64,
}

impl BlobWriter {
    /// Keeps the blob, and says where.
    ///
    /// # Errors
    ///
    /// When its size is not the descriptor's, or the store cannot be written; then nothing is kept.
    pub fn commit(self, descriptor: &Descriptor) -> Result<PathBuf, StoreError> {
        let Descriptor { digest, size, .. } = *descriptor;
        if self.size != size {
            return Err(StoreError::Size { digest, wanted: size, found: self.size });
        }
        let store = self.file.store.clone();
        store.place(self.file, Kind::Blob, &digest)
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Bytecode that is being written. Dropping it removes it.
#[derive(Debug)]
pub struct BytecodeWriter {
    key: Digest,
    file: HashWriter<TemporaryFile>,
}

impl BytecodeWriter {
    /// Keeps the bytecode, and says where.
    ///
    /// # Errors
    ///
    /// When the store cannot be written; then nothing is kept.
    pub fn commit(self) -> Result<PathBuf, StoreError> {
        let (file, digest, size) = self.file.finish();
        let store = file.store.clone();
        let path = store.place(file, Kind::Blob, &digest)?;
        store.put_record(Kind::Bytecode, &self.key, &BytecodeRecord { digest, size })?;
        Ok(path)
    }
}

impl Write for BytecodeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A tool whose folder is being filled. Dropping it removes it.
#[derive(Debug)]
pub struct ToolWriter {
    store: Store,
    key: Digest,
    folder: TempDir,
    _lock: File,
}

impl ToolWriter {
    /// The folder to fill.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps the tool, and says where. Where another process was faster, its folder stays and this one is removed.
    ///
    /// # Errors
    ///
    /// When the store cannot be written; then nothing is kept.
    pub fn commit(self) -> Result<PathBuf, StoreError> {
        let path = self.store.folder(Kind::Tool).join(self.key.hex());
        let _gate = self.store.shared()?;
        self.store.keep(Kind::Tool, &self.key.hex())?;
        match fs::rename(self.folder.path(), &path) {
            Ok(()) => {
                // What would be removed when dropped has another name now.
                let _renamed = self.folder.keep();
                Ok(path)
            }
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(path),
            Err(error) => Err(self.store.error(&path, "written", error)),
        }
    }
}

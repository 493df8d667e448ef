//! Entries into a folder of the build machine: how an interpreter becomes a tool.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use imgbuild_archive::ImagePath;
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, SinkError, WriteOptions};

/// Writes entries below a folder, as whoever runs this program. Nothing lands outside: a path that leads through a
/// symbolic link is refused.
#[derive(Debug)]
pub struct FolderSink<'a> {
    root: &'a Path,
}

impl<'a> FolderSink<'a> {
    /// Writes below `root`, which must exist.
    pub fn new(root: &'a Path) -> Self {
        Self { root }
    }

    fn place(&self, path: &ImagePath) -> Result<PathBuf, SinkError> {
        for ancestor in path.ancestors() {
            let folder = self.root.join(ancestor.as_str());
            match fs::symlink_metadata(&folder) {
                Ok(found) if found.is_dir() => {}
                Ok(_) => return Err(SinkError::BelowNonDirectory { path: path.clone(), below: ancestor }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    create_folder(&folder).map_err(SinkError::Write)?;
                }
                Err(error) => return Err(SinkError::Write(error)),
            }
        }
        Ok(self.root.join(path.as_str()))
    }
}

/// Whatever the umask: in the sandbox the folder is read by another user.
fn create_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

impl EntrySink for FolderSink<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let place = self.place(&head.path)?;
        match &head.kind {
            EntryKind::Directory if place.is_dir() => {}
            EntryKind::Directory => create_folder(&place).map_err(SinkError::Write)?,
            EntryKind::Symlink { target } => symlink(target, &place).map_err(SinkError::Write)?,
            EntryKind::Hardlink { target } => {
                fs::hard_link(self.place(target)?, &place).map_err(SinkError::Write)?;
            }
            EntryKind::Removed | EntryKind::Emptied => {
                let error = io::Error::other("a folder has no layers below it");
                return Err(SinkError::Write(error));
            }
            EntryKind::File { .. } => {
                let mut file = File::create_new(&place).map_err(SinkError::Write)?;
                io::copy(body, &mut file).map_err(SinkError::Write)?;
                // Setuid bits have no business on the build machine.
                let mode = if head.mode & 0o100 == 0 { 0o644 } else { 0o755 };
                file.set_permissions(Permissions::from_mode(mode)).map_err(SinkError::Write)?;
            }
        }
        Ok(())
    }

    fn options(&self) -> WriteOptions {
        WriteOptions::default()
    }
}

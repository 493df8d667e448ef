//! What this machine allows, and doing it.

use std::io::Read;
use std::path::Path;

use layer::EntrySink;
use oci::Platform;

use crate::{Command, Ran, SandboxError};

/// Becomes the inside of a sandbox where this process was started as one, and then never returns. It must be the first
/// thing that `main` does, before any thread is started; in every other process it does nothing.
pub fn enter() {}

/// What this machine allows.
#[derive(Debug, Clone)]
pub struct Machine {}

impl Machine {
    /// Finds out what this machine allows.
    ///
    /// # Errors
    ///
    /// When nothing can be run here; the error names the kernel setting that forbids it.
    pub fn probe() -> Result<Self, SandboxError> {
        Err(SandboxError::Unfinished)
    }

    /// How ids of images are mapped here, as a name for folders: what was unpacked under another name belongs to other
    /// users and cannot be used.
    pub fn mapping(&self) -> String {
        String::new()
    }

    /// Whether files can belong to any user of an image. Where only one id can be mapped, they all belong to that one, and
    /// no [`Machine::difference`] can be taken.
    ///
    /// # Errors
    ///
    /// The error that says so, with what to do.
    pub fn has_owners(&self) -> Result<(), SandboxError> {
        Err(SandboxError::Unfinished)
    }

    /// Whether programs of `platform` can be run.
    ///
    /// # Errors
    ///
    /// When it is foreign and there is no emulator, or the kernel cannot be told of it: the error says which.
    pub fn runs(&self, platform: Platform) -> Result<(), SandboxError> {
        let _ = platform;
        Err(SandboxError::Unfinished)
    }

    /// Unpacks one layer, an uncompressed tar of anybody's making, into the new folder `folder`: whiteouts become those of
    /// overlayfs. Files belong to mapped ids, so that only [`Machine::remove`] can remove the folder.
    ///
    /// # Errors
    ///
    /// When the tar is damaged or hostile, or the folder cannot be written. Nothing is left then.
    pub fn unpack(&self, tar: &mut (dyn Read + Send), folder: &Path) -> Result<(), SandboxError> {
        let _ = (tar, folder);
        Err(SandboxError::Unfinished)
    }

    /// Removes a folder whose files belong to mapped ids. It need not be there.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn remove(&self, folder: &Path) -> Result<(), SandboxError> {
        let _ = folder;
        Err(SandboxError::Unfinished)
    }

    /// Runs a command to its end. Every process that it started has ended then as well.
    ///
    /// # Errors
    ///
    /// When it cannot be started. That it fails is no error: see [`Ran::ended`].
    pub fn run(&self, command: &Command) -> Result<Ran, SandboxError> {
        let _ = command;
        Err(SandboxError::Unfinished)
    }

    /// What commands left in the folder of a [`crate::Writable::Folder`], as the entries of a layer: sorted, with whiteouts (`.wh.NAME`,
    /// `.wh..wh..opq`), with the owners of the image. No time is later than `timestamp`, and what `cleaned` names is left out.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read, holds what no layer may hold, or the sink fails.
    pub fn difference(
        &self,
        folder: &Path,
        timestamp: i64,
        cleaned: &dyn Fn(&layer::ImagePath) -> bool,
        sink: &mut dyn EntrySink,
    ) -> Result<(), SandboxError> {
        let _ = (folder, timestamp, cleaned, sink);
        Err(SandboxError::Unfinished)
    }
}

//! What this machine allows, and doing it.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use imgbuild_layer::EntrySink;
use imgbuild_oci::Platform;

use crate::emulator::{self, Emulation};
use crate::ids::{Ids, Writer};
use crate::outside::RunningSandbox;
use crate::wire::{Answer, Ask, Job};
use crate::{SandboxError, difference, inside};

/// Becomes the inside of a sandbox where this process was started as one, and then never returns. It must be the first
/// thing that `main` does, before any thread is started; in every other process it does nothing.
pub fn enter() {
    inside::enter();
}

/// What this machine allows.
#[derive(Debug, Clone)]
pub struct Machine {
    ids: Ids,
    /// Why only one id is mapped, where several were tried for.
    refused: Option<String>,
    /// Whether the kernel stacks folders in a user namespace, or its error.
    overlay: Result<(), i32>,
    /// Whether a stack can be written to that is in memory.
    attributes: bool,
}

impl Machine {
    /// Finds out what this machine allows.
    ///
    /// # Errors
    ///
    /// When nothing can be run here; the error names the kernel setting that forbids it.
    pub fn probe() -> Result<Self, SandboxError> {
        let ids = Ids::of_this_user().map_err(SandboxError::step("find out which ids can be mapped"))?;
        match Self::probe_with(ids.clone()) {
            // The programs may be installed without the rights that they need.
            Err(SandboxError::Step { step, error: Some(error) }) if ids.writer == Writer::Programs => {
                let refused = Some(format!("{step}: {error}"));
                Ok(Self { refused, ..Self::probe_with(Ids::single())? })
            }
            result => result,
        }
    }

    fn probe_with(ids: Ids) -> Result<Self, SandboxError> {
        let inside = RunningSandbox::start(&ids, Job::Probe, &[])?;
        let (Answer::Probed { overlay, attributes }, _) = inside.answer()? else {
            return Err(SandboxError::Lost);
        };
        inside.ask(&Ask::Proc)?;
        inside.done()?;
        Ok(Self { ids, refused: None, overlay, attributes })
    }

    /// This machine, had it a kernel that stacks no folders in a user namespace. It is there for tests.
    #[doc(hidden)]
    pub fn without_stacking(self) -> Self {
        Self { overlay: Err(rustix::io::Errno::PERM.raw_os_error()), ..self }
    }

    /// This machine, had it a kernel whose files in memory have no attributes. It is there for tests.
    #[doc(hidden)]
    pub fn without_attributes(self) -> Self {
        Self { attributes: false, ..self }
    }

    /// How ids of images are mapped here, as a name for folders: what was unpacked under another name belongs to other
    /// users and cannot be used.
    pub fn mapping(&self) -> String {
        self.ids.name()
    }

    /// Whether files can belong to any user of an image. Where only one id can be mapped, they all belong to that one, and
    /// no [`Machine::difference`] can be taken.
    ///
    /// # Errors
    ///
    /// The error that says so, with what to do.
    pub fn has_owners(&self) -> Result<(), SandboxError> {
        if self.ids.writer != Writer::Own {
            return Ok(());
        }
        let reason = match &self.refused {
            Some(refused) => format!("the programs that map ids failed ({refused})"),
            None => "this user has no subordinate ids, or there is no `newuidmap`".to_owned(),
        };
        let hint = "as root, install `uidmap` (Fedora: `shadow-utils`), and run \
                    `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER`"
            .to_owned();
        Err(SandboxError::OneId { reason, hint })
    }

    /// Whether programs of `platform` can be run.
    ///
    /// # Errors
    ///
    /// When it is foreign and there is no emulator, or the kernel cannot be told of it: the error says which.
    pub fn runs(&self, platform: Platform) -> Result<(), SandboxError> {
        let Emulation::Register(line) = emulator::of(platform)? else { return Ok(()) };
        let inside = RunningSandbox::start(&self.ids, Job::Emulator(line), &[])?;
        inside.done().map_err(|error| emulator::unregistered(platform, &error))
    }

    /// Unpacks one layer, an uncompressed tar of anybody's making, into the new folder `folder`: whiteouts become those of
    /// overlayfs. Files belong to mapped ids, so that only [`Machine::remove`] can remove the folder.
    ///
    /// # Errors
    ///
    /// When the tar is damaged or hostile, or the folder cannot be written. Nothing is left then.
    pub fn unpack(&self, tar: &mut (dyn Read + Send), folder: &Path) -> Result<(), SandboxError> {
        let failed = |error| SandboxError::Folder { path: folder.to_owned(), what: "made", error };
        let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        };
        if folder.symlink_metadata().is_ok() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        let unfinished = parent.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        self.remove(&unfinished)?;
        self.make(&unfinished)?;
        let unpacked = self.unpack_into(tar, &unfinished);
        match unpacked.and_then(|()| fs::rename(&unfinished, folder).map_err(failed)) {
            Ok(()) => Ok(()),
            Err(error) => {
                // The first error says more.
                let _ = self.remove(&unfinished);
                Err(error)
            }
        }
    }

    fn unpack_into(&self, tar: &mut (dyn Read + Send), folder: &Path) -> Result<(), SandboxError> {
        let target = open(folder)?;
        let (reader, mut writer) = io::pipe().map_err(SandboxError::step("make a pipe"))?;
        let job = Job::Unpack { owners: self.ids.writer != Writer::Own };
        let inside = RunningSandbox::start(&self.ids, job, &[target.as_fd(), reader.as_fd()])?;
        drop(reader);
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let read = match tar.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(SandboxError::Read)?,
            };
            // It reads no further than the archive's end, or has found a mistake and says so.
            if read == 0 || writer.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        drop(writer);
        inside.done()
    }

    /// A new folder that belongs to the root of images.
    pub(crate) fn make(&self, folder: &Path) -> Result<(), SandboxError> {
        let failed = |error| SandboxError::Folder { path: folder.to_owned(), what: "made", error };
        match fs::create_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => result.map_err(failed)?,
        }
        let (uid, gid) = self.ids.root();
        if self.ids.writer == Writer::Root {
            std::os::unix::fs::chown(folder, Some(uid), Some(gid)).map_err(failed)?;
        }
        Ok(())
    }

    /// Removes a folder whose files belong to mapped ids. It need not be there.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn remove(&self, folder: &Path) -> Result<(), SandboxError> {
        let failed = |error| SandboxError::Folder { path: folder.to_owned(), what: "removed", error };
        match folder.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
            Ok(metadata) if !metadata.is_dir() => return fs::remove_file(folder).map_err(failed),
            Ok(_) => {}
        }
        let target = open(folder)?;
        // Root may remove everything, and most users what is in a folder of a command that was never run.
        if inside::remove::empty(&target).is_err() {
            RunningSandbox::start(&self.ids, Job::Remove, &[target.as_fd()])?.done()?;
        }
        fs::remove_dir(folder).map_err(failed)
    }

    /// What commands left in the folder of a [`crate::Writable::Folder`], as the entries of a layer: sorted, with what they
    /// removed, with the owners of the image. No time is later than `timestamp`, and what `cleaned` names is left out.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read, holds what no layer may hold, or the sink fails.
    pub fn difference(
        &self,
        folder: &Path,
        timestamp: i64,
        cleaned: &dyn Fn(&imgbuild_archive::ImagePath) -> bool,
        sink: &mut dyn EntrySink,
    ) -> Result<(), SandboxError> {
        self.has_owners()?;
        let target = open(folder)?;
        let inside = RunningSandbox::start(&self.ids, Job::Difference, &[target.as_fd()])?;
        difference::write(&inside, timestamp, cleaned, sink)
    }

    /// The folder of this machine in which the root of the image is as commands left it, or what they changed of it, where the
    /// folder of their [`crate::Writable::Folder`] is `folder`. Nothing in there is to be trusted, links least of all; but
    /// nobody changes it any more.
    pub fn written(&self, folder: &Path) -> PathBuf {
        let copied = folder.join(inside::TREE);
        if copied.is_dir() { copied } else { folder.join("upper") }
    }

    /// Starts a job under the ids of this machine.
    pub(crate) fn start(&self, job: Job) -> Result<RunningSandbox, SandboxError> {
        RunningSandbox::start(&self.ids, job, &[])
    }

    /// Whether the kernel stacks folders in a user namespace. Where it does not, the layers are copied into one.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn has_stacking(&self) -> Result<(), SandboxError> {
        self.overlay.map_err(|number| SandboxError::Stack(io::Error::from_raw_os_error(number)))
    }

    /// The same, for whoever only wants to know.
    pub(crate) fn stacks(&self) -> bool {
        self.overlay.is_ok()
    }

    /// Whether a stack can be written to that is in memory.
    pub(crate) fn stacks_in_memory(&self) -> bool {
        self.attributes
    }

    /// Whether there is one id only.
    pub(crate) fn is_single(&self) -> bool {
        self.ids.writer == Writer::Own
    }
}

fn open(folder: &Path) -> Result<OwnedFd, SandboxError> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::empty()).map_err(|error| SandboxError::Folder {
        path: folder.to_owned(),
        what: "opened",
        error: error.into(),
    })
}

//! Interpreters of packages, which compile in the sandbox: they see their own files, and nothing else of the machine.

use std::ffi::OsString;
use std::io::{self, PipeReader, PipeWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_diagnostic::{hint, io_error};
use imgbuild_fetch::Context;
use imgbuild_oci::Platform;
use imgbuild_python::{CompilerError, Ending, Launcher, Unconfined};
use imgbuild_sandbox::{
    Access, Command, Ended, Input, Limits, Machine, Mount, Network, Output, SandboxError, User, Writable,
};
use imgbuild_spec::Compilation;

use crate::limits::{COMPILER_MEMORY, COMPILER_PROCESSES, COMPILER_PROCESSOR, COMPILER_WRITABLE};

/// Where the C library of a program of the machine may be. Folders that are links elsewhere are shown under both names.
const LIBRARIES: [&str; 4] = ["lib", "lib64", "usr/lib", "usr/lib64"];

/// Whose C library an interpreter is linked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Libraries {
    /// One of its own.
    Own,
    /// That of the machine that it runs on.
    Machine,
}

/// Where an interpreter runs.
pub(crate) struct Place {
    /// The folder in which its files are, as it is called there.
    pub(crate) root: PathBuf,
    /// What starts it.
    pub(crate) launcher: Arc<dyn Launcher>,
}

/// Where an interpreter runs whose files are below `root` of this machine, in the folders `shown`.
///
/// # Errors
///
/// When this machine has no sandbox, and it may not run elsewhere; or when none can be made for another reason than that the
/// machine forbids it.
pub(crate) fn place(
    context: &Context,
    compilation: Compilation,
    root: &Path,
    shown: &[&str],
    libraries: Libraries,
) -> Result<Place, CompilerError> {
    if libraries == Libraries::Machine {
        has_loader(context.host)?;
    }
    let machine = match Machine::probe() {
        Ok(machine) => machine,
        Err(error) if compilation == Compilation::Sandboxed => {
            let (why, hint) = (format!("it may run in the sandbox alone, and {error}"), hint(&error));
            return Err(CompilerError::Unavailable { why, hint });
        }
        Err(SandboxError::Forbidden { reason, .. }) => {
            // Another compiler of this build may have said it before.
            let _known = context.unconfined.set(reason);
            return Ok(Place { root: root.to_owned(), launcher: Arc::new(Unconfined) });
        }
        // What failed in passing is no permission to go without.
        Err(error) => return Err(CompilerError::unavailable(&whole(&error))),
    };
    let mount = |source: PathBuf, target: &str| {
        let target = ImagePath::new(target)
            .map_err(|it| CompilerError::Unavailable { why: it.to_string(), hint: None })?;
        Ok(Mount { source, target, access: Access::Read })
    };
    let mut mounts: Vec<Mount> =
        shown.iter().map(|name| mount(root.join(name), name)).collect::<Result<_, CompilerError>>()?;
    if libraries == Libraries::Machine {
        for name in LIBRARIES {
            // The link itself would lead nowhere inside.
            if let Ok(folder) = Path::new("/").join(name).canonicalize() {
                mounts.push(mount(folder, name)?);
            }
        }
    }
    let launcher = SandboxLauncher { machine, mounts, platform: context.host };
    Ok(Place { root: PathBuf::from("/"), launcher: Arc::new(launcher) })
}

/// Whether this machine has the C library that conda's Python is linked with: Alpine has another one, and an image of a static
/// program none.
fn has_loader(host: Platform) -> Result<(), CompilerError> {
    let loader = match host {
        Platform::LinuxAmd64 => "/lib64/ld-linux-x86-64.so.2",
        Platform::LinuxArm64 => "/lib/ld-linux-aarch64.so.1",
    };
    if Path::new(loader).exists() {
        return Ok(());
    }
    let why = format!(
        "conda's Python runs with the C library of the machine, and this one has no glibc at `{loader}`"
    );
    let hint = "build on a machine with glibc, such as a container of Debian's or of imgbuild itself; `bytecode = false` in `[layers]` makes an image that starts slower";
    Err(CompilerError::Unavailable { why, hint: Some(hint.to_owned()) })
}

/// An error of the sandbox with what it is for.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{message}")]
struct SandboxMessage {
    message: String,
    #[help]
    hint: Option<String>,
}

fn whole(error: &SandboxError) -> SandboxMessage {
    let message = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    SandboxMessage { message, hint: hint(error) }
}

/// What the report says of interpreters that ran outside of the sandbox.
pub fn unconfined(context: &Context) -> Option<String> {
    context.unconfined.get().map(|reason| {
        format!(
            "the images' Python compiled its sources outside of the sandbox, with all that you may do: no sandbox can be made on this machine: {reason}; `bytecode = \"sandboxed\"` in `[layers]` makes that an error"
        )
    })
}

#[derive(Debug)]
struct SandboxLauncher {
    machine: Machine,
    mounts: Vec<Mount>,
    platform: Platform,
}

impl Launcher for SandboxLauncher {
    fn launch(
        &self,
        words: Vec<OsString>,
        variables: Vec<(&'static str, OsString)>,
        input: PipeReader,
        output: PipeWriter,
    ) -> io::Result<Ending> {
        let text = |text: OsString| text.into_string().map_err(|_| io::Error::other("its path is not UTF-8"));
        let variable = |(name, value): (&'static str, OsString)| Ok((name.to_owned(), text(value)?));
        let command = Command {
            platform: self.platform,
            layers: Vec::new(),
            writable: Writable::Memory(COMPILER_WRITABLE),
            words: words.into_iter().map(text).collect::<io::Result<_>>()?,
            env: variables.into_iter().map(variable).collect::<io::Result<_>>()?,
            folder: None,
            user: User::Id { uid: 0, gid: Some(0) },
            mounts: self.mounts.clone(),
            network: Network::None,
            published: Vec::new(),
            limits: Limits {
                processes: Some(COMPILER_PROCESSES),
                file_size: Some(COMPILER_WRITABLE),
                memory: Some(COMPILER_MEMORY),
                processor: Some(COMPILER_PROCESSOR),
                ..Limits::default()
            },
            input: Input::From(Arc::new(input.into())),
            output: Output::To(Arc::new(output.into())),
            until: None,
        };
        let machine = self.machine.clone();
        let running = std::thread::Builder::new().spawn(move || machine.run(&command))?;
        Ok(Box::new(move || match running.join() {
            Ok(Ok(ran)) => match ran.ended {
                Ended::Code(0) => Ok(()),
                Ended::Code(code) => Err(io::Error::other(format!("it ended with the exit code {code}"))),
                Ended::Signal(signal) => {
                    Err(io::Error::other(format!("it was ended by the signal {signal}")))
                }
                Ended::TimedOut | Ended::Stopped => Err(io::ErrorKind::TimedOut.into()),
            },
            Ok(Err(error)) => Err(io_error(io::ErrorKind::Other, whole(&error))),
            Err(_) => Err(io::Error::other("the thread that runs it has failed")),
        }))
    }
}

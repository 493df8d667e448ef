//! Why something cannot be run.

use std::io;
use std::path::PathBuf;

use imgbuild_archive::ImagePath;
use imgbuild_layer::SinkError;
use imgbuild_oci::Platform;

use crate::obstacle::Forbidden;
use crate::wire::{Failure, Namespace};

/// Why something cannot be run.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SandboxError {
    /// The kernel, or a container that this runs in, forbids what a sandbox is made of.
    #[error("no sandbox can be made on this machine: {reason}")]
    #[diagnostic(help("{hint}"))]
    Forbidden {
        /// What is forbidden, and by which setting.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Only one id can be mapped.
    #[error("the files of an image cannot have owners on this machine: {reason}")]
    #[diagnostic(help("{hint}"))]
    OneId {
        /// Why there is only one.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Programs of a foreign platform cannot be run.
    #[error("programs of `{platform}` cannot be run on this machine: {reason}")]
    #[diagnostic(help("{hint}"))]
    Foreign {
        /// The platform.
        platform: Platform,
        /// What is missing.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// The image has no such user.
    #[error("the image has no user `{0}`")]
    NoUser(String),
    /// The image has no such group.
    #[error("the image has no group `{0}`")]
    NoGroup(String),
    /// The user or the group has a number that cannot be used here.
    #[error(
        "the command cannot run as {uid}:{gid}: of the ids of an image, this machine maps those below {count}"
    )]
    #[diagnostic(help(
        "take smaller numbers, or give who runs this more ids in `/etc/subuid` and `/etc/subgid`"
    ))]
    NoId {
        /// The user.
        uid: u32,
        /// The group.
        gid: u32,
        /// How many ids there are.
        count: u32,
    },
    /// The program is not there.
    #[error("the image has no program `{0}`")]
    NoProgram(String),
    /// The program cannot be executed.
    #[error("the program `{program}` of the image cannot be executed: {reason}")]
    NotExecutable {
        /// The program.
        program: String,
        /// Why.
        reason: String,
    },
    /// A layer is damaged or hostile.
    #[error("the layer cannot be unpacked: {0}")]
    Layer(String),
    /// A layer's file belongs to a user that cannot be mapped.
    #[error(
        "the layer cannot be unpacked: `{path}` belongs to {uid}:{gid}, and only smaller numbers can be used on this machine"
    )]
    #[diagnostic(help("give this user more ids in `/etc/subuid` and `/etc/subgid`"))]
    Owner {
        /// The file.
        path: String,
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
    },
    /// What a command left cannot be put into a layer.
    #[error("what the command left at `{path}` cannot be put into a layer: {reason}")]
    Left {
        /// Where it is.
        path: String,
        /// Why.
        reason: String,
    },
    /// A file that a command left cannot be read.
    #[error("what the command left at `{path}` cannot be read")]
    Unreadable {
        /// Where it is.
        path: ImagePath,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The tar of a layer cannot be read.
    #[error("the layer cannot be read")]
    Read(#[source] io::Error),
    /// The entries could not be taken.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A folder of this machine cannot be used.
    #[error("`{}` cannot be {what}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What was to be done with it: `made`, `removed`.
        what: &'static str,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A step of making the sandbox failed.
    #[error("the sandbox cannot {step}")]
    Step {
        /// What was to be done.
        step: String,
        /// Why, where the kernel said so.
        #[source]
        error: Option<io::Error>,
    },
    /// Layers cannot be stacked. It is tried otherwise then.
    #[error("the layers cannot be stacked with overlayfs")]
    Stack(#[source] io::Error),
    /// The inside ended without an answer.
    #[error("the sandbox ended without an answer: something on this machine killed it")]
    Lost,
}

imgbuild_diagnostic::boxed_sources!(SandboxError);

impl SandboxError {
    pub(crate) fn step(step: &str) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::Step { step: step.to_owned(), error: Some(error) }
    }
}

impl From<Forbidden> for SandboxError {
    fn from(Forbidden { reason, hint }: Forbidden) -> Self {
        Self::Forbidden { reason, hint }
    }
}

impl From<Failure> for SandboxError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Step(step, 0) => Self::Step { step, error: None },
            Failure::Step(step, number) => {
                Self::Step { step, error: Some(io::Error::from_raw_os_error(number)) }
            }
            Failure::Namespace(namespace, number) => match Forbidden::of(namespace, number) {
                Some(forbidden) => forbidden.into(),
                None => Self::Step {
                    step: match namespace {
                        Namespace::User | Namespace::Others => "make its namespaces".to_owned(),
                        Namespace::Mount | Namespace::Proc => "mount anything in its namespaces".to_owned(),
                    },
                    error: Some(io::Error::from_raw_os_error(number)),
                },
            },
            Failure::Stack(number) => Self::Stack(io::Error::from_raw_os_error(number)),
            Failure::NoUser(name) => Self::NoUser(name),
            Failure::NoGroup(name) => Self::NoGroup(name),
            Failure::NoId(uid, gid, count) => Self::NoId { uid, gid, count },
            Failure::NoProgram(name) => Self::NoProgram(name),
            Failure::NotExecutable(program, number) => {
                let reason = match rustix::io::Errno::from_raw_os_error(number) {
                    rustix::io::Errno::NOENT => "its interpreter or its loader is not there".to_owned(),
                    rustix::io::Errno::NOEXEC => "it is no program of this platform".to_owned(),
                    _ => io::Error::from_raw_os_error(number).to_string(),
                };
                Self::NotExecutable { program, reason }
            }
            Failure::Layer(reason) => Self::Layer(reason),
            Failure::Owner(path, uid, gid) => Self::Owner { path: format!("/{path}"), uid, gid },
        }
    }
}

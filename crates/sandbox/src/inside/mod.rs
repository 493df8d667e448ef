//! The inside: this program, started again.
//!
//! Three processes make a sandbox, each started by the one before. The *first* makes the namespaces. The *init* is process 1
//! in them: it builds the root file system, and when it ends the kernel ends all others. The *command* gives up what it
//! must not have and becomes the command.

mod changes;
mod command;
mod copied;
mod filter;
mod first;
mod found;
mod init;
mod network;
mod published;
pub(crate) mod remove;
mod root;
mod staging;
mod unpack;
mod users;
pub(crate) mod world;

use std::io;
use std::process::Command;

pub(crate) use copied::TREE;

use crate::channel::Channel;
use crate::wire::{Answer, Failure};

/// What the inside is called: nobody starts this program under such a name by chance.
const NAME: &str = "imgbuild-sandbox";

/// One of the three processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Process {
    First,
    Init,
    Command,
}

impl Process {
    const ALL: [Self; 3] = [Self::First, Self::Init, Self::Command];

    const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Init => "init",
            Self::Command => "command",
        }
    }

    /// This program as that process. What the environment holds is nobody's business there; where the loader finds
    /// libraries is.
    pub(crate) fn start(self) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new("/proc/self/exe");
        command.arg0(NAME).arg(self.name()).env_clear();
        if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }

    /// Which one this process is.
    fn of_this() -> Option<Self> {
        let mut arguments = std::env::args_os();
        if arguments.next()? != NAME {
            return None;
        }
        let name = arguments.next()?;
        Self::ALL.into_iter().find(|process| name == process.name())
    }
}

/// Becomes the inside of a sandbox where this process was started as one.
pub(crate) fn enter() {
    let Some(process) = Process::of_this() else { return };
    let begun = begin(process);
    std::process::exit(i32::from(begun.is_err()));
}

fn begin(process: Process) -> io::Result<()> {
    close_inherited()?;
    // Whoever started this one is gone: so is what it wanted.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let channel = Channel::from_stdin()?;
    let outcome = match process {
        Process::First => first::run(&channel),
        Process::Init => init::run(&channel),
        Process::Command => command::run(&channel),
    };
    match outcome {
        Ok(()) => Ok(()),
        Err(failure) => channel.send(&Answer::Failed(failure)),
    }
}

/// Closes every descriptor but the three standard ones: what a shell or another library left open is not for the inside.
fn close_inherited() -> io::Result<()> {
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        open.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // The listing's own descriptor is closed already.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}

/// Waits for a message that must come.
fn expect<T: serde::de::DeserializeOwned>(
    channel: &Channel,
) -> Result<(T, Vec<std::os::fd::OwnedFd>), Failure> {
    let ended = || io::Error::from_raw_os_error(rustix::io::Errno::PIPE.raw_os_error());
    let received = channel.receive().and_then(|message| message.ok_or_else(ended));
    crate::wire::Step::step(received, || "listen to the outside".to_owned())
}

/// Answers.
fn answer(channel: &Channel, answer: &Answer) -> Result<(), Failure> {
    crate::wire::Step::step(channel.send(answer), || "answer the outside".to_owned())
}

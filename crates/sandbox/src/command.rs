//! What is run, and what became of it.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use imgbuild_archive::ImagePath;
use imgbuild_oci::Platform;

/// A command and the world that it sees.
#[derive(Debug, Clone)]
pub struct Command {
    /// The platform of the layers: a foreign one runs through qemu-user.
    pub platform: Platform,
    /// The layers, unpacked by [`crate::Machine::unpack`], the lowest first.
    pub layers: Vec<PathBuf>,
    /// Where what it writes goes.
    pub writable: Writable,
    /// The program and its arguments. A program without a slash is looked for on the `PATH` of `env`, inside.
    pub words: Vec<String>,
    /// Its environment: nothing of the caller's is passed on. Where it does not say `HOME`, that is the user's in the image.
    pub env: Vec<(String, String)>,
    /// The folder that it starts in, made where it is not there; nothing for the root.
    pub folder: Option<ImagePath>,
    /// The user that it runs as.
    pub user: User,
    /// Files and folders of this machine that it sees.
    pub mounts: Vec<Mount>,
    /// Whether it has a network.
    pub network: Network,
    /// Ports of its own that are reached from this machine, also where it has no network.
    pub published: Vec<Published>,
    /// What it may use.
    pub limits: Limits,
    /// What it reads.
    pub input: Input,
    /// Where what it prints goes.
    pub output: Output,
    /// When this can be read, or nobody can write to it any more, everything in it is killed; without one, it ends by itself.
    pub until: Option<Arc<OwnedFd>>,
}

/// Where what a command writes goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writable {
    /// Nowhere: the root is read-only; `/tmp`, `/run` and `/dev/shm` are not.
    Nothing,
    /// Into memory, at most so many bytes; it is gone afterwards.
    Memory(u64),
    /// Into a folder of this machine, which is made and left: see [`crate::Machine::difference`] and
    /// [`crate::Machine::remove`]. Its file system must be one that overlayfs can write to.
    Folder(PathBuf),
    /// As into a [`Writable::Folder`], where nobody asks what has changed: `/tmp`, `/run` and `/etc/hosts` are as a container has them,
    /// with what the image has in them.
    Scratch(PathBuf),
}

/// A user of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// By numbers. The further groups are those that the image's `/etc/group` gives a user of that number.
    Id {
        /// The user.
        uid: u32,
        /// The group; without one, that of the user in the image's `/etc/passwd`, else 0.
        gid: Option<u32>,
    },
    /// As an image's configuration has it: `user`, `uid`, `user:group`, `uid:gid`, …; names are looked up in the image's
    /// `/etc/passwd` and `/etc/group`. An empty text is root.
    Named(String),
}

/// A file or folder of this machine that the command sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The file or folder on this machine.
    pub source: PathBuf,
    /// Where it stands inside. What is missing on the way is made; links of the image on the way are followed inside the
    /// image only.
    pub target: ImagePath,
    /// Whether it can be written.
    pub access: Access,
}

/// Whether something can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It can only be read.
    Read,
    /// It can be written as well.
    Write,
}

/// A port that a command listens on, and who takes connections for it on this machine.
#[derive(Debug, Clone)]
pub struct Published {
    /// The listener.
    pub listener: Arc<TcpListener>,
    /// The port inside, at which the loopback address is asked.
    pub port: u16,
}

/// Whether a command has a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// Only a loopback interface of its own.
    #[default]
    None,
    /// The same with one more address, at which its published ports are asked, as engines ask them: who listens on the loopback
    /// address alone does not answer there. Any user may listen below 1024.
    Served,
    /// That of this machine, with its `/etc/resolv.conf`.
    Host,
}

/// What a command may use. Nothing means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// How long it may run; then everything in it is killed.
    pub time: Option<Duration>,
    /// How many processes and threads there may be at once.
    pub processes: Option<u64>,
    /// How many files a process may have open.
    pub open_files: Option<u64>,
    /// How large a file may become, in bytes.
    pub file_size: Option<u64>,
    /// How much address space a process may have, in bytes.
    pub memory: Option<u64>,
    /// How long a process may use a processor, in seconds: it is told by `SIGXCPU`, and killed a little later.
    pub processor: Option<u64>,
}

/// What a command reads. Of a file it gets what is in it, and not the file.
#[derive(Debug, Clone, Default)]
pub enum Input {
    /// Nothing.
    #[default]
    Nothing,
    /// What this program reads; with a terminal, that terminal.
    Inherit,
    /// This.
    From(Arc<OwnedFd>),
}

/// Where what a command prints goes.
#[derive(Debug, Clone)]
pub enum Output {
    /// Where this program prints.
    Inherit,
    /// There, of standard output; what goes to standard error is lost.
    To(Arc<OwnedFd>),
    /// It is kept, standard output and error as one text in the order of writing: the last so many bytes.
    Keep(usize),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Code(u8),
    /// By a signal.
    Signal(i32),
    /// It ran longer than it may.
    TimedOut,
    /// Whoever ran it wanted no more of it.
    Stopped,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// What it printed, where that was to be kept.
    pub output: Vec<u8>,
}

/// Sets a variable of a command's environment, which has one value.
pub fn set_variable(env: &mut Vec<(String, String)>, name: &str, value: &str) {
    env.retain(|(known, _)| known != name);
    env.push((name.to_owned(), value.to_owned()));
}

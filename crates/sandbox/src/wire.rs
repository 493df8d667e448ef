//! What the outside and the inside tell each other.

use std::ffi::OsString;

use serde::{Deserialize, Serialize};

/// What the first process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Find out whether commands can be run, up to the point where one would be started.
    Probe,
    /// Tell the kernel of an emulator, to see whether it listens.
    Emulator(String),
    /// Unpack the tar that comes as the second descriptor into the folder that is the first.
    Unpack {
        /// Whether files can have owners.
        owners: bool,
    },
    /// Empty the folder that comes as a descriptor.
    Remove,
    /// Say what is in the folder that comes as a descriptor.
    Difference,
    /// Run a command.
    Run(Box<World>),
}

/// The root file system of a command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct World {
    /// The lowest first.
    pub(crate) layers: Vec<OsString>,
    pub(crate) writable: Writable,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) host_network: bool,
    /// Whether published ports are asked at an address that is no loopback one.
    pub(crate) served: bool,
    /// The line that registers an emulator of a foreign platform.
    pub(crate) emulator: Option<String>,
    /// Whether there is one id only.
    pub(crate) single: bool,
    /// Where overlayfs cannot be used: the folder that the layers are copied into.
    pub(crate) copied: Option<OsString>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Writable {
    Nothing,
    Memory(u64),
    /// What is kept.
    Folder(OsString),
    /// A folder that nobody looks at afterwards.
    Disk(OsString),
}

impl Writable {
    /// The folder of this machine that is written to.
    pub(crate) fn folder(&self) -> Option<&OsString> {
        match self {
            Self::Folder(folder) | Self::Disk(folder) => Some(folder),
            Self::Nothing | Self::Memory(_) => None,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mount {
    pub(crate) source: OsString,
    /// Relative to the root.
    pub(crate) target: String,
    pub(crate) write: bool,
}

/// What is to be run; its standard input, output and error come as descriptors.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) words: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) folder: Option<String>,
    pub(crate) user: User,
    pub(crate) limits: Limits,
    /// Whether the platform is this machine's own.
    pub(crate) native: bool,
    /// Ports that are reached from this machine: the listeners come as further descriptors, in this order.
    pub(crate) published: Vec<u16>,
    /// Which of the three are terminals, to be replaced by one of the sandbox's own of this size.
    pub(crate) terminal: Option<Terminal>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum User {
    Id { uid: u32, gid: Option<u32> },
    Named(String),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) processes: Option<u64>,
    pub(crate) open_files: Option<u64>,
    pub(crate) file_size: Option<u64>,
    pub(crate) memory: Option<u64>,
    pub(crate) processor: Option<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Terminal {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
    /// Whether standard error is that terminal as well.
    pub(crate) error: bool,
}

/// What the outside tells the first process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) job: Job,
    /// Whether this process is root, and so may look at everything before it becomes somebody else.
    pub(crate) root: bool,
    /// Whether further groups can be given up: not where the map is this user's own id.
    pub(crate) groups: bool,
}

/// What the outside asks while something runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// The maps are written.
    Mapped,
    /// Run this.
    Run(Box<World>, Box<Plan>),
    /// Mount `/proc`, to see whether it can be.
    Proc,
    /// Send this signal to the command.
    Signal(i32),
    /// Open this file of the folder.
    Open(Vec<u8>),
}

/// What the inside answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// It is in a user namespace of its own: the maps can be written.
    Unshared,
    /// It could not be done.
    Failed(Failure),
    /// It is done.
    Done,
    /// What the kernel allows.
    Probed {
        /// Whether it stacks folders; else the number of the error.
        overlay: Result<(), i32>,
        /// Whether files in memory have the attributes that a stack needs.
        attributes: bool,
    },
    /// What was made in the folder only to be mounted on.
    Made(Vec<String>),
    /// One folder of a difference.
    Found(Vec<FolderEntry>),
    /// A file was opened; it comes as a descriptor.
    Opened,
    /// The command was started; with a terminal, its other end comes as a descriptor.
    Started,
    /// The command ended.
    Ended(Result<u8, i32>),
}

/// One thing in a folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FolderEntry {
    pub(crate) path: Vec<u8>,
    pub(crate) kind: FolderEntryKind,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mtime: i64,
    /// Which file it is a name of, where it has several.
    pub(crate) inode: Option<(u64, u64)>,
}

impl FolderEntry {
    pub(crate) fn is_folder(&self) -> bool {
        matches!(self.kind, FolderEntryKind::Directory { .. })
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum FolderEntryKind {
    File {
        size: u64,
    },
    Directory {
        opaque: bool,
    },
    Symlink(Vec<u8>),
    Whiteout,
    /// A socket or a named pipe.
    Special,
}

/// Why something could not be done, as it goes through the socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// A step failed: what it was, and the number of the error.
    Step(String, i32),
    /// A step of making namespaces failed, which settings of the kernel may forbid.
    Namespace(Namespace, i32),
    /// The layers cannot be stacked with overlayfs.
    Stack(i32),
    /// The image has no such user.
    NoUser(String),
    /// The image has no such group.
    NoGroup(String),
    /// The program is not there.
    NoProgram(String),
    /// The program cannot be executed.
    NotExecutable(String, i32),
    /// The user or the group has no id here: both, and how many ids are mapped.
    NoId(u32, u32, u32),
    /// A layer that is damaged or hostile, with the reason.
    Layer(String),
    /// Something of a layer belongs to a user that cannot be mapped.
    Owner(String, u32, u32),
}

/// A step of making namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Namespace {
    User,
    Others,
    Mount,
    Proc,
}

/// Says at which step an error happened.
pub(crate) trait Step<T> {
    /// What was being done.
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T> Step<T> for Result<T, std::io::Error> {
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| match error.raw_os_error() {
            Some(number) => Failure::Step(what(), number),
            None => Failure::Step(format!("{} ({error})", what()), 0),
        })
    }
}

impl<T> Step<T> for Result<T, rustix::io::Errno> {
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::Step(what(), error.raw_os_error()))
    }
}

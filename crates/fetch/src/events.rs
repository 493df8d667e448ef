//! What happens during a build, for whoever draws it.

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A variant's packages are being looked for.
    Locking {
        /// The variant: its first tag and its platform.
        variant: String,
    },
    /// The packages that another tool has locked are taken as they are.
    Taking {
        /// The file.
        file: String,
    },
    /// Channels have as conda packages what is to be installed as wheels.
    InChannels {
        /// The variant.
        variant: String,
        /// The conda packages.
        names: Vec<String>,
    },
    /// Something that is not as the files say it, and that a person should know.
    Note {
        /// What it is.
        text: String,
    },
    /// A download began.
    DownloadStarted {
        /// The file.
        name: String,
        /// Its size in bytes, where it is known.
        size: Option<u64>,
    },
    /// A download went on.
    DownloadProgressed {
        /// The file.
        name: String,
        /// How many bytes there are.
        bytes: u64,
    },
    /// A download ended well.
    DownloadFinished {
        /// The file.
        name: String,
        /// Its size in bytes.
        size: u64,
    },
    /// A wheel is being built from its source, in the sandbox.
    WheelStarted {
        /// The project.
        name: String,
    },
    /// A wheel was built.
    WheelFinished {
        /// The wheel's file.
        name: String,
        /// Its size in bytes.
        size: u64,
    },
    /// How many layers have to be made.
    LayersPlanned {
        /// All layers of all variants, each once.
        all: usize,
        /// Those that the store does not have.
        missing: usize,
        /// The installed size of what has to be made, in bytes.
        bytes: u64,
    },
    /// A layer is being made, by a thread that it has until it is there.
    LayerStarted {
        /// What is in it.
        title: String,
    },
    /// A layer is there.
    LayerFinished {
        /// What is in it.
        title: String,
        /// The size of its blob in bytes.
        size: u64,
        /// The installed size of its parts in bytes.
        installed: u64,
    },
    /// A blob is on its way to a repository.
    BlobProgressed {
        /// Its digest.
        digest: String,
        /// How many bytes of it were read.
        bytes: u64,
        /// Its size in bytes.
        size: u64,
    },
    /// A blob is in a repository now that was not there.
    BlobPushed {
        /// Its digest.
        digest: String,
        /// Its size in bytes.
        size: u64,
        /// Whether it was sent; else the registry had it elsewhere.
        is_sent: bool,
    },
    /// A check is run.
    Checking {
        /// The variant.
        variant: String,
        /// The command.
        run: Vec<String>,
    },
}

/// Takes events, from any thread.
pub trait Reporter: Send + Sync {
    /// Takes one.
    fn event(&self, event: Event);
}

/// Takes events and does nothing with them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn event(&self, _: Event) {}
}

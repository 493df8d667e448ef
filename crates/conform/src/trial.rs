//! What is run to find out whether an image meets a demand: as data.

/// A key that nobody has the other half of: an SSH server that nobody may log in to does not start.
pub(crate) const NOBODYS_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHnhBSVVvGO5PGLvbdpR7Y+mJvQmTmXXSBGhXMZfE87S imgbuild-conform";

/// One run of an image.
#[derive(Debug, PartialEq, Eq)]
pub struct Trial {
    /// Whom it runs as.
    pub account: Account,
    /// What of it can be written.
    pub root: Root,
    /// What stands at its home.
    pub home: Home,
    /// What is started.
    pub start: Start,
    /// What its environment has beside the image's.
    pub env: &'static [(&'static str, &'static str)],
    /// What must come of it.
    pub answer: Answer,
}

/// Whom an image runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Its own user.
    Own,
    /// Whom its label names for editors.
    Editor,
    /// A user and a group by numbers.
    Numbers(u32, u32),
}

/// What of an image can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// All of it.
    Writable,
    /// Nothing but `/tmp`, `/run` and `/dev/shm`.
    ReadOnly,
}

/// What stands at a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// What the image has there.
    Own,
    /// An empty volume that everybody may write.
    Volume,
}

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// What the image says.
    Own,
    /// The image's entrypoint, with these words instead of its command.
    Command(&'static [&'static str]),
    /// These words, and nothing of the image's.
    Only(&'static [&'static str]),
}

/// What must come of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It ends with this exit code.
    Code(u8),
    /// It can be started: it runs for a while, or ends with another exit code than those of shells that find no program.
    Starts,
    /// Every port that the image listens on says something.
    EveryPort,
    /// These ports say something.
    Ports(&'static [u16]),
    /// The pages of these paths are there for everybody, with this header and value where one is named.
    Pages {
        /// The port.
        port: u16,
        /// The paths.
        paths: &'static [&'static str],
        /// The header, and its value.
        header: Option<(&'static str, &'static str)>,
    },
}

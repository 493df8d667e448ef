//! The kinds of what the store holds, and where each stands.

use std::fmt;

/// The kinds of what a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A package's archive, by its sha256.
    Archive,
    /// A layer or a source's bytecode, by its sha256.
    Blob,
    /// The record of a layer, by its key.
    Layer,
    /// The record of a source's bytecode, by its key.
    Bytecode,
    /// An index of a channel or mirror; its name is its reader's.
    Repodata,
    /// A program, by its key.
    Tool,
    /// A layer that was unpacked to be run, by its key.
    Unpacked,
    /// Which manifest a name stands for, by the hash of the name and the platform.
    Image,
    /// What was written outside of the store, by the hash of its path.
    Output,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 9] = [
        Self::Archive,
        Self::Blob,
        Self::Layer,
        Self::Bytecode,
        Self::Repodata,
        Self::Tool,
        Self::Unpacked,
        Self::Image,
        Self::Output,
    ];

    /// The folder, below the store's.
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Archive => "archives",
            Self::Blob => "blobs/sha256",
            Self::Layer => "layers-v1",
            Self::Bytecode => "bytecode-v1",
            Self::Repodata => "repodata-v1",
            Self::Tool => "tools-v1",
            Self::Unpacked => "unpacked-v1",
            Self::Image => "images-v1",
            Self::Output => "outputs-v1",
        }
    }

    /// Where the seals of what has its hash for a name stand, below the store's folder; nothing for other kinds.
    pub(crate) const fn seals(self) -> Option<&'static str> {
        match self {
            Self::Archive => Some("seals-v1/archives"),
            Self::Blob => Some("seals-v1/blobs"),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Archive => "archive",
            Self::Blob => "blob",
            Self::Layer => "layer",
            Self::Bytecode => "bytecode",
            Self::Repodata => "repodata",
            Self::Tool => "tool",
            Self::Unpacked => "unpacked",
            Self::Image => "image",
            Self::Output => "output",
        })
    }
}

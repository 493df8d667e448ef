//! What files of locked packages there are.

/// What a file of locked packages is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockFormat {
    /// conda's explicit list, with a line `@EXPLICIT`.
    Explicit,
    /// pixi's lock.
    Pixi,
    /// conda-lock's.
    CondaLock,
    /// What `conda env export` writes.
    Export,
    /// What `conda list --export` writes.
    List,
}

impl LockFormat {
    /// What messages call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Explicit => "an explicit list",
            Self::Pixi => "a lock of pixi",
            Self::CondaLock => "a lock of conda-lock",
            Self::Export => "an export with builds",
            Self::List => "a list of builds",
        }
    }
}

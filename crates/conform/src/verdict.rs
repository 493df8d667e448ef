//! What became of a demand.

/// What became of a demand, with what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The image meets it.
    Holds(String),
    /// It does not.
    Fails(String),
    /// It does not, and is run all the same: what is advised is not followed.
    Advised(String),
    /// It cannot be told here, and why.
    Unknown(String),
    /// It is about other images.
    Other(&'static str),
}

impl Verdict {
    /// Of something that is or is not so.
    pub(crate) fn of(holds: bool, found: impl Into<String>) -> Self {
        if holds { Self::Holds(found.into()) } else { Self::Fails(found.into()) }
    }

    /// One word for it, as `--json` has it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Holds(_) => "holds",
            Self::Fails(_) => "fails",
            Self::Advised(_) => "advised",
            Self::Unknown(_) => "unknown",
            Self::Other(_) => "other",
        }
    }

    /// What was found.
    pub fn found(&self) -> &str {
        match self {
            Self::Holds(found) | Self::Fails(found) | Self::Advised(found) | Self::Unknown(found) => found,
            Self::Other(of) => of,
        }
    }
}

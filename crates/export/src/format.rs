//! The forms.

/// What other tools read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// conda's environment file, with versions.
    Environment,
    /// The same with builds, as `conda env export` writes it.
    EnvironmentWithBuilds,
    /// conda's explicit list.
    Explicit,
    /// A requirements file with hashes.
    Requirements,
    /// `pylock.toml` (PEP 751).
    Pylock,
    /// `pixi.lock`.
    Pixi,
}

impl Format {
    /// Whether it says where each wheel is.
    pub const fn names_locations(self) -> bool {
        matches!(self, Self::Explicit | Self::Pylock | Self::Pixi)
    }

    /// Whether it holds several images: platforms, and combinations of a matrix as environments.
    pub const fn holds_several(self) -> bool {
        matches!(self, Self::Pixi)
    }

    /// Whether conda's packages have a place in it.
    pub const fn has_conda(self) -> bool {
        !matches!(self, Self::Requirements | Self::Pylock)
    }
}

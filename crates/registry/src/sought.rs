//! What is looked for in a repository.

use std::fmt;

use imgbuild_oci::Digest;

use crate::settings::Asked;

/// What is looked for in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// A manifest, by its tag or digest.
    Manifest(String),
    /// A blob.
    Blob(Digest),
}

impl Sought {
    /// Whether it has a digest.
    pub(crate) fn asked(&self) -> Asked {
        match self {
            Self::Manifest(reference) if reference.parse::<Digest>().is_err() => Asked::Tag,
            Self::Manifest(_) | Self::Blob(_) => Asked::Digest,
        }
    }
}

impl fmt::Display for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest(reference) => write!(f, "manifest `{reference}`"),
            Self::Blob(digest) => write!(f, "blob `{digest}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_may_mean_something_else_at_a_mirror_and_digests_may_not() {
        let digest = Digest::of("x");
        assert_eq!(Sought::Manifest("1.0".to_owned()).asked(), Asked::Tag);
        assert_eq!(Sought::Manifest(digest.to_string()).asked(), Asked::Digest);
        assert_eq!(Sought::Blob(digest).asked(), Asked::Digest);
    }
}

//! By which rules a lock becomes an image.

use serde::{Deserialize, Serialize};

/// The version of the rules between a lock and its images. A lock names the version that it was made with, and its images have the same
/// digests with every later imgbuild: whoever changes any byte of them adds a version here, and lets the rules of the old ones stand.
/// `tests/tests/formats/` holds an image of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum FormatVersion {
    /// Layers stand in the order of their roles.
    Two,
    /// Large layers stand below small ones.
    Three,
    /// Images hold a list of their packages for scanners, and locks say what it needs: licences, authors, who asked for Debian's packages.
    /// Environments of conda have the texts of their packages' licences.
    Four,
}

impl FormatVersion {
    /// The version that new locks have.
    pub const LATEST: Self = Self::Four;

    /// Its number, which stands in locks.
    pub const fn number(self) -> u32 {
        match self {
            Self::Two => 2,
            Self::Three => 3,
            Self::Four => 4,
        }
    }

    /// The version of everything between an archive and a blob, which is part of every layer's key. Versions that differ in how layers are
    /// put together alone have the same layers.
    pub const fn of_layers(self) -> u32 {
        match self {
            Self::Two | Self::Three | Self::Four => 2,
        }
    }

    /// Whether large layers stand below small ones.
    pub(crate) const fn has_large_layers_first(self) -> bool {
        match self {
            Self::Two => false,
            Self::Three | Self::Four => true,
        }
    }

    /// Whether environments of conda have the texts of their packages' licences.
    pub const fn has_licences_of_conda(self) -> bool {
        match self {
            Self::Two | Self::Three => false,
            Self::Four => true,
        }
    }

    /// Whether images hold a list of their packages for scanners, and locks say what it needs.
    pub const fn has_bill_of_materials(self) -> bool {
        match self {
            Self::Two | Self::Three => false,
            Self::Four => true,
        }
    }
}

/// A version that nothing is known of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("format version {0} is not one of 1 to {latest}", latest = FormatVersion::LATEST.number())]
pub struct UnknownFormat(pub u32);

impl TryFrom<u32> for FormatVersion {
    type Error = UnknownFormat;

    fn try_from(number: u32) -> Result<Self, UnknownFormat> {
        match number {
            // What version 1 made is not kept: its locks are those of version 2 that lack what came with it.
            1 | 2 => Ok(Self::Two),
            3 => Ok(Self::Three),
            4 => Ok(Self::Four),
            unknown => Err(UnknownFormat(unknown)),
        }
    }
}

impl From<FormatVersion> for u32 {
    fn from(version: FormatVersion) -> Self {
        version.number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_up_to_the_latest_is_known() {
        let latest = FormatVersion::LATEST.number();
        for number in 2..=latest {
            assert_eq!(FormatVersion::try_from(number).unwrap().number(), number);
        }
        assert_eq!(FormatVersion::try_from(1), Ok(FormatVersion::Two));
        assert_eq!(FormatVersion::try_from(0), Err(UnknownFormat(0)));
        assert_eq!(
            FormatVersion::try_from(latest + 1).unwrap_err().to_string(),
            "format version 5 is not one of 1 to 4"
        );
    }
}

//! NVIDIA's drivers: which CUDA each branch supports, and which of them a version of CUDA runs on.
//!
//! By the tables of NVIDIA's CUDA compatibility guide and of the toolkit's release notes, for Linux.

use imgbuild_document::{Literal, ValueError, checked_text};

use crate::values::CudaVersion;

checked_text!(
    /// A driver of NVIDIA: its branch, `535`, or one release of it, `535.54.03`, and all that are newer.
    Driver, check_driver, Literal
);

/// The first release of each major version that all its minor versions run on.
const OLDEST: [(u16, &str); 3] = [(11, "450.80.02"), (12, "525.60.13"), (13, "580")];

/// The oldest branch that the package `cuda-compat` of each major version works on.
const OLDEST_WITH_COMPAT: [(u16, &str); 3] = [(11, "418"), (12, "470"), (13, "535")];

/// The branches, and the newest CUDA that each supports.
const BRANCHES: [(u16, (u16, u16)); 28] = [
    (384, (9, 0)),
    (387, (9, 1)),
    (396, (9, 2)),
    (410, (10, 0)),
    (418, (10, 1)),
    (440, (10, 2)),
    (450, (11, 0)),
    (455, (11, 1)),
    (460, (11, 2)),
    (465, (11, 3)),
    (470, (11, 4)),
    (495, (11, 5)),
    (510, (11, 6)),
    (515, (11, 7)),
    (520, (11, 8)),
    (525, (12, 0)),
    (530, (12, 1)),
    (535, (12, 2)),
    (545, (12, 3)),
    (550, (12, 4)),
    (555, (12, 5)),
    (560, (12, 6)),
    (565, (12, 7)),
    (570, (12, 8)),
    (575, (12, 9)),
    (580, (13, 0)),
    (590, (13, 1)),
    (595, (13, 2)),
];

impl Driver {
    /// The oldest that a version of CUDA runs on: that of its major version, from CUDA 11 on. Nothing where that is not known.
    pub fn oldest_for(version: &CudaVersion) -> Option<Self> {
        let (major, minor) = version.numbers();
        if let Some((_, release)) = OLDEST.iter().find(|(known, _)| *known == major) {
            return Some(Self((*release).to_owned()));
        }
        // Before CUDA 11 each minor version needed a driver of its own.
        let branch = BRANCHES.iter().find(|(_, newest)| major < 11 && (major, minor) <= *newest);
        branch.map(|(branch, _)| Self(branch.to_string()))
    }

    /// The oldest that it runs on with the libraries of `cuda-compat`. Nothing where that is not known.
    pub(crate) fn oldest_with_compat(version: &CudaVersion) -> Option<Self> {
        let (major, _) = version.numbers();
        let known = OLDEST_WITH_COMPAT.iter().find(|(known, _)| *known == major);
        known.map(|(_, branch)| Self((*branch).to_owned()))
    }

    /// The oldest branch that supports a version of CUDA by itself, as major and minor; nothing where none is known.
    pub fn supporting(cuda: (u16, u16)) -> Option<Self> {
        BRANCHES.iter().find(|(_, newest)| cuda <= *newest).map(|(branch, _)| Self(branch.to_string()))
    }

    /// Whether this is `oldest`, or newer. A branch counts as all its releases.
    pub fn is_from(&self, oldest: &Self) -> bool {
        let (own, oldest) = (self.numbers(), oldest.numbers());
        let shared = own.len().min(oldest.len());
        own[..shared] >= oldest[..shared]
    }

    /// The newest CUDA that it supports, as major and minor: what `nvidia-smi` shows, and conda's `__cuda` is. Nothing for drivers
    /// older than CUDA 9.
    pub fn cuda(&self) -> Option<(u16, u16)> {
        let branch = self.branch();
        BRANCHES.iter().rev().find(|(known, _)| *known <= branch).map(|(_, newest)| *newest)
    }

    /// Its branch, such as 535.
    pub fn branch(&self) -> u16 {
        self.numbers().first().copied().unwrap_or_default()
    }

    fn numbers(&self) -> Vec<u16> {
        self.0.split('.').filter_map(|part| part.parse().ok()).collect()
    }
}

fn check_driver(text: &str) -> Result<(), ValueError> {
    let number =
        |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit());
    let mut parts = text.split('.');
    let branch = parts.next().and_then(|branch| branch.parse::<u16>().ok());
    let is_branch = branch.is_some_and(|branch| (100..=9999).contains(&branch));
    if is_branch && text.split('.').all(number) && text.split('.').count() <= 3 {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` is not a driver of NVIDIA", text.escape_default())).hint(
        "write its branch, like `535`, or the oldest release, like `535.54.03`, as `nvidia-smi` shows it",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driver(text: &str) -> Driver {
        text.parse().unwrap()
    }

    #[test]
    fn drivers_are_branches_or_releases() {
        for good in ["535", "525.60.13", "450.80.02", "580.65"] {
            assert_eq!(driver(good).as_str(), good);
        }
        for bad in ["", "R535", "12.4", "535.", "535.54.03.1", ">=535", "99", "535.54.x"] {
            assert!(bad.parse::<Driver>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_oldest_driver_of_a_version_is_that_of_its_major_version() {
        let oldest = |version: &str| {
            let found = Driver::oldest_for(&version.parse().unwrap());
            found.map_or_else(|| "not known".to_owned(), |it| it.to_string())
        };
        assert_eq!(
            ["9.0", "10.2", "11.0", "11.8", "12.0", "12.9", "13.0", "13.9", "14.0"].map(oldest),
            ["384", "440", "450.80.02", "450.80.02", "525.60.13", "525.60.13", "580", "580", "not known"]
        );
    }

    #[test]
    fn a_branch_supports_the_newest_cuda_that_came_with_it() {
        let shown = |text: &str| driver(text).cuda();
        assert_eq!(shown("525.60.13"), Some((12, 0)));
        assert_eq!(shown("535"), Some((12, 2)));
        assert_eq!(shown("540"), Some((12, 2)));
        assert_eq!(shown("580"), Some((13, 0)));
        assert_eq!(shown("340.29"), None);
        assert_eq!(Driver::supporting((12, 6)), Some(driver("560")));
        assert_eq!(Driver::supporting((99, 0)), None);
    }

    #[test]
    fn a_branch_counts_as_all_its_releases() {
        assert!(driver("525").is_from(&driver("525.60.13")));
        assert!(driver("525.85.12").is_from(&driver("525.60.13")));
        assert!(!driver("525.20").is_from(&driver("525.60.13")));
        assert!(!driver("470.82.01").is_from(&driver("525")));
    }
}

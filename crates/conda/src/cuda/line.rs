//! The line of CUDA's toolkit that an image is built with.

use std::fmt;

use rattler_conda_types::{MatchSpec, PackageRecord};

use crate::requirement;

/// The packages whose version is that of the toolkit: conda-forge's, the older one of both, and that of the channel that PyTorch
/// had.
const TOOLKITS: [&str; 3] = ["cuda-version", "cudatoolkit", "pytorch-cuda"];

/// The line of CUDA's toolkit that packages are built with: a version, whose minor part is a wish. What was built for another minor
/// version of the same major one runs on the same drivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CudaLine {
    /// The major version.
    pub major: u16,
    /// The minor version.
    pub minor: u16,
}

impl fmt::Display for CudaLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl CudaLine {
    /// What the toolkit's packages must be, where they are there at all: of this major version.
    pub(crate) fn constraints(self) -> impl Iterator<Item = MatchSpec> {
        let (major, next) = (self.major, self.major.saturating_add(1));
        TOOLKITS.iter().filter_map(move |name| requirement::read(&format!("{name} >={major},<{next}")).ok())
    }

    /// The same, with the minor version.
    pub(crate) fn exact(self) -> impl Iterator<Item = MatchSpec> {
        TOOLKITS.iter().filter_map(move |name| requirement::read(&format!("{name} {self}.*")).ok())
    }

    /// Whether a package says that an environment is of another minor version.
    pub(crate) fn differs(self, record: &PackageRecord) -> bool {
        let version = record.version.as_str();
        let mut numbers = version.split('.').map(|part| part.parse::<u16>().ok());
        let found = (numbers.next().flatten(), numbers.next().flatten());
        TOOLKITS.contains(&record.name.as_normalized()) && found != (Some(self.major), Some(self.minor))
    }
}

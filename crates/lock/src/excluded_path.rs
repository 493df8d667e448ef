//! The paths that the lock leaves out of packages.

use imgbuild_archive::ImagePath;
use imgbuild_layer::PartId;
use serde::{Deserialize, Serialize};

/// A path that is left out of a package, because another package has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExcludedPath {
    /// The package that loses it.
    pub part: PartId,
    /// The path.
    pub path: ImagePath,
    /// The package that has it.
    pub winner: PartId,
}

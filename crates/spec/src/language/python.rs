//! `python`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::PythonVersion;

/// A version, or a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(untagged)]
pub(crate) enum PythonKey {
    Short(PythonVersion),
    Table(PythonTable),
}

impl PythonKey {
    /// Where it comes from, where that is said.
    pub(crate) fn from(&self) -> Option<PythonFrom> {
        match self {
            Self::Short(_) => None,
            Self::Table(table) => table.from,
        }
    }
}

/// Python: its version, and where it comes from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct PythonTable {
    /// Major and minor, or the patch release as well. A number is read as it is written: `3.10` is not `3.1`.
    #[schemars(extend("examples" = ["3.11"]))]
    pub(crate) version: PythonVersion,
    /// Where it comes from. On an existing image without `[conda]` and `env` the default is `base`.
    #[schemars(extend("examples" = ["debian"]), extend("default" = "conda"))]
    pub(crate) from: Option<PythonFrom>,
}

/// Where Python comes from.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum PythonFrom {
    /// From the conda channels, into the prefix.
    #[default]
    Conda,
    /// From Debian, into `/usr`.
    Debian,
    /// The one that the existing image has first on its `PATH`: the version is what it must be.
    Base,
}

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
    /// Where it comes from.
    pub(crate) fn from(&self) -> PythonFrom {
        match self {
            Self::Short(_) => PythonFrom::default(),
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
    /// Where it comes from.
    #[serde(default)]
    #[schemars(extend("examples" = ["debian"]))]
    pub(crate) from: PythonFrom,
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
}

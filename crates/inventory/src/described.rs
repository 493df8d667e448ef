//! A package as its ecosystem describes it, before it is known what meets what it requires.

use serde::{Deserialize, Serialize};

use crate::Package;

/// A package, and what it says of others in the words of its ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// The package; what it requires of which others is not filled in.
    pub package: Package,
    /// What it requires: match specs of conda, groups of alternatives of Debian, `Requires-Dist` of a distribution of Python, names
    /// of Alpine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// What it provides beside itself, by its names: Debian's and Alpine's packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provides: Vec<String>,
    /// The versions of Python that a distribution is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
}

impl Described {
    /// A package that says nothing of others.
    pub(crate) fn new(package: Package) -> Self {
        Self { package, requires: Vec::new(), provides: Vec::new(), requires_python: None }
    }
}

/// The parts of a field that commas separate, such as the groups of a `Depends`, each on one line.
pub(crate) fn parted(field: &str) -> Vec<String> {
    let parts = field.split(',').map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    parts.filter(|part| !part.is_empty()).collect()
}

/// The name at the begin of a relation of Debian, such as `libc6` of `libc6:any (>= 2.34)`.
pub(crate) fn related_name(relation: &str) -> &str {
    relation.trim().split([' ', '(', ':', '[', '<', '=', '>', '~']).next().unwrap_or_default()
}

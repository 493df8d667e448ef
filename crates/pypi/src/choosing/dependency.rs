//! Requirements by name ("Dependency specifiers"): those of a spec, and `Requires-Dist` of wheels.

use std::str::FromStr;

use imgbuild_document::ValueError;
use imgbuild_requirement::{DependencySpecifier, Marker, VersionsOrUrl};
use pep440_rs::VersionSpecifiers;

use crate::choosing::environment::Environment;
use crate::wheel::filename::normalized;

/// A requirement, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The project's name, normalised.
    pub(crate) name: String,
    /// The extras that are asked for, normalised.
    pub(crate) extras: Vec<String>,
    /// The versions that are asked for; nothing where a URL says which one it is.
    pub(crate) versions: Option<VersionSpecifiers>,
    /// The condition under which it counts.
    pub(crate) marker: Option<Marker>,
}

impl Dependency {
    /// Reads a requirement of a wheel's metadata. Old wheels hold some that nobody reads any more: these are none.
    pub(crate) fn of_metadata(text: &str) -> Option<Self> {
        let read = Self::from_str(text);
        if let Err(error) = &read {
            tracing::debug!("`{}` is not a requirement that is known: {error}", text.escape_default());
        }
        read.ok()
    }

    /// Whether it counts in an environment, with these extras of what requires it.
    pub(crate) fn holds(&self, environment: &Environment, extras: &[String]) -> bool {
        self.marker.as_ref().is_none_or(|marker| environment.holds(marker, extras))
    }
}

impl FromStr for Dependency {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let read = DependencySpecifier::read(text)?;
        Ok(Self {
            name: normalized(read.name),
            extras: read.extras.into_iter().map(normalized).collect(),
            versions: match read.wanted {
                VersionsOrUrl::Versions { specifiers, .. } => Some(specifiers),
                VersionsOrUrl::Url(_) => None,
            },
            marker: read.marker,
        })
    }
}

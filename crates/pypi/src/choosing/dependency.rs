//! Requirements by name ("Dependency specifiers"): those of a spec, and `Requires-Dist` of wheels.

use std::str::FromStr;

use imgbuild_document::ValueError;
use imgbuild_requirement::{
    Comparison, Condition, DependencySpecifier, Marker, MarkerValue, MarkerVariable, VersionsOrUrl,
};
use pep440_rs::VersionSpecifiers;

use crate::choosing::environment::Environment;
use crate::wheel::filename::normalized;

/// A requirement, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The project's name, normalised.
    pub name: String,
    /// The extras that are asked for, normalised.
    pub extras: Vec<String>,
    /// The versions that are asked for; nothing where a URL says which one it is.
    pub versions: Option<VersionSpecifiers>,
    /// The condition under which it counts.
    pub marker: Option<Marker>,
}

impl Dependency {
    /// Reads a requirement of a wheel's metadata. Old wheels hold some that nobody reads any more: these are none.
    pub fn of_metadata(text: &str) -> Option<Self> {
        let read = Self::from_str(text);
        if let Err(error) = &read {
            tracing::debug!("`{}` is not a requirement that is known: {error}", text.escape_default());
        }
        read.ok()
    }

    /// Whether it counts in an environment, with these extras of what requires it.
    pub fn holds(&self, environment: &Environment, extras: &[String]) -> bool {
        self.marker.as_ref().is_none_or(|marker| environment.holds(marker, extras))
    }

    /// Whether its condition asks which extras are active.
    pub fn names_an_extra(&self) -> bool {
        self.marker.as_ref().is_some_and(|marker| names_an_extra(marker.condition()))
    }
}

fn names_an_extra(condition: &Condition) -> bool {
    match condition {
        Condition::Any(parts) | Condition::All(parts) => parts.iter().any(names_an_extra),
        Condition::Comparison(Comparison { left, right, .. }) => {
            [left, right].contains(&&MarkerValue::Variable(MarkerVariable::Extra))
        }
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

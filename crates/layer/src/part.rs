//! The parts of an image: what the lock alone says of each.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use imgbuild_oci::Digest;
use serde::{Deserialize, Serialize};

use crate::RecipeHash;
use crate::role::Role;
use imgbuild_archive::ImagePath;

/// Names a part of an image: its ecosystem, where that may be there more than once the environment that it is in, and the
/// package's name. As text it is `conda/numpy` or `debian/libc6`, and `conda/training/numpy` in an environment that is called so.
///
/// It holds no version, so that a new version of a package takes the place of the old one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PartId(String);

/// A text that names no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` names no part of an image, as `conda/numpy` and `conda/training/numpy` do", .0.escape_default())]
pub struct PartIdError(String);

impl PartId {
    /// The part of `ecosystem` that is called `name`, where the image has one such ecosystem.
    pub fn new(ecosystem: &str, name: &str) -> Self {
        Self(format!("{}/{}", component(ecosystem), component(name)))
    }

    /// The part of an ecosystem that is called `name`, in the environment `scope`: in another one there may be another part of
    /// that name.
    pub fn scoped(ecosystem: &str, scope: &str, name: &str) -> Self {
        Self(format!("{}/{}/{}", component(ecosystem), component(scope), component(name)))
    }

    /// The same, where the environment has to be said, and where not.
    pub fn in_scope(ecosystem: &str, scope: Option<&str>, name: &str) -> Self {
        match scope {
            None => Self::new(ecosystem, name),
            Some(scope) => Self::scoped(ecosystem, scope, name),
        }
    }

    /// The same without the environment.
    pub(crate) fn unscoped(&self) -> Self {
        Self(format!("{}/{}", self.ecosystem(), self.name()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ecosystem.
    pub fn ecosystem(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(ecosystem, _)| ecosystem)
    }

    /// The environment that it is in, where that has to be said.
    pub fn scope(&self) -> Option<&str> {
        let (_, rest) = self.0.split_once('/')?;
        rest.split_once('/').map(|(scope, _)| scope)
    }

    /// The name alone.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }
}

/// A part of an identifier. A slash would begin another one.
fn component(text: &str) -> Cow<'_, str> {
    if text.contains(['/', '%']) { text.replace('%', "%25").replace('/', "%2F").into() } else { text.into() }
}

impl TryFrom<String> for PartId {
    type Error = PartIdError;

    fn try_from(text: String) -> Result<Self, PartIdError> {
        let mut count = 0;
        let whole = text.split('/').all(|component| {
            count += 1;
            !component.is_empty()
        });
        if whole && (2..=3).contains(&count) { Ok(Self(text)) } else { Err(PartIdError(text)) }
    }
}

impl From<PartId> for String {
    fn from(id: PartId) -> Self {
        id.0
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of an image, as it is known from the lock alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which one it is.
    pub id: PartId,
    /// Its name and version, for people: `numpy 1.26.4 py311h64a7726_0`.
    pub title: String,
    /// A hash of everything that its entries depend on, but for the paths that are excluded.
    pub recipe: RecipeHash,
    /// The archive that it is made of alone, where other environments of the image may have the same.
    pub archive: Option<Digest>,
    /// What it is to the image.
    pub role: Role,
    /// Its installed size in bytes.
    pub weight: u64,
    /// The folder that all its entries are below; nothing where they may be anywhere.
    pub root: Option<ImagePath>,
}

/// The paths of one part that are not written, because another part has them.
pub type Exclusions = BTreeSet<ImagePath>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_two_environments_are_two() {
        let (one, other) = (PartId::new("conda", "numpy"), PartId::scoped("conda", "training", "numpy"));
        assert_eq!(
            (one.as_str(), one.ecosystem(), one.scope(), one.name()),
            ("conda/numpy", "conda", None, "numpy")
        );
        assert_eq!(
            (other.as_str(), other.ecosystem(), other.scope(), other.name()),
            ("conda/training/numpy", "conda", Some("training"), "numpy")
        );
        // A slash in a name makes no other part of it.
        assert_ne!(PartId::new("conda", "training/numpy"), other);
        assert_eq!(PartId::new("conda", "training/numpy").scope(), None);
        assert_ne!(PartId::new("conda", "a/b"), PartId::new("conda", "a%2Fb"));
    }

    #[test]
    fn a_text_names_a_part_or_is_refused() {
        for text in ["conda/numpy", "conda/training/numpy", "pypi/virtual environment"] {
            assert_eq!(PartId::try_from(text.to_owned()).map(String::from), Ok(text.to_owned()));
        }
        for text in ["", "conda", "conda/", "/numpy", "conda//numpy", "a/b/c/d"] {
            assert_eq!(PartId::try_from(text.to_owned()), Err(PartIdError(text.to_owned())));
        }
    }
}

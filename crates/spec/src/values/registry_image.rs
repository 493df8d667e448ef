//! An image of a registry.

use std::fmt;
use std::str::FromStr;

use imgbuild_document::{ValueError, as_text, shown};
use imgbuild_oci::Reference;

const LIKE: &str = "write it like `registry.example/team/base:1`";

/// What people call an image of a registry: `debian:13`, `registry.example/team/base:1`, `…@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegistryReference(Reference);

impl RegistryReference {
    /// The reference.
    pub(crate) fn reference(&self) -> &Reference {
        &self.0
    }
}

impl FromStr for RegistryReference {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if let Some((scheme, rest)) = text.split_once("://") {
            let problem = ValueError::new(format!("`{}` is the URL of something, and no image", shown(text)));
            return Err(match rest.parse::<Reference>() {
                Ok(_) => problem.hint(format!("leave out `{}://`", shown(scheme))),
                Err(_) => problem.hint(LIKE),
            });
        }
        text.parse().map(Self).map_err(|error| {
            let imgbuild_oci::NameError { text, what, rule } = error;
            ValueError::new(format!("`{}` is not a valid {what}: {rule}", shown(&text))).hint(LIKE)
        })
    }
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

as_text!(RegistryReference, String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read() {
        for text in
            ["debian", "debian:13", "localhost:5000/a/b:1", "r.example/a@sha256:00", "Debian", "docker://a"]
        {
            let read = text.parse::<RegistryReference>();
            assert_eq!(read.is_ok(), !text.contains(['D', '/']) || text.starts_with("localhost"), "{text}");
        }
    }
}

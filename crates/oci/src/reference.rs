//! What an image is called.

use std::fmt;

use crate::{ImageName, Tag};

/// A name and a tag: what a user calls an image, such as `base-pytorch:3.11-cuda12.4`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The name; its first part is a registry's host when it holds a dot or is `localhost`.
    pub name: ImageName,
    /// The tag.
    pub tag: Tag,
}

impl Reference {
    /// The whole reference, as containerd names images: with docker's registry in front where none is named.
    ///
    /// This is the rule of the `distribution/reference` library, which docker, containerd and podman share.
    pub fn full(&self) -> String {
        let registry = |first: &str| first.contains('.') || first == "localhost";
        match self.name.as_str().split_once('/') {
            Some((first, _)) if registry(first) => self.to_string(),
            Some(_) => format!("docker.io/{self}"),
            None => format!("docker.io/library/{self}"),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_registry_are_dockers() {
        for (name, full) in [
            ("base", "docker.io/library/base:1"),
            ("team/base", "docker.io/team/base:1"),
            ("registry.example/base", "registry.example/base:1"),
            ("localhost/base", "localhost/base:1"),
        ] {
            let reference = Reference { name: name.parse().unwrap(), tag: "1".parse().unwrap() };
            assert_eq!(reference.full(), full);
        }
    }
}

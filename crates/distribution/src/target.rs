//! Where images are pushed: a reference, in which keys of the matrix may stand.

use std::fmt;
use std::str::FromStr;

use imgbuild_oci::{ImageName, NameError, Reference, Tag};
use imgbuild_spec::Variant;

/// Where images are pushed: `registry.example/team/base:{python}-cuda{cuda}`. `{name}` is the image's name.
///
/// Without a tag it is all tags that the spec gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushTarget(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Key(String),
}

/// A target that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum PushTargetError {
    /// A brace without its other.
    #[error("`{0}` has a brace without its other")]
    #[diagnostic(help("`{{key}}` stands for the value of a key of the matrix"))]
    Brace(String),
    /// It is no reference.
    #[error(transparent)]
    Reference(#[from] NameError),
    /// It names no registry.
    #[error("`{0}` names no registry to push to")]
    #[diagnostic(help("write its host before it: `registry.example/{0}`, or `docker.io/{0}`"))]
    NoRegistry(String),
    /// It names a digest.
    #[error("`{0}` names a digest, which an image has and is not given")]
    #[diagnostic(help("name a tag, or none for the tags of the spec"))]
    Digest(String),
    /// A key that the matrix does not have.
    #[error("`{target}` has `{{{key}}}`, which is no key of the matrix")]
    #[diagnostic(help("{}", known(keys)))]
    Key {
        /// The target.
        target: String,
        /// The key.
        key: String,
        /// The keys of the matrix.
        keys: Vec<String>,
    },
    /// Two images under one name.
    #[error("`{reference}` would be two images: {} and {}", .images[0], .images[1])]
    #[diagnostic(help(
        "write keys of the matrix into it, such as `:{{python}}`, or leave the tag out for the tags of the spec"
    ))]
    Twice {
        /// The reference.
        reference: String,
        /// What both are called.
        images: [String; 2],
    },
}

fn known(keys: &[String]) -> String {
    let shown: Vec<String> = keys.iter().map(|key| format!("`{{{key}}}`")).collect();
    match shown.as_slice() {
        [] => "the spec has no matrix; `{name}` is the image's name".to_owned(),
        shown => format!("the matrix has {}; `{{name}}` is the image's name", shown.join(", ")),
    }
}

/// The key that stands for the image's name.
const NAME: &str = "name";

impl FromStr for PushTarget {
    type Err = PushTargetError;

    fn from_str(text: &str) -> Result<Self, PushTargetError> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        let lone = || PushTargetError::Brace(text.to_owned());
        while let Some(at) = rest.find(['{', '}']) {
            let key = rest[at..].strip_prefix('{').and_then(|it| it.split_once('}')).ok_or_else(lone)?;
            pieces.push(Piece::Text(rest[..at].to_owned()));
            pieces.push(Piece::Key(key.0.to_owned()));
            rest = key.1;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let target = Self(pieces);
        // A key stands for letters, digits and what else tags have.
        target.expand(|_| Some("x".to_owned()))?;
        Ok(target)
    }
}

impl fmt::Display for PushTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Key(key) => write!(f, "{{{key}}}"),
        })
    }
}

impl PushTarget {
    /// Where the image of a variant goes, and under which tags.
    ///
    /// # Errors
    ///
    /// When it names a key that the variant does not have, or what comes of it is no reference.
    pub fn place(&self, variant: &Variant) -> Result<(Reference, Vec<Tag>), PushTargetError> {
        let reference = self.expand(|key| match key {
            NAME if !variant.keys.contains_key(NAME) => Some(variant.name.to_string()),
            key => variant.keys.get(key).cloned(),
        });
        let reference = reference.map_err(|error| match error {
            PushTargetError::Key { target, key, .. } => {
                PushTargetError::Key { target, key, keys: variant.keys.keys().cloned().collect() }
            }
            error => error,
        })?;
        let tags = reference.tag().map_or_else(|| variant.tags.clone(), |tag| vec![tag.clone()]);
        Ok((reference, tags))
    }

    /// The same for an image whose spec is not known: no key stands for anything.
    ///
    /// # Errors
    ///
    /// As for [`PushTarget::place`].
    pub fn plain(&self, name: Option<&ImageName>) -> Result<Reference, PushTargetError> {
        self.expand(|key| name.filter(|_| key == NAME).map(ToString::to_string))
    }

    fn expand(&self, value: impl Fn(&str) -> Option<String>) -> Result<Reference, PushTargetError> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(it) => text.push_str(it),
                Piece::Key(key) => text.push_str(&value(key).ok_or_else(|| PushTargetError::Key {
                    target: self.to_string(),
                    key: key.clone(),
                    keys: Vec::new(),
                })?),
            }
        }
        let reference: Reference = text.parse()?;
        match () {
            () if reference.digest().is_some() => Err(PushTargetError::Digest(text)),
            () if reference.registry().is_none() => Err(PushTargetError::NoRegistry(text)),
            () => Ok(reference),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_target_is_refused() {
        let refused = |text: &str| text.parse::<PushTarget>().unwrap_err().to_string();
        let shown: Vec<String> = [
            "base",
            "team/base:1",
            "r.example/base:{python",
            "r.example/base:}",
            "r.example/Base",
            "r.example/base@sha256:b79606fb3afea5bd1609ed40b622142f1c98125abcfe89a76a661b0e8e343910",
        ]
        .map(refused)
        .into();
        insta::assert_snapshot!(shown.join("\n"), @r"
        `base` names no registry to push to
        `team/base:1` names no registry to push to
        `r.example/base:{python` has a brace without its other
        `r.example/base:}` has a brace without its other
        `Base` is not a valid image name: each part between slashes is lower-case letters and digits, parted by one `.`, one or two `_`, or any number of `-`
        `r.example/base@sha256:b79606fb3afea5bd1609ed40b622142f1c98125abcfe89a76a661b0e8e343910` names a digest, which an image has and is not given
        ");
        let target: PushTarget = "r.example/team/{name}:{python}-cuda{cuda}".parse().unwrap();
        assert_eq!(target.to_string(), "r.example/team/{name}:{python}-cuda{cuda}");
        assert_eq!(
            target.plain(None).unwrap_err().to_string(),
            "`r.example/team/{name}:{python}-cuda{cuda}` has `{name}`, which is no key of the matrix"
        );
    }
}

//! Names of images and tags, by the grammar of the OCI distribution specification.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not a valid name or tag: what was asked for, and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {what}: {rule}")]
pub struct NameError {
    /// The text.
    pub text: String,
    /// What it should have been.
    pub what: &'static str,
    /// The rule that it breaks.
    pub rule: &'static str,
}

/// The name of an image, without registry and tag: lower-case words, parted by `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageName(String);

impl ImageName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = |rule| Err(NameError { text: text.to_owned(), what: "image name", rule });
        if text.is_empty() {
            return error("it is empty");
        }
        // The registry's host counts towards the limit of 255; engines refuse longer ones.
        if text.len() > 200 {
            return error("it is longer than 200 characters");
        }
        if !text.split('/').all(is_path_component) {
            return error(
                "each part between slashes is lower-case letters and digits, parted by one `.`, one or two `_`, or any number of `-`",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(text: &str) -> bool {
    let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().is_some_and(word) && bytes.last().is_some_and(word);
    let separators = bytes.split(word).filter(|separator| !separator.is_empty());
    ends && separators.into_iter().all(|separator| {
        matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-')
    })
}

/// A tag: what stands behind the colon of an image's reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = |rule| Err(NameError { text: text.to_owned(), what: "tag", rule });
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match text.as_bytes() {
            [] => error("it is empty"),
            bytes if bytes.len() > 128 => error("it is longer than 128 characters"),
            [first, ..] if !word(*first) => error("it must begin with a letter, a digit or `_`"),
            bytes if !bytes.iter().all(|byte| word(*byte) || matches!(byte, b'.' | b'-')) => {
                error("it may hold letters, digits, `_`, `.` and `-` only")
            }
            _ => Ok(Self(text.to_owned())),
        }
    }
}

macro_rules! text_type {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

text_type!(ImageName);
text_type!(Tag);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_distribution_grammar() {
        for good in ["a", "base-pytorch", "team/ml/base", "a.b_c__d---e", "0"] {
            assert_eq!(good.parse::<ImageName>().unwrap().as_str(), good);
        }
        for bad in ["", "A", "a//b", "/a", "a/", "a..b", "a___b", "-a", "a-", "a b", "a:b", "é"] {
            assert!(bad.parse::<ImageName>().is_err(), "{bad}");
        }
        assert_eq!(
            "Base".parse::<ImageName>().unwrap_err().to_string(),
            "`Base` is not a valid image name: each part between slashes is lower-case letters and digits, \
             parted by one `.`, one or two `_`, or any number of `-`"
        );
    }

    #[test]
    fn tags_follow_the_distribution_grammar() {
        for good in ["latest", "3.9-cuda11.8", "_x", "A"] {
            assert_eq!(good.parse::<Tag>().unwrap().as_str(), good);
        }
        for bad in ["", ".a", "-a", "a b", "a/b", &"a".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
    }
}

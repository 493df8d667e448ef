//! Users: who the image runs as, and who owns what is copied.

use std::fmt;
use std::str::FromStr;

use imgbuild_archive::Owner;
use imgbuild_document::{ValueError, as_text, checked_text};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use super::jupyter::JupyterProfile;

/// The user that the image runs as, by numbers or by names, with or without a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum User {
    /// `1000` or `1000:100`.
    Id {
        /// The user's number.
        uid: u32,
        /// The group's number.
        gid: Option<u32>,
    },
    /// `jovyan` or `jovyan:users`.
    Name {
        /// The user's name.
        user: String,
        /// The group's name.
        group: Option<String>,
    },
}

/// Who owns a copied file: `1000:100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnerNumbers(pub(crate) Owner);

checked_text!(
    /// The name of a user or a group.
    UserName, check_name, String
);

impl UserName {
    /// The user that a platform wants, whose volumes are mounted over its home.
    pub(crate) fn of(profile: JupyterProfile) -> Self {
        let name = match profile {
            JupyterProfile::Plain | JupyterProfile::Runpod => "user",
            JupyterProfile::Hub | JupyterProfile::Kubeflow | JupyterProfile::Openshift => "jovyan",
            JupyterProfile::Sagemaker => "sagemaker-user",
        };
        Self(name.to_owned())
    }
}

/// The number of a user or a group that is not root's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct UserNumber(u32);

impl UserNumber {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for UserNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        // The last one is what the kernel says for "none".
        let found = u32::try_from(number).ok().filter(|id| (1..u32::MAX).contains(id));
        found.map(Self).ok_or_else(|| {
            let hint = match number {
                0 => "root is there already: `user = \"root\"` in `[image]` makes the image run as root"
                    .to_owned(),
                _ => format!(
                    "write a number from 1 to {}; most machines give 1000 to their first user",
                    u32::MAX - 1
                ),
            };
            serde::de::Error::custom(
                ValueError::new(format!("{number} is not the number of a user")).hint(hint).with_hint(),
            )
        })
    }
}

impl JsonSchema for UserNumber {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "UserNumber".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": u32::MAX - 1 })
    }
}

/// A decimal number; `u32::MAX` is what the kernel says for "none".
fn id(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id != u32::MAX)
}

/// Debian's default `NAME_REGEX`, and its limit of 32.
fn name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    first && text.len() <= 32 && text.bytes().all(known)
}

fn check_name(text: &str) -> Result<(), ValueError> {
    if name(text) {
        return Ok(());
    }
    let error = ValueError::new(format!("`{}` is not the name of a user", text.escape_default()));
    Err(error
        .hint("a name has up to 32 lower-case letters, digits, `_` and `-`, and begins with a letter or `_`"))
}

impl FromStr for User {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        if let Some(uid) = id(user) {
            match group.map(id) {
                None => return Ok(Self::Id { uid, gid: None }),
                Some(Some(gid)) => return Ok(Self::Id { uid, gid: Some(gid) }),
                Some(None) => {}
            }
        } else if name(user) && group.is_none_or(name) {
            return Ok(Self::Name { user: user.to_owned(), group: group.map(str::to_owned) });
        }
        Err(ValueError::new(format!("`{}` is not a user", text.escape_default()))
            .hint("write numbers, like `1000:100`, or names, like `jovyan:users`"))
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { uid, gid: None } => write!(f, "{uid}"),
            Self::Id { uid, gid: Some(gid) } => write!(f, "{uid}:{gid}"),
            Self::Name { user, group: None } => f.write_str(user),
            Self::Name { user, group: Some(group) } => write!(f, "{user}:{group}"),
        }
    }
}

impl FromStr for OwnerNumbers {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let numbers = text.split_once(':').and_then(|(uid, gid)| Some((id(uid)?, id(gid)?)));
        let (uid, gid) = numbers.ok_or_else(|| {
            ValueError::new(format!("`{}` is not an owner", text.escape_default()))
                .hint("write the numbers of user and group, like `1000:100`")
        })?;
        Ok(Self(Owner { uid, gid }))
    }
}

impl fmt::Display for OwnerNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.uid, self.0.gid)
    }
}

as_text!(User, String);
as_text!(OwnerNumbers, String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_numbers_or_names() {
        for good in ["0", "1000", "1000:100", "jovyan", "jovyan:users", "_apt"] {
            assert_eq!(good.parse::<User>().unwrap().to_string(), good);
        }
        for bad in ["", ":", "1000:", ":100", "1000:users", "Jovyan", "a b", "4294967295", "-1", "a:b:c"] {
            assert!(bad.parse::<User>().is_err(), "{bad}");
        }
        assert_eq!("1000:100".parse(), Ok(OwnerNumbers(Owner { uid: 1000, gid: 100 })));
        for bad in ["1000", "jovyan:users", "+1:2"] {
            assert!(bad.parse::<OwnerNumbers>().is_err(), "{bad}");
        }
    }
}

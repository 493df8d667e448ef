//! Users: who the image runs as, and who owns what is copied.

use std::fmt;
use std::str::FromStr;

use imgbuild_archive::Owner;
use imgbuild_document::{ValueError, as_text};

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

//! What the servers of an image are set to.

use std::fmt;
use std::str::FromStr;

use imgbuild_document::{Literal, ValueError, checked_text};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A port of TCP that a server of the image listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TcpPort(u16);

impl TcpPort {
    /// One that this program itself knows: not 0.
    pub(crate) const fn known(number: u16) -> Self {
        Self(number)
    }

    /// The number: never 0.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether only root may listen on it.
    pub const fn is_privileged(self) -> bool {
        self.0 < 1024
    }
}

impl FromStr for TcpPort {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_plain && *number != 0);
        number.map(Self).ok_or_else(|| {
            ValueError::new(format!("`{}` is not a port", text.escape_default()))
                .hint("write a number from 1 to 65535")
        })
    }
}

impl fmt::Display for TcpPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for TcpPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TcpPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Literal::deserialize(deserializer)?;
        text.0.parse().map_err(|error: ValueError| serde::de::Error::custom(error.with_hint()))
    }
}

impl JsonSchema for TcpPort {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TcpPort".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 65535 })
    }
}

checked_text!(
    /// The path that the URLs of a server begin with.
    BaseUrl, check_base_url, String
);

impl Default for BaseUrl {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

fn check_base_url(text: &str) -> Result<(), ValueError> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    if text.starts_with('/') && text.bytes().all(is_good) && !text.contains("//") && !text.contains("..") {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` is not a path that URLs can begin with", text.escape_default()))
        .hint("write it from the server's root, like `/jupyter`"))
}

checked_text!(
    /// The version of `JupyterHub`: `5`, or `5.2` and so on.
    HubVersion, check_hub_version, Literal
);

impl HubVersion {
    /// What a package of this version is, as a requirement says it.
    pub fn specifier(&self) -> String {
        format!("=={}.*", self.as_str())
    }
}

fn check_hub_version(text: &str) -> Result<(), ValueError> {
    let number =
        |part: &str| !part.is_empty() && part.len() < 6 && part.bytes().all(|it| it.is_ascii_digit());
    if text.split('.').all(number) && text.split('.').count() <= 3 {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` is not a version of JupyterHub", text.escape_default()))
        .hint("write its major version, like `5`: a hub and what it spawns must be of one major version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers() {
        assert_eq!("8888".parse::<TcpPort>().map(TcpPort::get), Ok(8888));
        assert!("22".parse::<TcpPort>().is_ok_and(TcpPort::is_privileged));
        for bad in ["", "0", "65536", "+1", "80/tcp"] {
            assert!(bad.parse::<TcpPort>().is_err(), "{bad}");
        }
    }

    #[test]
    fn base_urls_are_paths() {
        for good in ["/", "/jupyter", "/a/b-c/", "/notebook/ns/x"] {
            assert!(good.parse::<BaseUrl>().is_ok(), "{good}");
        }
        for bad in ["", "a", "//evil", "/a?b", "/a b", "/../x", "/a'b"] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn versions_of_the_hub_are_prefixes() {
        assert_eq!("5".parse::<HubVersion>().unwrap().specifier(), "==5.*");
        for bad in ["", "5.x", ">=5", "5.1.2.3"] {
            assert!(bad.parse::<HubVersion>().is_err(), "{bad}");
        }
    }
}

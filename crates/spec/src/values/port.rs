//! Ports that an image says it listens on.

use std::fmt;
use std::str::FromStr;

use imgbuild_document::{Literal, ValueError};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A port, written `8080` or `"8080/udp"`; the image specification's `ExposedPorts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// The number, never 0.
    pub number: std::num::NonZeroU16,
    /// The protocol.
    pub protocol: Protocol,
}

/// The protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP, the default.
    Tcp,
    /// UDP.
    Udp,
}

impl FromStr for Port {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let error = || {
            ValueError::new(format!("`{}` is not a port", text.escape_default()))
                .hint("write a number from 1 to 65535, or like `\"8080/udp\"`")
        };
        let (number, protocol) = match text.split_once('/') {
            None => (text, Protocol::Tcp),
            Some((number, "tcp")) => (number, Protocol::Tcp),
            Some((number, "udp")) => (number, Protocol::Udp),
            Some(_) => return Err(error()),
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error());
        }
        Ok(Self { number: number.parse().map_err(|_| error())?, protocol })
    }
}

/// As the image's configuration writes it: `8080/tcp`.
impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        write!(f, "{}/{protocol}", self.number)
    }
}

impl Serialize for Port {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Literal::deserialize(deserializer)?;
        text.0.parse().map_err(|error: ValueError| serde::de::Error::custom(error.with_hint()))
    }
}

impl JsonSchema for Port {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Port".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number_and_perhaps_a_protocol() {
        assert_eq!("8080".parse::<Port>().unwrap().to_string(), "8080/tcp");
        assert_eq!("53/udp".parse::<Port>().unwrap().to_string(), "53/udp");
        for bad in ["", "0", "65536", "+80", "80/sctp", "8_080", "80-90"] {
            assert!(bad.parse::<Port>().is_err(), "{bad}");
        }
    }
}

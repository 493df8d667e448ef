//! Checked values: each rule of the language stands at the type that it is about.

mod glob;
mod name;
mod path;
mod pin;
mod pip;
mod port;
mod reference;
mod repository;
mod snapshot;
mod text;
mod time;
mod user;
mod version;

pub use glob::{ExcludedPart, PathGlob};
pub use name::{ChannelName, DebianPackageName, EnvironmentName, LabelKey, PackageName, VariableName};
pub use path::{ContextPath, ImagePath, Mode, Prefix};
pub use pin::{SourceName, VersionPattern};
pub use pip::{PipUrl, ProjectName};
pub use port::{Port, Protocol};
pub use reference::{ChannelMirror, MatchSpecText, Mirror};
pub use repository::{Component, RepositoryName, RepositorySuite};
pub(crate) use snapshot::SNAPSHOT_NAMES;
pub use snapshot::{SnapshotMirror, SnapshotTime};
pub use text::ProgramText;
pub(crate) use text::VariableValue;
pub use time::CutOff;
pub use user::{Owner, User};
pub use version::{CudaVersion, PythonVersion};

/// A text that breaks the rule of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ValueError {
    message: String,
    hint: Option<String>,
}

impl ValueError {
    /// Parts message and hint where both are one text: serde carries nothing else.
    pub(crate) const HINT: &str = "\n\nhint: ";

    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do instead.
    pub fn help(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(crate) fn with_hint(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}{}{hint}", self.message, Self::HINT),
            None => self.message.clone(),
        }
    }
}

/// Reading and writing as a string, by `FromStr` and `Display`.
macro_rules! as_text {
    ($name:ident, $text:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <$text>::deserialize(deserializer)?;
                let read = <Self as std::str::FromStr>::from_str(text.as_ref());
                read.map_err(|error| serde::de::Error::custom(error.with_hint()))
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                generator.subschema_for::<$text>()
            }
        }
    };
}

/// A text that a rule has checked.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path, $text:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::values::ValueError;

            fn from_str(text: &str) -> Result<Self, crate::values::ValueError> {
                $check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        crate::values::as_text!($name, $text);
    };
}

/// A text that a rule has checked, and that may hold secrets: neither `Debug` nor `Display` nor serde shows one.
macro_rules! secret_text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(secret::SecretText);

        impl $name {
            /// The text, with the secrets that it may hold.
            pub fn secret(&self) -> &secret::SecretText {
                &self.0
            }
        }

        impl From<&$name> for secret::SecretText {
            fn from(text: &$name) -> Self {
                text.0.clone()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::values::ValueError;

            fn from_str(text: &str) -> Result<Self, crate::values::ValueError> {
                $check(text)?;
                Ok(Self(secret::SecretText::new(text)))
            }
        }

        crate::values::as_text!($name, String);
    };
}

pub(crate) use {as_text, checked_text, secret_text};

/// A text as messages show it.
pub(crate) fn shown(text: &str) -> String {
    secret::public(text).escape_default().to_string()
}

impl AsRef<str> for crate::decode::Literal {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Text that no line, tar header or environment can be broken with.
pub(crate) fn printable(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

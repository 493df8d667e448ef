//! Checked values: the rule stands at the type that it is about.

/// A text that breaks the rule of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("{message}")]
pub struct ValueError {
    message: String,
    #[help]
    hint: Option<String>,
}

impl ValueError {
    /// What is wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Says what to do instead.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do instead.
    pub fn help(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Message and hint in one text, for serde, which carries nothing else: [`crate::DecodeError`] parts them again. It is for
    /// nobody else to read.
    pub fn with_hint(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{MARK}{}{MARK}{}{hint}", self.message.len(), self.message),
            None => self.message.clone(),
        }
    }

    /// What [`ValueError::with_hint`] has made one text of. Any other is a message alone.
    pub(crate) fn read(text: &str) -> Self {
        let parts = || {
            let (length, rest) = text.strip_prefix(MARK)?.split_once(MARK)?;
            rest.split_at_checked(length.parse().ok()?)
        };
        match parts() {
            Some((message, hint)) => Self::new(message).hint(hint),
            None => Self::new(text),
        }
    }
}

/// Stands before a message that has its length and its hint with it. Messages begin with words of ours, and texts of others
/// come to them with their control characters escaped: none begins with a unit separator.
const MARK: char = '\u{1f}';

/// Reading and writing as a string, by `FromStr` and `Display`.
#[macro_export]
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
#[macro_export]
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
            type Err = $crate::ValueError;

            fn from_str(text: &str) -> Result<Self, $crate::ValueError> {
                $check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        $crate::as_text!($name, $text);
    };
}

/// A text that a rule has checked, and that may hold secrets: neither `Debug` nor `Display` nor serde shows one.
#[macro_export]
macro_rules! secret_text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(imgbuild_secret::SecretText);

        impl $name {
            /// The text, with the secrets that it may hold.
            pub fn secret(&self) -> &imgbuild_secret::SecretText {
                &self.0
            }
        }

        impl From<&$name> for imgbuild_secret::SecretText {
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
            type Err = $crate::ValueError;

            fn from_str(text: &str) -> Result<Self, $crate::ValueError> {
                $check(text)?;
                Ok(Self(imgbuild_secret::SecretText::new(text)))
            }
        }

        $crate::as_text!($name, String);
    };
}

/// A text as messages show it.
pub fn shown(text: &str) -> String {
    imgbuild_secret::public(text).escape_default().to_string()
}

impl AsRef<str> for crate::decode::Literal {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Text that no line, tar header or environment can be broken with.
pub fn printable(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_hint_come_through_one_text() {
        for message in ["it is wrong", "it holds `\u{1f}3\u{1f}` and\n\nhint: none", ""] {
            for error in [ValueError::new(message), ValueError::new(message).hint("write it\u{1f} so")] {
                assert_eq!(ValueError::read(&error.with_hint()), error);
            }
        }
        for text in ["\u{1f}", "\u{1f}9\u{1f}short", "\u{1f}x\u{1f}y", "\u{1f}1\u{1f}ü"] {
            assert_eq!(ValueError::read(text), ValueError::new(text));
        }
    }
}

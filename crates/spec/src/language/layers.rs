//! `[layers]`.

use imgbuild_document::ValueError;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{LEAST_BUDGET, MOST_BUDGET};
use crate::values::LayerSize;

/// How the image is cut into layers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Layers {
    /// The most layers that the image may have, those of the base included: 8 to 120.
    #[schemars(extend("examples" = [60]))]
    pub budget: Budget,
    /// Cuts large packages: the files of one that has more bytes than this are in several layers, in the order of their paths. Engines fetch
    /// and unpack a layer by one thread, so that several are there sooner. A number with a unit, such as `512MB` or `512MiB`; at least `16MiB`.
    #[schemars(extend("examples" = ["512MB"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_layer: Option<LayerSize>,
    /// The layers' compression. Docker before version 23 needs `gzip`.
    #[schemars(extend("examples" = ["gzip"]))]
    pub compression: Compression,
    /// Whether Python files are compiled in advance, so that the image starts fast for every user: by the locked Python, in
    /// the sandbox. Where the build machine forbids a sandbox, it runs outside of it, and the report says so; with
    /// `"sandboxed"` that is an error. With `false`, only the bytecode that packages bring and that is valid is in the image.
    #[schemars(extend("examples" = ["sandboxed"]))]
    pub bytecode: Compilation,
}

/// Whether and where Python files are compiled. The image is the same wherever they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compilation {
    /// In the sandbox, or outside where the machine has none.
    #[default]
    Anywhere,
    /// In the sandbox or not at all.
    Sandboxed,
    /// They are not.
    Nowhere,
}

impl Compilation {
    /// Whether bytecode is made.
    pub fn makes_bytecode(self) -> bool {
        self != Self::Nowhere
    }
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "write `true`, `false` or `\"sandboxed\"`")]
enum CompilationKey {
    Made(bool),
    Word(CompilationWord),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CompilationWord {
    Sandboxed,
}

impl Serialize for Compilation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let key = match self {
            Self::Anywhere => CompilationKey::Made(true),
            Self::Sandboxed => CompilationKey::Word(CompilationWord::Sandboxed),
            Self::Nowhere => CompilationKey::Made(false),
        };
        key.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Compilation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match CompilationKey::deserialize(deserializer)? {
            CompilationKey::Made(true) => Self::Anywhere,
            CompilationKey::Made(false) => Self::Nowhere,
            CompilationKey::Word(CompilationWord::Sandboxed) => Self::Sandboxed,
        })
    }
}

impl JsonSchema for Compilation {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Compilation".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [true, false, "sandboxed"] })
    }
}

/// A compression of layers.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Compression {
    /// Zstandard: fast and small.
    #[default]
    Zstd,
    /// gzip, for old engines.
    Gzip,
    /// None.
    None,
}

/// A number of layers, from 8 to 120: engines refuse more than 127.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Budget(u8);

impl Budget {
    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self(40)
    }
}

impl<'de> Deserialize<'de> for Budget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        match u8::try_from(number) {
            Ok(layers) if (LEAST_BUDGET..=MOST_BUDGET).contains(&number) => Ok(Self(layers)),
            _ => {
                let error = ValueError::new(format!("a budget of {number} layers cannot be kept"))
                    .hint(format!("write a number from {LEAST_BUDGET} to {MOST_BUDGET}; the default is 40"));
                Err(serde::de::Error::custom(error.with_hint()))
            }
        }
    }
}

impl JsonSchema for Budget {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Budget".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": LEAST_BUDGET, "maximum": MOST_BUDGET })
    }
}

//! `[[check]]`.

use imgbuild_document::{Located, ProgramText, ValueError};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::limits::MOST_CHECK_SECONDS;

/// A command that is run in the finished image; when it fails, the build fails and nothing is delivered.
///
/// It runs as the image's user, behind the image's entrypoint unless the spec names its own, off the network, in a new
/// container. What it writes is thrown away.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct CheckTable {
    /// The program and its arguments.
    #[schemars(extend("examples" = [["python", "-c", "import torch"]]))]
    pub(crate) run: Located<Vec<ProgramText>>,
    /// A line that it must print.
    #[schemars(extend("examples" = ["11.8"]))]
    pub(crate) expect: Option<String>,
    /// How many seconds it may run: at most a day.
    #[serde(default)]
    #[schemars(extend("examples" = [60]))]
    pub(crate) timeout: Seconds,
}

/// A time in seconds, from 1 to those of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Seconds(u32);

impl Seconds {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for Seconds {
    fn default() -> Self {
        Self(300)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let seconds = u32::try_from(number).ok().filter(|_| (1..=MOST_CHECK_SECONDS).contains(&number));
        let error = || {
            ValueError::new(format!("a time of {number} seconds cannot be kept"))
                .hint(format!("write a number from 1 to {MOST_CHECK_SECONDS}; the default is 300"))
        };
        seconds.map(Self).ok_or_else(|| serde::de::Error::custom(error().with_hint()))
    }
}

impl JsonSchema for Seconds {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Seconds".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": MOST_CHECK_SECONDS })
    }
}

//! How channels count against one another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the order of the channels counts.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum ChannelPriority {
    /// A package comes from the first channel that has it, whatever its version.
    #[default]
    Strict,
    /// A later channel is asked where the first has no version that fits.
    Flexible,
    /// The newest version is taken, whichever channel has it; the order decides between equal ones.
    Disabled,
}

impl ChannelPriority {
    /// The word for it, as conda has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Flexible => "flexible",
            Self::Disabled => "disabled",
        }
    }
}

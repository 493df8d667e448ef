//! Which paths of packages are left out of an image.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A rule for paths, as dpkg has them (`dpkg(1)`, `--path-exclude` and `--path-include`). Its glob begins with a slash;
/// `*` and `?` stand for any characters, slashes among them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PathRule {
    /// What matches is left out.
    Exclude(String),
    /// What matches stays, though an earlier rule excludes it.
    Include(String),
}

/// A text that is not a rule for paths.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rule for paths, such as `path-exclude=/usr/share/man/*`")]
pub struct PathRuleError(String);

impl PathRule {
    /// The glob.
    pub fn glob(&self) -> &str {
        match self {
            Self::Exclude(glob) | Self::Include(glob) => glob,
        }
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exclude(glob) => write!(f, "path-exclude={glob}"),
            Self::Include(glob) => write!(f, "path-include={glob}"),
        }
    }
}

impl FromStr for PathRule {
    type Err = PathRuleError;

    fn from_str(text: &str) -> Result<Self, PathRuleError> {
        let error = || PathRuleError(text.escape_default().to_string());
        let (kind, glob) = text.split_once('=').ok_or_else(error)?;
        if !glob.starts_with('/') || glob.chars().any(|it| it.is_control() || it == '\\') {
            return Err(error());
        }
        match kind {
            "path-exclude" => Ok(Self::Exclude(glob.to_owned())),
            "path-include" => Ok(Self::Include(glob.to_owned())),
            _ => Err(error()),
        }
    }
}

impl TryFrom<String> for PathRule {
    type Error = PathRuleError;

    fn try_from(text: String) -> Result<Self, PathRuleError> {
        text.parse()
    }
}

impl From<PathRule> for String {
    fn from(rule: PathRule) -> Self {
        rule.to_string()
    }
}

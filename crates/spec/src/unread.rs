//! What of a spec could not be read, and what may follow from that.

use std::collections::BTreeSet;

use imgbuild_document::{Mistake, Problem};
use imgbuild_environment::EnvironmentMistake;

use crate::mistake::SpecMistake;

/// What could not be read: paths of keys and of items of lists, like `conda.packages[1]`.
#[derive(Debug, Default)]
pub(crate) struct UnreadKeys {
    /// What is left out.
    pub(crate) paths: BTreeSet<String>,
    /// Keys that nobody knows: each may have been meant for another one of its table.
    pub(crate) unknown: BTreeSet<String>,
}

impl UnreadKeys {
    /// Whether anything of a key is left out.
    fn any_of(&self, key: &str) -> bool {
        self.paths.iter().any(|path| is_in(path, key) || is_in(key, path))
    }

    /// Whether a key may lack what somebody wrote for it.
    pub(crate) fn may_lack(&self, key: &str) -> bool {
        self.any_of(key) || self.unknown.iter().any(|unknown| table(unknown) == table(key))
    }

    /// Whether what is wrong in the rest may not be, had all been read: it says that something is not there, or is about what
    /// stands there instead.
    pub(crate) fn explains(&self, problem: &Problem) -> bool {
        let may_lack = |keys: &[&str]| keys.iter().any(|key| self.may_lack(key));
        if let Some(mistake) = problem.mistake() {
            return match mistake {
                Mistake::EmptyList { key } => {
                    self.any_of(key) || self.unknown.iter().any(|unknown| is_in(unknown, key))
                }
                Mistake::MissingKey { key } => self.may_lack(key),
                // What a pin names is a source of the base.
                Mistake::UnknownValue { value, .. } => {
                    self.any_of(&format!("base.sources.{value}"))
                        || self.paths.iter().any(|path| is_in("base.sources", path))
                        || self.unknown.iter().any(|unknown| table(unknown) == "base")
                }
                _ => false,
            };
        }
        let of_platforms = problem.mistake().is_some_and(|mistake| {
            use EnvironmentMistake::{LockPlatform, ManyPlatforms};
            matches!(mistake, LockPlatform { .. } | ManyPlatforms { .. })
        });
        match problem.mistake() {
            Some(SpecMistake::NoPython) => may_lack(&["python", "env", "conda", "conda.packages"]),
            Some(SpecMistake::LockLacks { .. }) => {
                may_lack(&["python", "python.from", "env", "conda.manager"])
            }
            _ => of_platforms && may_lack(&["platforms", "env.platform"]),
        }
    }
}

/// Whether a path is that of the key, or of something in it.
fn is_in(path: &str, key: &str) -> bool {
    path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The table that a key stands in; nothing for the whole.
fn table(key: &str) -> &str {
    key.rsplit_once('.').map_or("", |(table, _)| table)
}

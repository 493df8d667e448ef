//! What of a spec could not be read, and what may follow from that.

use std::collections::BTreeSet;

use crate::error::{Mistake, Problem};

/// What could not be read: the paths of keys and of items of lists, like `conda.packages[1]`. Those of keys that nobody
/// knows are among them.
#[derive(Debug, Default)]
pub(crate) struct Unread(pub(crate) BTreeSet<String>);

impl Unread {
    /// Whether anything of a key is among it.
    pub(crate) fn any_of(&self, key: &str) -> bool {
        self.0.iter().any(|path| is_in(path, key))
    }

    /// Whether what is wrong in the rest may not be, had all been read: it says that something is not there.
    pub(crate) fn explains(&self, problem: &Problem) -> bool {
        match problem.mistake() {
            Mistake::EmptyList { key } => self.any_of(key),
            Mistake::MissingKey { key } => self.any_of(key.rsplit_once('.').map_or(key, |(table, _)| table)),
            // What a pin names is a source of the base.
            Mistake::UnknownValue { value, .. } => {
                self.0.contains("base.sources") || self.any_of(&format!("base.sources.{value}"))
            }
            // Each of these brings one, and an unknown key may have been meant for it.
            Mistake::NoPython => {
                ["python", "conda", "env"].into_iter().any(|key| self.any_of(key))
                    || self.0.iter().any(|path| !path.contains(['.', '[']))
            }
            _ => false,
        }
    }
}

/// Whether a path is that of the key, or of something in it.
fn is_in(path: &str, key: &str) -> bool {
    path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

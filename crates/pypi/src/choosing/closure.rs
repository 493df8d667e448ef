//! What requires what, and whether it is there: as `pip check` sees it, and with extras.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pep440_rs::Version;

use crate::choosing::dependency::Dependency;
use crate::choosing::environment::Environment;

/// A distribution.
#[derive(Debug, Clone)]
pub(crate) struct Distribution<'a> {
    pub(crate) version: Version,
    /// What it requires.
    pub(crate) requires: &'a [String],
    /// Whether only the requirements of its extras count: the others are conda's matter.
    pub(crate) extras_only: bool,
}

/// Distributions by their normalised names.
#[derive(Debug)]
pub(crate) struct Closure<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) distributions: BTreeMap<&'a str, Distribution<'a>>,
}

/// What a walk along the requirements has found.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// The names of what is required, with the extras that are asked for.
    pub(crate) extras: BTreeMap<String, BTreeSet<String>>,
    /// What is required and not there.
    pub(crate) missing: Vec<UnmetRequirement>,
}

/// A requirement that is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnmetRequirement {
    /// The name of what requires.
    pub(crate) name: String,
    /// What it requires.
    pub(crate) requirement: String,
    /// The version that is there.
    pub(crate) found: Option<Version>,
}

impl Closure<'_> {
    /// Walks from these names, with these extras, along all requirements that hold.
    pub(crate) fn walk(&self, roots: impl IntoIterator<Item = (String, Vec<String>)>) -> Walk {
        let mut walk = Walk::default();
        let mut queue = VecDeque::new();
        for (name, extras) in roots {
            walk.extras.entry(name.clone()).or_default().extend(extras);
            queue.push_back(name);
        }
        let mut told = BTreeSet::new();
        while let Some(name) = queue.pop_front() {
            let extras: Vec<String> = walk.extras.get(&name).into_iter().flatten().cloned().collect();
            let Some(distribution) = self.distributions.get(name.as_str()) else { continue };
            for text in distribution.requires {
                let Some(it) = Dependency::of_metadata(text) else { continue };
                let by_extra = !it.holds(self.environment, &[]);
                if !it.holds(self.environment, &extras) || (distribution.extras_only && !by_extra) {
                    continue;
                }
                if let Some(found) = self.unmet(&it)
                    && told.insert((name.clone(), text.clone()))
                {
                    walk.missing.push(UnmetRequirement {
                        name: name.clone(),
                        requirement: text.clone(),
                        found,
                    });
                }
                let is_new = !walk.extras.contains_key(&it.name);
                let asked = walk.extras.entry(it.name.clone()).or_default();
                let before = asked.len();
                asked.extend(it.extras);
                if is_new || asked.len() > before {
                    queue.push_back(it.name);
                }
            }
        }
        walk
    }

    /// What is there in the place of what is required, where that is not met: nothing, or another version.
    fn unmet(&self, required: &Dependency) -> Option<Option<Version>> {
        let Some(distribution) = self.distributions.get(required.name.as_str()) else {
            return Some(None);
        };
        // Whatever is there by that name may come from a URL.
        let fits = required.versions.as_ref().is_none_or(|it| it.contains(&distribution.version));
        (!fits).then(|| Some(distribution.version.clone()))
    }
}

//! From the packages that were asked for to all that they need.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use imgbuild_lock::DebianPackage;

use crate::archive::index::{Candidate, Index};
use crate::archive::suite::Priority;
use crate::package::stanza::field;
use crate::resolving::relation::show;
use crate::{Operator, Relation, RelationError};

/// What was asked for.
#[derive(Debug)]
pub(crate) struct ResolveRequest<'a> {
    /// Packages by name, or as `name=version`.
    pub(crate) packages: &'a [String],
    /// Debian's name of the architecture.
    pub(crate) architecture: &'a str,
    /// Packages that keep their version while it serves.
    pub(crate) keep: Vec<&'a DebianPackage>,
    /// The suite, for messages.
    pub(crate) suite: &'a str,
    /// Whether the Essential packages are wanted as well.
    pub(crate) essential: bool,
}

/// Why there is no set of packages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum ResolveError {
    /// No package is called so.
    #[error("the suite `{suite}` has no package `{name}`")]
    Unknown {
        /// The suite.
        suite: String,
        /// What was asked for.
        name: String,
        /// Names like it, where there are any.
        #[help]
        nearest: Option<Nearest>,
    },
    /// The package has no such version.
    #[error("the suite `{suite}` has no version `{version}` of `{name}`")]
    #[diagnostic(help("it has {}", quoted(known)))]
    NoVersion {
        /// The suite.
        suite: String,
        /// The package.
        name: String,
        /// What was asked for.
        version: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A dependency cannot be met.
    #[error("the dependency `{missing}` cannot be met in the suite `{suite}`: {}", arrows(chain))]
    #[diagnostic(help("{}", available(known)))]
    Unmet {
        /// The suite.
        suite: String,
        /// The dependency.
        missing: String,
        /// From what was asked for down to the dependency.
        chain: Vec<String>,
        /// What there is of it: `name version`.
        known: Vec<String>,
    },
    /// Two packages exclude each other.
    #[error(
        "`{package}` and `{other}` cannot be installed together: `{package}` {field} `{relation}`\n{}: {}\n{}: {}",
        package,
        arrows(chain),
        other,
        arrows(other_chain)
    )]
    Conflict {
        /// The one that says so.
        package: Box<str>,
        /// The other.
        other: Box<str>,
        /// `conflicts with` or `breaks`.
        field: &'static str,
        /// Its relation.
        relation: Box<str>,
        /// Why the one is there.
        chain: Vec<String>,
        /// Why the other is there.
        other_chain: Vec<String>,
    },
    /// A package's relations cannot be read.
    #[error("the package `{name}` has a field `{field}` that cannot be read: {error}")]
    Relation {
        /// The package.
        name: String,
        /// The field.
        field: &'static str,
        /// What is wrong.
        error: RelationError,
    },
}

impl ResolveError {
    /// The names of the packages that it is about.
    pub(crate) fn subjects(&self) -> Vec<&str> {
        match self {
            Self::Unknown { name, .. } | Self::NoVersion { name, .. } | Self::Relation { name, .. } => {
                vec![name]
            }
            Self::Unmet { chain, .. } => chain.iter().map(String::as_str).collect(),
            Self::Conflict { package, other, chain, other_chain, .. } => {
                let named = [package.as_ref(), other.as_ref()];
                let chains = chain.iter().chain(other_chain).map(String::as_str);
                named.into_iter().chain(chains).collect()
            }
        }
    }
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

fn arrows(chain: &[String]) -> String {
    chain.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(" → ")
}

/// Names of packages that are like one that there is not. As text, the question whether one of them was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest(Vec<String>);

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "did you mean {}?", quoted(&self.0))
    }
}

fn available(known: &[String]) -> String {
    if known.is_empty() {
        "the suite has no package of that name".to_owned()
    } else {
        format!("the suite has {}", quoted(known))
    }
}

/// A chosen package.
struct ChosenPackage {
    candidate: Candidate,
    chain: Vec<String>,
}

struct Resolver<'a> {
    index: &'a Index,
    wanted: &'a ResolveRequest<'a>,
    kept: BTreeMap<&'a str, Candidate>,
    chosen: BTreeMap<String, ChosenPackage>,
    /// What chosen packages provide: virtual name to (provider, version).
    provided: BTreeMap<String, Vec<(String, Option<crate::Version>)>>,
    queue: VecDeque<String>,
}

/// A kept version that does not serve.
struct OutdatedVersion(String);

enum Stop {
    Error(ResolveError),
    Outdated(OutdatedVersion),
}

impl From<ResolveError> for Stop {
    fn from(error: ResolveError) -> Self {
        Self::Error(error)
    }
}

/// Finds the packages: the Essential ones, those asked for, and what they depend on, sorted by name.
///
/// For each dependency the first alternative that is there already is taken, else the first that was locked before,
/// else the first that there is; of what provides a virtual package, the one with the highest priority, then the
/// first by name. Nothing is recommended, and nothing is tried twice: a conflict is an error.
pub(crate) fn resolve(index: &Index, wanted: &ResolveRequest<'_>) -> Result<Vec<Candidate>, ResolveError> {
    let mut dropped = BTreeSet::new();
    loop {
        let kept = wanted
            .keep
            .iter()
            .filter(|it| !dropped.contains(&it.name))
            .filter_map(|it| kept_candidate(it))
            .collect();
        let mut resolver = Resolver {
            index,
            wanted,
            kept,
            chosen: BTreeMap::new(),
            provided: BTreeMap::new(),
            queue: VecDeque::new(),
        };
        match resolver.run() {
            Ok(()) => return Ok(resolver.chosen.into_values().map(|it| it.candidate).collect()),
            Err(Stop::Error(error)) => return Err(error),
            // Each turn drops one more of the kept versions, so that this ends.
            Err(Stop::Outdated(OutdatedVersion(name))) => dropped.insert(name),
        };
    }
}

fn kept_candidate(package: &DebianPackage) -> Option<(&str, Candidate)> {
    let candidate = Candidate {
        name: package.name.clone(),
        version: package.version.parse().ok()?,
        record: package.record.clone(),
        archive: package.archive.clone(),
        priority: Priority::Usual,
    };
    Some((package.name.as_str(), candidate))
}

impl Resolver<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        let index = self.index;
        for name in index.essential().iter().filter(|_| self.wanted.essential) {
            if let Some(candidate) = self.candidate(name, |_| true) {
                self.choose(candidate, Vec::new());
            }
        }
        for package in self.wanted.packages {
            let candidate = self.asked_for(package)?;
            self.choose(candidate, Vec::new());
        }
        while let Some(name) = self.queue.pop_front() {
            self.follow(&name)?;
        }
        self.check_conflicts()
    }

    fn asked_for(&self, package: &str) -> Result<Candidate, ResolveError> {
        let suite = self.wanted.suite.to_owned();
        let (name, version) =
            package.split_once('=').map_or((package, None), |(name, version)| (name, Some(version)));
        let found = self.candidate(name, |it| version.is_none_or(|version| it.version.as_str() == version));
        if let Some(candidate) = found {
            return Ok(candidate);
        }
        let known: Vec<_> = self.index.versions(name).iter().map(|it| it.version.to_string()).collect();
        match version {
            Some(version) if !known.is_empty() => Err(ResolveError::NoVersion {
                suite,
                name: name.to_owned(),
                version: version.to_owned(),
                known,
            }),
            _ => Err(ResolveError::Unknown {
                suite,
                name: name.to_owned(),
                nearest: nearest(self.index, name),
            }),
        }
    }

    /// The version of a package to take: the kept one, else the highest.
    fn candidate(&self, name: &str, allows: impl Fn(&Candidate) -> bool) -> Option<Candidate> {
        match self.kept.get(name).filter(|it| allows(it)) {
            Some(kept) => Some(kept.clone()),
            None => self.index.versions(name).into_iter().find(|it| allows(it)),
        }
    }

    fn choose(&mut self, candidate: Candidate, mut chain: Vec<String>) {
        if self.chosen.contains_key(&candidate.name) {
            return;
        }
        let name = candidate.name.clone();
        chain.push(name.clone());
        for relation in provides(&candidate) {
            let version = relation.version.map(|(_, version)| version);
            self.provided.entry(relation.name).or_default().push((name.clone(), version));
        }
        self.queue.push_back(name.clone());
        self.chosen.insert(name, ChosenPackage { candidate, chain });
    }

    fn follow(&mut self, name: &str) -> Result<(), Stop> {
        let Some(chosen) = self.chosen.get(name) else { return Ok(()) };
        let (record, chain) = (chosen.candidate.record.clone(), chosen.chain.clone());
        for field in ["Pre-Depends", "Depends"] {
            for alternatives in relations(name, &record, field)? {
                self.meet(&alternatives, &chain)?;
            }
        }
        Ok(())
    }

    fn meet(&mut self, alternatives: &[Relation], chain: &[String]) -> Result<(), Stop> {
        if alternatives.iter().any(|it| self.is_met(it)) {
            return Ok(());
        }
        let kept = alternatives.iter().filter(|it| self.kept.contains_key(it.name.as_str()));
        let candidate = kept.chain(alternatives).find_map(|it| self.provider(it));
        if let Some(candidate) = candidate {
            self.choose(candidate, chain.to_vec());
            return Ok(());
        }
        // The version that was locked may be what is in the way.
        for alternative in alternatives {
            if self.chosen.contains_key(&alternative.name)
                && self.kept.contains_key(alternative.name.as_str())
            {
                return Err(Stop::Outdated(OutdatedVersion(alternative.name.clone())));
            }
        }
        let names = alternatives.iter().flat_map(|it| self.index.versions(&it.name));
        let known = names.map(|it| format!("{} {}", it.name, it.version)).collect();
        let missing = show(alternatives);
        let chain = chain.iter().cloned().chain([missing.clone()]).collect();
        Err(ResolveError::Unmet { suite: self.wanted.suite.to_owned(), missing, chain, known }.into())
    }

    fn is_met(&self, relation: &Relation) -> bool {
        if !self.is_native(relation) {
            return false;
        }
        let real = self.chosen.get(&relation.name).is_some_and(|it| relation.allows(&it.candidate.version));
        real || self
            .provided
            .get(&relation.name)
            .into_iter()
            .flatten()
            .any(|(_, version)| provided_allows(relation, version.as_ref()))
    }

    /// Images hold one architecture: a relation to another one is never met.
    fn is_native(&self, relation: &Relation) -> bool {
        relation
            .qualifier
            .as_deref()
            .is_none_or(|it| ["any", "native", "all", self.wanted.architecture].contains(&it))
    }

    fn provider(&self, relation: &Relation) -> Option<Candidate> {
        if !self.is_native(relation) {
            return None;
        }
        if !self.chosen.contains_key(&relation.name) {
            let real = self.candidate(&relation.name, |it| relation.allows(&it.version));
            if real.is_some() {
                return real;
            }
        }
        let provides_it = |candidate: &Candidate| {
            let mut provided = provides(candidate).into_iter().filter(|it| it.name == relation.name);
            provided.any(|it| provided_allows(relation, it.version.as_ref().map(|(_, version)| version)))
        };
        let newest = |it: &Candidate| {
            self.candidate(&it.name, |_| true).is_some_and(|best| best.version == it.version)
        };
        let mut providers = self.index.providers(&relation.name);
        providers.retain(|it| !self.chosen.contains_key(&it.name) && provides_it(it) && newest(it));
        providers.sort_by_key(|it| {
            (
                !self.kept.contains_key(it.name.as_str()),
                priority(field(&it.record, "Priority")),
                it.name.clone(),
            )
        });
        providers.into_iter().next()
    }

    fn check_conflicts(&self) -> Result<(), Stop> {
        for (name, chosen) in &self.chosen {
            for (field, word) in [("Conflicts", "conflicts with"), ("Breaks", "breaks")] {
                for relation in relations(name, &chosen.candidate.record, field)?.into_iter().flatten() {
                    let real =
                        self.chosen.get(&relation.name).filter(|it| relation.allows(&it.candidate.version));
                    let real = real.map(|it| it.candidate.name.clone());
                    let provided = self.provided.get(&relation.name).into_iter().flatten();
                    let others = provided.filter(|(_, version)| provided_allows(&relation, version.as_ref()));
                    let mut others = real.into_iter().chain(others.map(|(provider, _)| provider.clone()));
                    // A package may conflict with what it provides: it means the others that provide it.
                    let Some(other) = others.find(|other| other != name && self.is_native(&relation)) else {
                        continue;
                    };
                    if self.kept.contains_key(other.as_str()) {
                        return Err(Stop::Outdated(OutdatedVersion(other)));
                    }
                    if self.kept.contains_key(name.as_str()) {
                        return Err(Stop::Outdated(OutdatedVersion(name.clone())));
                    }
                    let other_chain = self.chosen.get(&other).map(|it| it.chain.clone()).unwrap_or_default();
                    let error = ResolveError::Conflict {
                        package: name.as_str().into(),
                        other: other.into(),
                        field: word,
                        relation: relation.to_string().into(),
                        chain: chosen.chain.clone(),
                        other_chain,
                    };
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }
}

/// A relation with a version is met by what provides that version, never by an unversioned `Provides` (policy 7.5).
pub(crate) fn provided_allows(relation: &Relation, version: Option<&crate::Version>) -> bool {
    match (&relation.version, version) {
        (None, _) => true,
        (Some(_), Some(version)) => relation.allows(version),
        (Some(_), None) => false,
    }
}

fn provides(candidate: &Candidate) -> Vec<Relation> {
    let list = Relation::read_list(field(&candidate.record, "Provides").unwrap_or("")).unwrap_or_default();
    let exact = |it: &Relation| it.version.as_ref().is_none_or(|(operator, _)| *operator == Operator::Equal);
    list.into_iter().flatten().filter(exact).collect()
}

pub(crate) fn relations(
    name: &str,
    record: &str,
    of: &'static str,
) -> Result<Vec<Vec<Relation>>, ResolveError> {
    Relation::read_list(field(record, of).unwrap_or("")).map_err(|error| ResolveError::Relation {
        name: name.to_owned(),
        field: of,
        error,
    })
}

/// The rank of a record's field `Priority`: the smaller, the more a system needs it (Debian policy 2.5).
pub(crate) fn priority(field: Option<&str>) -> usize {
    const PRIORITIES: [&str; 5] = ["required", "important", "standard", "optional", "extra"];
    let priority = field.unwrap_or("optional");
    PRIORITIES.iter().position(|it| *it == priority).unwrap_or(PRIORITIES.len())
}

pub(crate) fn nearest(index: &Index, name: &str) -> Option<Nearest> {
    let mut scored: Vec<_> = index
        .names()
        .map(|it| (strsim::damerau_levenshtein(it, name), it))
        .filter(|(distance, _)| *distance <= 2.min(name.len().saturating_sub(1)))
        .collect();
    scored.sort();
    let names: Vec<String> = scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect();
    (!names.is_empty()).then_some(Nearest(names))
}

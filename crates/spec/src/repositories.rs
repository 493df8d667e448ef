//! What `[base]` says of where Debian packages come from, and which of them may be taken.

use std::collections::BTreeMap;
use std::path::Path;

use imgbuild_document::{Located, Mistake, Problem, Source, beneath, list, suggest};

use crate::language::{PinKey, PinTable, RepositoryTable, SnapshotTable};
use crate::values::{Component, DebianPackageName, RepositoryName};
use crate::variant::{Keyring, Pin, Repository, Snapshot};

/// The component where nothing is said.
const DEFAULT_COMPONENT: &str = "main";

/// What Debian's own archives are called, which no further repository can be.
const DEBIANS_OWN: [&str; 2] = ["debian", "debian-security"];

/// The components of one archive: those that are written, else the default.
pub(crate) fn components(
    key: &str,
    written: Option<Located<Vec<Located<Component>>>>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Vec<Component> {
    let written = list::unique(key, written, source, problems);
    written.unwrap_or_else(|| DEFAULT_COMPONENT.parse().into_iter().collect())
}

/// The further repositories.
pub(crate) fn repositories(
    tables: BTreeMap<RepositoryName, Located<RepositoryTable>>,
    folder: &Path,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Vec<Repository> {
    tables.into_iter().map(|(name, table)| repository(name, table, folder, source, problems)).collect()
}

fn repository(
    name: RepositoryName,
    table: Located<RepositoryTable>,
    folder: &Path,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Repository {
    let origin = table.origin(source);
    let RepositoryTable { url, suite, components: written, keyring } = table.value;
    let key = format!("base.sources.{name}.components");
    let components = match &written {
        Some(list) if suite.value.is_flat() => {
            let mistake = Mistake::Conflict { first: format!("base.sources.{name}.suite"), second: key };
            let hint = "a suite that ends with a slash is a flat repository, which has no components: remove one of the two";
            problems.push(
                Problem::new(mistake)
                    .at(source, list.span.clone(), "only suites below `dists` have components")
                    .hint(hint),
            );
            Vec::new()
        }
        None if suite.value.is_flat() => Vec::new(),
        _ => components(&key, written, source, problems),
    };
    Repository {
        name,
        url,
        suite: suite.value,
        components,
        keyring: keyring.and_then(|located| keyring_file(&located, folder, source, problems)),
        origin,
    }
}

/// The pins, each of a source that there is.
pub(crate) fn pins(
    keys: BTreeMap<DebianPackageName, Located<PinKey>>,
    sources: &BTreeMap<RepositoryName, Located<RepositoryTable>>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Vec<Pin> {
    let known: Vec<String> =
        DEBIANS_OWN.into_iter().map(str::to_owned).chain(sources.keys().map(ToString::to_string)).collect();
    let mut pin = |(package, located): (DebianPackageName, Located<PinKey>)| {
        let origin = located.origin(source);
        let table = match located.value {
            PinKey::Short(version) => PinTable { version: Some(version), source: None },
            PinKey::Table(table) => table,
        };
        let key = format!("base.pin.{package}");
        if table.version.is_none() && table.source.is_none() {
            let mistake = Mistake::EmptyList { key: key.clone() };
            let hint = "say which version, or which source, for example `{ version = \"1:2.39.*\" }`";
            problems.push(Problem::new(mistake).at(source, located.span.clone(), "here").hint(hint));
        }
        let from = table.source.map(|from| {
            if !known.iter().any(|it| it == from.value.as_str()) {
                let mistake =
                    Mistake::UnknownValue { key: format!("{key}.source"), value: from.value.to_string() };
                let hint = suggest::for_value(from.value.as_str(), &known);
                problems.push(
                    Problem::new(mistake).at(source, from.span.clone(), "no source is called so").hint(hint),
                );
            }
            from.value
        });
        Pin { package, version: table.version, source: from, origin }
    };
    keys.into_iter().map(&mut pin).collect()
}

/// The time at which Debian's archives are taken.
pub(crate) fn snapshot(
    table: Option<Located<SnapshotTable>>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Option<Snapshot> {
    let Located { value: SnapshotTable { time, mirror }, span, key } = table?;
    if mirror.is_none() {
        let mistake = Mistake::MissingKey { key: format!("{key}.mirror") };
        let hint = "no mirror is built in: write where one keeps old archives, like `mirror = \"https://snapshot.example/archive/{archive}/{time}\"`";
        problems.push(Problem::new(mistake).at(source, span, "here").hint(hint));
    }
    Some(Snapshot { time, mirror: mirror? })
}

/// A file of keys, beside the spec; nothing where it is elsewhere.
pub(crate) fn keyring_file(
    located: &Located<String>,
    folder: &Path,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Option<Keyring> {
    if let Some(problem) = beneath::problem(folder, Path::new(&located.value)) {
        problems.push(problem.at(source, located.span.clone(), "named here"));
        return None;
    }
    Some(Keyring { path: folder.join(&located.value), origin: located.origin(source) })
}

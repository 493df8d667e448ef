//! What `[base]` says of where Debian packages come from.

use std::collections::BTreeMap;

use crate::decode::Located;
use crate::draft::Context;
use crate::error::{Mistake, Problem};
use crate::language::RepositoryTable;
use crate::list;
use crate::source::Source;
use crate::values::{Component, RepositoryName};
use crate::variant::{Keyring, Repository};

/// The component where nothing is said.
const DEFAULT_COMPONENT: &str = "main";

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
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Repository> {
    tables.into_iter().map(|(name, table)| repository(name, table, context, problems)).collect()
}

fn repository(
    name: RepositoryName,
    table: Located<RepositoryTable>,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Repository {
    let source = context.source;
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
        keyring: keyring.map(|located| keyring_file(&located, context)),
        origin,
    }
}

/// A file of keys, beside the spec.
pub(crate) fn keyring_file(located: &Located<String>, context: &Context<'_>) -> Keyring {
    Keyring { path: context.folder.join(&located.value), origin: located.origin(context.source) }
}

//! What of a project a lock of wheels gives beside what the project always needs: its extras, and its groups of dependencies.

use std::path::Path;

use imgbuild_document::{Entry, Located, Node, Problem, Source, Value, toml_tree};
use imgbuild_requirement::{ProjectName, ProjectParts, Reader, is_uv_lock};

use crate::mistake::SpecMistake;

/// The names of a list, with the place of each.
pub(crate) type Names = Option<Located<Vec<Located<ProjectName>>>>;

/// What `[pip]` says of a project's parts.
#[derive(Default)]
pub(crate) struct PartsKeys {
    pub(crate) extras: Names,
    pub(crate) groups: Names,
}

/// The group that uv takes where nobody says which (`uv sync`).
const UVS_GROUP: &str = "dev";

impl PartsKeys {
    /// What is wrong with them where there is no lock of a project.
    pub(crate) fn without_lock(&self, source: &Source) -> Option<Problem> {
        let (key, span) = match (&self.extras, &self.groups) {
            (Some(names), _) => ("extras", names.span.clone()),
            (None, Some(names)) => ("groups", names.span.clone()),
            (None, None) => return None,
        };
        let problem = Problem::new(SpecMistake::NoLockOfProject { key });
        let hint = match key {
            "extras" => "a requirement has its extras in brackets: `name[extra]`",
            _ => "name the lock: `env = \"uv.lock\"`",
        };
        Some(problem.at(source, span, "asked for here").hint(hint))
    }

    /// What is taken of the project whose lock stands at `lock`.
    ///
    /// # Errors
    ///
    /// When the project's own file, which says what it has by default, cannot be read.
    pub(crate) fn parts(self, lock: &Path, reader: &mut Reader<'_>) -> Result<ProjectParts, Problem> {
        let names =
            |names: Located<Vec<Located<ProjectName>>>| names.value.into_iter().map(|it| it.value).collect();
        let groups: Option<Vec<ProjectName>> = self.groups.map(names);
        let of_uv = groups.is_none() && is_uv_lock(lock);
        let default_groups = if of_uv { default_groups(lock, reader)? } else { Vec::new() };
        Ok(ProjectParts { extras: self.extras.map(names).unwrap_or_default(), groups, default_groups })
    }
}

/// The groups that uv takes of the project beside a lock of its: its `uv.lock` does not say it.
fn default_groups(lock: &Path, reader: &mut Reader<'_>) -> Result<Vec<ProjectName>, Problem> {
    let named = |names: Vec<&str>| names.into_iter().filter_map(|name| name.parse().ok()).collect();
    let Some(project) = reader.optional_text(&lock.with_file_name("pyproject.toml"))? else {
        return Ok(named(vec![UVS_GROUP]));
    };
    let (root, mut problems) = toml_tree::read(&project);
    if !problems.is_empty() {
        return Err(problems.swap_remove(0));
    }
    let at =
        |keys: &[&str]| root.as_ref().and_then(|root| keys.iter().try_fold(root, |node, key| node.get(key)));
    Ok(match at(&["tool", "uv", "default-groups"]).map(|node| &node.value) {
        Some(Value::List(groups)) => named(groups.iter().filter_map(text).collect()),
        Some(Value::Text(all)) if all == "all" => match at(&["dependency-groups"]).map(|node| &node.value) {
            Some(Value::Table(groups)) => named(groups.iter().map(Entry::name).collect()),
            _ => Vec::new(),
        },
        _ => named(vec![UVS_GROUP]),
    })
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

//! `pyproject.toml`: a project, or the needs of one.

use imgbuild_document::{DocumentError, Node, Source, Value, toml_tree};

use crate::draft::Draft;
use crate::error::InitError;
use crate::folder::Folder;
use crate::secrets::holds_secret;
use crate::{literal, name, python};

/// Locks that a spec can name, in the order in which they are taken.
const LOCKS: [&str; 3] = ["pixi.lock", "uv.lock", "pylock.toml"];

/// Locks that other tools write a list of, and how.
const OTHERS: [(&str, &str); 3] = [
    ("poetry.lock", "poetry export --output requirements.txt"),
    ("pdm.lock", "pdm export --no-self --output requirements.txt"),
    ("Pipfile.lock", "pipenv requirements > requirements.txt"),
];

/// Takes over a project, which stands at `path`. `pinned` is the Python that its folder is pinned to.
pub(crate) fn take(
    draft: &mut Draft,
    source: &Source,
    (path, pinned): (&str, Option<String>),
    folder: &Folder,
) -> Result<(), InitError> {
    let (root, problems) = toml_tree::read(source);
    let Some(root) = root.filter(|_| problems.is_empty()) else {
        return Err(DocumentError::new(source.name(), problems).into());
    };
    let at = |keys: &[&str]| keys.iter().try_fold(&root, |node, key| node.get(key));
    let project = at(&["project", "name"]).or(at(&["tool", "poetry", "name"])).and_then(text);
    if let Some(project) = project {
        draft.name = name::of_text(project);
    }
    let below = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside = |file: &str| if below.is_empty() { file.to_owned() } else { format!("{below}/{file}") };
    let place = format!("from `{path}`");
    // pixi's tables are no project where the lock is another tool's.
    let lock = LOCKS.into_iter().map(beside).find(|lock| folder.has_file(lock));
    let requires = at(&["project", "requires-python"])
        .or(at(&["tool", "poetry", "dependencies", "python"]))
        .and_then(text);
    let version = pinned.or_else(|| python::fitting(&requires?.replace('^', ">=")).map(str::to_owned));
    if let Some(lock) = lock {
        draft.set_essential("env", literal::text(&lock), &place);
        if !lock.ends_with("pixi.lock") {
            python::set(draft, version.as_deref(), None, &place);
        }
        let own =
            format!("`[[copy]]` brings the project's own files into the image: `{lock}` has what it needs");
        draft.leave_out(&place, "the project itself", own);
        return Ok(());
    }
    if at(&["tool", "pixi"]).is_some() && at(&["project", "dependencies"]).is_none() {
        return Err(InitError::NoDependencies { file: source.name().to_owned() });
    }
    python::set(draft, version.as_deref(), None, &place);
    if at(&["build-system"]).is_some() {
        let written = if below.is_empty() { ".".to_owned() } else { format!("./{below}") };
        draft.add("pip.packages", &written, &place);
        match project {
            Some(project) => draft.add("pip.allow-builds", project, &place),
            None => draft.set_literal("pip.allow-builds", "true".to_owned(), &place),
        }
    } else {
        dependencies(draft, at(&["project", "dependencies"]), &place, source)?;
    }
    further(draft, (&root, &place), folder, &beside);
    Ok(())
}

/// What a project that is not itself installed needs.
fn dependencies(
    draft: &mut Draft,
    listed: Option<&Node>,
    place: &str,
    source: &Source,
) -> Result<(), InitError> {
    let Some(Value::List(items)) =
        listed.map(|node| &node.value).filter(|it| **it != Value::List(Vec::new()))
    else {
        return Err(InitError::NoDependencies { file: source.name().to_owned() });
    };
    for item in items.iter().filter_map(text) {
        match holds_secret(item) {
            true => draft.leave_out(
                place,
                "a requirement with a secret in its URL",
                "write `${{NAME}}` in the secret's place",
            ),
            false => draft.add("pip.packages", item, place),
        }
    }
    Ok(())
}

/// What a project says beside its dependencies.
fn further(
    draft: &mut Draft,
    (root, place): (&Node, &str),
    folder: &Folder,
    beside: &dyn Fn(&str) -> String,
) {
    let extras = root.get("project").and_then(|project| project.get("optional-dependencies"));
    for (node, reason) in [
        (extras, "`packages = [\".[NAME]\"]` in `[pip]` takes one"),
        (
            root.get("dependency-groups"),
            "they are for working on the project: a requirements file may hold what is wanted of them",
        ),
    ] {
        let names = keys(node);
        if !names.is_empty() {
            draft.leave_out(place, names.join(", "), reason);
        }
    }
    for (lock, command) in OTHERS {
        if folder.has_file(&beside(lock)) {
            let reason = format!(
                "`{command}` writes what it locks into a file: name that by `[pip] requirements`, and the versions are those of the lock"
            );
            draft.leave_out(place, format!("`{lock}`"), reason);
        }
    }
    let tool = |name: &str| root.get("tool").and_then(|tool| tool.get(name));
    let sources =
        tool("uv").and_then(|uv| uv.get("sources")).or(tool("poetry").and_then(|it| it.get("source")));
    if sources.is_some() {
        draft.leave_out(
            place,
            "sources and indexes of its own",
            "`[pip]` has `index-url` and `extra-index-urls`, and requirements with URLs",
        );
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn keys(node: Option<&Node>) -> Vec<String> {
    match node.map(|node| &node.value) {
        Some(Value::Table(entries)) => entries.iter().map(|entry| format!("`{}`", entry.name())).collect(),
        _ => Vec::new(),
    }
}

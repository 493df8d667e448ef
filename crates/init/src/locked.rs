//! Files that `env` names: environments, and what other tools have locked.

use imgbuild_document::{DocumentError, Node, Source, Value, files, yaml_tree};

use crate::draft::Draft;
use crate::error::InitError;
use crate::literal;
use crate::python;

/// Platforms as conda and as images call them.
const PLATFORMS: [(&str, &str); 2] = [("linux-64", "linux/amd64"), ("linux-aarch64", "linux/arm64")];

/// Takes over a file that `env` names, which stands at `path` below the spec's folder.
pub(crate) fn take(draft: &mut Draft, source: &Source, path: &str) -> Result<(), InitError> {
    let (contents, problems) = imgbuild_environment::read(source, &files::variable);
    if !problems.is_empty() {
        return Err(DocumentError::new(source.name(), problems).into());
    }
    let place = format!("from `{path}`");
    let mut value = literal::text(path);
    match contents {
        None => return Err(InitError::Unknown { file: source.name().to_owned() }),
        Some(imgbuild_environment::Contents::Pip) => {
            draft.set_essential("env", value, &place);
            python::set(draft, None, None, "for its packages");
            return Ok(());
        }
        Some(imgbuild_environment::Contents::Pixi(_)) => {
            let root = yaml_tree::read(source)
                .map_err(|problem| DocumentError::new(source.name(), vec![problem]))?;
            if let Some(environment) = environment(draft, &root, &place) {
                value = format!("{{ file = {value}, environment = {} }}", literal::text(&environment));
            }
        }
        Some(imgbuild_environment::Contents::File(environment)) => {
            if let Some(name) = environment.name.filter(|name| !["base", "root"].contains(&name.as_str())) {
                draft.name = crate::name::of_text(name.as_str());
            }
        }
        Some(_) => {}
    }
    draft.set_essential("env", value, &place);
    Ok(())
}

/// The environment of a lock of pixi, where it must be named; and its platforms.
fn environment(draft: &mut Draft, root: &Node, place: &str) -> Option<String> {
    let environments = entries(root.get("environments")?);
    let has_packages =
        |node: &Node| node.get("packages").is_some_and(|packages| !entries(packages).is_empty());
    let filled: Vec<_> = environments.iter().filter(|(_, node)| has_packages(node)).collect();
    let chosen = filled.iter().find(|(name, _)| *name == "default").or(filled.first())?;
    let others: Vec<String> =
        filled.iter().filter(|it| it.0 != chosen.0).map(|(name, _)| format!("`{name}`")).collect();
    if !others.is_empty() {
        let reason = "`env` takes one: `[envs.NAME]` with `env = { file = …, environment = … }` brings another into the image, and a matrix makes one image for each";
        draft.leave_out(place, format!("the environments {}", others.join(", ")), reason);
    }
    let packages = entries(chosen.1.get("packages")?);
    let is_there = |conda: &str| packages.iter().any(|(name, _)| *name == conda);
    let platforms: Vec<&str> =
        PLATFORMS.iter().filter(|(conda, _)| is_there(conda)).map(|(_, image)| *image).collect();
    if !platforms.is_empty() {
        draft.set_literal("platforms", literal::list(&platforms), place);
    }
    (chosen.0 != "default").then(|| chosen.0.to_owned())
}

/// The keys of a table with their values.
fn entries(node: &Node) -> Vec<(&str, &Node)> {
    let Value::Table(entries) = &node.value else { return Vec::new() };
    entries.iter().map(|entry| (entry.name(), &entry.value)).collect()
}

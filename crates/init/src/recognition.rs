//! What a file is, by its name and by what it holds.

use std::path::Path;

use imgbuild_document::Source;

/// What a spec is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recognition {
    /// A file that `env` names: an environment, or a lock.
    Environment,
    /// A requirements file.
    Requirements,
    /// A project.
    Project,
    /// A Dockerfile.
    Dockerfile,
    /// A dev container.
    DevContainer,
}

/// Keys of environment files and of locks.
const KEYS: [&str; 6] = ["dependencies", "channels", "environments", "package", "variables", "prefix"];

/// What a file is; nothing where it is none that is known.
pub(crate) fn of(source: &Source) -> Option<Recognition> {
    let path = Path::new(source.name());
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let text = source.inner();
    let is_explicit = text.lines().any(|line| line.trim() == "@EXPLICIT");
    if is_explicit || lower.ends_with(".lock") || lower.starts_with("pylock.") && lower.ends_with(".toml") {
        return Some(Recognition::Environment);
    }
    if lower == "pyproject.toml" {
        return Some(Recognition::Project);
    }
    let is_docker = ["dockerfile", "containerfile"].iter().any(|word| {
        lower == *word || lower.starts_with(&format!("{word}.")) || lower.ends_with(&format!(".{word}"))
    });
    if is_docker {
        return Some(Recognition::Dockerfile);
    }
    if lower.ends_with(".json") || lower.ends_with(".jsonc") {
        return text.trim_start().starts_with(['{', '/']).then_some(Recognition::DevContainer);
    }
    if lower.ends_with(".yml") || lower.ends_with(".yaml") {
        let is_known =
            |line: &str| KEYS.iter().any(|key| line.trim_start_matches(['"', '\'']).starts_with(key));
        return text.lines().any(is_known).then_some(Recognition::Environment);
    }
    if lower.ends_with(".txt") || lower.ends_with(".in") {
        return Some(if is_list_of_builds(text) {
            Recognition::Environment
        } else {
            Recognition::Requirements
        });
    }
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let word = first.and_then(|line| line.split_whitespace().next()).unwrap_or_default();
    let is_from = ["FROM", "ARG"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword));
    (is_from && !name.contains('.')).then_some(Recognition::Dockerfile)
}

/// Whether a file is what `conda list --export` writes: most lines are `name=version=build`.
fn is_list_of_builds(text: &str) -> bool {
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let builds = lines.iter().filter(|line| !line.contains("==") && line.matches('=').count() == 2).count();
    !lines.is_empty() && builds * 2 > lines.len()
}

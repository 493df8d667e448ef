//! What `env` names: an environment file, or an explicit list.

mod explicit;
mod file;

use std::path::Path;

pub use explicit::{ArchiveHash, ArchiveUrl, ExplicitEntry, ExplicitList};
pub(crate) use file::EnvironmentFile;

use crate::error::{Mistake, Problem};
use crate::source::Source;

/// A file of packages.
#[derive(Debug, Clone)]
pub(crate) enum Environment {
    File(EnvironmentFile),
    Explicit(ExplicitList),
}

/// Files of other tools whose name alone tells them.
const NOT_YET: &[&str] =
    &["pixi.lock", "conda-lock.yml", "conda-lock.yaml", "pylock.toml", "requirements.txt"];

/// Reads it, by what it holds: an explicit list says so in a line of its own.
pub(crate) fn read(source: &Source) -> Result<Environment, Vec<Problem>> {
    let file = source.name();
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if NOT_YET.contains(&name) {
        let problem = Problem::new(Mistake::UnknownEnvironmentFormat { file: file.to_owned() });
        return Err(vec![problem.hint(format!("this version of imgbuild does not read `{name}` yet"))]);
    }
    if source.inner().lines().any(|line| line.trim() == explicit::MARK) {
        return explicit::read(source).map(Environment::Explicit);
    }
    if name.ends_with(".yml") || name.ends_with(".yaml") {
        return file::read(source).map(Environment::File);
    }
    let problem = Problem::new(Mistake::UnknownEnvironmentFormat { file: file.to_owned() });
    let hint = "an environment file is named `*.yml` or `*.yaml`; an explicit list has a line `@EXPLICIT`";
    Err(vec![problem.hint(hint)])
}

//! What a file of an environment is: conda's own, or packages that another tool has locked.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use imgbuild_document::files::Variables;
use imgbuild_document::{FILE_LIMIT, Origin, Problem, Source, yaml_tree};
use imgbuild_requirement::is_pylock;

use crate::choice::Choice;
use crate::environment::{Environment, PipPart};
use crate::limits::LOCK_LIMIT;
use crate::locked::OtherLock;
use crate::mistake::EnvironmentMistake;
use crate::{conda_lock, explicit, file, listing, other_file, pixi};

/// A file that `env` names, before anything is chosen from it.
#[derive(Debug, Clone)]
pub enum Contents {
    /// An environment file, or what conda exports in its form.
    File(Environment),
    /// An explicit list.
    Explicit(OtherLock),
    /// A lock of pixi.
    Pixi(Rc<pixi::PixiLock>),
    /// A lock of conda-lock.
    CondaLock(Rc<conda_lock::CondaLock>),
    /// A file of requirements or locked wheels: those read it who read such files.
    Pip,
}

/// How many bytes a file may have.
pub fn limit(path: &Path) -> usize {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.ends_with(".lock") || name.contains("conda-lock") { LOCK_LIMIT } else { FILE_LIMIT }
}

/// Reads what can be read of it, and what is wrong.
pub fn read(source: &Source, variables: &Variables<'_>) -> (Option<Contents>, Vec<Problem>) {
    by_form(source, variables).unwrap_or_else(|problems| (None, problems))
}

/// Reads it by what it holds: an explicit list says so in a line of its own, and locks have keys of their own. Only of
/// conda's environment file is read what can be read; the others are whole, or an error.
fn by_form(
    source: &Source,
    variables: &Variables<'_>,
) -> Result<(Option<Contents>, Vec<Problem>), Vec<Problem>> {
    let whole = |contents| (Some(contents), Vec::new());
    let file = source.name();
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if source.inner().lines().any(|line| line.trim() == explicit::MARK) {
        return explicit::read(source).map(Contents::Explicit).map(whole);
    }
    if let Some(problem) = listing::table(source) {
        return Err(vec![problem]);
    }
    if listing::is_export(source.inner()) {
        return listing::read(source).map(Contents::File).map(whole);
    }
    if is_pylock(name) || name.ends_with(".txt") || name.ends_with(".in") {
        return Ok(whole(Contents::Pip));
    }
    let unknown = || {
        let problem = Problem::new(EnvironmentMistake::UnknownEnvironmentFormat { file: file.to_owned() });
        let hint = "an environment file is named `*.yml` or `*.yaml`, and so are locks of conda-lock; pixi's is `pixi.lock`; an explicit list has a line `@EXPLICIT`; for pip there are `*.txt` and `pylock.toml`";
        vec![problem.hint(other_file::hint(name).unwrap_or_else(|| hint.to_owned()))]
    };
    let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    if !is_yaml && !name.ends_with(".lock") {
        return Err(unknown());
    }
    // Other tools' locks end in `.lock` as well, and are no YAML.
    let known = is_yaml || name == "pixi.lock";
    let root = yaml_tree::read(source).map_err(|problem| if known { vec![problem] } else { unknown() })?;
    let has = |key: &str| root.get(key).is_some();
    // The first versions of pixi's lock had conda-lock's keys: the name tells them apart.
    if name == "pixi.lock" || has("version") && has("environments") {
        pixi::read(source, &root).map(|lock| whole(Contents::Pixi(Rc::new(lock))))
    } else if name.contains("conda-lock") || has("metadata") && has("package") {
        conda_lock::read(source, &root).map(|lock| whole(Contents::CondaLock(Rc::new(lock))))
    } else if is_yaml {
        let (environment, problems) = file::read(source, root, variables);
        Ok((environment.map(Contents::File), problems))
    } else {
        Err(unknown())
    }
}

impl Contents {
    /// What is chosen from it: the file `file`, which was named at `asked`.
    pub fn choose(&self, choice: &Choice, file: &str, asked: &Origin) -> Result<Environment, Vec<Problem>> {
        let first = choice.categories.iter().flatten().next();
        let environment = choice.environment.as_ref().map(|(_, origin)| ("environment", "pixi", origin));
        let platform = choice.platform.as_ref().map(|(_, origin)| ("platform", "pixi", origin));
        let categories = first.map(|(_, origin)| ("categories", "conda-lock", origin));
        let unused = match self {
            Self::File(_) | Self::Explicit(_) | Self::Pip => environment.or(platform).or(categories),
            Self::Pixi(_) => categories,
            Self::CondaLock(_) => environment.or(platform),
        };
        if let Some((key, tool, origin)) = unused {
            let mistake =
                EnvironmentMistake::NothingToChoose { key: format!("env.{key}"), tool: tool.to_owned() };
            let hint = "remove the key, or name such a lock as `file`";
            return Err(vec![Problem::new(mistake).at(origin.source(), origin.span(), "here").hint(hint)]);
        }
        match self {
            Self::File(environment) => {
                let mut environment = environment.clone();
                if let Some(PipPart::Lines(_, path)) = &mut environment.pip {
                    *path = PathBuf::from(file);
                }
                Ok(environment)
            }
            Self::Explicit(lock) => Ok(Environment::locked(lock.clone(), Vec::new())),
            Self::Pixi(lock) => lock.choose(choice, file, asked),
            Self::CondaLock(lock) => lock.choose(choice, file, asked),
            Self::Pip => {
                let pip = Some(PipPart::File(file.to_owned(), asked.clone()));
                Ok(Environment { pip, ..Environment::default() })
            }
        }
    }
}

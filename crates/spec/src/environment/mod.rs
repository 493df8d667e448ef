//! What `env` names: an environment file, or packages that another tool has locked.

mod conda_lock;
mod explicit;
mod file;
mod listed;
mod listing;
mod lock_format;
mod locked;
mod md5;
mod open_file;
mod pixi;
mod versioned;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use oci::Digest;
use serde::Deserialize;

pub(crate) use listing::no_requirements;
pub use lock_format::LockFormat;
pub(crate) use locked::OtherLock;
pub use locked::{ArchiveUrl, LockedArchive, LockedBuild, LockedList, LockedPackages};
pub use md5::Md5;

use crate::decode::{Literal, Located};
use crate::error::{Mistake, Problem};
use crate::files::Variables;
use crate::limits::{FILE_LIMIT, LOCK_LIMIT};
use crate::note::Note;
use crate::pip::is_pylock;
use crate::requirement::{Channel, Requirement};
use crate::source::{Origin, Source};
use crate::suggest;
use crate::values::{ChannelName, EnvironmentName, VariableName};
use crate::yaml_tree;

/// What a file says of an environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    pub(crate) name: Option<EnvironmentName>,
    /// Without `nodefaults`: only the channels that are named are ever used.
    pub(crate) channels: Vec<Channel>,
    /// Whether it has `nodefaults`: conda too would use no others.
    pub(crate) no_defaults: bool,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) variables: BTreeMap<VariableName, String>,
    /// The packages, where they are locked already.
    pub(crate) locked: Option<OtherLock>,
    /// What pip is to install, where it says anything of it.
    pub(crate) pip: Option<PipPart>,
    /// What a person should know of the file.
    pub(crate) notes: Vec<Note>,
}

/// What a file that `env` names has for pip.
#[derive(Debug, Clone)]
pub(crate) enum PipPart {
    /// Lines of a requirements file, and the file that they stand in, beside the spec.
    Lines(Vec<Requirement>, PathBuf),
    /// The file itself, by its name beside the spec, and where it was named.
    File(String, Origin),
}

/// A file that `env` names, before anything is chosen from it.
#[derive(Debug, Clone)]
pub(crate) enum Contents {
    File(Environment),
    Explicit(OtherLock),
    Pixi(Rc<pixi::PixiLock>),
    CondaLock(Rc<conda_lock::CondaLock>),
    /// A file of requirements or locked wheels: those read it who read such files.
    Pip,
}

/// What is chosen from a file that holds more than one environment: words, and where they were written.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    pub(crate) environment: Option<(String, Origin)>,
    pub(crate) platform: Option<(String, Origin)>,
    pub(crate) categories: Option<Vec<(String, Origin)>>,
}

/// A channel of a lock. The first versions of conda-lock wrote the URL alone.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ChannelKey {
    Short(Located<String>),
    Table(ChannelTable),
}

#[derive(Debug, Deserialize)]
#[serde(rename = "imgbuild::Open")]
struct ChannelTable {
    url: Located<String>,
}

/// How many bytes a file may have.
pub(crate) fn limit(path: &Path) -> usize {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.ends_with(".lock") || name.contains("conda-lock") { LOCK_LIMIT } else { FILE_LIMIT }
}

/// Reads what can be read of it, and what is wrong.
pub(crate) fn read(source: &Source, variables: &Variables<'_>) -> (Option<Contents>, Vec<Problem>) {
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
        let problem = Problem::new(Mistake::UnknownEnvironmentFormat { file: file.to_owned() });
        let hint = "an environment file is named `*.yml` or `*.yaml`, and so are locks of conda-lock; pixi's is `pixi.lock`; an explicit list has a line `@EXPLICIT`; for pip there are `*.txt` and `pylock.toml`";
        vec![problem.hint(suggest::for_file(name).unwrap_or_else(|| hint.to_owned()))]
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
    pub(crate) fn choose(
        &self,
        choice: &Choice,
        file: &str,
        asked: &Origin,
    ) -> Result<Environment, Vec<Problem>> {
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
            let mistake = Mistake::NothingToChoose { key: format!("env.{key}"), tool: tool.to_owned() };
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

impl Environment {
    fn locked(lock: OtherLock, channels: Vec<Channel>) -> Self {
        Self { channels, locked: Some(lock), ..Self::default() }
    }

    /// The first line for pip of an environment file.
    pub(crate) fn pip_part(&self) -> Option<Origin> {
        match &self.pip {
            Some(PipPart::Lines(lines, _)) => lines.first().map(|line| line.origin.clone()),
            _ => None,
        }
    }

    /// Whether it says anything of conda's packages; one for pip alone makes no conda environment.
    pub(crate) fn is_of_conda(&self) -> bool {
        let nothing = self.requirements.is_empty() && self.variables.is_empty() && self.locked.is_none();
        !nothing || self.pip.is_none()
    }
}

/// The channels of a lock.
fn channels(channels: &[ChannelKey], source: &Source) -> Result<Vec<Channel>, Vec<Problem>> {
    let channel = |channel: &ChannelKey| {
        let (ChannelKey::Short(url) | ChannelKey::Table(ChannelTable { url })) = channel;
        let Range { start, end } = url.span;
        let name: ChannelName = url.value.parse().map_err(|error: crate::ValueError| {
            vec![locked::problem(source, start..end, error.to_string())]
        })?;
        Ok(Channel { name, origin: Some(Origin::new(source, start..end, url.key.clone())) })
    };
    channels.iter().map(channel).collect()
}

/// The hashes of a package, as they are written.
fn hashes(sha256: Option<&Literal>, md5: Option<&Literal>) -> Result<(Option<Digest>, Option<Md5>), String> {
    let read_sha256 = |text: &Literal| {
        Digest::from_hex(&text.0.to_ascii_lowercase()).map_err(|_| format!("`{}` is not a sha256", text.0))
    };
    let read_md5 =
        |text: &Literal| Md5::from_hex(&text.0).ok_or_else(|| format!("`{}` is not an MD5", text.0));
    Ok((sha256.map(read_sha256).transpose()?, md5.map(read_md5).transpose()?))
}

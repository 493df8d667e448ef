//! conda's files of settings: where they are, and which of the things that they say count (conda's `SEARCH_PATH` and its
//! configuration guide).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use imgbuild_document::DocumentError;
use imgbuild_environment::{Condarc, Setting, SettingMark, SettingTable};
use imgbuild_net::NetError;

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CondarcError {
    /// A file is there and cannot be read.
    #[error("cannot read conda's settings in `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file says what it cannot.
    #[error(transparent)]
    Wrong(#[from] Box<DocumentError>),
    /// No client can be made by the settings.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Net(#[from] NetError),
    /// The credentials for channels cannot be read.
    #[error("cannot read the credentials for conda channels")]
    Credentials(#[from] rattler_networking::AuthenticationStorageError),
}

impl From<DocumentError> for CondarcError {
    fn from(error: DocumentError) -> Self {
        Self::Wrong(Box::new(error))
    }
}

/// Variables of a process.
pub(crate) type Variables = BTreeMap<String, String>;

/// Says that none of conda's settings count.
const SWITCH: &str = "IMGBUILD_NO_CONDARC";

/// What the files of this machine say, in the places where conda has them, below `root`, and then the variables: what counts
/// more stands behind the others.
///
/// # Errors
///
/// When a file is there and cannot be read, or says what it cannot.
pub(crate) fn read(variables: &Variables, root: &Path) -> Result<Vec<Condarc>, CondarcError> {
    let off = variables.get(SWITCH).is_some_and(|value| !["", "0", "false"].contains(&value.as_str()));
    if off {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for path in files(variables, root)? {
        let text = match std::fs::read(&path) {
            Err(error) if is_absent(&error) => continue,
            bytes => bytes.map_err(|error| CondarcError::Read { path: path.clone(), error })?,
        };
        // What is no text is no YAML either, and that is told with its place.
        let text = String::from_utf8_lossy(&text).trim_start_matches('\u{feff}').to_owned();
        all.push(Condarc::read(&path.display().to_string(), text)?);
    }
    all.push(Condarc::of_variables(variables)?);
    Ok(all)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The files of settings, those that count more behind the others (conda's `SEARCH_PATH`).
fn files(variables: &Variables, root: &Path) -> Result<Vec<PathBuf>, CondarcError> {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = |folder: &str| set("HOME").map(|home| home.join(folder));
    let folders = [
        Some(root.join("etc/conda")),
        Some(root.join("var/lib/conda")),
        set("CONDA_ROOT"),
        set("XDG_CONFIG_HOME").map(|folder| folder.join("conda")),
        home(".config/conda"),
        home(".conda"),
    ];
    let mut files = Vec::new();
    let add = |folder: PathBuf| -> Result<(), CondarcError> {
        files.extend([folder.join(".condarc"), folder.join("condarc")]);
        let path = folder.join("condarc.d");
        let entries = match std::fs::read_dir(&path) {
            Err(error) if is_absent(&error) => return Ok(()),
            entries => entries.and_then(Iterator::collect::<io::Result<Vec<_>>>),
        };
        let entries = entries.map_err(|error| CondarcError::Read { path, error })?;
        let is_yaml = |path: &PathBuf| {
            path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml")
        };
        let mut found: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).filter(is_yaml).collect();
        found.sort();
        files.extend(found);
        Ok(())
    };
    folders.into_iter().flatten().try_for_each(add)?;
    let of_user = home(".condarc");
    let prefix = set("CONDA_PREFIX");
    files.extend(of_user);
    if let Some(prefix) = prefix {
        files.extend([prefix.join(".condarc"), prefix.join("condarc")]);
    }
    files.extend(set("CONDARC"));
    // A place may be named twice: `XDG_CONFIG_HOME` is often `~/.config`. What it says counts where it stands last.
    let mut seen = BTreeSet::new();
    let mut last: Vec<PathBuf> = files.into_iter().rev().filter(|path| seen.insert(path.clone())).collect();
    last.reverse();
    Ok(last)
}

/// The one that counts: the first that is final, else the last.
pub(crate) fn scalar<'a, T: 'a>(all: impl Iterator<Item = Option<&'a Setting<T>>>) -> Option<&'a Setting<T>> {
    let all: Vec<&Setting<T>> = all.flatten().collect();
    let last = || all.last().copied();
    all.iter().find(|setting| setting.mark == Some(SettingMark::Final)).copied().or_else(last)
}

/// Those that count: up to the first that is final.
fn relevant<'a, T>(all: impl IntoIterator<Item = &'a Setting<T>>) -> Vec<&'a Setting<T>> {
    let mut found = Vec::new();
    for setting in all {
        found.push(setting);
        if setting.mark == Some(SettingMark::Final) {
            break;
        }
    }
    found
}

/// For each key what the tables say of it, in their order.
pub(crate) fn table<'a, T>(
    all: impl Iterator<Item = Option<&'a Setting<SettingTable<T>>>>,
) -> BTreeMap<&'a str, Vec<&'a Setting<T>>> {
    let mut keys: BTreeMap<&str, Vec<&Setting<T>>> = BTreeMap::new();
    for setting in relevant(all.flatten()) {
        for (key, value) in &setting.value {
            keys.entry(key).or_default().push(value);
        }
    }
    keys
}

/// The items of several lists, each once: those of later lists first, but for what is marked.
pub(crate) fn list<'a>(all: Vec<&'a Setting<Vec<Setting<String>>>>) -> Vec<&'a Setting<String>> {
    let lists = relevant(all);
    let marked = |wanted: SettingMark| {
        move |list: &&'a Setting<Vec<Setting<String>>>| {
            list.value.iter().filter(move |item| item.mark == Some(wanted)).collect::<Vec<_>>()
        }
    };
    let top = lists.iter().flat_map(marked(SettingMark::Top));
    let bottom: Vec<&Setting<String>> = lists.iter().rev().flat_map(marked(SettingMark::Bottom)).collect();
    let usual = lists.iter().rev().flat_map(|list| &list.value);
    let at_bottom = |item: &&Setting<String>| bottom.iter().any(|other| other.value == item.value);
    let before = top.chain(usual).filter(|item| !at_bottom(item)).collect::<Vec<_>>();
    let mut seen = BTreeSet::new();
    before.into_iter().chain(bottom.iter().copied()).filter(|item| seen.insert(&item.value)).collect()
}

/// With variables in their places, as Python's `os.path.expandvars` has it: `$NAME` and `${NAME}`. One that is not set stays as
/// it is written.
pub(crate) fn expanded(text: &str, variables: &Variables) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        whole.push_str(before);
        let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
        let (name, length) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, _)) => (name, name.len() + 2),
            None => {
                let length = after.find(|it| !is_word(it)).unwrap_or(after.len());
                (&after[..length], length)
            }
        };
        match variables.get(name).filter(|_| !name.is_empty()) {
            Some(value) => whole.push_str(value),
            None => whole.push_str(&rest[before.len()..before.len() + 1 + length]),
        }
        rest = &after[length..];
    }
    whole + rest
}

/// A path that may begin with `~`.
pub(crate) fn at_home(text: &str, variables: &Variables) -> PathBuf {
    match (text.strip_prefix("~/"), variables.get("HOME")) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_in_for_their_values() {
        let variables = [("TOKEN", "t0"), ("HOST", "h.example")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(expanded("https://$HOST/t/${TOKEN}/x", &variables), "https://h.example/t/t0/x");
        assert_eq!(expanded("a$b ${c} $ ${", &variables), "a$b ${c} $ ${");
    }
}

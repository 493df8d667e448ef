//! The Python that a person in an image gets: the first one on its `PATH`.

use imgbuild_archive::ImagePath;
use imgbuild_layer::{Merged, NodeKind};
use imgbuild_python::{Distribution, SEEN_FOLDER_FILE, seen_by};
use serde::{Deserialize, Serialize};

use super::SETTINGS;
use super::installation::{PythonInstallation, distributions};
use super::settings::Settings;
use crate::limits::MOST_NESTED;

/// Where engines look for programs in an image that does not say it.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What people call it, the first name first.
const NAMES: [&str; 2] = ["python", "python3"];

/// The first Python on a `PATH`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstPython {
    /// One of the interpreters, by its place among them.
    Installation(usize),
    /// A virtual environment.
    Environment(VirtualEnvironment),
    /// A program of which it is not known what it is: a script, another implementation, what lacks its library.
    Unknown(ImagePath),
}

/// A virtual environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualEnvironment {
    /// Its folder.
    pub prefix: ImagePath,
    /// The interpreter that it is one of, by its place among them.
    pub installation: usize,
    /// Whether what is installed for that one is seen in it.
    pub sees_all: bool,
    /// Its own folder of modules, and behind it those of the environments that it was put over.
    pub modules: Vec<ImagePath>,
    /// What is installed there, sorted.
    pub distributions: Vec<Distribution>,
}

/// The first one on the `PATH` that these variables set.
pub(super) fn first(
    merged: &Merged,
    installations: &[PythonInstallation],
    variables: &[String],
) -> Option<FirstPython> {
    let path = variables.iter().rev().find_map(|variable| variable.strip_prefix("PATH="));
    let folders: Vec<&str> = path.unwrap_or(DEFAULT_PATH).split(':').collect();
    let programs = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| format!("{folder}/{name}")));
    let programs = programs.filter_map(|program| ImagePath::from_absolute(&program).ok());
    let mut found = programs.filter_map(|named| Some((program(merged, &named)?, named)));
    let (program, named) = found.next()?;
    let at = |program: &ImagePath| installations.iter().position(|it| it.program == *program);
    let Some(prefix) = environment_of(merged, &named) else {
        return Some(at(&program).map_or(FirstPython::Unknown(named), FirstPython::Installation));
    };
    let environment = environment(merged, &prefix, installations, at(&program));
    Some(environment.map_or(FirstPython::Unknown(named), FirstPython::Environment))
}

/// The file that a path leads to, where that is a program.
fn program(merged: &Merged, path: &ImagePath) -> Option<ImagePath> {
    let (found, node) = merged.find(path)?;
    (matches!(node.kind, NodeKind::File { .. }) && node.mode & 0o111 != 0).then_some(found)
}

/// The folder of the virtual environment whose program this is: Python looks beside the program as it was called, and above.
fn environment_of(merged: &Merged, program: &ImagePath) -> Option<ImagePath> {
    let folder = program.parent()?;
    let has_settings =
        |folder: &ImagePath| folder.join(SETTINGS).is_ok_and(|settings| merged.content(&settings).is_some());
    [Some(folder.clone()), folder.parent()].into_iter().flatten().find(has_settings)
}

/// A folder of modules, and those that it leads to where it is of our making.
fn seen(merged: &Merged, modules: ImagePath) -> Vec<ImagePath> {
    let mut all = vec![modules];
    while let Some(last) = all.last()
        && all.len() < MOST_NESTED
    {
        let text = last.join(SEEN_FOLDER_FILE).ok().and_then(|file| merged.content(&file));
        let folder = text.and_then(|text| seen_by(std::str::from_utf8(text).ok()?));
        match folder.and_then(|folder| merged.find(&folder)) {
            Some((folder, node)) if node.kind == NodeKind::Directory && !all.contains(&folder) => {
                all.push(folder)
            }
            _ => break,
        }
    }
    all
}

/// The virtual environment in a folder. `linked` is the interpreter that its program is a link to.
fn environment(
    merged: &Merged,
    prefix: &ImagePath,
    installations: &[PythonInstallation],
    linked: Option<usize>,
) -> Option<VirtualEnvironment> {
    let text = String::from_utf8_lossy(merged.content(&prefix.join(SETTINGS).ok()?)?).into_owned();
    let settings = Settings::read(&text)?;
    // One that was made with copies has a program of its own.
    let by_home = || {
        let of_home = |name: &&str| program(merged, &settings.home.join(name).ok()?);
        let home = ["python3", "python"].iter().find_map(of_home)?;
        installations.iter().position(|it| it.program == home)
    };
    let installation = linked.or_else(by_home)?;
    let minor = installations.get(installation)?.minor;
    let (modules, node) = merged.find(&prefix.join(&format!("lib/python3.{minor}/site-packages")).ok()?)?;
    if node.kind != NodeKind::Directory {
        return None;
    }
    let modules = seen(merged, modules);
    let distributions = distributions(merged, &modules);
    Some(VirtualEnvironment {
        prefix: prefix.clone(),
        installation,
        sees_all: settings.sees_all,
        modules,
        distributions,
    })
}

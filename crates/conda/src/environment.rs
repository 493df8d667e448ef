//! A locked environment as a whole: what its packages are to the image, and the files that belong to none of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use imgbuild_archive::{ImagePath, Owner, PathError};
use imgbuild_layer::{Content, Files, Role};
use imgbuild_lock::{CondaPackage, CondaSet, LockedSet};
use imgbuild_oci::Platform;
use imgbuild_python::CacheTag;
use imgbuild_spec::{Conda, Manager};

use crate::cuda::LIBRARIES;
use crate::history::history;
use crate::locked_python::{cache_tag, python_info, python_record};
use crate::locking::closure_names;
use crate::locking_error::LockingError;
use crate::package::Environment;
use crate::prefix_settings::condarc;
use crate::record;
use crate::subdir::subdir;

/// A locked environment, ready to be written.
pub(crate) struct Plan<'a> {
    /// Where it stands.
    pub(crate) environment: Arc<Environment>,
    /// Its packages and what each is to the image.
    pub(crate) packages: Vec<(&'a CondaPackage, Role)>,
    /// The version of its Python, such as `3.11.2`.
    pub(crate) python_version: Option<String>,
    /// The folders whose sources are importable.
    pub(crate) bytecode_folders: Vec<ImagePath>,
    /// How its Python names its bytecode.
    pub(crate) cache_tag: Option<CacheTag>,
}

/// Reads a locked environment, or some of its packages, such as those that its interpreter needs; with the texts of their licences, where it
/// is to have them.
///
/// # Errors
///
/// When the lock is damaged.
pub(crate) fn plan_environment<'a>(
    set: &CondaSet,
    packages: &[&'a CondaPackage],
    platform: Platform,
    has_licences: bool,
) -> Result<Plan<'a>, LockingError> {
    let records =
        packages.iter().map(|package| record::from_package(package)).collect::<Result<Vec<_>, _>>()?;
    let python = python_info(records.iter(), subdir(platform))?;
    let interpreter = closure_names("python", &records);
    let role = |package: &CondaPackage| {
        if interpreter.contains(package.name()) {
            Role::INTERPRETER
        } else if LIBRARIES.iter().any(|name| package.name().starts_with(name)) {
            Role::CUDA
        } else {
            Role::PACKAGE
        }
    };
    let mut bytecode_folders = Vec::new();
    if let Some(python) = &python {
        let path_error = |error: PathError| LockingError::Path { package: "python".to_owned(), error };
        let (major, minor) = python.short_version;
        let library = set.prefix.join(&format!("lib/python{major}.{minor}")).map_err(path_error)?;
        let site_packages =
            set.prefix.join(&python.site_packages_path.to_string_lossy()).map_err(path_error)?;
        let outside = site_packages.strip_prefix(&library).is_none();
        bytecode_folders.push(library);
        if outside {
            bytecode_folders.push(site_packages);
        }
    }
    let cache_tag =
        python_record(&records).zip(python.as_ref()).map(|(record, info)| cache_tag(record, info));
    Ok(Plan {
        packages: packages.iter().map(|package| (*package, role(package))).collect(),
        python_version: python_record(&records).map(|record| record.package_record.version.to_string()),
        environment: Arc::new(Environment {
            prefix: set.prefix.clone(),
            scope: set.scope().map(str::to_owned),
            python,
            subdir: subdir(platform),
            accept_damaged: set.accept_damaged.iter().cloned().collect(),
            has_licences,
        }),
        bytecode_folders,
        cache_tag,
    })
}

/// Whether a package may hold modules of Python: it is Python, or depends on it. The layers of all others need not depend
/// on the interpreter's version.
pub(crate) fn may_hold_python(package: &CondaPackage) -> bool {
    let depends = package.record.get("depends").and_then(toml::Value::as_array);
    let names = depends.into_iter().flatten().filter_map(toml::Value::as_str);
    let python =
        |text: &str| ["python", "python_abi"].contains(&imgbuild_environment::match_spec_name(text).as_str());
    package.name() == "python" || package.text("noarch") == Some("python") || names.into_iter().any(python)
}

/// An environment whose files cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentFilesError {
    /// A path is wrong.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The lock's time is none.
    #[error("the lock's timestamp is not a time")]
    Time(#[from] jiff::Error),
    /// The variables cannot be written.
    #[error("the environment's variables cannot be written")]
    Json(#[from] serde_json::Error),
}

/// Who may change an environment, and with what.
pub(crate) struct Changes<'a> {
    /// What the spec says of it.
    pub(crate) conda: &'a Conda,
    /// The version of its Python.
    pub(crate) python: Option<&'a str>,
    /// Whether it belongs to the image's user.
    pub(crate) is_writable: bool,
}

/// What conda says instead of changing what is the image's own.
fn frozen(set: &CondaSet) -> String {
    let place = match &set.root_prefix {
        None => "`[conda] packages` in the image's spec".to_owned(),
        Some(_) => format!("what the image's spec says of the environment `{}`", set.name),
    };
    format!(
        "This environment is part of the image. To change it, change {place} and build the image again; `writable = true` in `[conda]` lets it be changed in containers and in images that are derived from this one."
    )
}

/// What belongs to the environment and to none of its packages: `conda-meta/history`, its variables, its name, and what keeps
/// what the spec asked for when the environment is changed: the pinned Python (`conda-meta/pinned`), `conda-meta/frozen` (CEP 22)
/// where nobody is to change it, and, where there is something to change it with, `.condarc`. The environment counts as made at
/// `timestamp`.
///
/// # Errors
///
/// When the lock is damaged.
pub(crate) fn environment_files(
    conda: &LockedSet<'_, CondaSet, CondaPackage>,
    changes: &Changes<'_>,
    timestamp: i64,
) -> Result<Files, EnvironmentFilesError> {
    let set = conda.set;
    let file = |bytes: Vec<u8>| Content::File { bytes, mode: 0o644 };
    let mut contents = BTreeMap::new();
    let history = history(conda, jiff::Timestamp::from_second(timestamp)?);
    contents.insert(set.prefix.join("conda-meta/history")?, file(history.into_bytes()));
    if !set.variables.is_empty() {
        // What `conda env config vars set` writes, and activation reads.
        let state = serde_json::json!({ "version": 1, "env_vars": set.variables });
        contents.insert(set.prefix.join("conda-meta/state")?, file(serde_json::to_vec_pretty(&state)?));
    }
    let (root, link) = link(set)?;
    contents.extend(link);
    // Another minor version of Python would need other builds of everything that is there.
    let minor =
        changes.python.and_then(|version| version.match_indices('.').nth(1).map(|(at, _)| &version[..at]));
    if let Some(minor) = minor.or(changes.python) {
        let pinned = format!("python {minor}.*\n");
        contents.insert(set.prefix.join("conda-meta/pinned")?, file(pinned.into_bytes()));
    }
    if !changes.is_writable {
        let frozen = serde_json::json!({ "message": frozen(set) });
        contents.insert(set.prefix.join("conda-meta/frozen")?, file(serde_json::to_vec_pretty(&frozen)?));
    }
    if changes.conda.manager == Manager::Micromamba {
        // The other managers bring this: it is on `PATH` whichever environment is active.
        let program = Content::Symlink { target: "../bin/micromamba".to_owned() };
        contents.insert(set.prefix.join("condabin/micromamba")?, program);
    }
    if changes.conda.manager != Manager::None {
        let condarc = condarc(changes.conda, set);
        contents.insert(set.prefix.join(".condarc")?, file(condarc.into_bytes()));
    }
    let (id, title) = (set.part("conda", "environment"), format!("environment {}", set.name));
    Ok(Files::new(id, title, Role::METADATA, Some(root), contents, Owner::ROOT, timestamp))
}

/// The link by which `conda run -n NAME` finds the environment under a name that its folder has not, and the folder that all of the
/// environment's own files are in.
fn link(set: &CondaSet) -> Result<(ImagePath, Option<(ImagePath, Content)>), PathError> {
    let to = |target: &str| Content::Symlink { target: target.to_owned() };
    Ok(match (&set.root_prefix, &set.alias) {
        (None, _) if set.name == "base" => (set.prefix.clone(), None),
        (None, _) => (set.prefix.clone(), Some((set.prefix.join(&format!("envs/{}", set.name))?, to("..")))),
        (Some(_), None) => (set.prefix.clone(), None),
        (Some(root), Some(alias)) => {
            let folder = root.join("envs")?;
            let path = folder.join(alias)?;
            (folder, Some((path, to(&set.name))))
        }
    })
}

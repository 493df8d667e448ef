//! What only an archive knows, and a layer's key needs.

use std::collections::BTreeMap;

use imgbuild_archive::{ImagePath, PathError};
use imgbuild_layer::{Claim, FileSizes, KeyHasher, Kind};
use imgbuild_lock::CondaFacts;
use rattler::install::PythonInfo;
use rattler_conda_types::package::{EntryPoint, PathType};

use crate::distributions::distributions;
use crate::info::Info;

/// The paths of a package below the prefix, after those of a noarch Python package were moved.
#[derive(Debug, Clone)]
pub(crate) struct Layout<'a> {
    python: Option<&'a PythonInfo>,
}

impl<'a> Layout<'a> {
    /// The layout of a package: `python` is the environment's interpreter where the package is noarch Python.
    pub(crate) fn new(python: Option<&'a PythonInfo>) -> Self {
        Self { python }
    }

    /// Where a path of the archive stands below the prefix.
    ///
    /// # Errors
    ///
    /// When the interpreter's `python_site_packages_path` leads to a path that must not be written.
    pub(crate) fn target(&self, path: &ImagePath) -> Result<ImagePath, PathError> {
        match self.python {
            None => Ok(path.clone()),
            Some(python) => {
                let target = python.get_python_noarch_target_path(path.as_str().as_ref());
                ImagePath::new(&target.to_string_lossy())
            }
        }
    }

    /// Everything that a package writes below the prefix, but for folders and its own record.
    ///
    /// # Errors
    ///
    /// As for [`Layout::target`], and when an entry point has a hostile name.
    pub(crate) fn claims(&self, info: &Info) -> Result<Vec<Claim>, PathError> {
        // Two names of the archive may lead to one place: which of them stands there is decided when it is written.
        let mut claims = BTreeMap::new();
        for (path, entry) in &info.paths {
            let kind = match entry.path_type {
                PathType::HardLink => Kind::File,
                PathType::SoftLink => Kind::Symlink,
                PathType::Directory => continue,
            };
            claims.insert(self.target(path)?, kind);
        }
        claims.extend(self.entry_points(info)?.into_keys().map(|path| (path, Kind::File)));
        Ok(claims.into_iter().map(|(path, kind)| Claim { path, kind }).collect())
    }

    /// The sizes of its files, as the metadata says them, by where they stand below the prefix.
    ///
    /// # Errors
    ///
    /// As for [`Layout::target`].
    pub(crate) fn sizes(&self, info: &Info) -> Result<FileSizes, PathError> {
        let files = info.paths.iter().filter(|(_, entry)| entry.path_type == PathType::HardLink);
        files.map(|(path, entry)| Ok((self.target(path)?, entry.size_in_bytes.unwrap_or(0)))).collect()
    }

    /// The entry points, by where their scripts stand below the prefix. They come after the files when a package is
    /// installed, one after the other: so a script takes the place of a file, and of an earlier script.
    ///
    /// # Errors
    ///
    /// When an entry point has a hostile name.
    pub(crate) fn entry_points(&self, info: &Info) -> Result<BTreeMap<ImagePath, EntryPoint>, PathError> {
        let entry_points = info.entry_points.iter().filter(|_| self.python.is_some());
        entry_points.map(|it| Ok((entry_point_path(&it.command)?, it.clone()))).collect()
    }
}

/// Where the script of an entry point stands. Its name comes from the archive and may be hostile.
///
/// # Errors
///
/// When the name is anything but a file's name.
pub(crate) fn entry_point_path(command: &str) -> Result<ImagePath, PathError> {
    if command.contains('/') {
        return Err(PathError {
            path: command.to_owned(),
            rule: "is not a name that an entry point may have",
        });
    }
    ImagePath::new(&format!("bin/{command}"))
}

/// The facts that the metadata alone says: all but the activation.
pub(crate) fn facts(info: &Info) -> CondaFacts {
    let paths = info.paths.iter().map(|(path, entry)| format!("{} {}", kind(entry.path_type), path.as_str()));
    let name = info.index.name.as_normalized();
    let link_scripts = ["pre-link", "post-link"].map(|kind| format!("bin/.{name}-{kind}.sh"));
    let present = |path: &String| ImagePath::new(path).is_ok_and(|path| info.paths.contains_key(&path));
    CondaFacts {
        paths: KeyHasher::new("conda paths").list("path", paths).finish(),
        installed_size: info.installed_size(),
        entry_points: info.entry_points.iter().map(ToString::to_string).collect(),
        link_scripts: link_scripts.into_iter().filter(present).collect(),
        distributions: distributions(info),
        activation: imgbuild_lock::Activation::default(),
    }
}

/// What locks say of a path's kind, as a part of a hash.
fn kind(kind: PathType) -> &'static str {
    match kind {
        PathType::HardLink => "HardLink",
        PathType::SoftLink => "SoftLink",
        PathType::Directory => "Directory",
    }
}

/// Whether the facts are complete without the package's files.
pub(crate) fn needs_files(info: &Info) -> bool {
    let script = |path: &ImagePath| {
        crate::activation::is_activation_script(path.as_str())
            || crate::activation::is_variables_file(path.as_str())
    };
    info.paths.keys().any(script)
}

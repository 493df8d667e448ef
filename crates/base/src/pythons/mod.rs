//! What an image has of Python, by the names of its files: its interpreters, what is installed for each, and conda's packages.
//!
//! Names say all of it but three things, for which small files are read: what a virtual environment is one of (`pyvenv.cfg`), which
//! other one it sees, where it is ours, and the patch release of an interpreter that no package brought (`patchlevel.h`).

mod conda_prefix;
mod first;
mod installation;
mod settings;
#[cfg(test)]
mod tests;

use imgbuild_archive::ImagePath;
use imgbuild_layer::Merged;
use imgbuild_python::SEEN_FOLDER_FILE;
use serde::{Deserialize, Serialize};

pub use self::conda_prefix::CondaPrefix;
pub use self::first::{FirstPython, VirtualEnvironment};
pub use self::installation::PythonInstallation;
use crate::DpkgPackage;

/// Where Python finds what a virtual environment is one of.
const SETTINGS: &str = "pyvenv.cfg";
/// Where its header files say which release it is.
const HEADER: &str = "patchlevel.h";

/// What an image has of Python.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pythons {
    /// Its interpreters of CPython 3, by their folders.
    pub installations: Vec<PythonInstallation>,
    /// The first one on its `PATH`, which is what a person in the image gets; nothing where there is none.
    pub first: Option<FirstPython>,
    /// Its conda environments, by their folders.
    pub conda: Vec<CondaPrefix>,
}

impl Pythons {
    /// Whether the content of a file is needed for them.
    pub(crate) fn needs(path: &ImagePath) -> bool {
        let is_header = || {
            let folder = path.parent().filter(|_| path.file_name() == HEADER);
            folder.is_some_and(|folder| folder.file_name().starts_with("python3."))
        };
        [SETTINGS, SEEN_FOLDER_FILE].contains(&path.file_name()) || is_header()
    }

    /// Those of an image whose configuration sets these variables.
    pub(crate) fn read(merged: &Merged, packages: &[DpkgPackage], variables: &[String]) -> Self {
        let conda = conda_prefix::all(merged);
        let installations = installation::all(merged, &conda, packages);
        let first = first::first(merged, &installations, variables);
        Self { installations, first, conda }
    }

    /// The conda environment in a folder.
    pub fn conda_at(&self, prefix: &ImagePath) -> Option<&CondaPrefix> {
        self.conda.iter().find(|conda| conda.prefix == *prefix)
    }
}

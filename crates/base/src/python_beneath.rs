//! The Python of an existing image, as wheels find it that are put over it.

use std::collections::BTreeSet;
use std::io::{self, Read};

use imgbuild_archive::{ImagePath, LayerKind, LayerReader, TarError};
use imgbuild_lock::BasePython;
use imgbuild_oci::StoredImage;
use imgbuild_python::Distribution;

use crate::limits::MOST_METADATA;
use crate::pythons::{FirstPython, PythonInstallation, Pythons, VirtualEnvironment};

/// The Python of an image, and what is installed for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonBeneath {
    /// What a lock says of it.
    pub locked: BasePython,
    /// What it finds, sorted by name.
    pub distributions: Vec<Distribution>,
    /// The folders in which it does, in the order in which it looks into them.
    modules: Vec<ImagePath>,
}

/// Why the Python of an image cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoPython {
    /// There is none on its `PATH`.
    Absent,
    /// There is a program of which it is not known what it is.
    Unknown(ImagePath),
}

impl PythonBeneath {
    /// The first one on the `PATH` of an image.
    pub(crate) fn of(pythons: &Pythons) -> Result<Self, NoPython> {
        let installation = |at: usize| pythons.installations.get(at).ok_or(NoPython::Absent);
        let found = match pythons.first.as_ref().ok_or(NoPython::Absent)? {
            FirstPython::Unknown(program) => return Err(NoPython::Unknown(program.clone())),
            FirstPython::Installation(at) => Self::new(installation(*at)?, None),
            FirstPython::Environment(environment) => {
                Self::new(installation(environment.installation)?, Some(environment))
            }
        };
        // What `pyvenv.cfg` holds ends with its line.
        let paths = [Some(&found.locked.program), found.locked.environment.as_ref()];
        let odd = paths.into_iter().flatten().find(|it| it.as_str().contains(char::is_control)).cloned();
        odd.map_or(Ok(found), |odd| Err(NoPython::Unknown(odd)))
    }

    fn new(installation: &PythonInstallation, environment: Option<&VirtualEnvironment>) -> Self {
        let sees_all = environment.is_none_or(|it| it.sees_all);
        let below = Some(installation).filter(|_| sees_all);
        let modules = environment.iter().flat_map(|it| &it.modules);
        let modules = modules.chain(below.iter().flat_map(|it| &it.modules)).cloned().collect();
        let own = environment.iter().flat_map(|it| &it.distributions);
        let mut names = BTreeSet::new();
        let all = own.chain(below.iter().flat_map(|it| &it.distributions));
        // A module of the environment hides one of the interpreter's own.
        let all = all.filter(|it| names.insert(it.name.as_str()));
        let mut distributions: Vec<Distribution> = all.cloned().collect();
        distributions.sort();
        let locked = BasePython {
            version: installation.version.clone(),
            program: installation.program.clone(),
            system_site_packages: sees_all,
            environment: environment.and_then(|it| it.modules.first()).cloned(),
            has_pip: distributions.iter().any(|it| it.name == "pip"),
        };
        Self { locked, distributions, modules }
    }

    /// What the distribution of a name says of itself, read from the layers of the image: nothing where none holds it.
    pub(crate) fn metadata(&self, name: &str, image: &StoredImage) -> io::Result<Option<String>> {
        let describes = |path: &ImagePath| {
            let installed = self.modules.iter().filter_map(|folder| path.strip_prefix(folder));
            installed.filter_map(Distribution::described_by).any(|it| it.name == name)
        };
        // What an upper layer holds hides what is below it.
        for number in (0..image.layers.len()).rev() {
            let read = |tar: &mut dyn Read| text(tar, &describes);
            let (found, _) = image
                .read_layer(number, read)
                .map_err(|error| imgbuild_diagnostic::io_error(io::ErrorKind::Other, error))?;
            if let Some(found) = found.map_err(io::Error::other)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// The text of the first file of a layer for which it is asked.
fn text(tar: &mut dyn Read, is_wanted: &dyn Fn(&ImagePath) -> bool) -> Result<Option<String>, TarError> {
    let mut reader = LayerReader::new(tar, u64::MAX);
    let mut found = None;
    while let Some(head) = reader.next_entry()? {
        let is_file = head.kind == LayerKind::File && head.size <= MOST_METADATA;
        if found.is_none() && is_file && head.path.as_ref().is_some_and(is_wanted) {
            let mut bytes = Vec::new();
            reader.body().read_to_end(&mut bytes)?;
            found = Some(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(found)
}

//! The Python of an environment, by its record.

use imgbuild_archive::ImagePath;
use imgbuild_lock::CondaPackage;
use imgbuild_oci::Platform;
use imgbuild_python::CacheTag;
use rattler::install::PythonInfo;
use rattler_conda_types::{RepoDataRecord, Subdir};

use crate::locking_error::LockingError;
use crate::record;
use crate::subdir::subdir;

/// The Python of a locked environment: what decides which wheels run in it, and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedPython {
    /// Its whole version, such as `3.11.9`.
    pub version: String,
    /// The first two parts of its version.
    pub short_version: (u64, u64),
    /// Its folder `site-packages`, below the environment's prefix (the record's `python_site_packages_path`, CEP 17).
    pub site_packages: ImagePath,
    /// What it is.
    pub implementation: Implementation,
}

/// The kinds of Python that conda channels have. Wheels with compiled code are made for one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Implementation {
    /// CPython, with its global lock.
    CPython,
    /// CPython without its global lock: it runs no compiled code that was made for the usual one.
    FreeThreaded,
    /// PyPy.
    PyPy,
    /// GraalPy.
    GraalPy,
}

impl Implementation {
    /// The kind that a record of `python` is about: only its build tells it, such as `h9a34b6e_5_cp313t`,
    /// `0_73_pypy` or `0_graalpy`. One that tells nothing is the usual one.
    fn of(build: &str, minor: u64) -> Self {
        let threads = format!("cp3{minor}t");
        let has = |name: &str| build.split('_').any(|part| part.starts_with(name));
        if build.split('_').any(|part| part == threads) {
            Self::FreeThreaded
        } else if has("pypy") {
            Self::PyPy
        } else if has("graalpy") {
            Self::GraalPy
        } else {
            Self::CPython
        }
    }
}

/// The Python of a locked environment; nothing where it has none.
///
/// # Errors
///
/// When its record is damaged, or its version or its `python_site_packages_path` cannot be used.
pub fn locked_python(
    packages: &[&CondaPackage],
    platform: Platform,
) -> Result<Option<LockedPython>, LockingError> {
    let Some(package) = packages.iter().find(|package| package.name() == PYTHON) else { return Ok(None) };
    let record = record::from_package(package)?;
    let info = python_info(std::iter::once(&record), subdir(platform))?;
    info.map(|info| LockedPython::new(&record, &info)).transpose()
}

/// How the interpreter's package is called.
const PYTHON: &str = "python";

/// The record of the environment's interpreter.
pub(crate) fn python_record<'a>(
    records: impl IntoIterator<Item = &'a RepoDataRecord>,
) -> Option<&'a RepoDataRecord> {
    records.into_iter().find(|record| record.package_record.name.as_normalized() == PYTHON)
}

/// What noarch packages need to know of the environment's interpreter, by its record.
///
/// # Errors
///
/// When its version or its `python_site_packages_path` cannot be used.
pub(crate) fn python_info<'a>(
    records: impl IntoIterator<Item = &'a RepoDataRecord>,
    subdir: Subdir,
) -> Result<Option<PythonInfo>, LockingError> {
    let Some(record) = python_record(records) else { return Ok(None) };
    let python = PythonInfo::from_python_record(&record.package_record, subdir)
        .map_err(|error| refused(record, error.to_string()))?;
    // It comes from the channel, and files are put there.
    site_packages(record, &python)?;
    Ok(Some(python))
}

impl LockedPython {
    fn new(record: &RepoDataRecord, info: &PythonInfo) -> Result<Self, LockingError> {
        let package = &record.package_record;
        Ok(Self {
            version: package.version.to_string(),
            short_version: info.short_version,
            site_packages: site_packages(record, info)?,
            implementation: Implementation::of(package.build.as_str(), info.short_version.1),
        })
    }
}

/// How the Python of a record names its bytecode.
pub(crate) fn cache_tag(record: &RepoDataRecord, info: &PythonInfo) -> CacheTag {
    let minor = info.short_version.1;
    match Implementation::of(record.package_record.build.as_str(), minor) {
        Implementation::CPython | Implementation::FreeThreaded => CacheTag::cpython(minor),
        Implementation::PyPy => CacheTag::other("pypy", minor),
        Implementation::GraalPy => CacheTag::other("graalpy", minor),
    }
}

fn site_packages(record: &RepoDataRecord, info: &PythonInfo) -> Result<ImagePath, LockingError> {
    let path = ImagePath::new(&info.site_packages_path.to_string_lossy());
    path.map_err(|error| refused(record, error.to_string()))
}

fn refused(record: &RepoDataRecord, error: String) -> LockingError {
    LockingError::Python { package: record.identifier.to_file_name(), error }
}

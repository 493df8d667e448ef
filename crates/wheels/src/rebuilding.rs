//! Building a wheel anew that a lock names and no store has.

use std::path::Path;

use futures::FutureExt;
use futures::future::BoxFuture;
use imgbuild_ecosystem::{ArchiveError, ArchiveSource};
use imgbuild_lock::{Archive, Lock, PypiBuild, PypiPackage, PypiSource};
use imgbuild_oci::Digest;
use imgbuild_pypi::ProjectSource;

use crate::WheelBuildError;
use crate::builder::{BuiltWheel, WheelBuilder};
use crate::error::named;
use crate::folder::Folder;
use crate::frontend::Progress;
use crate::source::SourceError;

/// The first local project of a lock that is not what was locked any more, as the lock names it. `path` is the lock's own.
pub fn changed_folder(lock: &Lock, path: &Path) -> Option<String> {
    let spec = path.parent().unwrap_or(Path::new(""));
    let builds = lock.pypi.iter().filter_map(|package| package.build.as_ref());
    let mut folders = builds.filter_map(|build| match &build.source {
        PypiSource::Folder { path, sha256 } => Some((path, sha256)),
        PypiSource::Sdist { .. } | PypiSource::Git { .. } => None,
    });
    // What cannot be read is told when it is built.
    let is_changed = |(path, sha256): &(&String, &Digest)| {
        !Folder::read(&spec.join(path), spec).is_ok_and(|found| found.sha256 == **sha256)
    };
    folders.find(is_changed).map(|(path, _)| path.clone())
}

/// The wheels of a variant that were built, as the source of what has to be built anew.
pub struct BuiltWheels {
    builder: WheelBuilder,
    built: Vec<(PypiPackage, PypiBuild)>,
}

impl BuiltWheels {
    /// Those of some locked wheels that were built.
    pub fn new<'a>(builder: WheelBuilder, packages: impl IntoIterator<Item = &'a PypiPackage>) -> Self {
        let built = |package: &PypiPackage| Some((package.clone(), package.build.clone()?));
        Self { builder, built: packages.into_iter().filter_map(built).collect() }
    }
}

impl ArchiveSource for BuiltWheels {
    fn get<'a>(&'a self, archive: &'a Archive) -> Option<BoxFuture<'a, Result<(), ArchiveError>>> {
        let (package, build) = self.built.iter().find(|(package, _)| package.sha256 == archive.sha256)?;
        let failed = |error| ArchiveError::Build(Box::new(error));
        Some(self.builder.rebuild(package, build).map(move |built| built.map_err(failed)).boxed())
    }
}

impl WheelBuilder {
    /// Builds a wheel of the lock anew, from the source that the lock names and with the requirements that it names, into the
    /// store. It is an error when another wheel comes out.
    ///
    /// # Errors
    ///
    /// When its source or its requirements cannot be had, it cannot be built, or another wheel comes out.
    async fn rebuild(&self, package: &PypiPackage, build: &PypiBuild) -> Result<(), WheelBuildError> {
        self.frontend.report(Progress::Started { name: package.name.clone() });
        self.machine(&package.name)?;
        let source = self.locked_source(package, build).await?;
        let build_source = self.sources.fetch(source, None).await?;
        if let (PypiSource::Folder { path, sha256: locked }, PypiSource::Folder { sha256: found, .. }) =
            (&build.source, &build_source.source)
            && locked != found
        {
            let error = SourceError::FolderChanged { path: path.clone(), found: *found, locked: *locked };
            return Err(WheelBuildError::Source { name: package.name.clone(), error: Box::new(error) });
        }
        let known = |id: &String| self.earlier.iter().find(|it| it.id() == *id).cloned();
        let requires = build.requires.iter().filter_map(known).collect();
        let BuiltWheel { wheel, .. } = self.make(&build_source, Some(requires)).await?;
        if wheel.sha256 != package.sha256 || wheel.filename.to_string() != package.filename {
            return Err(WheelBuildError::OtherWheel {
                name: package.name.clone(),
                found: named(&wheel.filename.to_string(), &wheel.sha256),
                locked: named(&package.filename, &package.sha256),
            });
        }
        self.frontend.report(Progress::Finished { name: package.filename.clone(), size: wheel.size });
        Ok(())
    }

    /// The source that the lock names.
    async fn locked_source(
        &self,
        package: &PypiPackage,
        build: &PypiBuild,
    ) -> Result<ProjectSource, WheelBuildError> {
        let name = Some(package.name.clone());
        match &build.source {
            PypiSource::Sdist { filename, url, sha256, size, subdirectory } => {
                let failed = |error: imgbuild_pypi::LockingError| WheelBuildError::Fetch {
                    name: package.name.clone(),
                    error: error.into(),
                };
                let mut located = self.finder.locate(&[package], false).await.map_err(failed)?;
                let gone = || imgbuild_pypi::LockingError::Gone {
                    filename: filename.clone(),
                    name: package.name.clone(),
                };
                Ok(ProjectSource::Sdist {
                    name,
                    version: Some(package.version.clone()),
                    filename: filename.clone(),
                    url: located.remove(sha256).ok_or_else(|| failed(gone()))?,
                    direct: url.is_some(),
                    sha256: Some(*sha256),
                    size: *size,
                    subdirectory: subdirectory.clone(),
                })
            }
            PypiSource::Git { url, commit, subdirectory } => {
                let wrong = |_: url::ParseError| WheelBuildError::LockedSource {
                    name: package.name.clone(),
                    what: url.clone(),
                };
                let url = url.parse().map_err(wrong)?;
                Ok(ProjectSource::Git {
                    name,
                    url,
                    revision: Some(commit.clone()),
                    subdirectory: subdirectory.clone(),
                })
            }
            PypiSource::Folder { path, .. } => {
                let (folder, given) = (self.sources.folder.join(path), path.clone());
                Ok(ProjectSource::Folder { name, path: folder, given, editable: false })
            }
        }
    }
}

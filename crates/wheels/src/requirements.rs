//! What wheels are built with (PEP 518): wheels for the image's Python, which are locked and got.

use imgbuild_lock::PypiPackage;
use tokio::task::spawn_blocking;

use crate::WheelBuildError;
use crate::builder::WheelBuilder;
use crate::frontend::Failure;

/// A build requirement that cannot be had, or is another than it should be.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot get `{wheel}`")]
struct RequirementError {
    wheel: String,
    #[source]
    #[diagnostic_source]
    error: Failure,
}

impl RequirementError {
    fn new(package: &PypiPackage, error: impl miette::Diagnostic + Send + Sync + 'static) -> Self {
        Self { wheel: package.filename.clone(), error: Box::new(error) }
    }
}

impl WheelBuilder {
    /// Locks the build requirements of a project.
    pub(crate) async fn requirements(
        &self,
        name: &str,
        wanted: &[String],
    ) -> Result<Vec<PypiPackage>, WheelBuildError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let failed = |error| WheelBuildError::Requirements {
            name: name.to_owned(),
            requirements: wanted.iter().map(|it| format!("`{it}`")).collect(),
            error: Box::new(error),
        };
        self.finder.lock_requirements(wanted.to_vec()).await.map_err(failed)
    }

    /// Gets the archives of a project's build requirements into the store, and checks them.
    pub(crate) async fn fetch_requirements(
        &self,
        name: &str,
        packages: &[PypiPackage],
    ) -> Result<(), WheelBuildError> {
        let failed = |error| WheelBuildError::RequirementFetch { name: name.to_owned(), error };
        self.fetch(packages).await.map_err(failed)
    }

    async fn fetch(&self, packages: &[PypiPackage]) -> Result<(), Failure> {
        let store = self.sources.store.clone();
        for package in packages {
            if store.archive(&package.sha256)?.is_none() {
                self.finder.get(package).await.map_err(|error| RequirementError::new(package, error))?;
            }
        }
        let packages = packages.to_vec();
        let verify = move || {
            packages.iter().try_for_each(|package| {
                let verified = store.verified_archive(&package.sha256);
                verified.map(|_| ()).map_err(|error| RequirementError::new(package, error))
            })
        };
        Ok(spawn_blocking(verify).await.map_err(WheelBuildError::from)??)
    }
}

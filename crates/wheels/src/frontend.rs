//! Whoever has wheels built, which PEP 517 calls the frontend: it gives the image to build in, what to build with, and hears how it
//! goes.

use std::path::PathBuf;

use futures::future::BoxFuture;
use imgbuild_ecosystem::ImagePython;
use imgbuild_lock::PypiPackage;
use imgbuild_runtime::Variables;
use imgbuild_sandbox::Machine;
use imgbuild_secret::SecretUrl;

/// Why a frontend cannot do what it is asked for.
pub type Failure = Box<dyn miette::Diagnostic + Send + Sync>;

/// The image that wheels are built in, unpacked.
pub struct Root {
    /// What runs it.
    pub machine: Machine,
    /// The folders of its layers, the lowest first.
    pub layers: Vec<PathBuf>,
    /// Its environment variables.
    pub variables: Variables,
    /// Its Python.
    pub python: ImagePython,
}

/// How it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A wheel is being built.
    Started {
        /// The project.
        name: String,
    },
    /// A wheel is there.
    Finished {
        /// Its file name.
        name: String,
        /// Its size in bytes.
        size: u64,
    },
}

/// What builds of wheels need of whoever asks for them.
pub trait Frontend: Send + Sync {
    /// The image to build in, without its wheels. It is asked for once, and only where something is built.
    fn root(&self, machine: Machine) -> BoxFuture<'_, Result<Root, Failure>>;

    /// Locks build requirements (PEP 518): wheels for the image's Python.
    fn lock(
        &self,
        requirements: Vec<String>,
    ) -> BoxFuture<'_, Result<Vec<PypiPackage>, imgbuild_pypi::LockingError>>;

    /// Gets the archives of build requirements into the store, and checks them.
    fn fetch(&self, packages: Vec<PypiPackage>) -> BoxFuture<'_, Result<(), Failure>>;

    /// Where the source distribution of a locked wheel is; nothing where no index has it any more.
    fn locate<'a>(
        &'a self,
        package: &'a PypiPackage,
    ) -> BoxFuture<'a, Result<Option<SecretUrl>, imgbuild_pypi::LockingError>>;

    /// Hears how it goes.
    fn report(&self, progress: Progress);
}

//! Whoever has wheels built, which PEP 517 calls the frontend: it gives the image to build in, and hears how it goes.

use std::path::PathBuf;

use futures::future::BoxFuture;
use imgbuild_ecosystem::ImagePython;
use imgbuild_runtime::Variables;
use imgbuild_sandbox::Machine;

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

    /// Hears how it goes.
    fn report(&self, progress: Progress);
}

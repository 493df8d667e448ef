//! Interpreters of the lock that compile bytecode on the build machine.

use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_layer::Source;
use imgbuild_lock::Archive;
use imgbuild_oci::Platform;
use imgbuild_python::{CacheTag, CompilerError, LazyCompiler};

/// What makes compilers of interpreters: it gets their archives, and knows where they may run.
pub trait Compilers {
    /// The platform of the build machine.
    fn host(&self) -> Platform;

    /// The compiler that an interpreter is. Nothing of it is fetched before it is needed.
    fn compiler(&self, interpreter: HostInterpreter) -> Arc<LazyCompiler>;
}

/// What gives the sources of an interpreter.
pub type HostSources = dyn Fn() -> Result<Vec<Box<dyn Source>>, CompilerError> + Send + Sync;

/// An interpreter of the lock for the build machine: a folder of files that holds nothing but it.
pub struct HostInterpreter {
    /// Its whole version, such as `3.11.2`.
    pub version: String,
    /// How it names its bytecode.
    pub tag: CacheTag,
    /// The archives of its packages.
    pub archives: Vec<Archive>,
    /// What writes its files, asked only where they are needed.
    pub sources: Box<HostSources>,
    /// The folder of its files, such as `/usr`: it sees no other of its own.
    pub folder: ImagePath,
    /// The program.
    pub program: ImagePath,
    /// The C library that it brings; nothing where it is linked with that of the machine.
    pub library: Option<OwnLibrary>,
}

/// A C library that the machine may not have.
pub struct OwnLibrary {
    /// The folder that holds it.
    pub folder: ImagePath,
    /// Its dynamic loader, which starts programs that are linked with it.
    pub loader: ImagePath,
}

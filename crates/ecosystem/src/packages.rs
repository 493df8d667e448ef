//! The packages of an ecosystem, and what they find in an image.

use std::sync::Arc;

use imgbuild_archive::PathError;
use imgbuild_lock::LockedCompiler;
use imgbuild_oci::Platform;
use imgbuild_python::LazyCompiler;
use imgbuild_store::Store;
use miette::Diagnostic;

use crate::compilers::{Compilers, HostInterpreter};
use crate::image_python::ImagePython;
use crate::ingredients::Ingredients;

/// The packages that a variant has of one ecosystem. All that is said of them comes from the lock.
pub trait Ecosystem {
    /// What they become in an image, over the packages of the ecosystems that they stand on.
    ///
    /// # Errors
    ///
    /// When the lock is damaged, or lacks an interpreter for the build machine.
    fn ingredients(&self, surroundings: &Surroundings<'_>) -> Result<Ingredients, EcosystemError>;
}

/// What the packages of an ecosystem find.
pub struct Surroundings<'a> {
    /// Where their archives are, or will be when they are read.
    pub store: &'a Store,
    /// The Python of the ecosystems beneath.
    pub python: Option<&'a ImagePython>,
    /// What makes the compilers of bytecode; nothing where the image gets none.
    pub compilers: Option<&'a dyn Compilers>,
}

impl Surroundings<'_> {
    /// The compiler of bytecode that one of the lock's interpreters is, which `interpreter` makes of its packages: that for the build
    /// machine. Nothing where the image gets no bytecode.
    ///
    /// # Errors
    ///
    /// When there is none for the build machine, or none can be made.
    pub fn compiler<P>(
        &self,
        locked: &[LockedCompiler<'_, P>],
        interpreter: impl FnOnce(&LockedCompiler<'_, P>) -> Result<HostInterpreter, EcosystemError>,
    ) -> Result<Option<Arc<LazyCompiler>>, EcosystemError> {
        let Some(compilers) = self.compilers else { return Ok(None) };
        let host = compilers.host();
        let found = locked.iter().find(|compiler| compiler.host == host);
        let found = found.ok_or(EcosystemError::NoCompiler { host })?;
        Ok(Some(compilers.compiler(interpreter(found)?)))
    }
}

/// Packages of a lock that cannot be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum EcosystemError {
    /// What the lock says of them is damaged.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Packages(Box<dyn Diagnostic + Send + Sync>),
    /// A path is wrong.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Nothing can compile bytecode on this machine.
    #[error("the lock has no interpreter that compiles bytecode on {host}")]
    #[diagnostic(help("run `imgbuild lock` on this machine, or set `[layers] bytecode = false`"))]
    NoCompiler {
        /// This machine's platform.
        host: Platform,
    },
}

impl EcosystemError {
    /// What the lock says of the packages is damaged.
    pub fn packages(error: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self::Packages(Box::new(error))
    }
}

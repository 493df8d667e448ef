//! The wheels of a variant, as what an image is made of.

use std::sync::Arc;

use imgbuild_ecosystem::{Ecosystem, EcosystemError, Execution, ImagePython, Ingredients, Surroundings};
use imgbuild_layer::Ownership;
use imgbuild_lock::{LockedPackage, LockedSet, PypiPackage, PypiSet};
use imgbuild_python::{Bytecode, BytecodeFolders, Target};

use crate::wheel::layout::Layout;
use crate::wheel::package::Package;
use crate::wheel::package_error::PackageError;
use crate::wheel::virtual_environment::{virtual_environment, virtual_environment_over};

/// The wheels of a variant.
pub struct Packages<'a> {
    /// What the lock says of them.
    pub locked: &'a LockedSet<'a, PypiSet, PypiPackage>,
    /// Whether they go into the conda environment, and not into a virtual one.
    pub is_conda: bool,
    /// Whom the environment belongs to.
    pub ownership: Ownership,
    /// The time of what no wheel holds, in seconds since 1970.
    pub timestamp: i64,
}

/// Locked wheels that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LockedWheelsError {
    /// One is damaged.
    #[error("the lock's wheel `{wheel}` cannot be used")]
    Wheel {
        /// The wheel's file name.
        wheel: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<PackageError>,
    },
    /// The image has no Python.
    #[error("the lock has wheels, and no Python that they are for")]
    #[diagnostic(help("run `imgbuild lock` to renew it"))]
    NoPython,
}

impl LockedWheelsError {
    /// A wheel is damaged.
    pub fn wheel(package: &PypiPackage, error: PackageError) -> Self {
        Self::Wheel { wheel: package.filename.clone(), error: Box::new(error) }
    }
}

impl From<LockedWheelsError> for EcosystemError {
    fn from(error: LockedWheelsError) -> Self {
        Self::packages(error)
    }
}

impl Ecosystem for Packages<'_> {
    fn ingredients(&self, surroundings: &Surroundings<'_>) -> Result<Ingredients, EcosystemError> {
        let Self { locked, is_conda, ownership, timestamp } = *self;
        let (set, store) = (locked.set, surroundings.store);
        let of_base = set.python.as_ref();
        // The interpreter of an existing image may be one of a platform that this machine does not run, and the same lock gives the
        // same bytes on every machine: no bytecode is made for it.
        let of_image = of_base.and_then(|it| ImagePython::new(&it.version, it.program.clone(), None, None));
        let python = of_image.as_ref().or(surroundings.python).ok_or(LockedWheelsError::NoPython)?;
        let layout = Layout::of(set.prefix.clone(), is_conda, python.minor, python.site_packages.as_deref())?;
        let layout = layout.of_environment(set.environment.as_deref());
        let folders = BytecodeFolders(vec![layout.site_packages.clone()]);
        let target = Target { tag: python.tag.clone(), folders, compiler: python.compiler.clone() };
        let layout = Arc::new(layout);
        let mut ingredients = Ingredients::default();
        if !is_conda {
            ingredients.parents.insert_tree(set.prefix.clone(), ownership.folder_mode(), ownership.owner());
            let files = match of_base {
                Some(python) => virtual_environment_over(&layout, python, timestamp)?,
                None => virtual_environment(&layout, &python.program, &python.version, timestamp)?,
            };
            ingredients.add(ownership.source(Box::new(files)), Vec::new());
        }
        for package in &locked.packages {
            let source = Package::new(package, Arc::clone(&layout), store.archive_path(&package.sha256));
            let source = source.map_err(|error| LockedWheelsError::wheel(package, error))?;
            let source = Bytecode::new(source, target.clone(), store.clone());
            ingredients.add(ownership.source(Box::new(source)), vec![package.archive()]);
        }
        ingredients.target = Some(target);
        ingredients.executions.extend(builds(&locked.packages));
        ingredients.excluded.clone_from(&set.excluded);
        Ok(ingredients)
    }
}

/// The builds of those wheels that were built; nothing where none was.
fn builds(packages: &[&PypiPackage]) -> Option<Execution> {
    let built = packages.iter().filter(|package| package.build.is_some());
    let of: Vec<String> = built.map(|package| format!("{} {}", package.name, package.version)).collect();
    (!of.is_empty()).then(|| Execution { what: "builds of wheels".to_owned(), of })
}

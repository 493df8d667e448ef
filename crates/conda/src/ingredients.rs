//! The conda packages of a variant, as what an image is made of.

use std::sync::Arc;

use imgbuild_ecosystem::{
    Ecosystem, EcosystemError, HostInterpreter, ImagePython, Ingredients, Surroundings,
};
use imgbuild_layer::{Ownership, Source};
use imgbuild_lock::{CondaPackage, CondaSet, LockedCompiler, LockedPackage, LockedSet};
use imgbuild_oci::Platform;
use imgbuild_python::{Bytecode, BytecodeFolders, CacheTag, CompilerError, Target};
use imgbuild_spec::Conda;
use imgbuild_store::Store;

use crate::environment::{
    Changes, EnvironmentFilesError, Plan, environment_files, may_hold_python, plan_environment,
};
use crate::locking_error::LockingError;
use crate::package::Package;
use crate::package_error::PackageError;
use crate::record::RecordError;
use crate::recorded::Recorded;

/// The conda packages of a variant.
pub struct Packages<'a> {
    /// What the lock says of them.
    pub locked: &'a LockedSet<'a, CondaSet, CondaPackage>,
    /// The image's platform.
    pub platform: Platform,
    /// What the spec says of the environment.
    pub conda: &'a Conda,
    /// Whom the prefix belongs to.
    pub ownership: Ownership,
    /// When the environment counts as made, in seconds since 1970.
    pub timestamp: i64,
    /// Whether it has the texts of its packages' licences, which those of older locks have not.
    pub has_licences: bool,
}

/// A locked environment that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LockedEnvironmentError {
    /// A package is damaged.
    #[error("the lock's conda packages cannot be used")]
    Package(
        #[source]
        #[diagnostic_source]
        Box<PackageError>,
    ),
    /// The environment is damaged.
    #[error("the lock's conda environment cannot be used")]
    Environment(
        #[source]
        #[diagnostic_source]
        Box<LockingError>,
    ),
    /// The environment's own files cannot be made.
    #[error(transparent)]
    Files(#[from] EnvironmentFilesError),
}

impl From<PackageError> for LockedEnvironmentError {
    fn from(error: PackageError) -> Self {
        Self::Package(Box::new(error))
    }
}

impl From<RecordError> for LockedEnvironmentError {
    fn from(error: RecordError) -> Self {
        PackageError::from(error).into()
    }
}

impl From<LockingError> for LockedEnvironmentError {
    fn from(error: LockingError) -> Self {
        Self::Environment(Box::new(error))
    }
}

impl From<LockedEnvironmentError> for EcosystemError {
    fn from(error: LockedEnvironmentError) -> Self {
        Self::packages(error)
    }
}

impl Ecosystem for Packages<'_> {
    fn ingredients(&self, surroundings: &Surroundings<'_>) -> Result<Ingredients, EcosystemError> {
        let Self { locked, platform, conda, ownership, timestamp, has_licences } = *self;
        let set = locked.set;
        let plan = plan_environment(set, &locked.packages, platform, has_licences)
            .map_err(LockedEnvironmentError::from)?;
        let Plan { environment, packages, python_version, bytecode_folders, cache_tag } = plan;
        let mut ingredients = Ingredients::default();
        ingredients.parents.insert_tree(set.prefix.clone(), ownership.folder_mode(), ownership.owner());
        let python = python_version.clone().zip(cache_tag.clone());
        let compiler = python.map(|python| {
            surroundings.compiler(&locked.compilers, |compiler| {
                host_interpreter(set, python, compiler, surroundings.store)
            })
        });
        let compiler = compiler.transpose()?.flatten();
        let folders = BytecodeFolders(bytecode_folders);
        ingredients.target = cache_tag.map(|tag| Target { tag, folders, compiler: compiler.clone() });
        let site_packages = environment.python.as_ref();
        let site_packages = site_packages.map(|it| it.site_packages_path.to_string_lossy().into_owned());
        let program = set.prefix.join("bin/python")?;
        ingredients.python = python_version
            .as_ref()
            .and_then(|version| ImagePython::new(version, program, site_packages, compiler));
        for (package, role) in packages {
            let path = surroundings.store.archive_path(&package.sha256);
            let source = Package::new(package, role, Arc::clone(&environment), path);
            let source = source.map_err(LockedEnvironmentError::from)?;
            let source: Box<dyn Source> = match &ingredients.target {
                Some(target) if may_hold_python(package) => {
                    let record = source.meta_path().map_err(LockedEnvironmentError::from)?;
                    let bytecode = Bytecode::new(source, target.clone(), surroundings.store.clone());
                    Box::new(Recorded::new(bytecode, record, set.prefix.clone()))
                }
                _ => Box::new(source),
            };
            ingredients.add(ownership.source(source), vec![package.archive()]);
        }
        let is_writable = ownership != Ownership::Root;
        let changes = Changes { conda, python: python_version.as_deref(), is_writable };
        let files = environment_files(locked, &changes, timestamp).map_err(LockedEnvironmentError::from)?;
        ingredients.add(ownership.source(Box::new(files)), Vec::new());
        ingredients.excluded.clone_from(&set.excluded);
        Ok(ingredients)
    }
}

/// The environment's Python as the build machine runs it.
fn host_interpreter(
    set: &CondaSet,
    (version, tag): (String, CacheTag),
    compiler: &LockedCompiler<'_, CondaPackage>,
    store: &Store,
) -> Result<HostInterpreter, EcosystemError> {
    let LockedCompiler { host, packages } = compiler;
    let short: Vec<&str> = version.splitn(3, '.').take(2).collect();
    let program = set.prefix.join(&format!("bin/python{}", short.join(".")))?;
    let archives = packages.iter().map(|package| package.archive()).collect();
    let packages: Vec<CondaPackage> = packages.iter().map(|package| (*package).clone()).collect();
    let (set, host, store) = (set.clone(), *host, store.clone());
    Ok(HostInterpreter {
        version,
        tag,
        archives,
        folder: set.prefix.clone(),
        program,
        sources: Box::new(move || interpreter_sources(&set, &packages, host, &store)),
        // It is linked with the machine's.
        library: None,
    })
}

/// The packages of an interpreter for the build machine.
fn interpreter_sources(
    set: &CondaSet,
    packages: &[CondaPackage],
    host: Platform,
    store: &Store,
) -> Result<Vec<Box<dyn Source>>, CompilerError> {
    let packages: Vec<&CondaPackage> = packages.iter().collect();
    let plan =
        plan_environment(set, &packages, host, false).map_err(|error| CompilerError::unavailable(&error))?;
    let source = |(package, role): (&CondaPackage, _)| -> Result<Box<dyn Source>, CompilerError> {
        let path = store.archive_path(&package.sha256);
        let source = Package::new(package, role, Arc::clone(&plan.environment), path);
        Ok(Box::new(source.map_err(|error| CompilerError::unavailable(&error))?))
    };
    plan.packages.into_iter().map(source).collect()
}

//! Locked interpreters as tools of the build machine.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use imgbuild_conda::Plan;
use imgbuild_fetch::{Context, PackageArchives, channels, repositories};
use imgbuild_layer::{Exclusions, KeyHasher, Role, Source};
use imgbuild_lock::{
    Archive, CondaPackage, CondaSet, DebianPackage, DebianSet, LockedCompiler, LockedPackage, LockedSet,
};
use imgbuild_oci::{Digest, Platform};
use imgbuild_python::{CacheTag, CompilerError, FolderSink, Interpreter, LazyCompiler};
use imgbuild_spec::Variant;

use crate::confinement::{self, Libraries, Place};
use crate::error::{MakeError, MakeFailure};

/// The compiler of a conda environment's bytecode.
///
/// # Errors
///
/// When the lock has no interpreter for this machine.
pub(crate) fn conda_compiler(
    conda: &LockedSet<'_, CondaSet, CondaPackage>,
    (version, tag): (String, CacheTag),
    variant: &Variant,
    context: &Context,
) -> Result<Arc<LazyCompiler>, MakeError> {
    let compiler = compiler(&conda.compilers, context)?;
    let packages = owned(compiler);
    let archives = PackageArchives::new(vec![channels(&packages, variant, context)?], context);
    let processes = threads(context.threads);
    let (context, compilation) = (context.clone(), variant.layers.bytecode);
    let set = conda.set.clone();
    let (host, wanted) = (compiler.host, version.clone());
    let make = move || {
        let Plan { environment, packages: planned, .. } =
            imgbuild_conda::plan_environment(&set, &packages.iter().collect::<Vec<_>>(), host)
                .map_err(|error| CompilerError::unavailable(&error))?;
        let source = |(package, role): (&CondaPackage, Role)| {
            let path = context.store.archive_path(&package.sha256);
            imgbuild_conda::Package::new(package, role, Arc::clone(&environment), path)
        };
        let sources: Result<Vec<_>, _> = planned.into_iter().map(source).collect();
        let sources = sources.map_err(|error| CompilerError::unavailable(&error))?;
        let root = context.store.filled_tool(&interpreter_key(&sources, host), |folder| {
            let needed: Vec<Archive> = packages.iter().map(LockedPackage::archive).collect();
            archives.get_all(&needed).map_err(|error| CompilerError::unavailable(&error))?;
            sources.iter().try_for_each(|source| extract(source, folder))
        })?;
        let short: Vec<&str> = wanted.splitn(3, '.').take(2).collect();
        // conda's interpreter is linked with the machine's C library.
        let shown = [set.prefix.as_str()];
        let Place { root, launcher } =
            confinement::place(&context, compilation, &root, &shown, Libraries::Machine)?;
        let program = root.join(set.prefix.as_str()).join("bin").join(format!("python{}", short.join(".")));
        let (command, version) = (vec![program.into_os_string()], wanted.clone());
        Ok(Interpreter { command, home: None, version, tag: tag.clone(), launcher })
    };
    Ok(Arc::new(LazyCompiler::new(version, processes, make)))
}

/// The compiler of the bytecode of Debian's Python.
///
/// # Errors
///
/// When the lock has no interpreter for this machine.
pub(crate) fn debian_compiler(
    debian: &LockedSet<'_, DebianSet, DebianPackage>,
    interpreter: &imgbuild_debian::Interpreter,
    variant: &Variant,
    context: &Context,
) -> Result<Arc<LazyCompiler>, MakeError> {
    let compiler = compiler(&debian.compilers, context)?;
    let packages = owned(compiler);
    let sources = repositories(&packages, variant, context)?.into_iter().collect();
    let archives = PackageArchives::new(sources, context);
    let host = compiler.host;
    let interpreter = interpreter.clone();
    let version = interpreter.version.clone();
    let store = context.store.clone();
    let (own, compilation) = (context.clone(), variant.layers.bytecode);
    let make = move || {
        let source = |package: &DebianPackage| {
            imgbuild_debian::Package::new(package, &own.store.archive_path(&package.sha256))
        };
        let sources: Vec<_> = packages.iter().map(source).collect();
        let root = store.filled_tool(&interpreter_key(&sources, host), |folder| {
            let needed: Vec<Archive> = packages.iter().map(LockedPackage::archive).collect();
            archives.get_all(&needed).map_err(|error| CompilerError::unavailable(&error))?;
            sources.iter().try_for_each(|source| extract(source, folder))
        })?;
        let place = confinement::place(&own, compilation, &root, &["usr"], Libraries::Own)?;
        Ok(debian_interpreter(place, &interpreter, host))
    };
    Ok(Arc::new(LazyCompiler::new(version, threads(context.threads), make)))
}

/// Debian's interpreter is linked with Debian's glibc, which the build machine may not have: so its own loader starts it.
fn debian_interpreter(
    place: Place,
    interpreter: &imgbuild_debian::Interpreter,
    host: Platform,
) -> Interpreter {
    let Place { root, launcher } = place;
    let (loader, library) = match host {
        Platform::LinuxAmd64 => ("ld-linux-x86-64.so.2", "x86_64-linux-gnu"),
        Platform::LinuxArm64 => ("ld-linux-aarch64.so.1", "aarch64-linux-gnu"),
    };
    let library = root.join("usr/lib").join(library);
    let program = root.join(interpreter.program.as_str());
    let mut command: Vec<OsString> = vec![library.join(loader).into_os_string()];
    command.push("--library-path".into());
    command.push(library.into_os_string());
    command.push(program.into_os_string());
    Interpreter {
        command,
        home: Some(root.join("usr").into_os_string()),
        version: interpreter.version.clone(),
        tag: interpreter.cache_tag(),
        launcher,
    }
}

fn owned<P: Clone>(compiler: &LockedCompiler<'_, P>) -> Vec<P> {
    compiler.packages.iter().map(|package| (*package).clone()).collect()
}

/// The interpreter for this machine.
fn compiler<'a, 'b, P>(
    compilers: &'a [LockedCompiler<'b, P>],
    context: &Context,
) -> Result<&'a LockedCompiler<'b, P>, MakeError> {
    let found = compilers.iter().find(|compiler| compiler.host == context.host);
    Ok(found.ok_or_else(|| MakeFailure::NoCompiler { host: context.host.to_string() })?)
}

/// What the folder of an interpreter depends on: all that its packages' entries do, the prefix and the owner among it.
fn interpreter_key(packages: &[impl Source], host: Platform) -> Digest {
    let recipes = packages.iter().map(|package| package.part().recipe.0.hex());
    // The method changes whenever the same packages would be written in another way.
    let hasher = KeyHasher::new("interpreter").field("method", "2").field("host", host.to_string());
    hasher.list("package", recipes).finish()
}

fn extract(source: &dyn Source, folder: &Path) -> Result<(), CompilerError> {
    let written = source.write(&Exclusions::new(), &mut FolderSink::new(folder));
    written.map_err(|error| CompilerError::Unavailable {
        why: format!("{}: {error}", source.part().id),
        hint: imgbuild_diagnostic::hint(&error),
    })
}

fn threads(threads: NonZero<u32>) -> NonZero<usize> {
    NonZero::new(threads.get() as usize).unwrap_or(NonZero::<usize>::MIN)
}

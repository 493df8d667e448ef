//! Locked interpreters as tools of the build machine.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_ecosystem::{Compilers, HostInterpreter};
use imgbuild_fetch::{Context, PackageArchives};
use imgbuild_layer::{Exclusions, KeyHasher, Source};
use imgbuild_lock::LockedVariant;
use imgbuild_oci::{Digest, Platform};
use imgbuild_python::{CompilerError, FolderSink, Interpreter, LazyCompiler};
use imgbuild_spec::{Compilation, Variant};

use crate::confinement::{self, Libraries, Place};
use crate::error::MakeError;

/// What makes the compilers of a variant's bytecode: they run in the sandbox.
pub(crate) struct VariantCompilers {
    archives: PackageArchives,
    compilation: Compilation,
    context: Context,
}

impl VariantCompilers {
    /// What makes those of a locked variant.
    ///
    /// # Errors
    ///
    /// When a channel or a mirror of the spec is none.
    pub(crate) fn new(
        locked: &LockedVariant<'_>,
        variant: &Variant,
        context: &Context,
    ) -> Result<Self, MakeError> {
        let archives = PackageArchives::of_variant(locked, variant, context)?;
        Ok(Self { archives, compilation: variant.layers.bytecode, context: context.clone() })
    }
}

impl Compilers for VariantCompilers {
    fn host(&self) -> Platform {
        self.context.host
    }

    fn compiler(&self, interpreter: HostInterpreter) -> Arc<LazyCompiler> {
        let (archives, compilation, context) =
            (self.archives.clone(), self.compilation, self.context.clone());
        let (version, processes) = (interpreter.version.clone(), threads(context.threads));
        context.will_run_from(interpreter.archives.iter().map(|archive| archive.sha256));
        let make = move || {
            let sources = (interpreter.sources)()?;
            let root = context.store.filled_tool(&interpreter_key(&sources, context.host), |folder| {
                let got = archives.get_all(&interpreter.archives);
                got.map_err(|error| CompilerError::unavailable(&error))?;
                sources.iter().try_for_each(|source| extract(&**source, folder))
            })?;
            let libraries = if interpreter.library.is_some() { Libraries::Own } else { Libraries::Machine };
            let shown = [interpreter.folder.as_str()];
            let place = confinement::place(&context, compilation, &root, &shown, libraries)?;
            Ok(at_place(place, &interpreter))
        };
        Arc::new(LazyCompiler::new(version, processes, make))
    }
}

/// An interpreter where it runs. One with a C library of its own is started by that one's loader.
fn at_place(Place { root, launcher }: Place, interpreter: &HostInterpreter) -> Interpreter {
    let HostInterpreter { version, tag, folder, program, library, .. } = interpreter;
    let path = |path: &ImagePath| root.join(path.as_str()).into_os_string();
    let mut command: Vec<OsString> = Vec::new();
    if let Some(library) = library {
        command.extend([path(&library.loader), "--library-path".into(), path(&library.folder)]);
    }
    command.push(path(program));
    // The program that the system started is then the loader, beside which no library of Python's is.
    let home = library.as_ref().map(|_| path(folder));
    Interpreter { command, home, version: version.clone(), tag: tag.clone(), launcher }
}

/// What the folder of an interpreter depends on: all that its packages' entries do, the prefix and the owner among it.
fn interpreter_key(packages: &[Box<dyn Source>], host: Platform) -> Digest {
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

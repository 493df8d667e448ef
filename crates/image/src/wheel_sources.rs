//! Wheels as sources: into the prefix of the image's conda environment, or into a virtual environment.

use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_fetch::Context;
use imgbuild_layer::Source;
use imgbuild_lock::{Archive, CondaSet, LockedPackage, PypiPackage, PypiSet};
use imgbuild_pypi::Layout;
use imgbuild_python::{Bytecode, BytecodeFolders, CacheTag, LazyCompiler, Target};

use crate::error::{MakeError, MakeFailure};

/// A source, with the archives that it reads.
pub(crate) type Supplied = (Box<dyn Source>, Vec<Archive>);

/// The Python of an image, as its wheels find it.
pub(crate) struct ImagePython {
    /// Its whole version, such as `3.11.2`.
    pub version: String,
    /// Its minor version.
    pub minor: u8,
    /// The program, such as `/usr/bin/python3.11`.
    pub program: ImagePath,
    /// Where a conda environment's modules are below its prefix.
    pub site_packages: Option<String>,
    /// How it names its bytecode.
    pub tag: CacheTag,
    /// What compiles bytecode for it; nothing where none is made.
    pub compiler: Option<Arc<LazyCompiler>>,
}

impl ImagePython {
    /// A Python of a version such as `3.11.2`; nothing for a version that is none of Python 3's.
    pub(crate) fn new(version: &str, program: ImagePath, site_packages: Option<String>) -> Option<Self> {
        let minor: u8 = version.strip_prefix("3.")?.split('.').next()?.parse().ok()?;
        let tag = CacheTag::cpython(minor.into());
        Some(Self { version: version.to_owned(), minor, program, site_packages, tag, compiler: None })
    }

    /// It as what bytecode of wheels is made for.
    pub(crate) fn target(&self, layout: &Layout) -> Target {
        let folders = BytecodeFolders(vec![layout.site_packages.clone()]);
        Target { tag: self.tag.clone(), folders, compiler: self.compiler.clone() }
    }
}

/// Where the wheels of a set go. `conda` is the environment that the image has.
///
/// # Errors
///
/// When a path is too long.
pub(crate) fn layout(
    set: &PypiSet,
    conda: Option<&CondaSet>,
    python: &ImagePython,
) -> Result<Layout, MakeError> {
    let prefix = set.prefix.clone();
    let is_conda = conda.is_some_and(|conda| conda.prefix == prefix);
    layout_of(prefix, is_conda, python.minor, python.site_packages.as_deref())
}

/// The layout of a conda environment, or of a virtual one, for Python 3.`minor`.
///
/// # Errors
///
/// When a path is too long.
pub fn layout_of(
    prefix: ImagePath,
    is_conda: bool,
    minor: u8,
    site_packages: Option<&str>,
) -> Result<Layout, MakeError> {
    Ok(if is_conda {
        Layout::conda(prefix, minor, site_packages)?
    } else {
        Layout::virtual_environment(prefix, minor)?
    })
}

/// What the wheels are to the image: sources, with the archives that they read.
///
/// # Errors
///
/// When the lock is damaged.
pub(crate) fn sources(
    packages: &[&PypiPackage],
    layout: Layout,
    is_virtual: bool,
    python: &ImagePython,
    timestamp: i64,
    context: &Context,
) -> Result<Vec<Supplied>, MakeError> {
    let layout = Arc::new(layout);
    let mut sources: Vec<Supplied> = Vec::new();
    if is_virtual {
        let files = imgbuild_pypi::virtual_environment(&layout, &python.program, &python.version, timestamp)?;
        sources.push((Box::new(files), Vec::new()));
    }
    for package in packages {
        let archive = context.store.archive_path(&package.sha256);
        let source = imgbuild_pypi::Package::new(package, Arc::clone(&layout), archive);
        let source = source.map_err(|error| wheel_error(package, error))?;
        let needed = vec![package.archive()];
        let source = Bytecode::new(source, python.target(&layout), context.store.clone());
        sources.push((Box::new(source), needed));
    }
    Ok(sources)
}

/// A locked wheel that cannot be used.
pub fn wheel_error(package: &PypiPackage, error: imgbuild_pypi::PackageError) -> MakeError {
    MakeFailure::Wheel { wheel: package.filename.clone(), error: Box::new(error) }.into()
}

//! The Python of an image.

use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_python::{CacheTag, LazyCompiler};

/// The Python of an image, as those find it who stand on it.
#[derive(Clone)]
pub struct ImagePython {
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
    pub fn new(
        version: &str,
        program: ImagePath,
        site_packages: Option<String>,
        compiler: Option<Arc<LazyCompiler>>,
    ) -> Option<Self> {
        let minor: u8 = version.strip_prefix("3.")?.split('.').next()?.parse().ok()?;
        let tag = CacheTag::cpython(minor.into());
        Some(Self { version: version.to_owned(), minor, program, site_packages, tag, compiler })
    }
}

//! Debian's Python: where it is, and what of it gets bytecode.

use imgbuild_archive::ImagePath;
use imgbuild_lock::{DebianPackage, DebianSet};
use imgbuild_python::CacheTag;

use crate::Version;

/// The interpreter that the package `python3` stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The whole version, such as `3.11.2`.
    pub version: String,
    /// The version that its paths have, such as `3.11`.
    pub minor: String,
    /// The program, such as `usr/bin/python3.11`.
    pub program: ImagePath,
    /// The folders whose modules are byte-compiled: the standard library, and Debian's packages.
    pub modules: Vec<ImagePath>,
}

impl Interpreter {
    /// How it names its bytecode.
    pub fn cache_tag(&self) -> CacheTag {
        let minor = self.minor.strip_prefix("3.").and_then(|minor| minor.parse().ok());
        CacheTag::cpython(minor.unwrap_or_default())
    }
}

/// Debian's Python among the packages of `set`; nothing where it is not among them.
pub fn interpreter(set: &DebianSet, packages: &[DebianPackage]) -> Option<Interpreter> {
    among(packages.iter().filter(|it| set.packages.contains(&it.id())))
}

/// Whether a package holds modules of Debian's Python: others' layers need not depend on its version.
pub(crate) fn holds_modules(packages: &[DebianPackage], name: &str) -> bool {
    if name.starts_with("python3") || name.starts_with("libpython3") {
        return true;
    }
    let depends = |line: &str| {
        let field = line.strip_prefix("Depends:").or_else(|| line.strip_prefix("Pre-Depends:"));
        field.is_some_and(|field| field.contains("python3"))
    };
    packages.iter().find(|package| package.name == name).is_some_and(|it| it.record.lines().any(depends))
}

/// Debian's Python among packages; nothing where it is not among them.
pub(crate) fn among<'a>(packages: impl Iterator<Item = &'a DebianPackage> + Clone) -> Option<Interpreter> {
    let is_interpreter = |name: &str| {
        let minor = name.strip_prefix("libpython")?.strip_suffix("-stdlib")?;
        (minor.starts_with("3.") && minor[2..].bytes().all(|it| it.is_ascii_digit()))
            .then(|| minor.to_owned())
    };
    let python = packages.clone().find(|it| it.name == "python3")?;
    let wanted = python.version.parse::<Version>().ok()?.upstream().to_owned();
    let mut found = packages.filter_map(|it| Some((is_interpreter(&it.name)?, it)));
    let (minor, library) = found.find(|(minor, _)| wanted.starts_with(&format!("{minor}.")))?;
    let version = library.version.parse::<Version>().ok()?.upstream().to_owned();
    let path = |text: String| ImagePath::new(&text).ok();
    Some(Interpreter {
        version,
        program: path(format!("usr/bin/python{minor}"))?,
        modules: vec![
            path(format!("usr/lib/python{minor}"))?,
            path("usr/lib/python3/dist-packages".to_owned())?,
        ],
        minor,
    })
}

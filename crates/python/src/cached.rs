//! What the files in a `__pycache__` are named for (PEP 3147, PEP 488), and for which Python.

use std::fmt;

use imgbuild_archive::ImagePath;

/// The folder in which Python keeps the bytecode of the sources beside it.
pub(crate) const FOLDER: &str = "__pycache__";

/// How much a compiler leaves out of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Optimization {
    /// Nothing: `NAME.TAG.pyc`.
    None,
    /// Assertions, by `python -O`: `NAME.TAG.opt-1.pyc`.
    Assertions,
    /// Documentation as well, by `python -OO`: `NAME.TAG.opt-2.pyc`.
    Documentation,
}

impl Optimization {
    const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Assertions => ".opt-1",
            Self::Documentation => ".opt-2",
        }
    }

    /// The number by which `compile` knows it.
    pub(crate) const fn level(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Assertions => 1,
            Self::Documentation => 2,
        }
    }
}

/// The bytecode of one source: where it stands says whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// The source: `DIR/NAME.py`.
    pub source: ImagePath,
    /// The tag of the Python that it is for, such as `cpython-311`.
    pub tag: String,
    /// What was left out of it.
    pub optimization: Optimization,
}

impl Cached {
    /// What stands at `DIR/__pycache__/NAME.TAG.pyc`; nothing where a path is not of that form.
    pub fn of(path: &ImagePath) -> Option<Self> {
        let folder = path.parent().filter(|folder| folder.file_name() == FOLDER)?;
        let stem = path.file_name().strip_suffix(".pyc")?;
        let of = |it: Optimization| stem.strip_suffix(it.suffix()).map(|stem| (stem, it));
        let optimized = [Optimization::Assertions, Optimization::Documentation].into_iter().find_map(of);
        let (stem, optimization) = optimized.unwrap_or((stem, Optimization::None));
        let (name, tag) = stem.rsplit_once('.').filter(|(name, tag)| !name.is_empty() && !tag.is_empty())?;
        let source = format!("{name}.py");
        let source = match folder.parent() {
            Some(folder) => folder.join(&source).ok()?,
            None => ImagePath::new(&source).ok()?,
        };
        Some(Self { source, tag: tag.to_owned(), optimization })
    }
}

/// The tag in the names of one Python's bytecode, such as `cpython-311`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheTag(String);

impl fmt::Display for CacheTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl CacheTag {
    /// The tag of CPython 3.`minor`.
    pub fn cpython(minor: u64) -> Self {
        Self(format!("cpython-3{minor}"))
    }

    /// The tag of another implementation of Python 3.`minor`, such as `pypy`.
    pub fn other(implementation: &str, minor: u64) -> Self {
        Self(format!("{implementation}3{minor}"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands at a path, where it is bytecode for this Python. That of others is a file like any other.
    pub fn cached(&self, path: &ImagePath) -> Option<Cached> {
        Cached::of(path).filter(|cached| cached.tag == self.0)
    }

    /// Where the bytecode of a source stands; nothing for what is no source, or would have too long a name.
    pub(crate) fn path(&self, source: &ImagePath, optimization: Optimization) -> Option<ImagePath> {
        let name = source.file_name().strip_suffix(".py").filter(|name| !name.is_empty())?;
        let cached = format!("{FOLDER}/{name}.{self}{}.pyc", optimization.suffix());
        match source.parent() {
            Some(folder) => folder.join(&cached).ok(),
            None => ImagePath::new(&cached).ok(),
        }
    }

    /// The number with which the bytecode of CPython begins, for those versions of which it is known.
    pub(crate) fn magic(&self) -> Option<[u8; 4]> {
        let number: u16 = match self.0.as_str() {
            "cpython-38" => 3413,
            "cpython-39" => 3425,
            "cpython-310" => 3439,
            "cpython-311" => 3495,
            "cpython-312" => 3531,
            "cpython-313" => 3571,
            "cpython-314" => 3627,
            _ => return None,
        };
        let [low, high] = number.to_le_bytes();
        Some([low, high, b'\r', b'\n'])
    }

    /// Whether it hashes sources as CPython did before 3.11.
    pub(crate) fn has_long_hash(&self) -> bool {
        matches!(
            self.0.as_str(),
            "cpython-37" | "cpython-38" | "cpython-39" | "cpython-310" | "pypy39" | "pypy310"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::new(text).unwrap()
    }

    #[test]
    fn bytecode_stands_beside_its_source() {
        let tag = CacheTag::cpython(11);
        for (source, optimization, cached) in [
            ("a/b.py", Optimization::None, "a/__pycache__/b.cpython-311.pyc"),
            ("b.py", Optimization::Assertions, "__pycache__/b.cpython-311.opt-1.pyc"),
            ("a/b.c.py", Optimization::Documentation, "a/__pycache__/b.c.cpython-311.opt-2.pyc"),
            ("a/b.opt-1.py", Optimization::None, "a/__pycache__/b.opt-1.cpython-311.pyc"),
        ] {
            let (source, cached) = (path(source), path(cached));
            assert_eq!(tag.path(&source, optimization).as_ref(), Some(&cached));
            let found = Cached { source, tag: "cpython-311".to_owned(), optimization };
            assert_eq!(tag.cached(&cached), Some(found));
        }
        for none in ["a/b.pyi", "a/.py", "a/py"] {
            assert_eq!(tag.path(&path(none), Optimization::None), None, "{none}");
        }
    }

    #[test]
    fn what_no_source_of_this_python_can_have_is_a_file_like_any_other() {
        let tag = CacheTag::cpython(11);
        for other in [
            "a/b.cpython-311.pyc",
            "a/b.pyc",
            "a/__pycache__/b.pyc",
            "a/__pycache__/b.cpython-310.pyc",
            "a/__pycache__/b.cpython-3110.pyc",
            "a/__pycache__/b.cpython-311.opt-3.pyc",
            "a/__pycache__/b.cpython-311.opt-.pyc",
            "a/__pycache__/.cpython-311.pyc",
            "a/__pycache__/cpython-311.pyc",
            "a/__pycache__/b.cpython-311.py",
            "a/__pycache__/c/b.cpython-311.pyc",
        ] {
            assert_eq!(tag.cached(&path(other)), None, "{other}");
        }
        assert_eq!(CacheTag::other("pypy", 9).to_string(), "pypy39");
    }
}

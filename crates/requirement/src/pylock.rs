//! Locks of wheels ("pylock.toml Specification").

use std::path::{Path, PathBuf};

use imgbuild_document::Origin;

/// A `pylock.toml`. It is text here: whoever takes wheels from it checks it.
#[derive(Debug, Clone)]
pub struct PylockFile {
    /// Its path, beside the spec's: relative to the same folder as the path that the spec was loaded from. Paths in it are
    /// relative to its own folder.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Where it was named.
    pub origin: Origin,
}

/// Whether a file is a lock of wheels, by its name ("pylock.toml Specification").
pub fn is_pylock(file: &str) -> bool {
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name == "pylock.toml" || name.starts_with("pylock.") && name.ends_with(".toml")
}

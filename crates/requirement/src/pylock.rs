//! Locks of wheels: `pylock.toml` ("pylock.toml Specification"), and `uv.lock`.

use std::path::{Path, PathBuf};

use imgbuild_document::Origin;

/// A `pylock.toml`, or a `uv.lock`. It is text here: whoever takes wheels from it checks it.
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

/// Whether a file is a lock of wheels, by its name ("pylock.toml Specification"); uv's has one name.
pub fn is_pylock(file: &str) -> bool {
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name == "pylock.toml" || name == "uv.lock" || name.starts_with("pylock.") && name.ends_with(".toml")
}

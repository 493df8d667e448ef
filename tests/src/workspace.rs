//! Where things are.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The root of the workspace.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The folder of the conda channel that `cargo xtask channel` makes.
///
/// # Panics
///
/// When it has not been made.
pub fn channel_folder() -> PathBuf {
    let folder = workspace_root().join("target/channel");
    let index = folder.join("noarch/repodata.json");
    assert!(index.is_file(), "`{}` is missing\nhint: run `cargo xtask channel`", index.display());
    folder
}

/// The channel as a `file:` URL.
pub fn channel() -> String {
    format!("file://{}", channel_folder().display())
}

/// `target/tmp`, where all that the tests write goes that outlives them.
pub fn temporary() -> PathBuf {
    let folder = workspace_root().join("target/tmp");
    fs_err::create_dir_all(&folder).unwrap();
    folder
}

/// A new folder, which is removed when it is dropped: where `TMPDIR` says, else under `target/tmp`.
pub fn scratch(name: &str) -> TempDir {
    let parent = std::env::var_os("TMPDIR").map_or_else(temporary, PathBuf::from);
    tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(parent).unwrap()
}

/// The store that the tests of a run share. It stays, so that the next run downloads nothing.
pub fn shared_store() -> PathBuf {
    temporary().join("store")
}

//! `cargo xtask docs`: the pages of the documentation that are made from the source, by the crate `xtask/docs`.

use std::io;
use std::path::Path;
use std::process::Command;

/// Why the pages are not there, or not what they should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocsError {
    /// A program cannot be started.
    #[error(transparent)]
    File(#[from] io::Error),
    /// A program failed; it has said why.
    #[error("`{0}` failed")]
    Failed(&'static str),
}

/// Writes the pages, or compares them with what they should be.
pub(crate) fn run(workspace: &Path, check: bool) -> Result<(), DocsError> {
    // As a part of the whole, so that it is made of what is compiled anyway.
    let build = ["build", "--quiet", "--workspace", "--bin", "docs"];
    if !Command::new("cargo").args(build).current_dir(workspace).status()?.success() {
        return Err(DocsError::Failed("cargo build"));
    }
    let mut docs = Command::new(std::env::current_exe()?.with_file_name("docs"));
    docs.args(check.then_some("--check"));
    if docs.status()?.success() { Ok(()) } else { Err(DocsError::Failed("docs")) }
}

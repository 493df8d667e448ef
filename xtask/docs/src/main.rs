//! The pages of the documentation that are made from the source: `docs` writes them, `docs --check` compares them.
//!
//! `cargo xtask docs` runs it. It stands alone because it needs the spec and all that this is made of: `xtask` itself is
//! compiled before anything else, and so is small.

mod limits;
mod pages;
mod scale;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let check = std::env::args().nth(1).as_deref() == Some("--check");
    let done = if check { pages::check(&workspace()) } else { pages::write(&workspace()) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace, of which this crate is a folder in a folder.
fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

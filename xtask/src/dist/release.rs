//! One program, and what is made of it.

use std::path::{Path, PathBuf};

use super::machine::Machine;
use super::tree::Tree;

/// The version of all that is made, which is that of the workspace.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// When all files count as written, in seconds since 1970: the beginning of 1980, before which a zip knows no time.
pub(super) const MOMENT: &str = "315532800";

/// One program, and what is made of it.
pub(super) struct Release<'a> {
    /// The root of the workspace.
    pub(super) workspace: &'a Path,
    /// What it is for.
    pub(super) machine: Machine,
    /// The program that this machine runs.
    pub(super) runs_here: &'a Path,
    /// What every package has.
    pub(super) tree: Tree,
    /// Whether it is compressed quickly, for a test.
    pub(super) quick: bool,
    /// The most bytes that its image may have.
    pub(super) most_image: u64,
    /// For what is written on the way.
    pub(super) parts: PathBuf,
    /// Where the packages go.
    pub(super) output: &'a Path,
}

//! `cargo xtask bench`: how fast the program is, whole process, beside the limit measured in the same run; and beside another
//! program, run in turn with it.
//!
//! The environment is that of DESIGN.md §8: JupyterLab with numpy, pandas, scipy, scikit-learn and matplotlib, from the
//! test channel. No test asserts a time; this prints ratios.

mod base;
mod cuda;
mod matrix;
mod program;
mod registry;
mod rows;
mod sharing;
mod start;
mod wheels;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;

use self::rows::Rows;
pub(crate) use self::sharing::run as run_sharing;
use crate::channel::{self, ChannelError};
use crate::programs::Lacking;

/// How often each row is measured.
const RUNS: usize = 3;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// A command failed; it has said why.
    #[error("`{0}` failed")]
    Failed(String),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// A record of the store is not what it was.
    #[error("cannot read what the program wrote: {0}")]
    Json(#[from] serde_json::Error),
    /// A program is not there.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// The channel cannot be made.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// Output that is not what was expected.
    #[error("`{0}` is not what was expected")]
    Output(String),
}

/// Seconds and bytes.
#[derive(Clone, Copy)]
struct Measured {
    seconds: f64,
    memory: u64,
}

/// A program that is measured, and the folder where it works.
struct Bench {
    workspace: PathBuf,
    folder: PathBuf,
    binary: PathBuf,
}

/// Measures and prints; beside another program, if there is one.
pub(crate) fn run(workspace: &Path, against: Option<PathBuf>) -> Result<(), BenchError> {
    channel::run(workspace)?;
    // Both at once: apart, each would compile the dependencies with features of its own.
    let both =
        ["--package", "imgbuild", "--package", "imgbuild-conda", "--bin", "imgbuild", "--example", "limit"];
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--release"]).args(both).current_dir(workspace);
    if !cargo.status()?.success() {
        return Err(BenchError::Failed("cargo build --release".to_owned()));
    }
    let here = workspace.to_owned();
    let bench = Bench {
        folder: workspace.join("target/bench"),
        binary: workspace.join("target/release/imgbuild"),
        workspace: here.clone(),
    };
    let other = against.map(std::path::absolute).transpose()?.map(|binary| Bench {
        folder: workspace.join("target/bench-other"),
        binary,
        workspace: here,
    });
    for program in [Some(&bench), other.as_ref()].into_iter().flatten() {
        program.prepare()?;
    }
    // The other one is not started: it may be of a time when images served nothing.
    bench.write_starts()?;
    let rows = Rows { limit: limit(&bench)?, bench, other };
    rows.print()?;
    rows.bench.print_cuda()?;
    registry::print(&rows.bench)?;
    rows.bench.print_matrix()
}

/// Measures and prints what has to do with registries alone: of the program that `IMGBUILD_BIN` names, or of this source.
pub(crate) fn run_registry(workspace: &Path) -> Result<(), BenchError> {
    channel::run(workspace)?;
    let given = std::env::var_os("IMGBUILD_BIN").map(PathBuf::from);
    if given.is_none() {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--locked", "--release", "--package", "imgbuild"]).current_dir(workspace);
        if !cargo.status()?.success() {
            return Err(BenchError::Failed("cargo build --release".to_owned()));
        }
    }
    let bench = Bench {
        folder: workspace.join("target/bench"),
        binary: given.unwrap_or_else(|| workspace.join("target/release/imgbuild")),
        workspace: workspace.to_owned(),
    };
    fs::create_dir_all(&bench.folder)?;
    bench.write_specs()?;
    registry::print(&bench)?;
    bench.print_matrix()
}

/// Seconds of what nobody can leave out: see the example `limit` of `imgbuild-conda`.
fn limit(bench: &Bench) -> Result<f64, BenchError> {
    limit_of(bench, &bench.archives()?)
}

/// The same of some archives: their names by their hashes.
fn limit_of(bench: &Bench, archives: &BTreeMap<String, String>) -> Result<f64, BenchError> {
    let program = bench.workspace.join("target/release/examples/limit");
    let folder = bench.store().join("archives");
    let words: Vec<_> =
        archives.iter().map(|(hash, name)| format!("{name}={}", folder.join(hash).display())).collect();
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let output = Command::new(&program).args(&words).output()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        best = best.min(text.parse().map_err(|_| BenchError::Output(text))?);
    }
    Ok(best)
}

impl Bench {
    /// Downloads, locks, and the bases' layers: what the rows do not measure.
    fn prepare(&self) -> Result<(), BenchError> {
        fs::create_dir_all(&self.folder)?;
        self.write_specs()?;
        self.program("plain.toml", &["lock"])?;
        self.program("plain.toml", &["build"])?;
        self.program("bytecode.toml", &["lock"])?;
        self.write_bases()?;
        self.write_wheels()
    }
}

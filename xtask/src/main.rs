//! Developer commands: `cargo xtask COMMAND`.

mod bench;
mod census;
mod channel;
mod corpora;
mod dist;
mod docs;
mod programs;
mod scratch;
mod testing;
mod tools;
mod wheels;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The developer's commands of imgbuild.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures the program, whole process, beside the limit of the machine.
    Bench {
        /// Another program, say of an older commit, that is measured in turn with this one.
        #[arg(long, value_name = "PROGRAM")]
        against: Option<PathBuf>,
        /// Only what has to do with registries.
        #[arg(long, conflicts_with = "against")]
        registry: bool,
        /// Only what images share: a year of updates, and ten images of PyTorch, which are fetched; takes 15 GB of disk.
        #[arg(long, conflicts_with_all = ["against", "registry"])]
        sharing: bool,
    },
    /// Builds images of real wheels, imports them there, and prints what became of each; not a part of `test`.
    Census {
        /// The groups of `xtask/src/census/groups.toml`; all by default.
        groups: Vec<String>,
        /// The program; `target/release/imgbuild` by default.
        #[arg(long)]
        binary: Option<PathBuf>,
    },
    /// Makes the conda channel that the tests use, under `target/channel`.
    Channel,
    /// Fetches archives that other projects test their readers with, under `target/corpora`.
    Corpora,
    /// Makes what people install, under `target/dist`: a wheel, a tarball, a Debian and a conda package, an image, and checksums.
    Dist(dist::Wishes),
    /// Writes the pages of `docs/reference` that are made from the source.
    Docs {
        /// Writes nothing; fails when a page is not what it would be.
        #[arg(long)]
        check: bool,
    },
    /// Runs everything that must hold: format, lints, licences, and all tests.
    Test,
    /// Fetches uv and the wheels that the tests use, under `target/wheels`.
    Wheels,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Bench { registry: true, .. } => bench::run_registry(&workspace())?,
        Command::Bench { sharing: true, .. } => bench::run_sharing(&workspace())?,
        Command::Bench { against, .. } => bench::run(&workspace(), against)?,
        Command::Census { groups, binary } => census::run(&workspace(), &groups, binary)?,
        Command::Channel => channel::run(&workspace())?,
        Command::Corpora => corpora::run(&workspace())?,
        Command::Dist(wishes) => dist::run(&workspace(), &wishes)?,
        Command::Docs { check } => docs::run(&workspace(), check)?,
        Command::Test => testing::run(&workspace())?,
        Command::Wheels => wheels::run(&workspace())?,
    }
    Ok(())
}

/// The root of the workspace, of which this crate is a folder.
fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

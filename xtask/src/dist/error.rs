//! Why there is nothing to install.

use std::path::PathBuf;
use std::process::Command;

use crate::channel::ChannelError;
use crate::programs::Lacking;
use crate::tools::ToolsError;

/// Why something of `target/dist` cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DistError {
    /// A command failed; it has said why.
    #[error("`{0}` failed")]
    Failed(String),
    /// A file cannot be read or written, or a program not be started.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// What cargo says is not what was expected.
    #[error("what cargo says of the workspace cannot be read: {0}")]
    Cargo(#[from] serde_json::Error),
    /// Programs are neither there nor may we install them.
    #[error("nothing can be made to install: {0}")]
    Lacking(#[from] Lacking),
    /// The tools cannot be had.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// Those of the channel cannot be had, which make conda packages.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// What people wait for has grown too much.
    #[error(
        "`{name}` has {:.1} MB, of at most {:.0}\nhint: `[profile.production]` in `Cargo.toml` says which crates are compiled for their size",
        *size as f64 / 1e6,
        *most as f64 / 1e6
    )]
    Large {
        /// What it is called.
        name: String,
        /// Its size in bytes.
        size: u64,
        /// The most that it may have.
        most: u64,
    },
    /// A file is no program for Linux that we know.
    #[error("`{0}` is no program of Linux for x86_64 or aarch64")]
    NoProgram(PathBuf),
    /// A program needs libraries of the machine that it runs on.
    #[error(
        "`{0}` is linked dynamically\nhint: the packages are made of a static program, as `cargo xtask dist` builds it without `--program`"
    )]
    Dynamic(PathBuf),
    /// A program that this machine does not run.
    #[error(
        "`{}` is a program for {target}, and not for this machine\nhint: its pages and completions are made by running it: build both with `--target {target}`",
        program.display()
    )]
    Foreign {
        /// The program.
        program: PathBuf,
        /// What it is for.
        target: &'static str,
    },
    /// A target that imgbuild does not run on.
    #[error(
        "`{0}` is no target of imgbuild\nhint: x86_64-unknown-linux-gnu and aarch64-unknown-linux-gnu are"
    )]
    Target(String),
    /// rustc does not say what machine this is.
    #[error("`rustc -vV` names no host")]
    NoHost,
    /// There is no machine for which anything can be built here.
    #[error("nothing is made: no program can be built here")]
    Nothing,
    /// A crate is linked that says nothing of its licence.
    #[error("the crate `{0}` is linked, and says not under which licence")]
    Unlicensed(String),
    /// A folder that holds something else.
    #[error("`{0}` holds what no `cargo xtask dist` has made, and would be removed\nhint: name a new folder")]
    Occupied(PathBuf),
    /// A text that licences ask for is not on this machine.
    #[error(
        "the licence of glibc, with which the program is linked, is not at `{0}`\nhint: Debian's and Ubuntu's package base-files has it"
    )]
    Licence(PathBuf),
    /// A thread ended before its time.
    #[error("what makes a package has panicked")]
    Panic,
}

impl DistError {
    /// That a command failed, which has said why.
    pub(super) fn of(command: &Command) -> Self {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        Self::Failed(words.join(" "))
    }
}

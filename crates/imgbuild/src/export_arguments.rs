//! The arguments of `imgbuild export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use imgbuild_oci::Platform;

use crate::choice_arguments::key_value;

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// The spec, whose lock stands beside it.
    pub(crate) spec: PathBuf,
    /// The file.
    #[arg(long, value_enum)]
    pub(crate) format: ExportFormatArgument,
    /// Where it is written; standard output by default.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Take the variants with this matrix value; can be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) only: Vec<(String, String)>,
    /// Take this platform; can be repeated.
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Vec<Platform>,
    /// Take this one of an image's environments, instead of the default one.
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Never use the network: where wheels of an index are, must be known from before.
    #[arg(long)]
    pub(crate) offline: bool,
}

/// The files that a lock is exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormatArgument {
    /// An `environment.yml` with versions.
    Environment,
    /// The same with builds, as `conda env export` writes it.
    EnvironmentWithBuilds,
    /// conda's explicit list, with hashes.
    Explicit,
    /// A `requirements.txt` with hashes, of the wheels alone.
    Requirements,
    /// A `pylock.toml`, of the wheels alone.
    Pylock,
    /// A `pixi.lock`, of all platforms and combinations.
    Pixi,
}

impl From<ExportFormatArgument> for imgbuild_export::Format {
    fn from(format: ExportFormatArgument) -> Self {
        match format {
            ExportFormatArgument::Environment => Self::Environment,
            ExportFormatArgument::EnvironmentWithBuilds => Self::EnvironmentWithBuilds,
            ExportFormatArgument::Explicit => Self::Explicit,
            ExportFormatArgument::Requirements => Self::Requirements,
            ExportFormatArgument::Pylock => Self::Pylock,
            ExportFormatArgument::Pixi => Self::Pixi,
        }
    }
}

//! The command line of which images of a spec are meant, and which of them by this machine.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use imgbuild_oci::Platform;

/// Which part of a build this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShardArgument {
    /// What the environment says.
    Auto,
    /// This one.
    This(imgbuild_shard::Shard),
}

#[derive(Debug, Args)]
pub(crate) struct MatrixArguments {
    /// The spec.
    pub(crate) spec: PathBuf,
    /// Only the variants with this matrix value; can be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) only: Vec<(String, String)>,
    /// Only for this platform; can be repeated.
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Vec<Platform>,
    /// So many jobs, each with a part of the images, instead of one for each image.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) shards: Option<u32>,
    /// Let several machines build the platforms of one image: with `--shards` where that is less to do, else always. They push with
    /// `--platform-tags`, and `imgbuild push --complete` joins them.
    #[arg(long)]
    pub(crate) platform_tags: bool,
    /// The form.
    #[arg(long, value_enum, default_value_t = MatrixFormatArgument::Text, conflicts_with = "json")]
    pub(crate) format: MatrixFormatArgument,
    /// The same as `--format json`.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The forms in which jobs are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatrixFormatArgument {
    /// A table for people.
    Text,
    /// Everything, as JSON.
    Json,
    /// What `strategy.matrix` of GitHub Actions takes by `fromJSON`, in one line.
    Github,
    /// A file that a child pipeline of GitLab includes: a hidden job, for others to extend.
    Gitlab,
    /// The arguments of each job in a line, quoted for a shell.
    Lines,
}

/// `I/N` or `auto`.
pub(crate) fn shard(text: &str) -> Result<ShardArgument, String> {
    match text {
        "auto" => Ok(ShardArgument::Auto),
        _ => text
            .parse()
            .map(ShardArgument::This)
            .map_err(|error: imgbuild_shard::WrongShard| error.to_string()),
    }
}

/// A matrix value that images have.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

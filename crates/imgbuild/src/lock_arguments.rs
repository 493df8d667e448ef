//! The arguments of the commands that are about locks.

use std::path::{Path, PathBuf};

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct LockArguments {
    /// The spec.
    #[arg(required_unless_present = "upgrade")]
    spec: Option<PathBuf>,
    /// Only check that the lock is there and is not stale.
    #[arg(long, conflicts_with = "upgrade")]
    pub(crate) check: bool,
    /// Let all packages move to newer versions, and the tags of bases to what they mean now; or only those that are named, a base
    /// as its reference stands in the spec.
    #[arg(long, value_name = "PACKAGE", num_args = 0..)]
    upgrade: Option<Vec<String>>,
    /// Let the lock move to the latest format version, by which its images have other digests. Otherwise a lock keeps its version, and
    /// its images stay as they are.
    #[arg(long, conflicts_with = "check")]
    pub(crate) upgrade_format: bool,
    /// Never use the network.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Keep every archive of the lock in this folder, for `imgbuild build --vendor`. A lock that fits stays as it is.
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    pub(crate) vendor: Option<PathBuf>,
    /// Print what changed as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl LockArguments {
    /// The spec, and the packages that may move, all where there is none of them. No package is called like a spec: in
    /// `lock --upgrade spec.toml` it is one.
    pub(crate) fn spec_and_upgrade(&self) -> (Option<&Path>, Option<Vec<&String>>) {
        let upgrade = self.upgrade.as_ref().map(|words| words.iter().collect::<Vec<_>>());
        match (&self.spec, upgrade) {
            (Some(spec), upgrade) => (Some(spec), upgrade),
            (None, mut upgrade) => {
                let spec = upgrade.as_mut().and_then(|words| {
                    let at = words.iter().position(|word| word.ends_with(".toml"))?;
                    Some(words.remove(at))
                });
                (spec.map(Path::new), upgrade)
            }
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct OutdatedArguments {
    /// The spec, whose lock stands beside it.
    pub(crate) spec: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

//! What an environment must hold.

use std::collections::BTreeMap;

use rattler_conda_types::{MatchSpec, RepoDataRecord, Subdir};

use crate::channel::ServedChannel;
use crate::cuda::CudaLine;
use crate::environment_error::EnvironmentError;
use crate::requirement;

/// What an environment must hold.
#[derive(Debug, Clone)]
pub struct Request {
    /// The channels, the first one first.
    pub channels: Vec<ServedChannel>,
    /// The match specs.
    pub specs: Vec<String>,
    /// Whether pip is there as well wherever Python is.
    pub pip: bool,
    /// What packages must be if they are there at all: match specs. One that conda cannot read does not count.
    pub constraints: Vec<String>,
    /// The platform's folder.
    pub subdir: Subdir,
    /// Names and versions of the virtual packages.
    pub virtual_packages: BTreeMap<String, String>,
    /// The line of CUDA that the image is for; its driver and GPUs are virtual packages.
    pub cuda: Option<CudaLine>,
    /// How the channels' order counts.
    pub channel_priority: imgbuild_environment::ChannelPriority,
    /// Packages from this time on are left out.
    pub exclude_newer: Option<jiff::Timestamp>,
    /// Records that are kept where the channels still offer them and nothing else speaks against it.
    pub locked: Vec<RepoDataRecord>,
}

/// Reads a match spec as conda reads it.
///
/// # Errors
///
/// When it is none.
pub fn match_spec(text: &str) -> Result<MatchSpec, EnvironmentError> {
    let error = |error: String| EnvironmentError::MatchSpec { spec: text.to_owned(), error };
    requirement::read(text).map_err(error)
}

//! Why an environment cannot be solved.

use std::fmt;

use rattler_networking::AuthenticationStorageError;
use rattler_repodata_gateway::GatewayError;

use crate::channel::ChannelError;
use crate::cuda::{ProcessorOnly, Unbuilt};
use crate::newer_index::WheelsAlone;
use crate::virtual_packages::Unmet;

/// Why an environment cannot be solved.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum EnvironmentError {
    /// A channel cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Channel(#[from] ChannelError),
    /// What was asked for is no match spec.
    #[error("`{spec}` is not a conda match spec: {error}")]
    MatchSpec {
        /// What was asked for.
        spec: String,
        /// Why.
        error: String,
    },
    /// The channels' indexes cannot be read.
    #[error("cannot read the channels' indexes")]
    Repodata(#[source] Box<GatewayError>),
    /// No set of packages satisfies all requirements.
    #[error("no set of packages satisfies all requirements:\n{}{}{wheels}{explanation}", lines(.unbuilt), lines(.unmet))]
    Unsolvable {
        /// rattler's explanation.
        explanation: String,
        /// What the image would have to have besides, so that there is such a set; empty where nothing of the kind helps.
        unmet: Vec<Unmet>,
        /// The frameworks that nobody has built for the image's Python and CUDA.
        unbuilt: Box<[Unbuilt]>,
        /// The packages that were asked for, and of which no channel has any that fits.
        absent: Box<[String]>,
        /// Those among all that is required that the channels have as wheels alone.
        wheels: WheelsAlone,
        /// Names that no channel has and that are nearly those of packages, where there are any.
        #[help]
        mistyped: Option<Mistyped>,
    },
    /// Frameworks do not use CUDA, which the image is for.
    #[error(
        "the image has CUDA {cuda}, and these packages do not use it:\n{}{}{}{explanation}", lines(.packages), lines(.unbuilt), lines(.unmet)
    )]
    ProcessorOnly {
        /// The version of CUDA.
        cuda: String,
        /// The packages.
        packages: Vec<ProcessorOnly>,
        /// Those that nobody has built for the image's Python and CUDA.
        unbuilt: Box<[Unbuilt]>,
        /// What the image lacks for the builds that use it.
        unmet: Vec<Unmet>,
        /// rattler's explanation of why no build that uses CUDA can be taken; empty where there is none.
        explanation: String,
    },
    /// A record of a channel requires what no package does.
    #[error(
        "the channel `{channel}` says of `{archive}` what it requires in a way that no package does: {error}"
    )]
    Requirement {
        /// The channel.
        channel: String,
        /// The package's archive.
        archive: String,
        /// What is wrong.
        error: String,
    },
    /// No pip fits, where there must be one.
    #[error(
        "an environment with Python has pip as well, and with pip no set of packages satisfies all requirements:\n{explanation}"
    )]
    Pip {
        /// rattler's explanation.
        explanation: String,
    },
    /// The solver failed for another reason.
    #[error("the solver failed: {0}")]
    Solver(String),
    /// The credentials that rattler knows cannot be read.
    #[error("cannot read the credentials for conda channels")]
    Credentials(#[from] AuthenticationStorageError),
    /// A virtual package's version is wrong.
    #[error("`{version}` is not a version that `{name}` can have")]
    VirtualPackage {
        /// The virtual package.
        name: String,
        /// The version.
        version: String,
    },
}

/// A line for each.
fn lines<T: ToString>(items: &[T]) -> String {
    items.iter().map(|item| format!("{}\n", item.to_string())).collect()
}

/// Names that no channel has, with the nearest that one has. As text, what was meant by each, a line for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistyped(Vec<(String, String)>);

impl Mistyped {
    /// Nothing where there are none.
    pub(crate) fn new(names: Vec<(String, String)>) -> Option<Self> {
        (!names.is_empty()).then_some(Self(names))
    }

    /// The names as they were asked for.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(name, _)| name)
    }
}

impl fmt::Display for Mistyped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line =
            |(name, near): &(String, String)| format!("no channel has `{name}`: did you mean `{near}`?");
        f.write_str(&self.0.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

//! A check that was not met.

use imgbuild_document::Snippet;
use miette::Diagnostic;

/// A check that was not met.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum CheckFailure {
    /// A check cannot be started.
    #[error("the check `{command}` of `{variant}` cannot be started")]
    CheckStart {
        /// The variant.
        variant: String,
        /// The command.
        command: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<imgbuild_sandbox::SandboxError>,
        /// Where it was asked for.
        #[related]
        asked: Vec<Snippet>,
    },
    /// A check failed.
    #[error("the check `{command}` of `{variant}` {outcome}")]
    #[diagnostic(help("nothing was delivered; `imgbuild build --no-check` delivers without checking"))]
    Check {
        /// The variant.
        variant: String,
        /// The command.
        command: String,
        /// What is wrong, and what it printed.
        outcome: String,
        /// Where it was asked for.
        #[related]
        asked: Vec<Snippet>,
    },
    /// Frameworks have no kernels for GPUs that the spec names.
    #[error("`{variant}` does not run on all GPUs that it is for:\n{faults}")]
    #[diagnostic(help(
        "ask for builds that have kernels for these GPUs, or leave them out of `cuda.arch`; nothing was delivered; `imgbuild build --no-check` delivers without checking"
    ))]
    Kernels {
        /// The variant.
        variant: String,
        /// What is wrong, a line for each framework.
        faults: String,
        /// Where the GPUs were named.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An image does not meet what a platform demands.
    #[error("`{variant}` does not conform to what `{contract}` demands:\n{demands}")]
    #[diagnostic(help("nothing was delivered; `imgbuild build --no-check` delivers without checking"))]
    Conform {
        /// The variant.
        variant: String,
        /// The platform.
        contract: String,
        /// The demands, each with what was found and what to do.
        demands: String,
        /// Where it was asked for.
        #[related]
        asked: Vec<Snippet>,
    },
}

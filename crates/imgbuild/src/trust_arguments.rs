//! The command line of whom images are of.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use imgbuild_build::ProvenancePlace;
use imgbuild_oci::{Platform, Reference};

use crate::keys::KeyPlace;

/// Where it is said where an image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProvenanceArgument {
    /// Beside the image.
    Beside,
    /// In a list with it as well.
    Listed,
}

impl From<ProvenanceArgument> for ProvenancePlace {
    fn from(argument: ProvenanceArgument) -> Self {
        match argument {
            ProvenanceArgument::Beside => Self::Beside,
            ProvenanceArgument::Listed => Self::Listed,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct SignArguments {
    /// The image: HOST/NAME:TAG or HOST/NAME@DIGEST, with all that it lists.
    pub(crate) image: Reference,
    /// The private key: PEM in a file, or in a variable as `env:NAME`. The password of an encrypted one is that of `COSIGN_PASSWORD`.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: KeyPlace,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The image: HOST/NAME:TAG or HOST/NAME@DIGEST.
    pub(crate) image: Reference,
    /// The public key that must have signed it: PEM in a file, or in a variable as `env:NAME`.
    #[arg(long, value_name = "KEY", required_unless_present = "rebuild")]
    pub(crate) key: Option<KeyPlace>,
    /// Build the image's own lock once more on this machine, with the spec that it was made from, and fail where a byte differs.
    #[arg(long, value_name = "SPEC")]
    pub(crate) rebuild: Option<PathBuf>,
    /// The platform, where the image has several; this machine's by default.
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

//! The arguments of the commands that say what an image is made of, and judge it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use imgbuild_audit::Severity;
use imgbuild_oci::Platform;
use imgbuild_spec::Contract;

use crate::inspect_arguments::ImageArguments;
use crate::keys::KeyPlace;

#[derive(Debug, Args)]
pub(crate) struct SbomArguments {
    #[command(flatten)]
    pub(crate) image: ImageArguments,
    /// The form.
    #[arg(long, value_name = "FORM", default_value = "cyclonedx")]
    pub(crate) format: BillForm,
    /// Give the SHA-512 of each package's archive as well, as BSI TR-03183-2 wants it; the archives must be in the store.
    #[arg(long)]
    pub(crate) sha512: bool,
    /// Write it to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Put it beside the image in its registry, where those find it who ask for what refers to the image; it is printed only with `-o`.
    #[arg(long)]
    pub(crate) attach: bool,
    /// Attach a signed statement of it as well: the private key in a file, or in a variable as `env:NAME`.
    #[arg(long, value_name = "KEY", requires = "attach")]
    pub(crate) sign_key: Option<KeyPlace>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BillForm {
    /// CycloneDX 1.6.
    Cyclonedx,
    /// SPDX 3.0.1.
    Spdx,
    /// SPDX 2.3.
    #[value(name = "spdx-2.3")]
    Spdx23,
}

impl From<BillForm> for imgbuild_sbom::Format {
    fn from(form: BillForm) -> Self {
        match form {
            BillForm::Cyclonedx => Self::CycloneDx16,
            BillForm::Spdx => Self::Spdx301,
            BillForm::Spdx23 => Self::Spdx23,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct AuditArguments {
    #[command(flatten)]
    pub(crate) image: ImageArguments,
    /// Advisories: a file of OSV's form or of Debian's security tracker, a folder of them, or a zip as OSV publishes it. May be given
    /// several times.
    #[arg(long, value_name = "FILE|DIR", required = true)]
    pub(crate) advisories: Vec<PathBuf>,
    /// Fail where a vulnerability is as bad as this, or worse.
    #[arg(long, value_name = "SEVERITY", value_parser = ["low", "medium", "high", "critical"])]
    pub(crate) fail_on: Option<String>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl AuditArguments {
    /// From which severity on it fails.
    pub(crate) fn limit(&self) -> Option<Severity> {
        self.fail_on.as_deref().and_then(|it| it.parse().ok())
    }
}

#[derive(Debug, Args)]
pub(crate) struct LicencesArguments {
    #[command(flatten)]
    pub(crate) image: ImageArguments,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConformArguments {
    /// A tarball, a layout's folder, a spec that was built, its image's NAME:TAG, or a digest.
    pub(crate) image: String,
    /// The platform; can be repeated. Without one, all are told; with one, a demand that does not hold is a failure.
    #[arg(long = "for", value_name = "NAME")]
    pub(crate) contracts: Vec<Contract>,
    /// The platform of processors, where the image has several.
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<Platform>,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

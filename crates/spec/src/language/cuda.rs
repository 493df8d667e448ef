//! `cuda`.

use imgbuild_document::Located;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::values::{Capability, CudaVersion, Driver, Duplicates, Toolkit, VisibleDevices};

/// A version, or a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(untagged)]
pub(crate) enum CudaKey {
    Short(CudaVersion),
    Table(Box<CudaTable>),
}

/// CUDA: which builds of packages are chosen, the drivers and GPUs that the image is to run on, and what it is told of them.
///
/// Three things are kept apart. `version` is the line of the toolkit that packages are built with: builds of another minor version
/// of the same major one are taken where there are none of just this one. `driver` is what the machines have, and `arch` what
/// their GPUs can do. Nothing of them comes from the machine that builds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct CudaTable {
    /// Major and minor.
    #[schemars(with = "CudaVersion", extend("examples" = ["12.9"]))]
    pub(crate) version: Located<CudaVersion>,
    /// What of CUDA's toolkit comes beside what packages require: packages of the conda environment.
    #[serde(default)]
    #[schemars(with = "Toolkit", extend("examples" = ["devel"]), extend("default" = "none"))]
    pub(crate) toolkit: Option<Located<Toolkit>>,
    /// The oldest driver of the machines that it runs on: a branch, or a release. It decides which builds may be taken
    /// (`__cuda`). The default is the oldest that the major version runs on: 450.80.02 for CUDA 11, 525.60.13 for
    /// CUDA 12, 580.65.06 for CUDA 13.
    #[schemars(with = "Option<Driver>", extend("examples" = ["535"]))]
    pub(crate) driver: Option<Located<Driver>>,
    /// The compute capabilities of the GPUs that it runs on. The lowest decides which builds may be taken (`__cuda_arch`), and a
    /// finished image must have kernels for each.
    #[schemars(with = "Option<Vec<Capability>>", extend("examples" = [["8.0", "9.0"]]))]
    pub(crate) arch: Option<Located<Vec<Located<Capability>>>>,
    /// Whether it brings the libraries with which a newer CUDA runs on older drivers of data centre GPUs: the package
    /// `cuda-compat`, at `/usr/local/cuda/compat`.
    #[serde(default)]
    #[schemars(with = "bool", extend("examples" = [true]), extend("default" = false))]
    pub(crate) compat: Option<Located<bool>>,
    /// The GPUs that a container gets where whoever starts it does not say it: `all`, `none`, `void`, or numbers and identifiers.
    #[serde(default)]
    #[schemars(extend("examples" = ["void"]), extend("default" = "all"))]
    pub(crate) visible_devices: VisibleDevices,
    /// What is done about libraries of CUDA that come twice, from conda and as wheels.
    #[serde(default)]
    #[schemars(extend("examples" = ["refuse"]))]
    pub(crate) duplicates: Duplicates,
}

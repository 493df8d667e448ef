//! The language: one type a table, whose fields are its keys.
//!
//! The doc comments here are what a user reads: the schema and the reference page are made of them.

mod base;
mod check;
mod conda;
mod copy;
mod cuda;
mod devcontainer;
mod env;
mod environment;
mod image;
mod jupyter;
mod layers;
mod licences;
mod matrix;
mod pip;
mod python;
mod ssh;
mod user;

pub(crate) use base::{
    BaseKey, BaseTable, BaseWord, LayoutKey, PinKey, PinTable, RepositoryTable, SnapshotTable,
    build_on_debian,
};
pub use base::{Profile, Suite};
pub(crate) use check::CheckTable;
pub use check::Seconds;
pub(crate) use conda::CondaTable;
pub use conda::Manager;
pub(crate) use copy::CopyTable;
pub(crate) use cuda::CudaKey;
pub(crate) use devcontainer::{DevContainerKey, DevContainerTable};
pub(crate) use env::{EnvKey, EnvTable};
pub(crate) use environment::EnvironmentTable;
pub use image::Image;
pub(crate) use jupyter::{JupyterKey, JupyterTable};
pub use layers::{Budget, Compilation, Compression, Layers};
pub(crate) use licences::LicencesTable;
pub(crate) use matrix::Matrix;
pub(crate) use pip::{AllowBuildsKey, FilesKey, PipTable};
pub use python::PythonFrom;
pub(crate) use python::PythonKey;
pub(crate) use ssh::{SshKey, SshTable};
pub(crate) use user::UserTable;

use std::collections::BTreeMap;

use imgbuild_document::Located;
use imgbuild_environment::EnvironmentName;
use imgbuild_oci::{ImageName, Platform, Tag};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::values::Contract;

/// What imgbuild makes an image of. `name` alone is enough: that is an image of the base.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "imgbuild spec")]
pub(crate) struct Document {
    /// The image's name, without registry and tag.
    #[schemars(required, with = "String", extend("examples" = ["base-pytorch"]))]
    pub(crate) name: Option<Located<ImageName>>,
    /// The tags. Each is given to every combination of the matrix, so it must name the keys that differ.
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["{python}-cuda{cuda}"]]), extend("default" = ["latest"]))]
    pub(crate) tags: Option<Located<Vec<Located<Tag>>>>,
    /// The platforms: `linux/amd64` and `linux/arm64`. The default is the platform that imgbuild runs on.
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["linux/amd64", "linux/arm64"]]))]
    pub(crate) platforms: Option<Located<Vec<Located<Platform>>>>,
    /// Python: a version, or a table that says where it comes from as well.
    #[schemars(extend("examples" = ["3.11"]))]
    pub(crate) python: Option<Located<PythonKey>>,
    /// The CUDA that the image is for: a version, or a table that says more of drivers and GPUs.
    #[schemars(extend("examples" = ["12.9"]))]
    pub(crate) cuda: Option<Located<CudaKey>>,
    /// A file that names the packages: an `environment.yml`; or one in which another tool has locked them: a `pixi.lock`,
    /// a `conda-lock.yml`, an export with builds, an explicit list (`@EXPLICIT`). Its path, or a table. A
    /// `requirements.txt`, a `pylock.toml` or a `uv.lock` means the same here as in `[pip] requirements`.
    #[schemars(extend("examples" = ["environment.yml"]))]
    pub(crate) env: Option<Located<EnvKey>>,
    /// One image for each combination of these keys' values; `{key}` stands for the value in every string.
    #[serde(rename = "matrix")]
    #[schemars(with = "Option<Matrix>")]
    pub(crate) _matrix: Option<IgnoredAny>,
    /// What the environment stands on: `"bookworm"`, `"trixie"`, `"scratch"`, or a table.
    #[schemars(extend("examples" = ["bookworm"]), extend("default" = Suite::default().as_str()))]
    pub(crate) base: Option<Located<BaseKey>>,
    /// The conda environment.
    pub(crate) conda: Option<Located<CondaTable>>,
    /// Wheels: packages of a package index, beside those of conda or with Debian's Python alone.
    ///
    /// They go into the environment's Python where the conda environment has one, else into a virtual environment of
    /// Debian's Python or of the existing image's, `/opt/venv`. So a spec with wheels asks for a Python, by `python` or by a conda
    /// package `python`, or stands on an image that has one.
    ///
    /// The `pip:` list of an `environment.yml` is appended to what is named here. There and in requirements files, `-r`,
    /// `-c`, `-e`, `--index-url`, `--extra-index-url`, `--pre` and `--hash` do what they do for pip, `--only-binary` is what
    /// happens anyway, and any other option is an error. Paths are relative to the file that they stand in.
    pub(crate) pip: Option<Located<PipTable>>,
    /// Further conda environments, by name: in the folder `envs` of the prefix.
    #[serde(default)]
    #[schemars(extend("examples" = [environments_example()]), extend("default" = {}))]
    pub(crate) envs: BTreeMap<EnvironmentName, Located<EnvironmentTable>>,
    /// The environment whose programs are on `PATH`, and that Jupyter runs in: one of `[envs]`.
    ///
    /// The default is the one that the spec's own packages are in.
    #[schemars(with = "Option<String>", extend("examples" = ["training"]))]
    pub(crate) default_env: Option<Located<EnvironmentName>>,
    /// Whether the image starts Jupyter, or a table that says how.
    #[schemars(extend("examples" = [true]), extend("default" = false))]
    pub(crate) jupyter: Option<Located<JupyterKey>>,
    /// Whether the image starts an SSH server, or a table that says how.
    #[schemars(extend("examples" = [true]), extend("default" = false))]
    pub(crate) ssh: Option<Located<SshKey>>,
    /// Whether editors open the image as a dev container, or a table that says more of it.
    #[schemars(extend("examples" = [true]), extend("default" = false))]
    pub(crate) devcontainer: Option<Located<DevContainerKey>>,
    /// The user that the image has and runs as.
    pub(crate) user: Option<Located<UserTable>>,
    /// The image's configuration, by the OCI image specification.
    #[serde(default)]
    pub(crate) image: Image,
    /// Files from the spec's folder, copied into the image.
    #[serde(default)]
    pub(crate) copy: Vec<Located<CopyTable>>,
    /// How the image is cut into layers.
    #[serde(default)]
    pub(crate) layers: Layers,
    /// The licences that the image's packages may be under.
    #[serde(rename = "licenses")]
    pub(crate) licences: Option<Located<LicencesTable>>,
    /// Commands that must succeed in the finished image.
    #[serde(default)]
    pub(crate) check: Vec<Located<CheckTable>>,
    /// Platforms whose demands the finished image must meet, as `imgbuild conform` tells them; when it does not, the build fails
    /// and nothing is delivered.
    #[schemars(with = "Option<Vec<Contract>>", extend("examples" = [["kubernetes", "kubeflow"]]))]
    pub(crate) conform: Option<Located<Vec<Located<Contract>>>>,
}

fn environments_example() -> serde_json::Value {
    serde_json::json!({ "training": { "python": "3.11", "packages": ["pytorch", "ipykernel"] } })
}

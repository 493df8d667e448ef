//! `[conda]`.

use std::collections::BTreeMap;

use imgbuild_document::Located;
use imgbuild_environment::{ChannelName, ChannelPriority, EnvironmentName, MatchSpecText, PackageName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{ChannelMirror, CutOff, Prefix};

/// The conda environment.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct CondaTable {
    /// The channels, the first one first: names, URLs, `file://` paths, or `oci://HOST/PATH` for one in an OCI registry.
    /// Those of the `env` file come after them.
    ///
    /// The default is `conda-forge`, where the `env` file names none either.
    #[schemars(extend("examples" = [["conda-forge"]]), extend("default" = ["conda-forge"]))]
    pub(crate) channels: Option<Located<Vec<Located<ChannelName>>>>,
    /// Packages, in conda's own notation, beside those of the `env` file.
    #[schemars(extend("examples" = [["numpy >=1.26", "pytorch::pytorch 2.*"]]), extend("default" = []))]
    pub(crate) packages: Option<Vec<Located<MatchSpecText>>>,
    /// Whether a package of an earlier channel hides the same package of a later one.
    ///
    /// Where nothing is said, conda's own setting on this machine counts, and the default where it says nothing either.
    #[schemars(extend("examples" = ["flexible"]), extend("default" = "strict"))]
    pub(crate) channel_priority: Option<ChannelPriority>,
    /// The folder of the environment in the image: at most 255 bytes, and none of the system's own.
    #[schemars(extend("examples" = ["/opt/conda"]), extend("default" = "/opt/conda"))]
    pub(crate) prefix: Option<Prefix>,
    /// Puts the spec's own packages into an environment of this name, in the folder `envs` of the prefix, instead of the prefix
    /// itself. With a `manager` the prefix has that alone and what it needs: what a Miniconda image is.
    #[schemars(with = "Option<String>", extend("examples" = ["training"]))]
    pub(crate) environment: Option<Located<EnvironmentName>>,
    /// The program to change the environment with, inside the running image.
    #[schemars(extend("examples" = ["micromamba"]), extend("default" = "none"))]
    pub(crate) manager: Option<Located<Manager>>,
    /// Whether the environment has pip wherever it has Python and its channels have pip, as conda does it. Locked packages are taken as they are.
    #[schemars(extend("examples" = [false]), extend("default" = true))]
    pub(crate) pip: Option<Located<bool>>,
    /// Whether the environment belongs to the image's user. With a `manager` it does.
    #[schemars(extend("examples" = [true]), extend("default" = false))]
    pub(crate) writable: Option<Located<bool>>,
    /// For a channel, the URLs to fetch it from instead.
    #[serde(default)]
    #[schemars(extend("examples" = [mirrors_example()]), extend("default" = {}))]
    pub(crate) mirrors: BTreeMap<ChannelName, Vec<ChannelMirror>>,
    /// Leaves out packages that were made on that day, at that time, or later.
    #[schemars(extend("examples" = ["2024-05-01"]))]
    pub(crate) exclude_newer: Option<Located<CutOff>>,
    /// Packages whose post-link script is run, in the sandbox and off the network; what it changes becomes a layer.
    #[serde(default)]
    #[schemars(extend("examples" = [["qt"]]), extend("default" = []))]
    pub(crate) allow_post_link: Vec<Located<PackageName>>,
    /// Packages whose post-link script may stay without running. For any other package that has one, it is an error.
    #[serde(default)]
    #[schemars(extend("examples" = [["font-ttf-noto-emoji"]]), extend("default" = []))]
    pub(crate) skip_post_link: Vec<PackageName>,
    /// Packages that are installed although they contradict themselves: they hold a path twice, or call a link a file. What
    /// comes out is what rattler would make of them, or conda, where rattler leaves it to chance. It never lets a path leave
    /// the prefix, nor an archive have another hash than it must.
    #[serde(default)]
    #[schemars(extend("examples" = [["old-package"]]), extend("default" = []))]
    pub(crate) accept_damaged: Vec<PackageName>,
}

impl CondaTable {
    /// The program to change the environment with.
    pub(crate) fn manager(&self) -> Manager {
        self.manager.as_ref().map(|located| located.value).unwrap_or_default()
    }

    /// What it says of all environments, for another one than the one that it is about.
    pub(crate) fn of_another(&self, prefix: Prefix) -> Self {
        Self { packages: None, environment: None, manager: None, prefix: Some(prefix), ..self.clone() }
    }
}

fn mirrors_example() -> BTreeMap<&'static str, Vec<&'static str>> {
    BTreeMap::from([("conda-forge", vec!["https://mirror.example/conda-forge"])])
}

/// A program that changes environments.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Manager {
    /// None.
    #[default]
    None,
    /// The program `conda`.
    Conda,
    /// The program `mamba`.
    Mamba,
    /// The program `micromamba`.
    Micromamba,
}

impl Manager {
    /// The conda package that brings it.
    pub const fn package(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Conda => Some("conda"),
            Self::Mamba => Some("mamba"),
            Self::Micromamba => Some("micromamba"),
        }
    }
}

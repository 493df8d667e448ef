//! `[image]`.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_document::{ProgramText, VariableName};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::values::{AbsolutePath, EnvironmentValue, LabelKey, Port, User};

/// The image's configuration, by the OCI image specification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct Image {
    /// The user that it runs as, by numbers or names, with or without a group. The default is the number of `[user]`, and on an
    /// existing image without `[user]` that image's. With a group, docker and containerd leave the user in no other one.
    #[schemars(extend("examples" = ["root"]))]
    pub user: Option<User>,
    /// The folder that it starts in.
    #[schemars(extend("examples" = ["/workspace"]))]
    pub workdir: Option<AbsolutePath>,
    /// The program that it starts, with its first arguments.
    #[schemars(extend("examples" = [["tini", "--"]]))]
    pub entrypoint: Option<Vec<ProgramText>>,
    /// The arguments to the entrypoint, or the command where there is none.
    #[schemars(extend("examples" = [["python", "-m", "http.server"]]))]
    pub cmd: Option<Vec<ProgramText>>,
    /// A program with its arguments that fails where a container does not work, as docker and podman ask it every 30 seconds. What
    /// `jupyter` and `ssh` start has such a program already, and Kubernetes has probes in its place.
    #[schemars(extend("examples" = [["python", "/app/health.py"]]))]
    pub healthcheck: Option<Vec<ProgramText>>,
    /// Environment variables. A value holds neither `$`, backticks nor quotes: Apptainer would evaluate them.
    #[serde(default)]
    #[schemars(extend("examples" = [env_example()]), extend("default" = {}))]
    pub env: BTreeMap<VariableName, EnvironmentValue>,
    /// Labels.
    #[serde(default)]
    #[schemars(extend("examples" = [labels_example()]), extend("default" = {}))]
    pub labels: BTreeMap<LabelKey, ProgramText>,
    /// Ports that it listens on: numbers, or texts like `"8080/udp"`.
    #[serde(default)]
    #[schemars(extend("examples" = [[8080]]), extend("default" = []))]
    pub expose: BTreeSet<Port>,
    /// Folders that are volumes.
    #[serde(default)]
    #[schemars(extend("examples" = [["/data"]]), extend("default" = []))]
    pub volumes: BTreeSet<AbsolutePath>,
}

fn env_example() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("HF_HOME", "/workspace/.cache")])
}

fn labels_example() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("org.opencontainers.image.title", "base-pytorch")])
}

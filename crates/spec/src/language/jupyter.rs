//! `jupyter`.

use imgbuild_document::Located;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::values::{AbsolutePath, BaseUrl, HubVersion, Interface, JupyterProfile, TcpPort};

/// Whether there is one, or a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(untagged)]
pub(crate) enum JupyterKey {
    Short(bool),
    Table(Box<JupyterTable>),
}

/// Jupyter: the image starts it, and prints the address to open.
///
/// Each start makes a token of its own, unless `JUPYTER_TOKEN` or a hashed `JUPYTER_PASSWORD` is given; none is ever in the image.
/// `JUPYTER_PORT`, `NB_PREFIX`, `NOTEBOOK_ARGS` and `NB_UMASK` are honoured at the start. Its settings are in
/// `etc/jupyter/jupyter_server_config.py` of the environment, and a person's own go over them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct JupyterTable {
    /// What is opened. Its package is added to the environment, unless it is named there.
    #[serde(default)]
    #[schemars(extend("examples" = ["notebook"]))]
    pub(crate) interface: Interface,
    /// The port that it listens on, of all addresses. The default is that of the profile.
    #[schemars(with = "Option<TcpPort>", extend("examples" = [8080]), extend("default" = 8888))]
    pub(crate) port: Option<Located<TcpPort>>,
    /// The path that all its URLs begin with. The default is that of the profile.
    #[schemars(with = "Option<BaseUrl>", extend("examples" = ["/jupyter"]), extend("default" = "/"))]
    pub(crate) base_url: Option<Located<BaseUrl>>,
    /// A certificate in the container, which is mounted there: with it, Jupyter is reached by `https`.
    #[schemars(with = "Option<AbsolutePath>", extend("examples" = ["/etc/tls/tls.crt"]))]
    pub(crate) certfile: Option<Located<AbsolutePath>>,
    /// The certificate's key.
    #[schemars(with = "Option<AbsolutePath>", extend("examples" = ["/etc/tls/tls.key"]))]
    pub(crate) keyfile: Option<Located<AbsolutePath>>,
    /// Packages of the environment that bring further kernels.
    #[serde(default)]
    #[schemars(with = "Vec<String>", extend("examples" = [["bash_kernel"]]), extend("default" = []))]
    pub(crate) kernels: Vec<Located<String>>,
    /// Packages of the environment that extend Jupyter.
    #[serde(default)]
    #[schemars(with = "Vec<String>", extend("examples" = [["jupyterlab-git"]]), extend("default" = []))]
    pub(crate) extensions: Vec<Located<String>>,
    /// The platform that starts it.
    #[serde(default)]
    #[schemars(extend("examples" = ["hub"]))]
    pub(crate) profile: JupyterProfile,
    /// The version of JupyterHub that spawns it: its major version, or more. With the profiles `hub` and `openshift`.
    #[schemars(with = "Option<HubVersion>", extend("examples" = ["5"]))]
    pub(crate) hub_version: Option<Located<HubVersion>>,
}

//! `devcontainer`.

use imgbuild_document::Located;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::values::{ExtensionId, TcpPort};

/// Whether it is one, or a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(untagged)]
pub(crate) enum DevContainerKey {
    Short(bool),
    Table(Box<DevContainerTable>),
}

/// An image that editors open as a dev container.
///
/// Its base has what editors need, and its label `devcontainer.metadata` says who works in it and what an editor adds. An image with
/// `jupyter` or `ssh` is one without being asked; the table says more of it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct DevContainerTable {
    /// Extensions of VS Code, beside those for Python and Jupyter.
    #[schemars(with = "Option<Vec<ExtensionId>>", extend("examples" = [["charliermarsh.ruff"]]), extend("default" = []))]
    pub(crate) extensions: Option<Located<Vec<Located<ExtensionId>>>>,
    /// Ports that editors forward, beside those of Jupyter and SSH.
    #[schemars(with = "Option<Vec<TcpPort>>", extend("examples" = [[8000]]), extend("default" = []))]
    pub(crate) forward_ports: Option<Located<Vec<Located<TcpPort>>>>,
}

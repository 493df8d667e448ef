//! `env`.

use imgbuild_document::Located;
use schemars::JsonSchema;
use serde::Deserialize;

/// A path, or a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(untagged)]
pub(crate) enum EnvKey {
    Short(String),
    Table(Box<EnvTable>),
}

/// A file that names the conda packages, and what is taken from it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct EnvTable {
    /// The file's path, relative to the spec's folder.
    #[schemars(extend("examples" = ["pixi.lock"]))]
    pub(crate) file: Located<String>,
    /// The environment of a `pixi.lock`.
    #[schemars(extend("examples" = ["gpu"]), extend("default" = "default"))]
    pub(crate) environment: Option<Located<String>>,
    /// The platform of a `pixi.lock`, by its name there, where several of them are one platform of images.
    #[schemars(extend("examples" = ["linux-64-cuda"]))]
    pub(crate) platform: Option<Located<String>>,
    /// The categories of a `conda-lock.yml`. The default is what `conda-lock install` takes.
    #[schemars(extend("examples" = [["main"]]), extend("default" = ["main", "dev"]))]
    pub(crate) categories: Option<Located<Vec<Located<String>>>>,
}

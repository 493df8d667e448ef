//! `[envs.NAME]`.

use imgbuild_document::Located;
use imgbuild_environment::{ChannelName, MatchSpecText};
use imgbuild_requirement::ProjectName;
use schemars::JsonSchema;
use serde::Deserialize;

use super::conda::CondaTable;
use super::env::EnvKey;
use super::pip::{FilesKey, PipTable};
use crate::values::{Prefix, PythonVersion};

/// A further conda environment, in the folder `envs` of the prefix.
///
/// What `[conda]` says of mirrors, priorities, times, post-link scripts and who may change an environment holds here too, and
/// what `[pip]` says of indexes and builds.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct EnvironmentTable {
    /// The version of its Python, which conda brings.
    #[schemars(with = "Option<PythonVersion>", extend("examples" = ["3.11"]))]
    pub(crate) python: Option<Located<PythonVersion>>,
    /// A file that names its packages, or has them locked: any that the key `env` of the spec may name.
    #[schemars(extend("examples" = ["environment.yml"]))]
    pub(crate) env: Option<Located<EnvKey>>,
    /// The channels, the first one first, in the place of those of `[conda]`. Those of the `env` file come after them.
    #[schemars(extend("examples" = [["conda-forge"]]))]
    pub(crate) channels: Option<Located<Vec<Located<ChannelName>>>>,
    /// Packages, in conda's own notation, beside those of the `env` file.
    #[schemars(extend("examples" = [["numpy 1.26.*", "ipykernel"]]), extend("default" = []))]
    pub(crate) packages: Option<Vec<Located<MatchSpecText>>>,
    /// Wheels, beside conda's packages.
    pub(crate) pip: Option<EnvironmentPipTable>,
}

/// The wheels of a further environment.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct EnvironmentPipTable {
    /// Requirements, as in `[pip] packages`.
    #[schemars(extend("examples" = [["requests"]]), extend("default" = []))]
    pub(crate) packages: Option<Vec<Located<String>>>,
    /// A requirements file, or several of them; or a lock of wheels: as in `[pip] requirements`.
    #[schemars(extend("examples" = ["requirements.txt"]), extend("default" = []))]
    pub(crate) requirements: Option<Located<FilesKey>>,
    /// Files of the versions that packages must have if they are needed at all.
    #[schemars(extend("examples" = ["constraints.txt"]), extend("default" = []))]
    pub(crate) constraints: Option<Located<FilesKey>>,
    /// The extras of the project whose lock is taken, as in `[pip] extras`.
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["cuda"]]), extend("default" = []))]
    pub(crate) extras: Option<Located<Vec<Located<ProjectName>>>>,
    /// Its groups of dependencies, as in `[pip] groups`.
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["serving"]]))]
    pub(crate) groups: Option<Located<Vec<Located<ProjectName>>>>,
}

impl EnvironmentTable {
    /// What it says of wheels.
    pub(crate) fn take_pip(&mut self) -> PipTable {
        let EnvironmentPipTable { packages, requirements, constraints, extras, groups } =
            self.pip.take().unwrap_or_default();
        PipTable { packages, requirements, constraints, extras, groups, ..PipTable::default() }
    }

    /// What it says of conda's packages, over what `[conda]` says of all environments.
    pub(crate) fn conda(self, shared: &CondaTable, prefix: Prefix) -> CondaTable {
        CondaTable {
            channels: self.channels.or_else(|| shared.channels.clone()),
            packages: self.packages,
            ..shared.of_another(prefix)
        }
    }
}

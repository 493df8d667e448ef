//! The platforms whose demands an image can be held against.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A platform that runs images, and demands something of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Contract {
    /// Docker, and engines like it.
    Docker,
    /// Kubernetes, with its restricted Pod Security Standard.
    Kubernetes,
    /// `OpenShift`, and workbenches of `OpenShift` AI.
    Openshift,
    /// `JupyterHub` on Kubernetes.
    Hub,
    /// Notebooks of Kubeflow.
    Kubeflow,
    /// `JupyterLab` in `SageMaker` Studio.
    Sagemaker,
    /// Pods of `RunPod`.
    Runpod,
    /// Dev containers, as VS Code opens them.
    Devcontainer,
    /// enroot and pyxis, which is Slurm's.
    Enroot,
    /// Apptainer.
    Apptainer,
    /// Nextflow.
    Nextflow,
}

impl Contract {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::Docker,
        Self::Kubernetes,
        Self::Openshift,
        Self::Hub,
        Self::Kubeflow,
        Self::Sagemaker,
        Self::Runpod,
        Self::Devcontainer,
        Self::Enroot,
        Self::Apptainer,
        Self::Nextflow,
    ];

    /// Its name in a spec and on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Kubernetes => "kubernetes",
            Self::Openshift => "openshift",
            Self::Hub => "hub",
            Self::Kubeflow => "kubeflow",
            Self::Sagemaker => "sagemaker",
            Self::Runpod => "runpod",
            Self::Devcontainer => "devcontainer",
            Self::Enroot => "enroot",
            Self::Apptainer => "apptainer",
            Self::Nextflow => "nextflow",
        }
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No platform has the name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is none of {}", Contract::ALL.map(Contract::name).join(", "))]
pub struct UnknownContract;

impl FromStr for Contract {
    type Err = UnknownContract;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|contract| contract.name() == text).ok_or(UnknownContract)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_on_the_command_line_and_in_a_spec() {
        for contract in Contract::ALL {
            assert_eq!(serde_json::to_string(&contract).unwrap(), format!("\"{contract}\""));
            assert_eq!(contract.name().parse(), Ok(contract));
        }
        assert!("colab".parse::<Contract>().is_err());
    }
}

//! What Jupyter is to be, and for whom.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What of Jupyter is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Interface {
    /// `JupyterLab`.
    #[default]
    Lab,
    /// Jupyter Notebook.
    Notebook,
    /// The server alone.
    Server,
}

/// The platform that starts Jupyter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum JupyterProfile {
    /// An engine, Kubernetes, a person.
    #[default]
    Plain,
    /// `JupyterHub`: the user `jovyan`, and `jupyterhub-singleuser`.
    Hub,
    /// Kubeflow, which authenticates before Jupyter: the user `jovyan`, and no token.
    Kubeflow,
    /// `SageMaker` Studio, which does so too: the user `sagemaker-user`.
    Sagemaker,
    /// `OpenShift` AI and Open Data Hub: as `hub`, on port 8080, with `start-singleuser.sh`.
    Openshift,
    /// `RunPod`: root, `/start.sh`, and its password as the token.
    Runpod,
}

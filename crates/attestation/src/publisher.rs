//! By whom an index says that an attestation is (PEP 740, "publisher"), and whether its certificate says so too.
//!
//! What belongs to each kind is what PyPI's own `pypi-attestations` holds against the certificate.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sigstore_verify::crypto::CertificateInfo;

use crate::refusal::{Refusal, shown};

/// Who says that something is a workflow of GitHub Actions.
const GITHUB: &str = "https://token.actions.githubusercontent.com";
/// The same of GitLab.
const GITLAB: &str = "https://gitlab.com";

/// By whom an index says that an attestation is: a trusted publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Claimed {
    /// A workflow of GitHub Actions.
    GitHub {
        /// `OWNER/NAME`.
        repository: String,
        /// The name of its file.
        workflow: String,
    },
    /// A pipeline of GitLab's.
    GitLab {
        /// `GROUP/NAME`.
        repository: String,
        /// The path of its file.
        workflow_filepath: String,
    },
    /// A service account of Google's.
    Google {
        /// Its address.
        email: String,
    },
    /// A pipeline of CircleCI's.
    CircleCI {
        /// Its project's identifier.
        project_id: String,
        /// Its own.
        pipeline_definition_id: String,
        /// The repository, such as `github.com/OWNER/NAME`, where it says one.
        #[serde(default)]
        vcs_origin: Option<String>,
        /// The reference of git, where it says one.
        #[serde(default)]
        vcs_ref: Option<String>,
    },
}

impl Claimed {
    /// Reads what an index says.
    pub(crate) fn read(value: Value) -> Result<Self, Refusal> {
        let kind = value["kind"].as_str().unwrap_or_default().to_owned();
        let known = ["GitHub", "GitLab", "Google", "CircleCI"].contains(&kind.as_str());
        match serde_json::from_value(value) {
            Ok(claimed) => Ok(claimed),
            Err(error) if known => Err(Refusal::unreadable("publisher (PEP 740)", error)),
            Err(_) => Err(Refusal::PublisherKind(kind)),
        }
    }

    /// Whether a certificate is of whom the index says.
    pub(crate) fn holds(&self, certificate: &CertificateInfo) -> Result<(), Refusal> {
        if self.is(certificate) {
            return Ok(());
        }
        // Where workflows call others, the identity is the called one, and the publisher the caller.
        let issuer = certificate.issuer.as_deref().unwrap_or_default();
        let of_workflow = certificate.ci_claims.build_config_uri.clone();
        let of_workflow = of_workflow.filter(|_| [GITHUB, GITLAB].contains(&issuer));
        let identity = || certificate.identity.as_ref().map(|it| it.as_str().to_owned());
        let found = of_workflow.or_else(identity).unwrap_or_else(|| "nobody".to_owned());
        Err(Refusal::Publisher { claimed: shown(&self.to_string()), found: shown(&found) })
    }

    fn is(&self, certificate: &CertificateInfo) -> bool {
        let issuer = certificate.issuer.as_deref();
        let claims = &certificate.ci_claims;
        // The publisher knows neither the commit nor the reference: the certificate says those.
        let at_any = |file: &str| {
            let ends = [&claims.source_repository_digest, &claims.source_repository_ref];
            let found = claims.build_config_uri.as_deref();
            ends.into_iter().flatten().any(|end| found == Some(format!("{file}@{end}").as_str()))
        };
        let of_repository = |url: &str| claims.source_repository_uri.as_deref() == Some(url);
        match self {
            Self::GitHub { repository, workflow } => {
                let url = format!("https://github.com/{repository}");
                issuer == Some(GITHUB)
                    && of_repository(&url)
                    && at_any(&format!("{url}/.github/workflows/{workflow}"))
            }
            Self::GitLab { repository, workflow_filepath } => {
                let url = format!("https://gitlab.com/{repository}");
                issuer == Some(GITLAB)
                    && of_repository(&url)
                    && at_any(&format!("{url}//{workflow_filepath}"))
            }
            Self::Google { email } => {
                let identity = certificate.identity.as_ref().map(|it| it.as_str());
                issuer == Some("https://accounts.google.com") && identity == Some(email)
            }
            Self::CircleCI { project_id, pipeline_definition_id, vcs_origin, vcs_ref } => {
                let signer = format!(
                    "https://circleci.com/api/v2/projects/{project_id}/pipeline-definitions/{pipeline_definition_id}"
                );
                let is_or_unsaid =
                    |said: &Option<String>, found: &Option<String>| said.is_none() || said == found;
                issuer == Some("https://oidc.circleci.com")
                    && claims.build_signer_uri.as_deref() == Some(&signer)
                    && is_or_unsaid(vcs_origin, &claims.source_repository_uri)
                    && is_or_unsaid(vcs_ref, &claims.source_repository_ref)
            }
        }
    }
}

impl std::fmt::Display for Claimed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::GitHub { repository, workflow } => write!(f, "{workflow} of {repository} at GitHub"),
            Self::GitLab { repository, workflow_filepath } => {
                write!(f, "{workflow_filepath} of {repository} at GitLab")
            }
            Self::Google { email } => write!(f, "{email} at Google"),
            Self::CircleCI { project_id, pipeline_definition_id, .. } => {
                write!(f, "the pipeline {pipeline_definition_id} of the project {project_id} at CircleCI")
            }
        }
    }
}

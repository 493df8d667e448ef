//! What is read of provenance: who says that it is the builder, and which lock it names.

use imgbuild_oci::Digest;
use serde::Deserialize;
use serde_json::Value;

use crate::predicate::BUILD_TYPE;

/// What is read of provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Who built, as a URI.
    pub builder: String,
    /// Which run of it.
    pub invocation: Option<String>,
    /// The version of imgbuild.
    pub version: Option<String>,
    /// The digest of the lock's text.
    pub lock: Digest,
    /// The commit, in hexadecimal digits, where one is named, and where that is.
    pub commit: Option<(String, Option<String>)>,
    /// How many things the image was made of and with.
    pub dependencies: usize,
    /// Who published some of these, as was proved when it was built.
    pub publishers: Vec<Publisher>,
}

/// Who published something, as provenance says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// What was published, as a package URL.
    pub package: String,
    /// What is said, as a URI.
    pub predicate_type: String,
    /// Who says who it is.
    pub issuer: String,
    /// Who it is.
    pub identity: String,
    /// The repository of its source.
    pub repository: Option<String>,
    /// The commit.
    pub commit: Option<String>,
}

/// Provenance that is none of imgbuild's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum ProvenanceError {
    /// It cannot be read.
    #[error("it is no provenance that can be read: {}", .0.replace(char::is_control, " "))]
    Unreadable(String),
    /// It was built by something else.
    #[error("it tells of another kind of build: `{}`", .0.replace(char::is_control, " "))]
    BuildType(String),
    /// It names no lock.
    #[error("it names no lock")]
    NoLock,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "provenance")]
struct Fields {
    build_definition: Definition,
    run_details: Run,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "the definition of a build")]
struct Definition {
    build_type: String,
    #[serde(default)]
    internal_parameters: Value,
    #[serde(default)]
    resolved_dependencies: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a dependency")]
struct Resource {
    name: Option<String>,
    uri: Option<String>,
    #[serde(default)]
    digest: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    annotations: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an attestation")]
struct AttestationFields {
    predicate_type: String,
    issuer: String,
    identity: String,
    repository: Option<String>,
    commit: Option<String>,
}

impl Resource {
    fn publishers(&self) -> impl Iterator<Item = Publisher> {
        // What has neither URI nor name is told by its digests.
        let digests =
            || self.digest.iter().map(|(name, hex)| format!("{name}:{hex}")).collect::<Vec<_>>().join(" ");
        let package = self.uri.clone().or_else(|| self.name.clone()).unwrap_or_else(digests);
        // Annotations are everybody's own: what others write there is no reason to read nothing.
        let all = self.annotations["attestations"].as_array().into_iter().flatten();
        let read = all.filter_map(|it| AttestationFields::deserialize(it).ok());
        read.map(move |it| Publisher {
            package: package.clone(),
            predicate_type: it.predicate_type,
            issuer: it.issuer,
            identity: it.identity,
            repository: it.repository,
            commit: it.commit,
        })
    }
}

#[derive(Deserialize)]
#[serde(expecting = "the details of a run")]
struct Run {
    builder: BuilderFields,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(expecting = "a builder")]
struct BuilderFields {
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "metadata")]
struct Metadata {
    invocation_id: Option<String>,
}

impl Provenance {
    /// Reads a predicate.
    ///
    /// # Errors
    ///
    /// When it is none of imgbuild's.
    pub fn read(predicate: &Value) -> Result<Self, ProvenanceError> {
        let fields = Fields::deserialize(predicate);
        let Fields { build_definition: built, run_details: run } =
            fields.map_err(|error| ProvenanceError::Unreadable(error.to_string()))?;
        if built.build_type != BUILD_TYPE {
            return Err(ProvenanceError::BuildType(built.build_type));
        }
        let all = &built.resolved_dependencies;
        let lock = all.iter().find(|it| it.name.as_deref() == Some("lock"));
        let lock = lock.and_then(|it| Digest::from_hex(it.digest.get("sha256")?).ok());
        let commit = all.iter().find_map(|it| Some((it.digest.get("gitCommit")?.clone(), it.uri.clone())));
        // Who reads a line of it must not read two.
        let shown =
            [Some(&run.builder.id), run.metadata.invocation_id.as_ref(), commit.as_ref().map(|it| &it.0)];
        if shown.into_iter().flatten().any(|text| text.chars().any(char::is_control)) {
            return Err(ProvenanceError::Unreadable("it has a text of several lines".to_owned()));
        }
        Ok(Self {
            builder: run.builder.id,
            invocation: run.metadata.invocation_id,
            version: built.internal_parameters["imgbuild"].as_str().map(str::to_owned),
            lock: lock.ok_or(ProvenanceError::NoLock)?,
            commit,
            dependencies: all.len(),
            publishers: all.iter().flat_map(Resource::publishers).collect(),
        })
    }
}

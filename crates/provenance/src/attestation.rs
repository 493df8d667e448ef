//! Who published what an image is made of, where that is proved.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imgbuild_oci::Digest;
use serde_json::{Value, json};

/// Who published an archive, as was proved when the image was built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attestation {
    /// What is said, as a URI.
    pub predicate_type: String,
    /// Who says who it is: the issuer of the token that the certificate was got with.
    pub issuer: String,
    /// Who it is: a workflow of a repository, or an address.
    pub identity: String,
    /// The repository of its source, where the certificate says one.
    pub repository: Option<String>,
    /// The commit, where the certificate says one.
    pub commit: Option<String>,
    /// The index that offered it, and whose word it is whom the package is of.
    pub index: Option<String>,
    /// The conda channel that offered it.
    pub channel: Option<String>,
    /// The conda channel that it was published to, where that is said.
    pub target_channel: Option<String>,
    /// Which version of Sigstore's bundles it is, as a media type.
    pub media_type: String,
    /// The bundle, so that anybody can check it again.
    pub bundle: String,
}

impl Attestation {
    /// The digest of the bundle, by which what is said of the archive and the bundle find one another.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bundle)
    }

    /// What stands beside the archive.
    fn annotation(&self) -> Value {
        let fields = [
            ("predicateType", Some(self.predicate_type.clone())),
            ("issuer", Some(self.issuer.clone())),
            ("identity", Some(self.identity.clone())),
            ("repository", self.repository.clone()),
            ("commit", self.commit.clone()),
            ("index", self.index.clone()),
            ("channel", self.channel.clone()),
            ("targetChannel", self.target_channel.clone()),
            ("bundle", Some(self.digest().to_string())),
        ];
        let said = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
        Value::Object(said.collect())
    }

    /// The bundle itself, as a thing that came of the build.
    fn byproduct(&self, of: &str) -> Value {
        json!({
            "name": of,
            "mediaType": self.media_type,
            "digest": { "sha256": self.digest().hex() },
            "content": STANDARD.encode(&self.bundle),
        })
    }
}

/// Says beside what an image is made of who published it, and gives the attestations themselves, in the same order.
pub(crate) fn keep(known: &BTreeMap<Digest, Vec<Attestation>>, dependencies: &mut [Value]) -> Vec<Value> {
    let mut byproducts = Vec::new();
    for dependency in dependencies {
        let digest = dependency["digest"]["sha256"].as_str().and_then(|hex| Digest::from_hex(hex).ok());
        let Some(all) = digest.and_then(|digest| known.get(&digest)).filter(|all| !all.is_empty()) else {
            continue;
        };
        let name = dependency["uri"].as_str().unwrap_or_default().to_owned();
        byproducts.extend(all.iter().map(|it| it.byproduct(&name)));
        let annotations: Vec<Value> = all.iter().map(Attestation::annotation).collect();
        dependency["annotations"] = json!({ "attestations": annotations });
    }
    byproducts
}

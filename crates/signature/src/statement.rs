//! What is said of images: in-toto's Statement v1.

use std::collections::BTreeMap;

use imgbuild_oci::{Digest, canonical};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::SignatureError;

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The form before it, which differs in nothing that is read here.
const STATEMENT_BEFORE: &str = "https://in-toto.io/Statement/v0.1";

/// The predicate of a statement that says no more than that an image is signed, as cosign 3 writes it.
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// What something is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its digests by their algorithms, in hexadecimal digits.
    #[serde(default)]
    pub digest: BTreeMap<String, String>,
}

impl Subject {
    /// What has this digest.
    pub fn new(name: Option<String>, digest: &Digest) -> Self {
        Self { name, digest: BTreeMap::from([("sha256".to_owned(), digest.hex())]) }
    }

    fn sha256(&self) -> Option<Digest> {
        Digest::from_hex(self.digest.get("sha256")?).ok()
    }
}

/// Something that is said of some subjects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a statement")]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    /// What it is about.
    #[serde(rename = "subject")]
    pub subjects: Vec<Subject>,
    /// What kind of thing is said, as a URI.
    pub predicate_type: String,
    /// What is said.
    #[serde(default)]
    pub predicate: Value,
}

impl Statement {
    /// What is said of some subjects.
    pub fn new(subjects: Vec<Subject>, predicate_type: &str, predicate: Value) -> Self {
        let (kind, predicate_type) = (STATEMENT.to_owned(), predicate_type.to_owned());
        Self { kind, subjects, predicate_type, predicate }
    }

    /// That an image is signed, and no more.
    pub fn signed(image: &Digest) -> Self {
        let nothing = Value::Object(serde_json::Map::new());
        Self::new(vec![Subject::new(None, image)], SIGN_PREDICATE, nothing)
    }

    /// It as JSON, always the same.
    ///
    /// # Errors
    ///
    /// When a number of its predicate is none that has one form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, canonical::CanonicalError> {
        canonical::to_vec(self)
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let unreadable = |reason: String| SignatureError::Unreadable { what: "statement (in-toto)", reason };
        let found: Self = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
        if ![STATEMENT, STATEMENT_BEFORE].contains(&found.kind.as_str()) {
            return Err(unreadable(format!("it says that it is a `{}`", found.kind)));
        }
        Ok(found)
    }

    /// Checks that it is about an image.
    ///
    /// # Errors
    ///
    /// When it is about something else.
    pub fn is_about(&self, wanted: &Digest) -> Result<(), SignatureError> {
        let found: Vec<Digest> = self.subjects.iter().filter_map(Subject::sha256).collect();
        match found.contains(wanted) {
            true => Ok(()),
            false => Err(SignatureError::AnotherSubject { found, wanted: *wanted }),
        }
    }
}

//! Keys that are none, and signatures that do not hold.

use imgbuild_oci::Digest;

/// A text that holds no key that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum KeyError {
    /// It is something else.
    #[error("it holds no key in PEM")]
    #[diagnostic(help(
        "`cosign generate-key-pair` makes a pair of keys, and so do `openssl genpkey -algorithm ed25519 -out sign.key` and `openssl pkey -in sign.key -pubout -out sign.pub`"
    ))]
    NoKey,
    /// A public key where a private one is needed.
    #[error("it is a public key, with which signatures are checked and none are made")]
    #[diagnostic(help("name the private key that belongs to it"))]
    Public,
    /// A private key where the public one is asked for.
    #[error("it is a private key, and signatures are checked with the public one")]
    #[diagnostic(help(
        "`cosign public-key --key KEY`, or `openssl pkey -in KEY -pubout`, prints the public key that belongs to it"
    ))]
    Private,
    /// It is encrypted, and nobody said the password.
    #[error("it is encrypted, and no password is given")]
    #[diagnostic(help("put its password into the variable `COSIGN_PASSWORD`"))]
    NoPassword,
    /// It is encrypted with another password.
    #[error("it is encrypted with another password than the one given, or it was changed since")]
    #[diagnostic(help("the password is that of the variable `COSIGN_PASSWORD`"))]
    Password,
    /// It is encrypted in a way that is not read.
    #[error("it is encrypted as {0} does it, and not as cosign does")]
    #[diagnostic(help(
        "`cosign import-key-pair --key KEY` encrypts it anew, and `openssl pkey -in KEY -out PLAIN` writes it without a password"
    ))]
    Encryption(&'static str),
    /// A key of another algorithm.
    #[error("it is a key of {0}, and keys are of Ed25519 or of ECDSA over P-256")]
    #[diagnostic(help("`cosign generate-key-pair` makes one"))]
    Kind(String),
    /// It cannot be read.
    #[error("it is a damaged key: {0}")]
    Damaged(String),
}

/// A signature that does not hold, or that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum SignatureError {
    /// What should be a signature is something else.
    #[error("it is no {what}: {}", reason.replace(char::is_control, " "))]
    Unreadable {
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        reason: String,
    },
    /// It names another key.
    #[error("it was made with another key: it names `{}`, and this one is `{own}`", named.replace(char::is_control, " "))]
    AnotherKey {
        /// The key that it names.
        named: String,
        /// The key that it is checked with.
        own: String,
    },
    /// It does not fit what is said to be signed.
    #[error("it does not hold: what is signed was changed, or it was made with another key")]
    Broken,
    /// It is about something else.
    #[error("it is about {}, and not about `{wanted}`", shown(found))]
    AnotherSubject {
        /// What it is about.
        found: Vec<Digest>,
        /// What it should be about.
        wanted: Digest,
    },
}

fn shown(found: &[Digest]) -> String {
    match found {
        [] => "nothing that has a SHA-256".to_owned(),
        found => found.iter().map(|digest| format!("`{digest}`")).collect::<Vec<_>>().join(", "),
    }
}

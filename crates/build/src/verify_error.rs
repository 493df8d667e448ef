//! An image that is not what it should be.

use std::path::PathBuf;

use imgbuild_distribution::NotSigned;
use imgbuild_lock::LockError;
use imgbuild_oci::{Digest, Platform};
use miette::Diagnostic;

use crate::difference::Difference;

/// An image that is not what it should be.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum VerifyError {
    /// The key has not signed it.
    #[error(transparent)]
    #[diagnostic(transparent)]
    NotSigned(#[from] NotSigned),
    /// It does not say of which lock it is.
    #[error("`{0}` does not say which lock it was made from: it is no image of imgbuild")]
    NoLock(String),
    /// It holds another lock than it says.
    #[error("`{reference}` says that it was made from the lock `{said}`, and holds {}", held(found.as_ref()))]
    OtherLock {
        /// The image.
        reference: String,
        /// What it says.
        said: String,
        /// The lock that it holds.
        found: Option<Digest>,
    },
    /// What is said of where it comes from names another lock.
    #[error("`{reference}` was made from the lock `{own}`, and its provenance, which {}, names `{told}`", if *is_signed { "the key has signed" } else { "nobody has signed" })]
    ToldOtherLock {
        /// The image.
        reference: String,
        /// Its lock.
        own: Digest,
        /// What the provenance names.
        told: Digest,
        /// Whether the key has signed that.
        is_signed: bool,
    },
    /// It is for another platform.
    #[error("`{reference}` is for {found}, and not for {wanted}")]
    #[diagnostic(help("name its platform: `--platform {found}`"))]
    Platform {
        /// The image.
        reference: String,
        /// What was asked for.
        wanted: Platform,
        /// What it is for.
        found: String,
    },
    /// A manifest or a configuration that is none.
    #[error("`{reference}` cannot be read as an image: {reason}")]
    Unreadable {
        /// The image.
        reference: String,
        /// Why.
        reason: String,
    },
    /// Documents cannot be compared.
    #[error("the image's documents cannot be compared")]
    Json(#[source] serde_json::Error),
    /// Its lock cannot be read.
    #[error("the lock in the image cannot be read")]
    Lock(#[source] LockError),
    /// It was made from another spec.
    #[error("the lock in `{reference}` is not one of the spec `{}`", spec.display())]
    #[diagnostic(help(
        "name the spec as it was when the image was built: `git log` of the spec tells when it changed"
    ))]
    OtherSpec {
        /// The image.
        reference: String,
        /// The spec.
        spec: PathBuf,
    },
    /// The lock has no variant of this image.
    #[error("the spec `{}` has no image for {platform} {}", spec.display(), called(tag.as_deref()))]
    NoVariant {
        /// The spec.
        spec: PathBuf,
        /// The platform.
        platform: String,
        /// The image's first tag, where its manifest says it.
        tag: Option<String>,
    },
    /// It is another one when it is built again.
    #[error("`{reference}` is not what its lock makes: {difference}")]
    #[diagnostic(help(
        "files that the spec copies are not in the lock: they must be as they were. If they are, somebody changed the image, or imgbuild has a fault"
    ))]
    Rebuilt {
        /// The image.
        reference: String,
        /// Where it differs first.
        difference: Box<Difference>,
    },
}

imgbuild_diagnostic::boxed_sources!(VerifyError);

fn held(found: Option<&Digest>) -> String {
    found.map_or_else(|| "none".to_owned(), |found| format!("`{found}`"))
}

fn called(tag: Option<&str>) -> String {
    match tag {
        Some(tag) => format!("that is called `{tag}`"),
        None => "that alone it could be: the image does not say its tag".to_owned(),
    }
}

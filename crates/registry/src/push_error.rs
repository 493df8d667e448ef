//! A push that is not done.

use imgbuild_oci::Digest;

use crate::error::RegistryError;

/// A push that is not done.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PushError {
    /// The registry.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Registry(Box<RegistryError>),
    /// A tag means something else already.
    #[error("`{repository}:{tag}` is `{was}` already, and would become `{digest}`")]
    #[diagnostic(help("push under another tag, or without `--immutable-tags`"))]
    TagTaken {
        /// The repository.
        repository: String,
        /// The tag.
        tag: String,
        /// What it means.
        was: Box<Digest>,
        /// What it would mean.
        digest: Box<Digest>,
    },
    /// Layers would have to be sent.
    #[error("`{repository}` lacks {} of the image, and `--mount-only` sends none: {}", counted(layers.len()), shown(layers))]
    #[diagnostic(help("push the image, or what it stands on, from where it is built first"))]
    Lacking {
        /// The repository.
        repository: String,
        /// The layers.
        layers: Vec<Digest>,
    },
}

imgbuild_diagnostic::boxed_sources!(PushError);

impl From<RegistryError> for PushError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(Box::new(error))
    }
}

fn counted(layers: usize) -> String {
    if layers == 1 { "1 layer".to_owned() } else { format!("{layers} layers") }
}

/// The most layers that are named.
const NAMED: usize = 3;

fn shown(layers: &[Digest]) -> String {
    let named: Vec<String> = layers.iter().take(NAMED).map(|digest| format!("`{digest}`")).collect();
    let more = layers.len().saturating_sub(NAMED);
    format!("{}{}", named.join(", "), if more > 0 { format!(" and {more} more") } else { String::new() })
}

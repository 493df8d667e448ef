//! An image that cannot be written.

use miette::Diagnostic;

/// An image that cannot be written.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum DeliverFailure {
    /// The output cannot be written.
    #[error("the image cannot be written")]
    Write(
        #[from]
        #[diagnostic_source]
        imgbuild_oci::WriteError,
    ),
    /// A layer of the store is not what its name says.
    #[error("a layer in the cache is damaged: {0}")]
    #[diagnostic(help("`imgbuild cache verify` removes what is damaged, and the next build makes it anew"))]
    DamagedLayer(#[diagnostic_source] imgbuild_oci::BlobError),
}

//! What this crate needs of the network, which it never touches by itself.

use std::future::Future;
use std::path::PathBuf;

use imgbuild_oci::Digest;
use imgbuild_secret::SecretUrl;

use crate::package::examine::Examined;

/// The network and the store, as locking needs them.
pub trait Fetch: Sync {
    /// The bytes at `url`, at most `limit` of them.
    fn get(&self, url: &SecretUrl, limit: u64) -> impl Future<Output = Result<Vec<u8>, FetchError>> + Send;

    /// The file of an archive that is kept by its hash; it is downloaded from `url` where it is not there yet. The
    /// file has been checked: it has that size and hash. `name` is what people call it.
    fn archive(
        &self,
        name: &str,
        url: &SecretUrl,
        sha256: &Digest,
        size: u64,
    ) -> impl Future<Output = Result<PathBuf, FetchError>> + Send;

    /// What an archive said when it was read before, where that was kept under this key.
    fn examined(&self, _key: &Digest) -> Option<Examined> {
        None
    }

    /// Keeps what an archive said. Failing to is no reason to fail: it is read again.
    fn keep_examined(&self, _key: &Digest, _examined: &Examined) {}
}

/// What could not be fetched.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FetchError {
    /// The server does not have it.
    #[error("`{0}` is not there")]
    NotFound(SecretUrl),
    /// Anything else: the network's or the store's own error.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Other(Box<dyn miette::Diagnostic + Send + Sync>),
}

imgbuild_diagnostic::boxed_sources!(FetchError);

//! One HTTP client for all: offline guard, proxies, retries, redaction of secrets.
//!
//! * Proxies come from `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.
//! * Certificates are those that the system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` take their place, as they do for
//!   OpenSSL, and else `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE`, as they do for pip and conda.
//! * `file://` is served by the same calls, with the same limits and checks.
//! * What fails in passing is tried again, and a download goes on where it stopped.
//! * No error and no log holds a secret of a URL, and none follows a redirect to another server. What is asked for by its public
//!   URL is asked for with the secrets that are known for it: see [`imgbuild_secret::KnownSecrets`].

mod answer;
mod archives;
mod bounds;
mod certificates;
mod client;
mod download;
mod error;
mod exchange;
mod file;
mod limits;
mod location;
mod middleware;
mod pace;
mod retry;
mod staying;
mod tail;
mod transport;

pub use answer::{is_transient, retry_after};
pub use archives::{ArchiveReadError, ArchiveRequest, Archives, FetchError};
/// Bytes in memory, which clones share.
pub use bytes::Bytes;
pub use certificates::{BUNDLES, Identity, Trust, authorities, bundle, usual_bundle};
pub use client::{Client, Options, skipped};
pub use download::{Download, Size};
pub use error::NetError;
pub use location::{Locations, MirrorList};
pub use pace::{Pace, TooSlow};
pub use retry::{Retry, Schedule};
pub use staying::DownServers;
pub use tail::Tail;
pub use transport::Transport;

//! What can go wrong with a request.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use imgbuild_oci::Digest;
use imgbuild_secret::SecretUrl;
use reqwest::StatusCode;

/// A request that failed. URLs stand in it without their secrets.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum NetError {
    /// There is no such thing there.
    #[error("`{url}` does not exist")]
    NotFound {
        /// What was asked for.
        url: String,
    },
    /// The server wants credentials, or does not accept those that it got.
    #[error("`{url}` may not be read ({status})")]
    #[diagnostic(help("check the credentials that are stored for this host"))]
    Unauthorized {
        /// What was asked for.
        url: String,
        /// 401, 403 or 407.
        status: StatusCode,
    },
    /// The server answered with another failure.
    #[error("the server answered `{status}` for `{url}`")]
    Status {
        /// What was asked for.
        url: String,
        /// The answer.
        status: StatusCode,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The network is needed and may not be used.
    #[error("`{url}` is needed from the network, which `--offline` forbids")]
    #[diagnostic(help("run once without `--offline`"))]
    Offline {
        /// What is needed.
        url: String,
    },
    /// The content is not what was expected.
    #[error("`{url}` has the sha256 `{}`, and `{}` was expected", found.hex(), expected.hex())]
    Hash {
        /// What was asked for.
        url: String,
        /// What was expected.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// The content has not the expected size.
    #[error("`{url}` has {found} bytes, and {expected} were expected")]
    Size {
        /// What was asked for.
        url: String,
        /// What was expected.
        expected: u64,
        /// What came, or what the server says would come.
        found: u64,
    },
    /// The content is larger than what is sensible.
    #[error("`{url}` is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// The content would become larger than what is sensible when it is decompressed.
    #[error("`{url}` unpacks to more than {limit} bytes")]
    UnpacksTooLarge {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// The server answers so slowly that it would never end.
    #[error("the server sends `{url}` too slowly")]
    Slow {
        /// What was asked for.
        url: String,
    },
    /// The connection could not be made, or broke.
    #[error("`{url}` cannot be reached")]
    Transport {
        /// What was asked for.
        url: String,
        /// What to do, where that is known.
        #[help]
        hint: Option<&'static str>,
        /// Why.
        #[source]
        error: reqwest::Error,
    },
    /// What adds credentials to requests failed.
    #[error("no request for `{url}` can be made")]
    Layer {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It leads from one place to the next without end.
    #[error("`{url}` is behind too many redirects")]
    Redirects {
        /// Where they have led.
        url: String,
    },
    /// It is to be had from another server, which is not to be asked.
    #[error("`{url}` leads to another server, which is not asked")]
    LeadsAway {
        /// What was asked for.
        url: String,
    },
    /// The content ended too early.
    #[error("`{url}` ended after {found} bytes")]
    Truncated {
        /// What was asked for.
        url: String,
        /// How many bytes came in all.
        found: u64,
    },
    /// The server answered a request for a part with something else.
    #[error("the server sent another part of `{url}` than was asked for")]
    Range {
        /// What was asked for.
        url: String,
    },
    /// A local file cannot be read.
    #[error("`{url}` cannot be read")]
    File {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The URL has a scheme that nothing here serves.
    #[error("`{url}` is neither `http://`, `https://` nor `file://`")]
    Scheme {
        /// The URL.
        url: String,
    },
    /// What was downloaded cannot be kept.
    #[error("what came from `{url}` cannot be kept")]
    Sink {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A variable names no certificates.
    #[error("the certificates in `{}` cannot be read, which `{variable}` names", path.display())]
    Certificates {
        /// The variable.
        variable: &'static str,
        /// What it names.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The client cannot be made.
    #[error("the HTTP client cannot be made")]
    #[diagnostic(help(
        "`SSL_CERT_FILE` names a file of certificates that are trusted; proxies come from `HTTPS_PROXY`"
    ))]
    Client(#[source] reqwest::Error),
    /// A text is not a URL.
    #[error("`{text}` is not a URL")]
    Url {
        /// The text.
        text: String,
        /// Why.
        #[source]
        error: url::ParseError,
    },
}

imgbuild_diagnostic::boxed_sources!(NetError);

impl NetError {
    pub(crate) fn transport(url: &SecretUrl, error: reqwest::Error) -> Self {
        let hint = tls_hint(&error).or_else(|| proxy_hint(&error));
        Self::Transport { url: url.to_string(), hint, error: error.without_url() }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport { error, .. } => {
                !error.is_builder() && !error.is_redirect() && tls_error(error).is_none()
            }
            Self::Truncated { .. } | Self::Slow { .. } => true,
            Self::Status { status, .. } => crate::answer::is_transient(*status),
            _ => false,
        }
    }

    /// Whether the other side speaks TLS, and it is that on which the connection failed: by a certificate, say.
    pub fn is_of_tls(&self) -> bool {
        match self {
            Self::Transport { error, .. } => tls_error(error).is_some_and(|error| !speaks_no_tls(error)),
            _ => false,
        }
    }

    /// Whether another mirror may have what this one has not.
    pub(crate) fn tries_next_mirror(&self) -> bool {
        self.is_transient() || matches!(self, Self::NotFound { .. } | Self::Range { .. })
    }
}

/// Why both sides do not agree on TLS, where it is that: they will not the next time either.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut causes = causes(error).filter(|_| error.is_connect() || error.is_request());
    causes.find_map(tls_error_within)
}

/// An I/O error passes on the cause of the error within it as its own, so the one within it is no cause.
fn tls_error_within<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let within = || tls_error_within(cause.downcast_ref::<io::Error>()?.get_ref()?);
    cause.downcast_ref().or_else(within)
}

fn speaks_no_tls(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType))
}

fn tls_hint(error: &reqwest::Error) -> Option<&'static str> {
    match tls_error(error)? {
        rustls::Error::InvalidCertificate(_) => Some(
            "`SSL_CERT_FILE` names a file of the authorities that are trusted, in place of the system's; for one registry, `certs.d` has further ones (docs/registry-credentials.md)",
        ),
        error if speaks_no_tls(error) => Some(
            "the server seems to speak no TLS: its URL begins with `http://`; for a registry, docs/registry-credentials.md says how to allow it",
        ),
        _ => None,
    }
}

/// What to do where a proxy leads nowhere, by a word of hyper's.
fn proxy_hint(error: &reqwest::Error) -> Option<&'static str> {
    let is_refused = causes(error).any(|cause| cause.to_string().starts_with("tunnel error"));
    is_refused.then_some(
        "the proxy does not lead there: `HTTPS_PROXY` and `NO_PROXY` say which one is asked, and for what none is",
    )
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| Error::source(*cause))
}

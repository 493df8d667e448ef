//! Repositories: where their manifests and blobs are.

use imgbuild_oci::Digest;
use url::Url;

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// `https://HOST/v2/NAME/`.
    url: Url,
    name: String,
}

/// What names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no repository of a registry")]
pub struct RepositoryError(String);

impl Repository {
    /// The repository `name` of the registry at a host. One on the loopback has no TLS.
    ///
    /// # Errors
    ///
    /// When the host or the name can be no part of a URL.
    pub fn new(host: &str, port: Option<u16>, name: &str) -> Result<Self, RepositoryError> {
        let scheme = if is_loopback(host) { "http" } else { "https" };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let wrong = || RepositoryError(format!("{host}{port}/{name}"));
        let url = Url::parse(&format!("{scheme}://{host}{port}/v2/{name}/")).map_err(|_| wrong())?;
        Ok(Self { url, name: name.to_owned() })
    }

    /// Its name in the registry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is: `https://HOST/v2/NAME/`.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where the manifest of a tag or a digest is.
    ///
    /// # Errors
    ///
    /// When the reference can be no part of a URL.
    pub fn manifest(&self, reference: &str) -> Result<Url, RepositoryError> {
        self.join(&format!("manifests/{reference}"))
    }

    /// Where a blob is.
    ///
    /// # Errors
    ///
    /// When it can be no part of a URL.
    pub fn blob(&self, digest: &Digest) -> Result<Url, RepositoryError> {
        self.join(&format!("blobs/{digest}"))
    }

    /// Whether it is spoken to without TLS.
    pub(crate) fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    fn join(&self, path: &str) -> Result<Url, RepositoryError> {
        self.url.join(path).map_err(|_| RepositoryError(format!("{}{path}", self.name)))
    }
}

/// Whether a host is this machine, by its name alone.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_address_is_one() {
        for (host, loopback) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("localhost.example", false),
            ("127.0.0.1.example", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(host), loopback, "{host}");
        }
    }

    #[test]
    fn manifests_and_blobs_are_where_the_specification_has_them() {
        let repository = Repository::new("r.example", None, "team/image").unwrap();
        let digest = Digest::of("x");
        assert_eq!(
            repository.manifest("1.0").unwrap().as_str(),
            "https://r.example/v2/team/image/manifests/1.0"
        );
        assert_eq!(
            repository.blob(&digest).unwrap().as_str(),
            format!("https://r.example/v2/team/image/blobs/{digest}")
        );
        let local = Repository::new("localhost", Some(5000), "image").unwrap();
        assert_eq!((local.url().as_str(), local.is_plain()), ("http://localhost:5000/v2/image/", true));
        assert!(Repository::new("not a host", None, "image").is_err());
    }
}

//! Repositories: where their manifests and blobs are.

use std::fmt;

use imgbuild_oci::{Digest, ImageName, Reference, RegistryHost};
use url::Url;

/// Docker's registry, as images name it and as it is reached.
const DOCKER: (&str, &str) = ("docker.io", "registry-1.docker.io");
/// The part of it where the images are whose name is a single word.
const LIBRARY: &str = "library";

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    /// `https://HOST/v2/NAME/`.
    url: Url,
    name: String,
    /// The host as images name it.
    host: String,
}

/// What names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no repository of a registry")]
pub struct RepositoryError(pub(crate) String);

impl Repository {
    /// The repository `name` of the registry at a host. One on the loopback has no TLS.
    ///
    /// # Errors
    ///
    /// When the host or the name can be no part of a URL.
    pub fn new(host: &str, port: Option<u16>, name: &str) -> Result<Self, RepositoryError> {
        Self::by(if is_loopback(host) { Scheme::Http } else { Scheme::Https }, host, port, name)
    }

    /// The repository `name` of the registry at a host, as images name it, with or without TLS.
    ///
    /// # Errors
    ///
    /// When the host or the name can be no part of a URL.
    pub fn at(scheme: Scheme, host: &RegistryHost, name: &str) -> Result<Self, RepositoryError> {
        Self::by(scheme, host.host(), host.port(), name)
    }

    fn by(scheme: Scheme, host: &str, port: Option<u16>, name: &str) -> Result<Self, RepositoryError> {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let reached = if host == DOCKER.0 { DOCKER.1 } else { host };
        let wrong = || RepositoryError(format!("{host}{port}/{name}"));
        let url = Url::parse(&format!("{}://{reached}{port}/v2/{name}/", scheme.as_str()));
        Ok(Self { url: url.map_err(|_| wrong())?, name: name.to_owned(), host: format!("{host}{port}") })
    }

    /// Another repository of the same registry.
    ///
    /// # Errors
    ///
    /// When the name can be no part of a URL.
    pub fn sibling(&self, name: &str) -> Result<Self, RepositoryError> {
        let url = self.root().join(&format!("{name}/"));
        let url = url.map_err(|_| RepositoryError(format!("{}/{name}", self.host)))?;
        Ok(Self { url, name: name.to_owned(), host: self.host.clone() })
    }

    /// The registry's host, with its port where one is named, as images name it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where the registry is: `https://HOST/v2/`.
    pub(crate) fn root(&self) -> Url {
        let mut root = self.url.clone();
        root.set_path("/v2/");
        root
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

    /// Where an upload begins.
    pub(crate) fn uploads(&self) -> Result<Url, RepositoryError> {
        self.join("blobs/uploads/")
    }

    /// Where its tags are listed.
    pub(crate) fn tags(&self) -> Result<Url, RepositoryError> {
        self.join("tags/list")
    }

    /// Where it is listed what refers to a manifest.
    pub(crate) fn referrers(&self, digest: &Digest) -> Result<Url, RepositoryError> {
        self.join(&format!("referrers/{digest}"))
    }

    fn join(&self, path: &str) -> Result<Url, RepositoryError> {
        self.url.join(path).map_err(|_| RepositoryError(format!("{}{path}", self.name)))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.name)
    }
}

/// How a registry is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// With TLS.
    Https,
    /// Without.
    Http,
}

impl Scheme {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// The registry's host and the name there of the repository that a reference means. Docker's own images have a folder that nobody
/// writes.
pub fn place(reference: &Reference) -> (RegistryHost, ImageName) {
    let host = reference.registry().cloned().unwrap_or_else(RegistryHost::docker);
    let name = reference.name();
    if host.host() != DOCKER.0 || name.as_str().contains('/') {
        return (host, name.clone());
    }
    // A name that is too long with it is one that docker's registry has not.
    let whole = format!("{LIBRARY}/{name}").parse().unwrap_or_else(|_| name.clone());
    (host, whole)
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
        assert_eq!(local.url().as_str(), "http://localhost:5000/v2/image/");
        assert!(Repository::new("not a host", None, "image").is_err());
    }

    #[test]
    fn what_names_no_registry_is_dockers() {
        for (text, shown, url) in [
            ("debian:13", "docker.io/library/debian", "https://registry-1.docker.io/v2/library/debian/"),
            ("team/base", "docker.io/team/base", "https://registry-1.docker.io/v2/team/base/"),
            (
                "docker.io/debian",
                "docker.io/library/debian",
                "https://registry-1.docker.io/v2/library/debian/",
            ),
            ("r.example:8443/a", "r.example:8443/a", "https://r.example:8443/v2/a/"),
        ] {
            let (host, name) = place(&text.parse().unwrap());
            let repository = Repository::at(Scheme::Https, &host, name.as_str()).unwrap();
            assert_eq!((repository.to_string().as_str(), repository.url().as_str()), (shown, url));
        }
    }
}

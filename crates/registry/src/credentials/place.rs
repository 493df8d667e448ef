//! What credentials are for, as files and variables say it.

use std::fmt;

use imgbuild_oci::RegistryHost;

/// The registry of docker, by the name that images have.
const HUB: &str = "docker.io";
/// What else it is called.
const HUB_ALIASES: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
/// What docker calls it where it keeps credentials.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// A registry, or the repositories below a path of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// With its port where one is named.
    host: String,
    /// Empty for all of it.
    path: String,
}

impl Place {
    /// What a key of a file stands for: `registry.example:5000`, `registry.example/team/image` (podman's), or a URL such as
    /// `https://registry.example/v2/`, of which the host alone counts (docker's `ConvertToHostname`).
    pub(crate) fn of_key(key: &str) -> Self {
        let without = ["https://", "http://"].iter().find_map(|scheme| key.strip_prefix(scheme));
        let (host, path) = without.unwrap_or(key).split_once('/').unwrap_or((without.unwrap_or(key), ""));
        let path = path.trim_matches('/');
        let is_whole = without.is_some() || ["v1", "v2"].contains(&path);
        Self { host: usual(host), path: if is_whole { String::new() } else { path.to_owned() } }
    }

    /// All of a registry.
    pub(crate) fn of_registry(host: &RegistryHost) -> Self {
        Self { host: usual(&host.to_string()), path: String::new() }
    }

    /// Its registry, where its host can be one.
    pub(crate) fn registry(&self) -> Option<RegistryHost> {
        self.host.parse().ok()
    }

    /// Whether its host can be one.
    pub(crate) fn is_registry(&self) -> bool {
        self.registry().is_some()
    }

    /// Whether it is all of a registry.
    pub(crate) fn is_whole(&self) -> bool {
        self.path.is_empty()
    }

    /// Whether it is of the same registry.
    pub(crate) fn shares_registry(&self, other: &Self) -> bool {
        self.host == other.host
    }

    /// How much of a repository's name it says, where it is a place of it.
    pub(crate) fn nearness(&self, host: &RegistryHost, repository: &str) -> Option<usize> {
        let rest = repository.strip_prefix(&self.path)?;
        let is_below = self.is_whole() || rest.is_empty() || rest.starts_with('/');
        (is_below && self.host == usual(&host.to_string())).then_some(self.path.len())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_whole() {
            true => f.write_str(&self.host),
            false => write!(f, "{}/{}", self.host, self.path),
        }
    }
}

/// A host by the name that everybody has for it.
fn usual(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    if HUB_ALIASES.contains(&host.as_str()) { HUB.to_owned() } else { host }
}

/// By what name docker keeps the credentials of a registry.
pub(crate) fn key(host: &RegistryHost) -> String {
    if usual(&host.to_string()) == HUB { HUB_KEY.to_owned() } else { host.to_string() }
}

/// By what names programs may know the credentials of a registry: docker's, and podman's where that is another.
pub(crate) fn keys(host: &RegistryHost) -> Vec<String> {
    let key = key(host);
    if key == HUB_KEY { vec![key, HUB.to_owned()] } else { vec![key] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_all_forms() {
        let nearness = |key: &str, host: &str, repository: &str| {
            Place::of_key(key).nearness(&host.parse().unwrap(), repository)
        };
        for key in [
            "r.example:5000",
            "R.example:5000",
            "https://r.example:5000",
            "http://r.example:5000/",
            "https://r.example:5000/v1/",
            "https://r.example:5000/v2/",
            "r.example:5000/v2/",
            "r.example:5000/",
        ] {
            assert_eq!(nearness(key, "r.example:5000", "team/image"), Some(0), "{key}");
            assert_eq!(nearness(key, "r.example", "team/image"), None, "{key}");
        }
        for key in ["docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/"] {
            assert_eq!(nearness(key, "docker.io", "library/base"), Some(0), "{key}");
            assert!(Place::of_key(key).is_whole());
        }
        assert_eq!(nearness("r.example/team", "r.example", "team/image"), Some(4));
        assert_eq!(nearness("r.example/team/image", "r.example", "team/image"), Some(10));
        assert_eq!(nearness("r.example/team/image/x", "r.example", "team/image"), None);
        assert_eq!(nearness("r.example/te", "r.example", "team/image"), None);
    }

    #[test]
    fn dockers_registry_is_kept_by_its_own_name() {
        let keys = |host: &str| keys(&host.parse().unwrap());
        assert_eq!(keys("docker.io"), ["https://index.docker.io/v1/", "docker.io"]);
        assert_eq!(keys("index.docker.io"), ["https://index.docker.io/v1/", "docker.io"]);
        assert_eq!(keys("r.example:5000"), ["r.example:5000"]);
    }
}

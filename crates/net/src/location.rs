//! Where content is to be had.

use imgbuild_secret::SecretUrl;
use url::Url;

use crate::NetError;

/// URLs of the same content, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locations {
    first: SecretUrl,
    others: Vec<SecretUrl>,
}

impl Locations {
    /// All of them, the one that is asked first first.
    pub fn iter(&self) -> impl Iterator<Item = &SecretUrl> {
        std::iter::once(&self.first).chain(&self.others)
    }

    pub(crate) fn first(&self) -> &SecretUrl {
        &self.first
    }
}

impl From<SecretUrl> for Locations {
    fn from(url: SecretUrl) -> Self {
        Self { first: url, others: Vec::new() }
    }
}

impl From<&SecretUrl> for Locations {
    fn from(url: &SecretUrl) -> Self {
        url.clone().into()
    }
}

impl From<Url> for Locations {
    fn from(url: Url) -> Self {
        SecretUrl::from(url).into()
    }
}

impl From<&Url> for Locations {
    fn from(url: &Url) -> Self {
        SecretUrl::from(url).into()
    }
}

impl From<&Self> for Locations {
    fn from(locations: &Self) -> Self {
        locations.clone()
    }
}

/// Servers with the same content, in the order in which they are tried: the next one is asked when one has not what is
/// wanted, fails, or cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorList(Locations);

impl MirrorList {
    /// A list of the one URL below which the content is, and others like it.
    pub fn new(first: SecretUrl, others: impl IntoIterator<Item = SecretUrl>) -> Self {
        Self(Locations { first, others: others.into_iter().collect() })
    }

    /// Where `path`, which is relative, is to be had.
    ///
    /// # Errors
    ///
    /// When the path does not make a URL, or one that is not below the mirror's.
    pub fn locations(&self, path: &str) -> Result<Locations, NetError> {
        let join = |base: &SecretUrl| {
            let failed = |error| NetError::Url {
                text: format!("{} below {base}", imgbuild_secret::public(path)),
                error,
            };
            base.below(path).map_err(failed)
        };
        let others = self.0.others.iter().map(join).collect::<Result<_, _>>()?;
        Ok(Locations { first: join(&self.0.first)?, others })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_below_each_mirror() {
        let url = |text: &str| text.parse::<SecretUrl>().unwrap();
        let mirrors = MirrorList::new(url("https://a.example/debian"), [url("file:///srv/b/")]);
        let found = mirrors.locations("dists/x").unwrap();
        let found: Vec<_> = found.iter().map(|url| url.whole().as_str()).collect();
        assert_eq!(found, ["https://a.example/debian/dists/x", "file:///srv/b/dists/x"]);
        for path in ["../x", "/x", "https://evil.example/x", "//evil.example/x"] {
            assert!(mirrors.locations(path).is_err(), "{path}");
        }
    }
}

//! Where content is to be had.

use url::Url;

use crate::{NetError, RedactedUrl};

/// URLs of the same content, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locations {
    first: Url,
    others: Vec<Url>,
}

impl Locations {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Url> {
        std::iter::once(&self.first).chain(&self.others)
    }

    pub(crate) fn first(&self) -> &Url {
        &self.first
    }
}

impl From<&Url> for Locations {
    fn from(url: &Url) -> Self {
        Self { first: url.clone(), others: Vec::new() }
    }
}

impl From<Url> for Locations {
    fn from(url: Url) -> Self {
        Self { first: url, others: Vec::new() }
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
    pub fn new(first: Url, others: impl IntoIterator<Item = Url>) -> Self {
        let others = others.into_iter().map(as_folder).collect();
        Self(Locations { first: as_folder(first), others })
    }

    /// Where `path`, which is relative, is to be had.
    ///
    /// # Errors
    ///
    /// When the path does not make a URL, or one that is not below the mirror's.
    pub fn locations(&self, path: &str) -> Result<Locations, NetError> {
        let join = |base: &Url| {
            let joined = base.join(path).map_err(|error| (path.to_owned(), error));
            match joined {
                Ok(url) if url.as_str().starts_with(base.as_str()) => Ok(url),
                // A path that climbs out of its mirror, or is a URL itself, is nobody's path.
                Ok(url) => Err(NetError::Url {
                    text: format!("{} below {}", RedactedUrl(&url), RedactedUrl(base)),
                    error: url::ParseError::RelativeUrlWithoutBase,
                }),
                Err((text, error)) => Err(NetError::Url { text, error }),
            }
        };
        let others = self.0.others.iter().map(join).collect::<Result<_, _>>()?;
        Ok(Locations { first: join(&self.0.first)?, others })
    }

    /// The URLs of the mirrors, each with a slash at its end.
    pub fn iter(&self) -> impl Iterator<Item = &Url> {
        self.0.iter()
    }
}

/// Joining replaces what stands behind the last slash: a folder ends with one.
fn as_folder(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_below_each_mirror() {
        let url = |text: &str| text.parse::<Url>().unwrap();
        let mirrors = MirrorList::new(url("https://a.example/debian"), [url("file:///srv/b/")]);
        let found = mirrors.locations("dists/x").unwrap();
        let found: Vec<_> = found.iter().map(Url::as_str).collect();
        assert_eq!(found, ["https://a.example/debian/dists/x", "file:///srv/b/dists/x"]);
        for path in ["../x", "/x", "https://evil.example/x", "//evil.example/x"] {
            assert!(mirrors.locations(path).is_err(), "{path}");
        }
    }
}

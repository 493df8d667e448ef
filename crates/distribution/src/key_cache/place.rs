//! Where a shared cache is: a repository of a registry, a folder, or a bucket.

use std::fmt;
use std::str::FromStr;

use imgbuild_oci::{NameError, Reference};

/// Where a shared cache is, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CachePlace {
    /// A repository of a registry.
    Repository(Reference),
    /// A folder, a bucket of S3, of Google's or of Azure's: `file:///srv/cache`, `s3://bucket/path`.
    Objects(url::Url),
}

/// What names no cache.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum CachePlaceError {
    /// It is no repository.
    #[error(transparent)]
    #[diagnostic(help(
        "a cache is a repository, HOST/NAME, or a URL: `file:///srv/cache`, `s3://bucket/path`, `gs://…`, `az://…`"
    ))]
    Repository(#[from] NameError),
    /// It has a tag or a digest.
    #[error("`{0}` names one image, and a cache is a repository")]
    #[diagnostic(help("leave out what is behind the name"))]
    Tagged(String),
    /// A URL of another kind.
    #[error("`{0}` is a URL of no kind that is known for caches")]
    #[diagnostic(help("known are `file:`, `s3:`, `gs:` and `az:`"))]
    Scheme(String),
}

impl FromStr for CachePlace {
    type Err = CachePlaceError;

    fn from_str(text: &str) -> Result<Self, CachePlaceError> {
        if let Some((scheme, _)) = text.split_once("://") {
            let url = url::Url::parse(text).ok().filter(|_| ["file", "s3", "gs", "az"].contains(&scheme));
            return url.map(Self::Objects).ok_or_else(|| CachePlaceError::Scheme(text.to_owned()));
        }
        if text.starts_with(['/', '.']) {
            let folder =
                std::path::absolute(text).ok().and_then(|path| url::Url::from_directory_path(path).ok());
            return folder.map(Self::Objects).ok_or_else(|| CachePlaceError::Scheme(text.to_owned()));
        }
        let reference: Reference = text.parse()?;
        if reference.tag().is_some() || reference.digest().is_some() {
            return Err(CachePlaceError::Tagged(text.to_owned()));
        }
        Ok(Self::Repository(reference))
    }
}

impl fmt::Display for CachePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(reference) => reference.fmt(f),
            Self::Objects(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_a_repository_or_a_url() {
        for (text, shown) in [
            ("r.example/cache", "r.example/cache"),
            ("file:///srv/cache", "file:///srv/cache"),
            ("/srv/cache", "file:///srv/cache/"),
            ("s3://bucket/path", "s3://bucket/path"),
        ] {
            assert_eq!(text.parse::<CachePlace>().unwrap().to_string(), shown);
        }
        for text in ["r.example/cache:1", "ftp://x/y", "Bad Name"] {
            assert!(text.parse::<CachePlace>().is_err(), "{text}");
        }
    }
}

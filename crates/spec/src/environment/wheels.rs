//! Packages of PyPI in the locks of other tools.

use oci::Digest;

use super::locked::{Content, LockedList};
use crate::pip::ListedWheel;
use crate::source::Origin;

impl Content {
    /// Nothing yet.
    pub(super) fn empty() -> Self {
        let packages = LockedList::Archives(Vec::new());
        Self { packages, wheels: Vec::new(), no_wheels: Vec::new(), sources: Vec::new() }
    }

    /// Adds a package of PyPI: a wheel with its hash can be taken, and anything else is kept as what cannot.
    pub(super) fn pypi(
        &mut self,
        name: &str,
        location: &str,
        sha256: Option<Digest>,
        size: Option<u64>,
        origin: Origin,
    ) {
        let wheel = sha256.and_then(|sha256| wheel(location, sha256, size, origin.clone()));
        match wheel {
            Some(wheel) => self.wheels.push(wheel),
            None => self.no_wheels.push((name.to_owned(), origin)),
        }
    }
}

/// The wheel at a URL. pixi marks those that were required by URL with `direct+`.
fn wheel(location: &str, sha256: Digest, size: Option<u64>, origin: Origin) -> Option<ListedWheel> {
    let mut url = url::Url::parse(location.strip_prefix("direct+").unwrap_or(location)).ok()?;
    if !matches!(url.scheme(), "https" | "http") {
        return None;
    }
    url.set_fragment(None);
    // The `+` of a local version is escaped by some indexes.
    let file = url.path().rsplit('/').next()?.replace("%2B", "+").replace("%2b", "+");
    let parts: Vec<&str> = file.strip_suffix(".whl")?.split('-').collect();
    let ([name, version, _, _, _] | [name, version, _, _, _, _]) = parts.as_slice() else { return None };
    Some(ListedWheel {
        name: name.parse().ok()?,
        version: (*version).to_owned(),
        url: url.into(),
        sha256,
        size,
        origin,
    })
}

//! Packages of PyPI in the locks of other tools.

use std::path::Path;

use imgbuild_document::{Literal, Origin};
use imgbuild_requirement::{PipUrl, RequirementSource, SOURCES, relative};
use url::Url;

use crate::listed_package::ListedPackage;
use crate::locked::{Content, LockedList};

/// A package of PyPI as a lock writes it down.
pub(crate) struct Entry<'a> {
    /// What the lock calls it, where it says that.
    pub(crate) name: Option<&'a str>,
    /// Its version, where the lock says that.
    pub(crate) version: Option<&'a str>,
    /// A URL, or a path.
    pub(crate) location: &'a str,
    /// Its hashes. Of what is no file they are of something else: of a commit, of a folder.
    pub(crate) sha256: Option<&'a Literal>,
    pub(crate) md5: Option<&'a Literal>,
    pub(crate) size: Option<u64>,
    pub(crate) editable: bool,
}

impl<'a> Entry<'a> {
    /// A package of which no more is said than its URL does.
    pub(crate) fn at(name: &'a str, location: &'a str) -> Self {
        let (sha256, md5, version, size) = (None, None, None, None);
        Self { name: Some(name), version, location, sha256, md5, size, editable: false }
    }
}

impl Content {
    /// Nothing yet.
    pub(crate) fn empty() -> Self {
        let packages = LockedList::Archives(Vec::new());
        Self { packages, pypi: Vec::new(), unknown: Vec::new(), sources: Vec::new() }
    }

    /// Adds a package of PyPI. Its path is relative to `folder`, which itself is relative to the spec's.
    ///
    /// # Errors
    ///
    /// When a hash is none.
    pub(crate) fn pypi(&mut self, entry: &Entry<'_>, folder: &Path, origin: Origin) -> Result<(), String> {
        let shown = || entry.name.map_or_else(|| shown(entry.location), str::to_owned);
        let Some((source, fragment)) = source(entry, folder) else {
            self.unknown.push((shown(), origin));
            return Ok(());
        };
        let (sha256, md5) = match source.is_file() {
            true => {
                let stated = |algorithm| fragment.iter().find(|(key, _)| key == algorithm).map(|(_, it)| it);
                let of_url = |algorithm| stated(algorithm).map(|digits| Literal(digits.clone()));
                let of_url = crate::md5::hashes(of_url("sha256").as_ref(), of_url("md5").as_ref())?;
                let (sha256, md5) = crate::md5::hashes(entry.sha256, entry.md5)?;
                (sha256.or(of_url.0), md5.or(of_url.1))
            }
            false => (None, None),
        };
        let size = entry.size.filter(|_| source.is_file());
        // What the entry says is what people read. Whether a wheel is of that, its name is held against when it is taken.
        let stated = (entry.name.and_then(|name| name.parse().ok()), entry.version.map(str::to_owned));
        let (name, version) = match wheel(&source) {
            Some(Some((name, version))) => {
                (stated.0.or_else(|| name.parse().ok()), stated.1.or(Some(version)))
            }
            Some(None) => (None, None),
            None => stated,
        };
        if name.is_none() && !source.is_built() {
            self.unknown.push((shown(), origin));
            return Ok(());
        }
        self.pypi.push(ListedPackage { name, version, source, sha256, md5, size, origin });
        Ok(())
    }
}

/// A location without what may be a secret.
fn shown(location: &str) -> String {
    imgbuild_secret::public(location)
}

/// The pairs of a URL's query or fragment.
fn pairs(text: Option<&str>) -> Vec<(String, String)> {
    let pairs = text.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Where a package comes from, with the pairs of its URL's fragment; nothing where that is no place that is known. pixi marks
/// what was required by URL with `direct+`.
fn source(entry: &Entry<'_>, folder: &Path) -> Option<(RequirementSource, Vec<(String, String)>)> {
    let location = entry.location.strip_prefix("direct+").unwrap_or(entry.location);
    if let Some(repository) = location.strip_prefix("git+") {
        return Some((git(repository)?, Vec::new()));
    }
    let local =
        |path: &str| RequirementSource::Path { path: relative(folder, path), editable: entry.editable };
    let is_url = location.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|it| it.is_ascii_alphanumeric() || b"+.-".contains(&it))
    });
    if !is_url {
        return (!location.contains('\\') && !location.starts_with('~'))
            .then(|| (local(location), Vec::new()));
    }
    let mut url = Url::parse(location).ok()?;
    let fragment = pairs(url.fragment());
    if url.scheme() == "file" {
        let path = url.to_file_path().ok()?;
        return Some((RequirementSource::Path { path, editable: entry.editable }, fragment));
    }
    let is_archive = SOURCES.iter().chain(&[".whl"]).any(|end| url.path().ends_with(end));
    if !matches!(url.scheme(), "https" | "http") || !is_archive {
        return None;
    }
    let below = fragment.iter().find(|(key, _)| key == "subdirectory");
    url.set_fragment(below.map(|(key, value)| format!("{key}={value}")).as_deref());
    Some((RequirementSource::Url(PipUrl::read(url.as_str(), &["https", "http"]).ok()?), fragment))
}

/// A repository with its revision as pip writes it (`URL@REVISION#subdirectory=…`), or as pixi does
/// (`URL?rev=…&subdirectory=…#COMMIT`).
fn git(location: &str) -> Option<RequirementSource> {
    let mut url = Url::parse(location).ok()?;
    let (query, fragment) = (pairs(url.query()), pairs(url.fragment()));
    let stated = |wanted: &str| {
        let found = query.iter().chain(&fragment).find(|(key, _)| key == wanted);
        found.map(|(_, value)| value.clone())
    };
    let commit = url.fragment().filter(|it| !it.is_empty() && !it.contains(['=', '&'])).map(str::to_owned);
    let behind = url.path().rsplit_once('@').map(|(path, revision)| (path.to_owned(), revision.to_owned()));
    let named = ["rev", "tag", "branch"].into_iter().find_map(stated);
    let revision = commit.or(behind.as_ref().map(|(_, revision)| revision.clone())).or(named);
    if revision.as_deref().is_some_and(|it| it.is_empty() || it.starts_with('-')) {
        return None;
    }
    let subdirectory = stated("subdirectory");
    if let Some((path, _)) = behind {
        url.set_path(&path);
    }
    url.set_query(None);
    url.set_fragment(None);
    let url = PipUrl::read(url.as_str(), &["https", "http", "ssh", "file"]).ok()?;
    Some(RequirementSource::Git { url, revision, subdirectory })
}

/// Name and version of a wheel, by the name of its file, and nothing where that is none of a wheel; nothing at all for what
/// is no wheel.
fn wheel(source: &RequirementSource) -> Option<Option<(String, String)>> {
    // The `+` of a local version is escaped by some indexes.
    let file = source.file_name()?.replace("%2B", "+").replace("%2b", "+");
    let parts: Vec<&str> = file.strip_suffix(".whl")?.split('-').collect();
    Some(match parts.as_slice() {
        [name, version, _, _, _] | [name, version, _, _, _, _] => {
            Some(((*name).to_owned(), (*version).to_owned()))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(location: &str) -> Option<String> {
        Some(match source(&Entry::at("x", location), Path::new("sub"))?.0 {
            RequirementSource::Index => "index".to_owned(),
            RequirementSource::Url(url) => format!("url {url}"),
            RequirementSource::Git { url, revision, subdirectory } => {
                format!("git {url} {revision:?} {subdirectory:?}")
            }
            RequirementSource::Path { path, .. } => format!("path {}", path.display()),
        })
    }

    #[test]
    fn a_location_is_read_as_the_tools_write_it() {
        for (location, wanted) in [
            (
                "https://u:p@f.example/a-1-py3-none-any.whl?t=1#sha256=ab",
                "url https://f.example/a-1-py3-none-any.whl",
            ),
            (
                "direct+https://f.example/a-1%2Bcpu-py3-none-any.whl",
                "url https://f.example/a-1%2Bcpu-py3-none-any.whl",
            ),
            (
                "https://f.example/a-1.tar.gz#subdirectory=b&sha256=ab",
                "url https://f.example/a-1.tar.gz#subdirectory=b",
            ),
            ("git+https://u:p@g.example/a.git@v1", "git https://g.example/a.git Some(\"v1\") None"),
            (
                "git+https://g.example/a?rev=v1&subdirectory=b#0123",
                "git https://g.example/a Some(\"0123\") Some(\"b\")",
            ),
            ("git+https://g.example/a?branch=main", "git https://g.example/a Some(\"main\") None"),
            (
                "git+https://g.example/a@0123#subdirectory=b&egg=a",
                "git https://g.example/a Some(\"0123\") Some(\"b\")",
            ),
            ("git+ssh://git@g.example/a@0123", "git ssh://git@g.example/a Some(\"0123\") None"),
            ("direct+git+https://g.example/a", "git https://g.example/a None None"),
            (".", "path sub"),
            ("./", "path sub"),
            ("./a-1-py3-none-any.whl", "path sub/a-1-py3-none-any.whl"),
            ("../a", "path sub/../a"),
            ("/a/b", "path /a/b"),
            ("file:///a/b-1.tar.gz", "path /a/b-1.tar.gz"),
        ] {
            assert_eq!(read(location).as_deref(), Some(wanted), "{location}");
        }
        for location in [
            "ftp://f.example/a-1.tar.gz",
            "https://f.example/a",
            "hg+https://f.example/a",
            "C:\\a",
            "..\\a",
            "git+https://g.example/a@-x",
        ] {
            assert_eq!(read(location), None, "{location}");
        }
    }
}

//! What an index has of a project ("Simple repository API"): every file, whether it fits or not. uv chooses from it; this is
//! for saying why nothing could be chosen.

use std::str::FromStr;

use imgbuild_net::{Client, NetError};
use imgbuild_oci::Digest;
use imgbuild_secret::{SecretText, SecretUrl};
use pep440_rs::Version;
use url::Url;

use crate::limits::{OFFERS_PAGE_LIMIT, PAGE_LIMIT};
use crate::wheel::filename::{WheelFilename, normalized};

/// A file of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexFile {
    /// Its version.
    pub(crate) version: Version,
    /// What the name of a wheel says; nothing for a source distribution.
    pub(crate) wheel: Option<WheelFilename>,
    /// The Pythons that it is for.
    pub(crate) requires_python: Option<String>,
    /// Why it was taken back, where it was; the reason may be empty.
    pub(crate) yanked: Option<String>,
}

/// Where packages are looked for, in the order in which uv does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// The indexes.
    pub(crate) indexes: Vec<SecretUrl>,
    /// Folders and pages that list files of many projects.
    pub(crate) links: Vec<SecretText>,
}

impl Places {
    /// Reads what uv says where it looks: lines of a requirements file.
    pub(crate) fn read(text: &str) -> Self {
        let (mut indexes, mut default, mut links) = (Vec::new(), None, Vec::new());
        for line in text.lines() {
            match line.trim().split_once(' ') {
                Some(("--index-url", url)) => default = url.trim().parse().ok(),
                Some(("--extra-index-url", url)) => indexes.extend(url.trim().parse::<SecretUrl>()),
                Some(("--find-links", place)) => links.push(SecretText::new(place.trim())),
                _ => {}
            }
        }
        indexes.extend(default);
        Self { indexes, links }
    }

    /// The files of a project: those of the first index that has it, and those of links. Nothing where nobody has any.
    ///
    /// # Errors
    ///
    /// When an index does not answer.
    pub(crate) async fn files(&self, client: &Client, name: &str) -> Result<Vec<IndexFile>, NetError> {
        let mut files: Vec<IndexFile> =
            self.linked(client).await?.into_iter().filter_map(|link| link.file(name)).collect();
        for index in &self.indexes {
            let Some(url) = page_url(index, name) else { continue };
            let Some(page) = text(client, &url).await? else { continue };
            files.extend(read_page(&page).into_iter().filter_map(|link| link.file(name)));
            break;
        }
        Ok(files)
    }
}

impl Places {
    /// The files that links list, of all projects.
    ///
    /// # Errors
    ///
    /// When a page does not answer.
    pub(crate) async fn linked(&self, client: &Client) -> Result<Vec<Link>, NetError> {
        let mut all = Vec::new();
        for place in &self.links {
            let place = place.whole();
            match folder(place) {
                Some(folder) => all.extend(folder_links(&folder)),
                None => {
                    if let Ok(url) = place.parse::<SecretUrl>() {
                        all.extend(read_page(&text(client, &url).await?.unwrap_or_default()));
                    }
                }
            }
        }
        Ok(all)
    }
}

/// The forms of a page that can be read, as pip names them (PEP 691).
const FORMS: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";

/// A page of an index that has a project.
pub(crate) struct ProjectPage {
    /// Where it is.
    pub(crate) url: SecretUrl,
    links: Vec<Link>,
}

impl ProjectPage {
    /// What an index has of a project, by its own word; nothing where it has none, or nothing that we may see.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub(crate) async fn get(
        client: &Client,
        index: &SecretUrl,
        name: &str,
    ) -> Result<Option<Self>, NetError> {
        let Some(url) = page_url(index, name) else { return Ok(None) };
        match client.get_bytes_there(url.clone(), Some(FORMS), OFFERS_PAGE_LIMIT).await {
            Ok(bytes) => Ok(Some(Self { url, links: read_page(&String::from_utf8_lossy(&bytes)) })),
            Err(NetError::NotFound { .. } | NetError::Unauthorized { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The link of a file. One that has another hash is another file, and one that has none may be.
    pub(crate) fn link(&self, filename: &str, sha256: &Digest) -> Option<&Link> {
        let is_it = |link: &&Link| {
            let stated = link.sha256.as_deref().and_then(|hex| Digest::from_hex(hex).ok());
            link.filename == filename && stated == Some(*sha256)
        };
        self.links.iter().find(is_it)
    }
}

/// The text of a page; nothing where there is none.
pub(crate) async fn text(client: &Client, url: &SecretUrl) -> Result<Option<String>, NetError> {
    match client.get_bytes(url.clone(), PAGE_LIMIT).await {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(NetError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The page of a project on an index.
fn page_url(index: &SecretUrl, name: &str) -> Option<SecretUrl> {
    let mut url = index.whole().clone();
    url.path_segments_mut().ok()?.pop_if_empty().push(name).push("");
    Some(url.into())
}

fn folder(place: &str) -> Option<std::path::PathBuf> {
    match Url::parse(place) {
        Ok(url) if url.scheme() == "file" => url.to_file_path().ok(),
        Ok(_) => None,
        Err(_) => Some(place.into()),
    }
}

fn folder_links(folder: &std::path::Path) -> Vec<Link> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let link = |filename: String| Link { filename, ..Link::default() };
    names.filter_map(|entry| Some(link(entry.file_name().into_string().ok()?))).collect()
}

/// A link of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) filename: String,
    requires_python: Option<String>,
    yanked: Option<String>,
    /// The hash of the file, in hexadecimal digits.
    sha256: Option<String>,
    /// Where its attestations are (PEP 740).
    pub(crate) provenance: Option<String>,
}

impl Link {
    /// The file, where it is one of a project.
    fn file(self, name: &str) -> Option<IndexFile> {
        let Self { filename, requires_python, yanked, .. } = self;
        let (wheel, version) = match WheelFilename::from_str(&filename) {
            Ok(wheel) => (wheel.name == name).then(|| (Some(wheel.clone()), wheel.version))?,
            Err(_) => (None, sdist_version(&filename, name)?),
        };
        Some(IndexFile { version, wheel, requires_python, yanked })
    }
}

/// The version in the name of a source distribution.
fn sdist_version(filename: &str, name: &str) -> Option<Version> {
    const ENDS: [&str; 5] = [".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz"];
    let stem = ENDS.iter().find_map(|end| filename.strip_suffix(end))?;
    let hyphens = stem.char_indices().filter(|(_, it)| *it == '-').map(|(at, _)| at);
    let of_name = |at: usize| (normalized(&stem[..at]) == name).then(|| &stem[at + 1..]);
    hyphens.filter_map(of_name).find_map(|version| Version::from_str(version).ok())
}

/// The links of a page, in JSON or in HTML.
fn read_page(text: &str) -> Vec<Link> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(page) => page["files"].as_array().into_iter().flatten().filter_map(json_link).collect(),
        Err(_) => html_links(text),
    }
}

fn json_link(file: &serde_json::Value) -> Option<Link> {
    let text = |key: &str| file[key].as_str().map(str::to_owned);
    let yanked = text("yanked").or_else(|| file["yanked"].as_bool()?.then(String::new));
    Some(Link {
        filename: text("filename")?,
        requires_python: text("requires-python"),
        yanked,
        sha256: file["hashes"]["sha256"].as_str().map(str::to_owned),
        provenance: text("provenance"),
    })
}

/// The anchors of a page of HTML: their texts are the files' names, and where that is none, the ends of their addresses.
fn html_links(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for part in text.split("<a").skip(1) {
        let Some((tag, rest)) = part.split_once('>') else { continue };
        if !tag.starts_with(|it: char| it.is_ascii_whitespace()) {
            continue;
        }
        let name = unescaped(rest.split('<').next().unwrap_or_default().trim());
        let end = |href: String| {
            let path = href.split(['#', '?']).next().unwrap_or_default();
            path.rsplit('/').next().unwrap_or_default().replace("%2B", "+").replace("%2b", "+")
        };
        let address = attribute(tag, "href");
        let of_address = address.clone().map(end);
        let fragment = address.as_ref().and_then(|it| it.split_once('#')).map_or("", |it| it.1);
        let hash = fragment.split('&').find_map(|part| part.strip_prefix("sha256=")).map(str::to_owned);
        let is_file =
            |name: &String| name.ends_with(".whl") || name.contains(".tar") || name.ends_with(".zip");
        let Some(filename) = Some(name).filter(is_file).or(of_address) else { continue };
        links.push(Link {
            filename,
            requires_python: attribute(tag, "data-requires-python"),
            yanked: attribute(tag, "data-yanked"),
            sha256: hash,
            provenance: attribute(tag, "data-provenance"),
        });
    }
    links
}

/// The value of an attribute of a tag; an empty one where it has none.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    loop {
        rest = rest.trim_start_matches(|it: char| it.is_ascii_whitespace() || it == '/');
        if rest.is_empty() {
            return None;
        }
        let end =
            rest.find(|it: char| it.is_ascii_whitespace() || it == '=' || it == '/').unwrap_or(rest.len());
        let (found, after) = rest.split_at(end.max(1).min(rest.len()));
        let after = after.trim_start();
        let (value, after) = match after.strip_prefix('=').map(str::trim_start) {
            None => ("", after),
            Some(after) => match after.chars().next().filter(|it| matches!(it, '"' | '\'')) {
                Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                None => {
                    after.split_at(after.find(|it: char| it.is_ascii_whitespace()).unwrap_or(after.len()))
                }
            },
        };
        if found.eq_ignore_ascii_case(name) {
            return Some(unescaped(value));
        }
        rest = after;
    }
}

fn unescaped(text: &str) -> String {
    let pairs =
        [("&gt;", ">"), ("&lt;", "<"), ("&quot;", "\""), ("&#39;", "'"), ("&#43;", "+"), ("&amp;", "&")];
    pairs.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(files: Vec<Link>) -> Vec<String> {
        let line = |it: IndexFile| {
            format!("{} {} {:?} {:?}", it.version, it.wheel.is_some(), it.requires_python, it.yanked)
        };
        files.into_iter().filter_map(|link| link.file("a-b")).map(line).collect()
    }

    #[test]
    fn both_forms_of_a_page_say_the_same() {
        let html = "<!DOCTYPE html><html><head><title>a</title></head><body>\n\
            <a href=\"https://f.example/a_b-1.0%2Bcpu-py3-none-any.whl#sha256=ab\" data-requires-python=\"&gt;=3.9\">a_b-1.0+cpu-py3-none-any.whl</a><br/>\n\
            <A HREF='x'>y</A><a href='../../a.b-2.0.tar.gz' data-yanked=\"broken &amp; slow\">a.b-2.0.tar.gz</a>\
            <a data-yanked href=a-b-3.zip>download</a><abbr title='x'>z</abbr><a href='c-1.tar.gz'>c-1.tar.gz</a></body>";
        let json = r#"{"files": [
            {"filename": "a_b-1.0+cpu-py3-none-any.whl", "requires-python": ">=3.9", "yanked": false},
            {"filename": "a.b-2.0.tar.gz", "yanked": "broken & slow"},
            {"filename": "a-b-3.zip", "yanked": true}, {"filename": "c-1.tar.gz"}, {}]}"#;
        let wanted = [
            "1.0+cpu true Some(\">=3.9\") None",
            "2.0 false None Some(\"broken & slow\")",
            "3 false None Some(\"\")",
        ];
        assert_eq!(shown(read_page(html)), wanted);
        assert_eq!(shown(read_page(json)), wanted);
    }

    #[test]
    fn both_forms_say_where_the_attestations_of_a_file_are() {
        let (hash, other) = ("ab".repeat(32), "cd".repeat(32));
        let html = format!(
            "<a href='/f/a-1.whl#sha256={hash}&amp;x=1' data-provenance='https://i.example/p?a=1&amp;b=2'>a-1.whl</a>\
             <a href='/f/a-2.whl' data-provenance='/p'>a-2.whl</a>"
        );
        let json = format!(
            r#"{{"files": [
            {{"filename": "a-1.whl", "url": "/f/a-1.whl", "hashes": {{"sha256": "{hash}"}}, "provenance": "https://i.example/p?a=1&b=2"}},
            {{"filename": "a-2.whl", "url": "/f/a-2.whl", "provenance": "/p"}}]}}"#
        );
        let digest = |hex: &str| Digest::from_hex(hex).unwrap();
        for text in [html, json] {
            let url: SecretUrl = "https://i.example/simple/a/".parse().unwrap();
            let page = ProjectPage { url, links: read_page(&text) };
            let link = page.link("a-1.whl", &digest(&hash)).unwrap();
            assert_eq!(link.provenance.as_deref(), Some("https://i.example/p?a=1&b=2"));
            assert_eq!(page.link("a-1.whl", &digest(&other)), None);
            // What has no hash may be another file.
            assert_eq!(page.link("a-2.whl", &digest(&other)), None);
            assert_eq!(page.link("a-3.whl", &digest(&hash)), None);
        }
    }

    #[test]
    fn places_are_in_the_order_of_uv() {
        let places = Places::read(
            "--index-url https://a.example/simple\n--extra-index-url https://b.example/simple/\n\n--find-links ./x\n",
        );
        let urls: Vec<String> =
            places.indexes.iter().filter_map(|index| Some(page_url(index, "a-b")?.to_string())).collect();
        assert_eq!(urls, ["https://b.example/simple/a-b/", "https://a.example/simple/a-b/"]);
        assert_eq!(places.links, [SecretText::new("./x")]);
    }

    proptest! {
        #[test]
        fn no_page_makes_it_panic(text in "(<a |</a>|href=|'|\"|=|/|>|<| |data-yanked|a-b-1\\.zip|é|&gt;){0,40}") {
            let _ = shown(read_page(&text));
        }
    }
}

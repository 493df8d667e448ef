//! The packages that a suite has: `Packages`, fetched, verified and kept.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use oci::{Digest, Platform};
use url::Url;

use crate::fetch::{Fetch, FetchError};
use crate::keyring::Keyring;
use crate::mirror::Mirror;
use crate::release::{IndexFile, Release, ReleaseError};
use crate::stanza::{field, paragraphs};
use crate::{MAIN_ARCHIVE, Relation, SECURITY_ARCHIVE, Version};

/// An `InRelease` is some 200 kB.
const LARGEST_RELEASE: u64 = 8 << 20;

/// Where indexes come from.
#[derive(Debug)]
pub struct IndexRequest<'a> {
    /// The suite's code name.
    pub suite: &'a str,
    /// The platform.
    pub platform: Platform,
    /// The components, such as `main`.
    pub components: &'a [String],
    /// The mirror.
    pub mirror: &'a Mirror,
    /// Who may sign.
    pub keyring: &'a Keyring,
    /// The time, in seconds since 1970.
    pub now: i64,
    /// The folder that keeps indexes between runs.
    pub cache: &'a Path,
    /// Whether only what the cache has may be used.
    pub offline: bool,
}

/// Why the packages of a suite are not known.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Something could not be fetched.
    #[error("cannot fetch the index of the suite `{suite}`")]
    Fetch {
        /// The suite.
        suite: String,
        /// Why.
        #[source]
        error: Box<FetchError>,
    },
    /// The mirror does not have the suite.
    #[error(
        "the mirror has no suite `{suite}`: `{url}` is not there\nhint: the suites are called by their code names, such as `bookworm` and `trixie`"
    )]
    NoSuite {
        /// The suite.
        suite: String,
        /// What was looked for.
        url: Box<Url>,
    },
    /// `InRelease` is not good.
    #[error("cannot trust the index `{url}` of the suite `{suite}`: {error}{}", hint(error))]
    Release {
        /// Where it is.
        url: Box<Url>,
        /// The suite.
        suite: String,
        /// Why.
        error: Box<ReleaseError>,
    },
    /// An index file is not what `InRelease` says.
    #[error(
        "`{url}` is not the file that the signed index names\nexpected: {expected_size} bytes, {expected}\n   found: {found_size} bytes, {found}\nhint: the mirror may be in the middle of an update: try again, or take another with `[base] mirror`"
    )]
    Changed {
        /// Where it is.
        url: Box<Url>,
        /// The size that was signed.
        expected_size: u64,
        /// The hash that was signed.
        expected: Digest,
        /// The size that was found.
        found_size: u64,
        /// The hash that was found.
        found: Digest,
    },
    /// The suite has no such component.
    #[error(
        "the suite `{suite}` has no component `{component}` for `{architecture}`\nhint: it has the components {known} for {architectures}"
    )]
    NoComponent {
        /// The suite.
        suite: String,
        /// The component.
        component: String,
        /// The architecture.
        architecture: String,
        /// What it has.
        known: String,
        /// What it has.
        architectures: String,
    },
    /// The cache lacks it, and the network may not be used.
    #[error(
        "the index of the suite `{suite}` is not in the cache, and `--offline` forbids fetching it\nhint: run `imgbuild lock` once without `--offline`"
    )]
    Offline {
        /// The suite.
        suite: String,
    },
    /// The cache could not be read or written.
    #[error("cannot use the cached index `{}`", path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A signed index cannot be read.
    #[error("the index of the suite `{suite}` cannot be read: {what}")]
    Unreadable {
        /// The suite.
        suite: String,
        /// What is wrong.
        what: String,
    },
}

fn hint(error: &ReleaseError) -> &'static str {
    match error {
        ReleaseError::Signature(_) => {
            "\nhint: where the mirror is not Debian's own, name its keys with `[base] keyring`"
        }
        ReleaseError::Expired(_) | ReleaseError::Future(_) => {
            "\nhint: the mirror is out of date, or this machine's clock is wrong"
        }
        ReleaseError::OtherSuite { .. } => "\nhint: the mirror answers with another suite than was asked for",
        ReleaseError::Stanza(_) | ReleaseError::Field(_) => "",
    }
}

/// A package of the index, as far as choosing needs it.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) version: Version,
    /// Its whole stanza.
    pub(crate) record: String,
    pub(crate) archive: String,
}

/// All packages of a suite with its updates and security fixes.
#[derive(Debug, Default)]
pub struct Index {
    texts: Vec<(String, String)>,
    names: BTreeMap<String, Vec<Place>>,
    provided: BTreeMap<String, Vec<Place>>,
    essential: Vec<String>,
}

/// A stanza: which text, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    text: usize,
    start: usize,
    end: usize,
}

impl Index {
    /// Fetches and verifies the indexes of a suite.
    ///
    /// # Errors
    ///
    /// When one cannot be had or trusted.
    pub async fn fetch(request: &IndexRequest<'_>, fetch: &impl Fetch) -> Result<Self, IndexError> {
        let mut index = Self::default();
        let suites = [
            (MAIN_ARCHIVE, request.suite.to_owned()),
            (MAIN_ARCHIVE, format!("{}-updates", request.suite)),
            (SECURITY_ARCHIVE, format!("{}-security", request.suite)),
        ];
        for (archive, suite) in suites {
            let root = request.mirror.archive(archive);
            for text in fetch_suite(request, root, &suite, fetch).await? {
                index.add(archive, text, &suite)?;
            }
        }
        Ok(index)
    }

    /// Adds the packages of a `Packages` file.
    pub(crate) fn add(&mut self, archive: &str, text: String, suite: &str) -> Result<(), IndexError> {
        let number = self.texts.len();
        let base = text.as_ptr() as usize;
        for paragraph in paragraphs(&text) {
            let start = paragraph.as_ptr() as usize - base;
            let place = Place { text: number, start, end: start + paragraph.len() };
            let Some(name) = field(paragraph, "Package") else {
                let what = format!("a stanza has no name: `{}`", paragraph.lines().next().unwrap_or(""));
                return Err(IndexError::Unreadable { suite: suite.to_owned(), what });
            };
            self.names.entry(name.to_owned()).or_default().push(place);
            let mut is_essential = false;
            for line in paragraph.lines() {
                if line == "Essential: yes" {
                    is_essential = true;
                } else if let Some(provides) = line.strip_prefix("Provides:") {
                    let provided = Relation::read_list(provides).map_err(|error| IndexError::Unreadable {
                        suite: suite.to_owned(),
                        what: format!("what the package `{name}` provides: {error}"),
                    })?;
                    for relation in provided.into_iter().flatten() {
                        self.provided.entry(relation.name).or_default().push(place);
                    }
                }
            }
            if is_essential {
                self.essential.push(name.to_owned());
            }
        }
        self.essential.sort();
        self.essential.dedup();
        self.texts.push((archive.to_owned(), text));
        Ok(())
    }

    fn candidate(&self, place: Place) -> Option<Candidate> {
        let (archive, text) = &self.texts[place.text];
        let record = &text[place.start..place.end];
        Some(Candidate {
            name: field(record, "Package")?.to_owned(),
            version: field(record, "Version")?.parse().ok()?,
            record: record.to_owned(),
            archive: archive.clone(),
        })
    }

    /// The versions of a package, the highest first; of equal ones that of the archive that was added first.
    pub(crate) fn versions(&self, name: &str) -> Vec<Candidate> {
        let places = self.names.get(name).into_iter().flatten();
        let mut candidates: Vec<_> = places.filter_map(|place| self.candidate(*place)).collect();
        candidates.sort_by(|a, b| b.version.cmp(&a.version));
        candidates
    }

    /// The packages that provide `name`, in the order of the index.
    pub(crate) fn providers(&self, name: &str) -> Vec<Candidate> {
        self.provided.get(name).into_iter().flatten().filter_map(|place| self.candidate(*place)).collect()
    }

    /// The packages that every system has.
    pub(crate) fn essential(&self) -> &[String] {
        &self.essential
    }

    /// Every package's name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }
}

async fn fetch_suite(
    request: &IndexRequest<'_>,
    root: &Url,
    suite: &str,
    fetch: &impl Fetch,
) -> Result<Vec<String>, IndexError> {
    let dists = join(root, &format!("dists/{suite}"), suite)?;
    let url = join(&dists, "InRelease", suite)?;
    let release = fetch_release(request, &url, suite, fetch).await?;
    let architecture = request.platform.architecture();
    let mut texts = Vec::new();
    for component in request.components {
        let path = format!("{component}/binary-{architecture}/Packages");
        let (Some(plain), Some(packed)) = (release.file(&path), release.file(&format!("{path}.xz"))) else {
            // The updates and security suites may have nothing in a component that the suite itself has.
            return Err(IndexError::NoComponent {
                suite: suite.to_owned(),
                component: component.clone(),
                architecture: architecture.to_owned(),
                known: listed(release.components()),
                architectures: listed(release.architectures()),
            });
        };
        let packed_bytes = fetch_packed(request, &dists, &path, packed, suite, fetch).await?;
        let url = join(&dists, &path, suite)?;
        texts.push(unpack(&packed_bytes, plain, &url, suite)?);
    }
    Ok(texts)
}

fn listed(words: &[String]) -> String {
    words.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

async fn fetch_release(
    request: &IndexRequest<'_>,
    url: &Url,
    suite: &str,
    fetch: &impl Fetch,
) -> Result<Release, IndexError> {
    let verify = |bytes: &[u8]| {
        Release::verify(&String::from_utf8_lossy(bytes), suite, request.keyring, request.now).map_err(
            |error| IndexError::Release {
                url: Box::new(url.clone()),
                suite: suite.to_owned(),
                error: Box::new(error),
            },
        )
    };
    let path = request.cache.join(format!("{suite}-{}.InRelease", &Digest::of(url.as_str()).hex()[..16]));
    if request.offline {
        let bytes = read_cached(&path)?.ok_or_else(|| IndexError::Offline { suite: suite.to_owned() })?;
        return verify(&bytes);
    }
    let bytes = match fetch.get(url, LARGEST_RELEASE).await {
        Ok(bytes) => bytes,
        Err(FetchError::NotFound(url)) => {
            return Err(IndexError::NoSuite { suite: suite.to_owned(), url: Box::new(url) });
        }
        Err(error) => return Err(IndexError::Fetch { suite: suite.to_owned(), error: Box::new(error) }),
    };
    let release = verify(&bytes)?;
    write_cached(&path, &bytes)?;
    Ok(release)
}

/// The packed `Packages`: from the cache by its hash, else by its hash from the mirror, else by its name.
async fn fetch_packed(
    request: &IndexRequest<'_>,
    dists: &Url,
    path: &str,
    file: IndexFile,
    suite: &str,
    fetch: &impl Fetch,
) -> Result<Vec<u8>, IndexError> {
    let cached = request.cache.join(format!("{}.xz", file.sha256.hex()));
    // A damaged cache is not an error: the file is fetched anew.
    if let Some(bytes) = read_cached(&cached)?.filter(|bytes| Digest::of(bytes) == file.sha256) {
        return Ok(bytes);
    }
    if request.offline {
        return Err(IndexError::Offline { suite: suite.to_owned() });
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let by_hash = join(dists, &format!("{folder}/by-hash/SHA256/{}", file.sha256.hex()), suite)?;
    let by_name = join(dists, &format!("{path}.xz"), suite)?;
    let (url, fetched) = match fetch.get(&by_hash, file.size).await {
        Err(FetchError::NotFound(_)) => {
            let fetched = fetch.get(&by_name, file.size).await;
            (by_name, fetched)
        }
        fetched => (by_hash, fetched),
    };
    let bytes =
        fetched.map_err(|error| IndexError::Fetch { suite: suite.to_owned(), error: Box::new(error) })?;
    check(&bytes, file, &url)?;
    write_cached(&cached, &bytes)?;
    Ok(bytes)
}

fn check(bytes: &[u8], file: IndexFile, url: &Url) -> Result<(), IndexError> {
    let (found, found_size) = (Digest::of(bytes), bytes.len() as u64);
    if (found, found_size) == (file.sha256, file.size) {
        return Ok(());
    }
    let url = Box::new(url.clone());
    Err(IndexError::Changed { url, expected_size: file.size, expected: file.sha256, found_size, found })
}

fn unpack(packed: &[u8], file: IndexFile, url: &Url, suite: &str) -> Result<String, IndexError> {
    let mut bytes = Vec::new();
    let unreadable = |what: String| IndexError::Unreadable { suite: suite.to_owned(), what };
    // One byte more than was signed shows that there are too many.
    let mut reader = lzma_rust2::XzReader::new(packed, true).take(file.size + 1);
    reader.read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
    check(&bytes, file, url)?;
    String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))
}

fn join(root: &Url, path: &str, suite: &str) -> Result<Url, IndexError> {
    let text = format!("{}/{path}", root.as_str().trim_end_matches('/'));
    Url::parse(&text).map_err(|error| IndexError::Unreadable {
        suite: suite.to_owned(),
        what: format!("`{text}`: {error}"),
    })
}

fn read_cached(path: &Path) -> Result<Option<Vec<u8>>, IndexError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(IndexError::Cache { path: path.to_owned(), error }),
    }
}

/// Writes a file so that it bears its name only when it is whole.
fn write_cached(path: &Path, bytes: &[u8]) -> Result<(), IndexError> {
    let cache = |error| IndexError::Cache { path: path.to_owned(), error };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(cache)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(cache)?;
    file.write_all(bytes).map_err(cache)?;
    file.persist(path).map_err(|error| cache(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_provided_must_be_readable() {
        let text = "Package: a\nVersion: 1\nProvides: b (1\n".to_owned();
        let error = Index::default().add(MAIN_ARCHIVE, text, "bookworm").unwrap_err();
        insta::assert_snapshot!(error, @"the index of the suite `bookworm` cannot be read: what the package `a` provides: `b (1` is not a relation between packages");
    }
}

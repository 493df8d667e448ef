//! The attestations that indexes offer for their files (PEP 740).

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use imgbuild_attestation::{OFFER_LIMIT, Offered, Refusal, of_wheel};
use imgbuild_layer::KeyHasher;
use imgbuild_net::{DownServers, NetError};
use imgbuild_oci::Digest;
use imgbuild_secret::SecretUrl;
use imgbuild_store::Documents;
use tokio::sync::Semaphore;
use url::Url;

use crate::choosing::finder::PackageFinder;
use crate::choosing::locking::Run;
use crate::choosing::locking_error::LockingError;
use crate::index::listing::ProjectPage;
use crate::limits::PAGES_AT_ONCE;

/// What the store keeps of files of indexes: the attestations that are offered for each, which may be none.
const DOCUMENTS: &str = "pypi-attestations-v2";
/// How many projects are asked for at once.
const AT_ONCE: usize = 8;

/// A file of an index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AskedFile {
    /// Its project, by its normalised name.
    pub project: String,
    /// Its name.
    pub filename: String,
    /// Its hash.
    pub sha256: Digest,
}

/// Attestations that an index offers, and that cannot be had.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum OfferError {
    /// It does not answer.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Net(#[from] NetError),
    /// It leads to another server.
    #[error("the index says that they are at `{url}`, which is not its own server")]
    Elsewhere {
        /// Where they are.
        url: SecretUrl,
    },
    /// It says no URL.
    #[error("the index says that they are at `{}`, which is no URL", .0.escape_default())]
    NoUrl(String),
    /// Another one could not be had from there, and so this one was not asked for.
    #[error("they were not asked for, because the server did not answer")]
    NotAsked,
    /// It has something else there.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Refused(#[from] Refusal),
}

/// What is offered for a file, by its place among those that were asked about.
type Answer = (usize, Result<Vec<Offered>, OfferError>);

/// What one file's index has to say of it.
struct Found {
    place: usize,
    /// Where the page says that the attestations are; nothing where it has none.
    provenance: Option<String>,
}

/// Those who are asked.
struct Asking<'a> {
    finder: &'a PackageFinder,
    indexes: &'a [SecretUrl],
    files: &'a [AskedFile],
    documents: Documents<'a>,
    down: &'a DownServers,
    /// Pages are large: few are in memory at once.
    pages: Semaphore,
}

impl PackageFinder {
    /// What the indexes offer for these files: `take` gets it with the place of the file, as it comes, and once for each. An index is asked
    /// once for each file; offline, none is. Nobody asks a server again that is down.
    ///
    /// # Errors
    ///
    /// When nobody knows which indexes there are. What cannot be had has its error in the place of the file.
    pub async fn attestations(
        &self,
        files: &[AskedFile],
        down: &DownServers,
        mut take: impl FnMut(usize, Result<Vec<Offered>, OfferError>) + Send,
    ) -> Result<(), LockingError> {
        let uv = self.uv().await?;
        let locking = self.locking(&uv);
        let places = Run::new(&locking, self.request())?.said_places().await?;
        let documents = self.reader().store.documents(DOCUMENTS);
        let mut missing: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, file) in files.iter().enumerate() {
            match documents.get(&key(&places.indexes, file)) {
                Some(known) => take(place, Ok(known)),
                None if self.client().is_offline() => take(place, Ok(Vec::new())),
                None => missing.entry(&file.project).or_default().push(place),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        // Those of links are no index's, whatever an index has.
        let linked: BTreeSet<String> = match places.linked(self.client()).await {
            Ok(links) => links.into_iter().map(|link| link.filename).collect(),
            // Whose a file is, nobody knows then: no index hears of any.
            Err(error) => {
                let mut wanted = missing.into_values().flatten();
                if let Some(place) = wanted.next() {
                    take(place, Err(error.into()));
                }
                not_asked(wanted).into_iter().for_each(|(place, answer)| take(place, answer));
                return Ok(());
            }
        };
        for places in missing.values_mut() {
            let of_links = places.extract_if(.., |place| linked.contains(&files[*place].filename));
            of_links.for_each(|place| take(place, Ok(Vec::new())));
        }
        missing.retain(|_, places| !places.is_empty());
        let pages = Semaphore::new(PAGES_AT_ONCE);
        let asking = Asking { finder: self, indexes: &places.indexes, files, documents, down, pages };
        let all = missing.into_iter().map(|(project, wanted)| asking.of_project(project, wanted));
        let mut answers = std::pin::pin!(futures::stream::iter(all).buffer_unordered(AT_ONCE));
        while let Some(of_project) = answers.next().await {
            of_project.into_iter().for_each(|(place, answer)| take(place, answer));
        }
        Ok(())
    }
}

impl Asking<'_> {
    /// What is offered for files of one project, by the first index that has that project. uv asks no other.
    async fn of_project(&self, project: &str, wanted: Vec<usize>) -> Vec<Answer> {
        for index in self.indexes {
            if self.down.has(index.whole()) {
                return not_asked(wanted);
            }
            match self.page(index, project, &wanted).await {
                Ok(None) => {}
                Ok(Some((page, found))) => return self.of_page(index, &page, found, wanted).await,
                // Nothing is known of these then, and they are asked about again.
                Err(error) => {
                    self.down.note(index.whole(), &error);
                    let mut wanted = wanted.into_iter();
                    let first = wanted.next().map(|place| (place, Err(error.into())));
                    return first.into_iter().chain(not_asked(wanted)).collect();
                }
            }
        }
        nothing(wanted)
    }

    /// What the page of a project says of the files; nothing where the index has none.
    async fn page(
        &self,
        index: &SecretUrl,
        project: &str,
        wanted: &[usize],
    ) -> Result<Option<(SecretUrl, Vec<Found>)>, NetError> {
        let _permit = self.pages.acquire().await.ok();
        let Some(page) = ProjectPage::get(self.finder.client(), index, project).await? else {
            return Ok(None);
        };
        let found = wanted.iter().filter_map(|place| {
            let file = &self.files[*place];
            let provenance = page.link(&file.filename, &file.sha256)?.provenance.clone();
            Some(Found { place: *place, provenance })
        });
        let found = found.collect();
        Ok(Some((page.url, found)))
    }

    async fn of_page(
        &self,
        index: &SecretUrl,
        page: &SecretUrl,
        found: Vec<Found>,
        mut wanted: Vec<usize>,
    ) -> Vec<Answer> {
        let mut answers = Vec::new();
        for Found { place, provenance } in found {
            wanted.retain(|it| *it != place);
            let answer = self.of_file(index, page, provenance).await;
            if let Ok(offered) = &answer {
                self.documents.put(&key(self.indexes, &self.files[place]), offered);
            }
            answers.push((place, answer));
        }
        // It came from elsewhere: from PyTorch's own index, say. Nothing is remembered of those who were not asked.
        answers.extend(nothing(wanted));
        answers
    }

    async fn of_file(
        &self,
        index: &SecretUrl,
        page: &SecretUrl,
        provenance: Option<String>,
    ) -> Result<Vec<Offered>, OfferError> {
        let Some(text) = provenance else { return Ok(Vec::new()) };
        let absolute = page.whole().join(&text).ok();
        let url = absolute.ok_or_else(|| OfferError::NoUrl(imgbuild_secret::public(&text)))?;
        if !is_of_server(&url, page.whole()) {
            return Err(OfferError::Elsewhere { url: url.into() });
        }
        if self.down.has(&url) {
            return Err(OfferError::NotAsked);
        }
        let bytes = self.finder.client().get_bytes_there(SecretUrl::from(&url), None, OFFER_LIMIT).await;
        let bytes = bytes.inspect_err(|error| self.down.note(&url, error))?;
        Ok(of_wheel(&bytes, &index.to_string())?)
    }
}

fn not_asked(places: impl IntoIterator<Item = usize>) -> Vec<Answer> {
    places.into_iter().map(|place| (place, Err(OfferError::NotAsked))).collect()
}

fn nothing(places: Vec<usize>) -> Vec<Answer> {
    places.into_iter().map(|place| (place, Ok(Vec::new()))).collect()
}

/// What was offered for a file is the matter of the indexes that were asked: others may offer more.
fn key(indexes: &[SecretUrl], file: &AskedFile) -> Digest {
    let hasher = KeyHasher::new("attestations of indexes").field("sha256", file.sha256.as_bytes());
    let hasher = hasher.field("filename", &file.filename);
    hasher.list("indexes", indexes.iter().map(ToString::to_string)).finish()
}

/// Whether a URL is of the server of a page, which whoever builds has named. Where else a page leads is its own word.
fn is_of_server(url: &Url, page: &Url) -> bool {
    ["http", "https"].contains(&url.scheme()) && url.origin() == page.origin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_index_offered_is_not_what_another_did() {
        let sha256 = Digest::of(b"a");
        let file = AskedFile { project: "a".to_owned(), filename: "a-1.whl".to_owned(), sha256 };
        let key = |indexes: &[&str]| {
            let indexes: Vec<SecretUrl> = indexes.iter().map(|it| it.parse().unwrap()).collect();
            key(&indexes, &file)
        };
        let own = "https://i.example/simple";
        assert_ne!(key(&[]), key(&[own]));
        assert_ne!(key(&[own, "https://j.example"]), key(&[own]));
        // Who asks is no matter.
        assert_eq!(
            key(&["https://me:secret@i.example/simple"]),
            key(&["https://you:other@i.example/simple"])
        );
    }

    #[test]
    fn nobody_is_led_to_another_server() {
        let url = |text: &str| Url::parse(text).unwrap();
        let page = url("https://user@i.example/simple/a/");
        assert!(is_of_server(&url("https://i.example/integrity/a/1/a-1.whl/provenance"), &page));
        for other in [
            "http://i.example/p",
            "https://i.example:444/p",
            "https://f.example/p",
            "https://a.i.example/p",
            "http://169.254.169.254/p",
            "file:///etc/passwd",
        ] {
            assert!(!is_of_server(&url(other), &page), "{other}");
        }
        assert!(!is_of_server(&url("file:///b"), &url("file:///a")));
    }
}

//! The attestations that indexes offer for their files (PEP 740).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use imgbuild_attestation::{OFFER_LIMIT, Offered, Refusal, of_wheel};
use imgbuild_layer::KeyHasher;
use imgbuild_net::NetError;
use imgbuild_oci::Digest;
use imgbuild_secret::SecretUrl;
use url::Url;

use crate::choosing::finder::PackageFinder;
use crate::choosing::locking::Run;
use crate::choosing::locking_error::LockingError;
use crate::index::listing::{Link, ProjectPage};

/// What the store keeps of files of indexes: the attestations that are offered for each, which may be none.
const DOCUMENTS: &str = "pypi-attestations-v1";
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
    /// It leads to a server that nobody named.
    #[error("the index says that they are at `{url}`, which is neither its own server nor that of its files")]
    Elsewhere {
        /// Where they are.
        url: SecretUrl,
    },
    /// It says no URL.
    #[error("the index says that they are at `{}`, which is no URL", .0.escape_default())]
    NoUrl(String),
    /// Another one could not be had, and so this one was not asked for.
    #[error("they were not asked for, because others could not be had")]
    NotAsked,
    /// It has something else there.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Refused(#[from] Refusal),
}

impl PackageFinder {
    /// What the indexes offer for these files, in their order. An index is asked once for each file; offline, none is.
    ///
    /// # Errors
    ///
    /// When nobody knows which indexes there are. What cannot be had has its error in the place of the file; nothing more is asked
    /// for then that was not on its way, for each would be waited for.
    pub async fn attestations(
        &self,
        files: &[AskedFile],
    ) -> Result<Vec<Result<Vec<Offered>, OfferError>>, LockingError> {
        let documents = self.reader().store.documents(DOCUMENTS);
        let mut found: Vec<Option<Result<Vec<Offered>, OfferError>>> =
            files.iter().map(|file| documents.get(&self.key(file)).map(Ok)).collect();
        let mut missing: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, file) in files.iter().enumerate().filter(|(place, _)| found[*place].is_none()) {
            missing.entry(&file.project).or_default().push(place);
        }
        if !missing.is_empty() && !self.client().is_offline() {
            let uv = self.uv().await?;
            let locking = self.locking(&uv);
            let places = Run::new(&locking, self.request())?.places().await;
            let is_down = AtomicBool::new(false);
            let asked = places.iter().flat_map(|places| {
                missing.iter().map(|(project, wanted)| {
                    let wanted = wanted.iter().map(|place| (*place, &files[*place])).collect();
                    self.of_project(&places.indexes, project, wanted, &is_down)
                })
            });
            let answers: Vec<_> = futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
            for (place, answer) in answers.into_iter().flatten() {
                if let Ok(offered) = &answer {
                    documents.put(&self.key(&files[place]), offered);
                }
                found[place] = Some(answer);
            }
        }
        Ok(found.into_iter().map(|found| found.unwrap_or_else(|| Ok(Vec::new()))).collect())
    }

    /// What is offered for files of one project, by the first index that has each. Others are asked about what it lacks alone.
    async fn of_project(
        &self,
        indexes: &[SecretUrl],
        project: &str,
        mut wanted: Vec<(usize, &AskedFile)>,
        is_down: &AtomicBool,
    ) -> Vec<(usize, Result<Vec<Offered>, OfferError>)> {
        let mut found = Vec::new();
        if is_down.load(Ordering::Relaxed) {
            return wanted.into_iter().map(|(place, _)| (place, Err(OfferError::NotAsked))).collect();
        }
        for index in indexes {
            let page = match ProjectPage::get(self.client(), index, project).await {
                Ok(Some(page)) => page,
                Ok(None) => continue,
                // Another may not have it. Nothing is known of these then, and they are asked about again.
                Err(error) => {
                    is_down.store(true, Ordering::Relaxed);
                    found.extend(wanted.first().map(|(place, _)| (*place, Err(error.into()))));
                    return found;
                }
            };
            let (here, elsewhere): (Vec<_>, Vec<_>) = wanted
                .into_iter()
                .map(|(place, file)| (place, file, page.link(&file.filename, &file.sha256)))
                .partition(|(_, _, link)| link.is_some());
            for (place, _, link) in here {
                let offered = match link {
                    Some(link) => self.of_link(&page.url, link).await,
                    None => Ok(Vec::new()),
                };
                if matches!(&offered, Err(OfferError::Net(error)) if is_of_server(error)) {
                    is_down.store(true, Ordering::Relaxed);
                }
                found.push((place, offered));
            }
            wanted = elsewhere.into_iter().map(|(place, file, _)| (place, file)).collect();
            if wanted.is_empty() {
                return found;
            }
        }
        found.extend(wanted.into_iter().map(|(place, _)| (place, Ok(Vec::new()))));
        found
    }

    async fn of_link(&self, page: &SecretUrl, link: &Link) -> Result<Vec<Offered>, OfferError> {
        let Some(text) = &link.provenance else { return Ok(Vec::new()) };
        let absolute = |text: &str| page.whole().join(text).ok();
        let url = absolute(text).ok_or_else(|| OfferError::NoUrl(imgbuild_secret::public(text)))?;
        let file = link.address.as_deref().and_then(absolute);
        if !is_of_a_known_server(&url, page.whole(), file.as_ref()) {
            return Err(OfferError::Elsewhere { url: url.into() });
        }
        let bytes = self.client().get_bytes(SecretUrl::from(url), OFFER_LIMIT).await?;
        Ok(of_wheel(&bytes)?)
    }

    /// What was offered for a file is the matter of the indexes that are named: others may offer more.
    fn key(&self, file: &AskedFile) -> Digest {
        let hasher = KeyHasher::new("attestations of indexes").field("sha256", file.sha256.as_bytes());
        let hasher = hasher.field("filename", &file.filename);
        hasher.list("indexes", self.settings().index_urls().iter().map(ToString::to_string)).finish()
    }
}

/// Whether another thing cannot be had either, as far as this failure tells.
fn is_of_server(error: &NetError) -> bool {
    !matches!(error, NetError::NotFound { .. } | NetError::TooLarge { .. })
}

/// Whether a URL is of the server of a page, or of that of the file: whoever builds has named these, or gets files there anyway.
fn is_of_a_known_server(url: &Url, page: &Url, file: Option<&Url>) -> bool {
    let is_web = ["http", "https"].contains(&url.scheme());
    is_web && (url.origin() == page.origin() || file.is_some_and(|file| file.origin() == url.origin()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_server() {
        let url = |text: &str| Url::parse(text).unwrap();
        let page = url("https://user@i.example/simple/a/");
        let file = url("https://f.example:8443/a-1.whl");
        let is_known = |text: &str| is_of_a_known_server(&url(text), &page, Some(&file));
        assert!(is_known("https://i.example/integrity/a/1/a-1.whl/provenance"));
        assert!(is_known("https://f.example:8443/a-1.whl.provenance"));
        for other in [
            "http://i.example/p",
            "https://i.example:444/p",
            "https://f.example/p",
            "https://a.i.example/p",
            "http://169.254.169.254/p",
            "file:///etc/passwd",
        ] {
            assert!(!is_known(other), "{other}");
        }
        assert!(!is_of_a_known_server(&url("file:///b"), &url("file:///a"), None));
    }
}

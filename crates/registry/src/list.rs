//! Lists of a repository: its tags, and what refers to a manifest.

use http::header::LINK;
use imgbuild_oci::Digest;
use imgbuild_secret::SecretUrl;
use reqwest::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::address::within;
use crate::answer::parse_json;
use crate::error::{Doing, RegistryError};
use crate::limits::{LIST_LIMIT, MOST_PAGES};
use crate::manifest::{Pointer, RemoteManifest};
use crate::remote::{Read, RemoteRepository, drain, header};

#[derive(Deserialize)]
#[serde(expecting = "a list of tags")]
struct Tags {
    /// `null` where there are none.
    tags: Option<Vec<String>>,
}

impl RemoteRepository {
    /// All tags, in the registry's order; nothing where there is no such repository.
    ///
    /// # Errors
    ///
    /// When they cannot be listed.
    pub async fn tags(&self) -> Result<Option<Vec<String>>, RegistryError> {
        let (doing, mut tags) = (Doing::ListTags, Vec::new());
        let absent = self.pages(&doing, self.repository().tags()?, |bytes, url| {
            let page = parse_json(&bytes, SecretUrl::from(url).to_string());
            let page: Tags = page.map_err(|error| self.answer(&doing, error))?;
            tags.extend(page.tags.unwrap_or_default());
            Ok(())
        });
        match absent.await? {
            None => Ok(Some(tags)),
            Some(answer) if answer.status() == StatusCode::NOT_FOUND => {
                drain(answer).await;
                Ok(None)
            }
            Some(answer) => Err(self.refused(&doing, answer).await),
        }
    }

    /// Whether there is no such repository yet. Where the registry does not say it, there may be one.
    ///
    /// # Errors
    ///
    /// When the registry cannot be reached.
    pub async fn is_absent(&self) -> Result<bool, RegistryError> {
        let mut url = self.repository().tags()?;
        url.query_pairs_mut().append_pair("n", "1");
        let answer = self.send(&Doing::ListTags, &|| Request::new(Method::GET, url.clone())).await?;
        if answer.status() != StatusCode::NOT_FOUND {
            drain(answer).await;
            return Ok(false);
        }
        let refused = self.refused(&Doing::ListTags, answer).await;
        Ok(refused.refusal().is_some_and(|refusal| refusal.says("NAME_UNKNOWN")))
    }

    /// What refers to a manifest: by the registry's own list, or by the tag that stands for one (distribution specification,
    /// "Referrers Tag Schema").
    ///
    /// # Errors
    ///
    /// When it cannot be listed.
    pub async fn referrers(&self, digest: &Digest) -> Result<Vec<Pointer>, RegistryError> {
        let (doing, mut found) = (Doing::ListReferrers(*digest), Vec::new());
        let absent = self.pages(&doing, self.repository().referrers(digest)?, |bytes, _| {
            let index = RemoteManifest::parse(bytes, None).map_err(|reason| RegistryError::Manifest {
                place: self.place(),
                reference: digest.to_string(),
                reason,
            })?;
            found.extend_from_slice(index.manifests());
            Ok(())
        });
        match absent.await? {
            None => Ok(found),
            Some(answer) if is_without_list(answer.status()) => {
                drain(answer).await;
                let tagged = self.manifest(&referrers_tag(digest)).await?;
                Ok(tagged.map(|it| it.manifests().to_vec()).unwrap_or_default())
            }
            Some(answer) => Err(self.refused(&doing, answer).await),
        }
    }

    /// Gives `take` each page of a list, with where it is. An answer that is no page ends it, and is given as it is.
    async fn pages(
        &self,
        doing: &Doing,
        first: Url,
        mut take: impl FnMut(Vec<u8>, &Url) -> Result<(), RegistryError>,
    ) -> Result<Option<Response>, RegistryError> {
        let (mut asked, mut listed) = (first, 0);
        for _ in 0..MOST_PAGES {
            let read = self.read(doing, &asked, &|url| Request::new(Method::GET, url.clone())).await?;
            let (status, headers, url, bytes) = match read {
                Read::Document { status, headers, url, bytes } => (status, headers, url, bytes),
                Read::Other(answer) => return Ok(Some(answer)),
            };
            let next = self.next_page(doing, header(&headers, LINK), &url, status)?;
            listed += bytes.len();
            take(bytes, &url)?;
            match next {
                None => return Ok(None),
                Some(_) if listed > LIST_LIMIT => break,
                Some(next) => asked = next,
            }
        }
        Err(RegistryError::Endless { at: self.failed(doing) })
    }

    /// Whether the registry lists what refers to a manifest.
    pub(crate) async fn has_referrers(&self, digest: &Digest) -> Result<bool, RegistryError> {
        let url = self.repository().referrers(digest)?;
        let doing = Doing::ListReferrers(*digest);
        let answer = self.send(&doing, &|| Request::new(Method::GET, url.clone())).await?;
        let works = answer.status().is_success();
        drain(answer).await;
        Ok(works)
    }

    /// The next page of a list, which must be at the same registry.
    fn next_page(
        &self,
        doing: &Doing,
        link: Option<&str>,
        asked: &Url,
        status: StatusCode,
    ) -> Result<Option<Url>, RegistryError> {
        let Some(target) = link.and_then(next_link) else { return Ok(None) };
        within(Some(target), asked).map(Some).map_err(|misled| self.misled(doing, status, misled))
    }
}

/// Whether an answer says that a registry has no list of what refers to manifests.
fn is_without_list(status: StatusCode) -> bool {
    [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&status)
}

/// The tag of the list of what refers to a manifest, at registries that have no list of their own.
pub(crate) fn referrers_tag(digest: &Digest) -> String {
    digest.to_string().replace(':', "-")
}

/// The target of a link to the next page (RFC 8288): `<URL>; rel="next"`.
fn next_link(text: &str) -> Option<&str> {
    let (target, parameters) = text.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.split(';').any(|it| matches!(it.trim(), "rel=\"next\"" | "rel=next"));
    is_next.then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_the_next_page_are_read() {
        assert_eq!(
            next_link("</v2/a/tags/list?last=x&n=2>; rel=\"next\""),
            Some("/v2/a/tags/list?last=x&n=2")
        );
        assert_eq!(next_link("<x>; rel=next"), Some("x"));
        for text in ["", "x", "<x>", "<x>; rel=\"prev\"", "<x"] {
            assert_eq!(next_link(text), None, "{text}");
        }
    }
}

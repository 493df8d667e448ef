//! Manifests, tags, referrers and blobs as they are had, and manifests as they come (distribution specification 1.1, "Pull",
//! "Pushing manifests", "Content Discovery", "Content Management").

use imgbuild_oci::Digest;
use serde_json::{Value, json};

use super::content::{Content, Document};
use super::http::{Answer, Head};
use super::profile::Profile;
use super::route::Route;
use super::uploads::parameter;

/// The most bytes of a manifest: what the specification asks of every registry.
const MOST_OF_A_MANIFEST: usize = 4 << 20;

/// What of a registry is read.
pub(super) struct Documents<'a> {
    pub(super) profile: &'a Profile,
    pub(super) content: &'a mut Content,
    /// Where blobs are had, where that is not here.
    pub(super) elsewhere: Option<&'a str>,
}

impl Documents<'_> {
    /// `GET` and `HEAD` of a manifest: end-3.
    pub(super) fn manifest(&self, route: &Route) -> Answer {
        if let Some(url) = self.elsewhere.filter(|_| self.profile.redirects_documents) {
            let Route { name, reference, .. } = route;
            return Answer::status(307).with("Location", format!("{url}/v2/{name}/manifests/{reference}"));
        }
        match self.content.manifest(&route.name, &route.reference) {
            Some((digest, document)) => Answer::status(200)
                .with("Content-Type", &*document.media_type)
                .with("Docker-Content-Digest", digest.to_string())
                .body(&*document.bytes),
            None => Answer::error(404, "MANIFEST_UNKNOWN", "manifest unknown to registry"),
        }
    }

    /// `PUT` of a manifest: end-7.
    pub(super) fn put_manifest(&mut self, route: &Route, head: &Head, bytes: Vec<u8>) -> Answer {
        let invalid = |text: &str| Answer::error(400, "MANIFEST_INVALID", text);
        if bytes.len() > MOST_OF_A_MANIFEST {
            return Answer::error(413, "SIZE_INVALID", "manifest too large");
        }
        let media_type = head.headers.get("content-type").cloned().unwrap_or_default();
        if !self.profile.docker_types && media_type.contains("docker") {
            return Answer::error(415, "MANIFEST_INVALID", "docker media types are not supported");
        }
        let document = Document { media_type, bytes };
        let Some(value) = document.value() else { return invalid("manifest is no JSON") };
        if value["mediaType"].as_str().is_some_and(|own| own != document.media_type) {
            return invalid("the media type of the manifest is not that of the request");
        }
        let digest = Digest::of(&document.bytes);
        let tags: Vec<String> = match route.reference.parse::<Digest>() {
            Ok(wanted) if wanted != digest => {
                return Answer::error(
                    400,
                    "DIGEST_INVALID",
                    "provided digest did not match uploaded content",
                );
            }
            Ok(_) if self.profile.tag_parameter => {
                head.query.iter().filter(|(key, _)| key == "tag").map(|(_, tag)| tag.clone()).collect()
            }
            Ok(_) => Vec::new(),
            Err(_) => vec![route.reference.clone()],
        };
        if let Some(refusal) = self.lacks(&route.name, &document) {
            return refusal;
        }
        let location = format!("/v2/{}/manifests/{digest}", route.name);
        let mut answer =
            Answer::status(201).with("Location", location).with("Docker-Content-Digest", digest.to_string());
        if let Some(subject) = document.subject().filter(|_| self.profile.referrers) {
            answer = answer.with("OCI-Subject", subject.to_string());
        }
        if !head.query.is_empty() {
            answer.headers.extend(tags.iter().map(|tag| ("OCI-Tag".to_owned(), tag.clone())));
        }
        let repository = self.content.repositories.entry(route.name.clone()).or_default();
        repository.manifests.insert(digest, document);
        repository.tags.extend(tags.into_iter().map(|tag| (tag, digest)));
        answer
    }

    /// What a manifest needs and the repository has not.
    fn lacks(&self, name: &str, document: &Document) -> Option<Answer> {
        let (blobs, manifests) = document.needs();
        let blob = blobs.into_iter().find(|digest| self.content.blob(name, digest).is_none());
        let manifest =
            manifests.into_iter().find(|it| self.content.manifest(name, &it.to_string()).is_none());
        let (code, digest) = match (blob, manifest) {
            (Some(digest), _) => ("MANIFEST_BLOB_UNKNOWN", digest),
            (_, Some(digest)) => ("MANIFEST_UNKNOWN", digest),
            (None, None) => return None,
        };
        let error =
            json!({ "code": code, "message": "blob unknown to registry", "detail": { "digest": digest } });
        Some(Answer::json(400, &json!({ "errors": [error] })))
    }

    /// `DELETE` of a manifest or a tag: end-9.
    pub(super) fn delete_manifest(&mut self, route: &Route) -> Answer {
        if !self.profile.deletes {
            return unsupported();
        }
        let Some((digest, _)) = self.content.manifest(&route.name, &route.reference) else {
            return Answer::error(404, "MANIFEST_UNKNOWN", "manifest unknown to registry");
        };
        let Some(repository) = self.content.repositories.get_mut(&route.name) else { return unsupported() };
        if repository.tags.remove(&route.reference).is_none() {
            repository.manifests.remove(&digest);
            repository.tags.retain(|_, tagged| *tagged != digest);
        }
        Answer::status(202)
    }

    /// `GET` and `HEAD` of a blob: end-2.
    pub(super) fn blob(&self, route: &Route, head: &Head) -> Answer {
        let digest = route.reference.parse::<Digest>().ok();
        let found = digest.and_then(|digest| Some((digest, self.content.blob(&route.name, &digest)?)));
        let Some((digest, bytes)) = found else {
            return Answer::error(404, "BLOB_UNKNOWN", "blob unknown to registry");
        };
        match self.elsewhere.filter(|_| self.profile.redirects && head.method == "GET") {
            Some(url) => {
                Answer::status(307).with("Location", format!("{url}/{digest}?signature=of-a-moment"))
            }
            None if !self.profile.ranges => Answer::status(200).body(&**bytes),
            None => part(bytes, head).with("Docker-Content-Digest", digest.to_string()),
        }
    }

    /// `DELETE` of a blob: end-10.
    pub(super) fn delete_blob(&mut self, route: &Route) -> Answer {
        if !self.profile.deletes {
            return unsupported();
        }
        let digest = route.reference.parse::<Digest>().ok();
        let repository = self.content.repositories.get_mut(&route.name);
        match repository.zip(digest).is_some_and(|(repository, digest)| repository.blobs.remove(&digest)) {
            true => Answer::status(202),
            false => Answer::error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
        }
    }

    /// The tags: end-8a and end-8b.
    pub(super) fn tags(&self, route: &Route, head: &Head) -> Answer {
        if let Some(url) = self.elsewhere.filter(|_| self.profile.redirects_documents) {
            return Answer::status(307).with("Location", format!("{url}/v2/{}/tags/list", route.name));
        }
        let Some(repository) = self.content.repositories.get(&route.name) else {
            return Answer::error(404, "NAME_UNKNOWN", "repository name not known to registry");
        };
        let asked = parameter(head, "n").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
        let count = self.profile.page.min(asked);
        let last = parameter(head, "last").unwrap_or_default();
        let mut rest = repository.tags.keys().filter(|tag| tag.as_str() > last);
        let page: Vec<&String> = rest.by_ref().take(count).collect();
        let answer = Answer::json(200, &json!({ "name": route.name, "tags": page }));
        match page.last().filter(|_| rest.next().is_some()) {
            Some(last) => {
                let next = format!("</v2/{}/tags/list?n={count}&last={last}>; rel=\"next\"", route.name);
                answer.with("Link", next)
            }
            None => answer,
        }
    }

    /// The referrers of a manifest: end-12a and end-12b.
    pub(super) fn referrers(&self, route: &Route, head: &Head) -> Answer {
        if !self.profile.referrers {
            return Answer::status(404).body("404 page not found");
        }
        let subject = route.reference.parse::<Digest>().ok();
        let wanted = parameter(head, "artifactType");
        let manifests = self.content.repositories.get(&route.name).map(|it| &it.manifests);
        let found: Vec<Value> = manifests
            .into_iter()
            .flatten()
            .filter(|(_, document)| subject.is_some() && document.subject() == subject)
            .map(|(digest, document)| referrer(digest, document))
            .filter(|it| wanted.is_none_or(|wanted| it["artifactType"] == wanted))
            .collect();
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": found });
        let answer = Answer::json(200, &index).with("Content-Type", media_type);
        if wanted.is_some() { answer.with("OCI-Filters-Applied", "artifactType") } else { answer }
    }
}

/// What a list of referrers says of one.
fn referrer(digest: &Digest, document: &Document) -> Value {
    let value = document.value().unwrap_or_default();
    let own = &value["artifactType"];
    let artifact_type = if own.is_null() { &value["config"]["mediaType"] } else { own };
    let mut descriptor = json!({
        "mediaType": document.media_type,
        "digest": digest,
        "size": document.bytes.len(),
        "artifactType": artifact_type,
    });
    if let Some(annotations) = value.get("annotations") {
        descriptor["annotations"] = annotations.clone();
    }
    descriptor
}

fn unsupported() -> Answer {
    Answer::error(405, "UNSUPPORTED", "the operation is unsupported")
}

/// A blob, or the part of it that a `Range` asks for.
pub(super) fn part(bytes: &[u8], head: &Head) -> Answer {
    let answer = |status| {
        Answer::status(status).with("Content-Type", "application/octet-stream").with("Accept-Ranges", "bytes")
    };
    let range = head.headers.get("range").and_then(|it| it.strip_prefix("bytes=")?.split_once('-'));
    let Some((first, last)) = range.filter(|_| head.method == "GET") else {
        return answer(200).body(bytes);
    };
    let size = bytes.len();
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, size.min(last.saturating_add(1))),
        (Ok(first), Err(_)) => (first, size),
        (Err(_), Ok(length)) => (size.saturating_sub(length), size),
        (Err(_), Err(_)) => (0, size),
    };
    match bytes.get(start..end).filter(|part| !part.is_empty()) {
        Some(part) => {
            answer(206).with("Content-Range", format!("bytes {start}-{}/{size}", end - 1)).body(part)
        }
        None => answer(416).with("Content-Range", format!("bytes */{size}")),
    }
}

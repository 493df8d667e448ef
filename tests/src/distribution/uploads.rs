//! How blobs come in (distribution specification 1.1, "Pushing blobs").

use imgbuild_oci::Digest;

use super::content::{Content, Upload};
use super::http::{Answer, Head, Received};
use super::profile::{Chunks, Locations, Mounts, Profile, Range};
use super::route::Route;

/// What of a registry uploads are made of.
pub(super) struct Uploads<'a> {
    pub(super) profile: &'a Profile,
    /// `http://HOST`.
    pub(super) url: &'a str,
    pub(super) content: &'a mut Content,
}

impl Uploads<'_> {
    /// `POST` for an upload: end-4a and end-4b.
    pub(super) fn start(&mut self, route: &Route, head: &Head, body: Received) -> Answer {
        if let Some(refusal) = self.absent_repository(&route.name) {
            return refusal;
        }
        match parameter(head, "digest") {
            Some(digest) if self.profile.single_post => self.store(&route.name, digest, body.bytes),
            _ => self.begin(&route.name),
        }
    }

    /// `POST` for a mount: end-11.
    pub(super) fn mount(&mut self, route: &Route, head: &Head) -> Answer {
        if let Some(refusal) = self.absent_repository(&route.name) {
            return refusal;
        }
        let digest = parameter(head, "mount").and_then(|digest| digest.parse::<Digest>().ok());
        let Some(digest) = digest else { return digest_invalid() };
        let is_there = match (self.profile.mounts, parameter(head, "from")) {
            (Mounts::Never, _) | (Mounts::Named, None) => false,
            (Mounts::NamedOnly, None) => {
                return Answer::error(400, "INVALID_REQUEST", "the repository to mount from is missing");
            }
            (Mounts::Anywhere, None) => self.content.has_anywhere(&digest),
            (_, Some(from)) => self.content.blob(from, &digest).is_some(),
        };
        if !is_there {
            return self.begin(&route.name);
        }
        self.content.repositories.entry(route.name.clone()).or_default().blobs.insert(digest);
        self.stored(&route.name, digest, 201)
    }

    /// `PATCH`: end-5.
    pub(super) fn chunk(&mut self, route: &Route, head: &Head, body: Received) -> Answer {
        if let Some(refusal) = self.wrong_upload(route, head) {
            return refusal;
        }
        match self.profile.chunks {
            Chunks::Taken => {}
            Chunks::UpTo(most) if body.bytes.len() as u64 <= most => {}
            Chunks::UpTo(most) => {
                let text = format!(
                    "the request body is too large and exceeds the maximum permissible limit of {}.00MiB",
                    most >> 20
                );
                return Answer::error(416, "REQUESTED_RANGE_NOT_SATISFIABLE", &text);
            }
            Chunks::Refused => return Answer::error(405, "UNSUPPORTED", "chunked uploads are not supported"),
        }
        if let Some(refusal) = self.wrong_range(route, head, body.bytes.len()) {
            return refusal;
        }
        self.take(route, body);
        self.goes_on(&route.reference, self.profile.chunk_status)
    }

    /// `PUT`: end-6.
    pub(super) fn finish(&mut self, route: &Route, head: &Head, body: Received) -> Answer {
        if let Some(refusal) = self.wrong_upload(route, head) {
            return refusal;
        }
        let Some(digest) = parameter(head, "digest") else { return digest_invalid() };
        if let Some(refusal) = self.wrong_range(route, head, body.bytes.len()) {
            return refusal;
        }
        let upload = &self.content.uploads[&route.reference];
        if body.bytes.is_empty() && !upload.bytes.is_empty() && !self.profile.takes_empty_end {
            return Answer::error(500, "UNKNOWN", "an unknown error has occurred");
        }
        if upload.too_small > usize::from(body.bytes.is_empty()) {
            let least = self.profile.least_chunk.unwrap_or_default();
            let text = format!("Layer parts must be at least {least} bytes in size");
            return Answer::error(400, "BLOB_UPLOAD_INVALID", &text);
        }
        self.take(route, body);
        let upload = self.content.uploads.remove(&route.reference).unwrap_or_default();
        self.store(&route.name, digest, upload.bytes)
    }

    /// `GET`: end-13.
    pub(super) fn status(&self, route: &Route, head: &Head) -> Answer {
        match self.wrong_upload(route, head) {
            Some(refusal) => refusal,
            None => self.goes_on(&route.reference, 204),
        }
    }

    /// `DELETE`: end-14.
    pub(super) fn cancel(&mut self, route: &Route, head: &Head) -> Answer {
        if let Some(refusal) = self.wrong_upload(route, head) {
            return refusal;
        }
        self.content.uploads.remove(&route.reference);
        Answer::status(204)
    }

    /// A request of an upload broke in its middle: what came of it counts where the registry goes on with such uploads.
    pub(super) fn broke(&mut self, route: &Route, body: Received) {
        if let Some(upload) = self.content.uploads.get_mut(&route.reference) {
            upload.bytes.extend(body.bytes);
        }
    }

    fn take(&mut self, route: &Route, body: Received) {
        let Some(upload) = self.content.uploads.get_mut(&route.reference) else { return };
        let length = body.bytes.len() as u64;
        upload.last = length;
        upload.first.get_or_insert(length);
        upload.too_small += usize::from(self.profile.least_chunk.is_some_and(|least| length < least));
        upload.bytes.extend(body.bytes);
    }

    fn begin(&mut self, name: &str) -> Answer {
        self.content.begun += 1;
        let id = format!("upload-{}", self.content.begun);
        self.content.repositories.entry(name.to_owned()).or_default();
        let upload = Upload { name: name.to_owned(), ..Upload::default() };
        self.content.uploads.insert(id.clone(), upload);
        let answer = self.goes_on(&id, 202);
        match self.profile.least_chunk.filter(|_| self.profile.says_least_chunk) {
            Some(least) => answer.with("OCI-Chunk-Min-Length", least.to_string()),
            None => answer,
        }
    }

    /// An upload goes on: where, and what of it has come.
    fn goes_on(&self, id: &str, status: u16) -> Answer {
        let upload = &self.content.uploads[id];
        let end = match self.profile.range {
            Range::Whole => upload.bytes.len() as u64,
            Range::StandsStill => upload.first.unwrap_or_default(),
            Range::OfTheChunk => upload.last,
        };
        let path = format!("/v2/{}/blobs/uploads/{id}?_state={id}-{}", upload.name, upload.bytes.len());
        Answer::status(status)
            .with("Location", self.location(&path))
            .with("Range", format!("0-{}", end.saturating_sub(1)))
            .with("Docker-Upload-UUID", id)
    }

    fn location(&self, path: &str) -> String {
        match self.profile.locations {
            Locations::Absolute => format!("{}{path}", self.url),
            Locations::Path => path.to_owned(),
        }
    }

    fn store(&mut self, name: &str, digest: &str, bytes: Vec<u8>) -> Answer {
        if digest.parse() != Ok(Digest::of(&bytes)) {
            return digest_invalid();
        }
        let digest = self.content.put_blob(name, bytes);
        self.stored(name, digest, self.profile.end_status)
    }

    fn stored(&self, name: &str, digest: Digest, status: u16) -> Answer {
        Answer::status(status)
            .with("Location", self.location(&format!("/v2/{name}/blobs/{digest}")))
            .with("Docker-Content-Digest", digest.to_string())
    }

    fn absent_repository(&self, name: &str) -> Option<Answer> {
        if self.profile.makes_repositories || self.content.repositories.contains_key(name) {
            return None;
        }
        let text = format!(
            "The repository with name '{name}' does not exist in the registry with id '123456789012'"
        );
        Some(Answer::error(404, "NAME_UNKNOWN", &text))
    }

    /// The upload is not there, or is not asked for by the `Location` that was given.
    fn wrong_upload(&self, route: &Route, head: &Head) -> Option<Answer> {
        let upload = self.content.uploads.get(&route.reference).filter(|upload| upload.name == route.name);
        let Some(upload) = upload else {
            return Some(Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"));
        };
        let invalid = |status| Some(Answer::error(status, "BLOB_UPLOAD_INVALID", "blob upload invalid"));
        let state = parameter(head, "_state").and_then(|state| state.strip_prefix(&route.reference));
        let Some(length) = state.and_then(|state| state.strip_prefix('-')) else { return invalid(400) };
        let is_current = length.parse() == Ok(upload.bytes.len());
        if is_current || self.profile.resumes { None } else { invalid(404) }
    }

    /// What is sent is not what follows on what is there.
    fn wrong_range(&self, route: &Route, head: &Head, length: usize) -> Option<Answer> {
        let said = head.headers.get("content-range").filter(|_| self.profile.checks_ranges)?;
        let invalid = |status| Answer::error(status, "RANGE_INVALID", "invalid content range");
        let range = match said.strip_prefix("bytes ") {
            Some(_) if !self.profile.takes_units => return Some(invalid(400)),
            Some(range) => range.split('/').next().unwrap_or_default(),
            None => said,
        };
        let (first, last) = range.split_once('-')?;
        let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) else {
            return Some(invalid(400));
        };
        let there = self.content.uploads[&route.reference].bytes.len();
        if first != there {
            let at = self.goes_on(&route.reference, 416);
            let mut answer = invalid(416);
            answer.headers.extend(at.headers);
            return Some(answer);
        }
        let fits = last + 1 == first + length;
        (!fits).then(|| Answer::error(400, "SIZE_INVALID", "provided length did not match content length"))
    }
}

fn digest_invalid() -> Answer {
    Answer::error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
}

/// A parameter of a query.
pub(super) fn parameter<'a>(head: &'a Head, name: &str) -> Option<&'a str> {
    head.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

//! What requests ask for (distribution specification 1.1, "Endpoints").

use super::http::Head;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Whether the registry is one: end-1.
    Version,
    /// `HEAD` of a manifest: end-3.
    HeadManifest,
    /// `GET` of a manifest: end-3.
    GetManifest,
    /// `PUT` of a manifest: end-7.
    PutManifest,
    /// `DELETE` of a manifest or tag: end-9.
    DeleteManifest,
    /// `HEAD` of a blob: end-2.
    HeadBlob,
    /// `GET` of a blob: end-2.
    GetBlob,
    /// `DELETE` of a blob: end-10.
    DeleteBlob,
    /// `POST` for an upload, with or without the blob in it: end-4a, end-4b.
    StartUpload,
    /// `POST` for a mount: end-11.
    Mount,
    /// `PATCH` of a chunk: end-5.
    Chunk,
    /// `PUT` of a blob, or of its last chunk: end-6.
    FinishUpload,
    /// `GET` of an upload: end-13.
    UploadStatus,
    /// `DELETE` of an upload: end-14.
    CancelUpload,
    /// The tags of a repository: end-8a, end-8b.
    Tags,
    /// The referrers of a manifest: end-12a, end-12b.
    Referrers,
    /// A token, of the server that gives them.
    Token,
    /// A blob where the registry has led to.
    Elsewhere,
    /// Nothing of these.
    Other,
}

/// What is asked for, and of which repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) kind: Kind,
    /// The repository, or nothing.
    pub(super) name: String,
    /// A tag, a digest or an upload.
    pub(super) reference: String,
}

impl Route {
    /// What a request to a registry asks for.
    pub(super) fn of(head: &Head) -> Self {
        let method = head.method.as_str();
        let route = |kind, name: &str, reference: &str| Self {
            kind,
            name: name.to_owned(),
            reference: reference.to_owned(),
        };
        let other = route(Kind::Other, "", "");
        let Some(path) = head.path.strip_prefix("/v2") else { return other };
        if path.trim_matches('/').is_empty() {
            return route(Kind::Version, "", "");
        }
        let path = path.trim_start_matches('/');
        if let Some((name, upload)) = path.rsplit_once("/blobs/uploads").filter(|(_, rest)| is_last(rest)) {
            let has = |wanted: &str| head.query.iter().any(|(key, _)| key == wanted);
            let upload = upload.trim_matches('/');
            let kind = match (method, upload.is_empty()) {
                ("POST", true) if has("mount") => Kind::Mount,
                ("POST", true) => Kind::StartUpload,
                ("PATCH", false) => Kind::Chunk,
                ("PUT", false) => Kind::FinishUpload,
                ("GET", false) => Kind::UploadStatus,
                ("DELETE", false) => Kind::CancelUpload,
                _ => Kind::Other,
            };
            return route(kind, name, upload);
        }
        if let Some(name) = path.strip_suffix("/tags/list") {
            return route(if method == "GET" { Kind::Tags } else { Kind::Other }, name, "");
        }
        let parts = ["/manifests/", "/blobs/", "/referrers/"].map(|part| (part, path.rsplit_once(part)));
        let found = parts.into_iter().find_map(|(part, found)| Some((part, found?)));
        let Some((part, (name, reference))) = found else { return other };
        let kind = match (part, method) {
            ("/manifests/", "HEAD") => Kind::HeadManifest,
            ("/manifests/", "GET") => Kind::GetManifest,
            ("/manifests/", "PUT") => Kind::PutManifest,
            ("/manifests/", "DELETE") => Kind::DeleteManifest,
            ("/blobs/", "HEAD") => Kind::HeadBlob,
            ("/blobs/", "GET") => Kind::GetBlob,
            ("/blobs/", "DELETE") => Kind::DeleteBlob,
            ("/referrers/", "GET") => Kind::Referrers,
            _ => Kind::Other,
        };
        route(kind, name, reference)
    }
}

/// Whether what follows `uploads` is nothing or one upload.
fn is_last(rest: &str) -> bool {
    rest.is_empty() || rest.strip_prefix('/').is_some_and(|upload| !upload.contains('/'))
}

impl Kind {
    /// Whether it changes what the registry holds.
    pub(super) fn writes(self) -> bool {
        matches!(
            self,
            Self::PutManifest
                | Self::DeleteManifest
                | Self::DeleteBlob
                | Self::StartUpload
                | Self::Mount
                | Self::Chunk
                | Self::FinishUpload
                | Self::UploadStatus
                | Self::CancelUpload
        )
    }
}

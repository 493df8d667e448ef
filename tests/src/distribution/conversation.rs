//! What was asked for, as a text that is the same in every run.

use std::collections::BTreeMap;

use imgbuild_oci::Digest;

use super::content::Content;
use super::route::Kind;
use super::server::Exchange;

/// Names for what differs from image to image.
pub(super) struct Names(BTreeMap<Digest, String>);

impl Names {
    /// Names for the manifests, configurations and layers that a registry holds.
    pub(super) fn of(content: &Content) -> Self {
        let documents: Vec<_> = content.repositories.values().flat_map(|it| &it.manifests).collect();
        let mut kinds: BTreeMap<&str, Vec<Digest>> = BTreeMap::new();
        let mut note = |kind, digest| {
            let all = kinds.entry(kind).or_default();
            if !all.contains(&digest) {
                all.push(digest);
            }
        };
        for (digest, document) in documents {
            let (blobs, manifests) = document.needs();
            note(if manifests.is_empty() { "MANIFEST" } else { "INDEX" }, *digest);
            for (position, blob) in blobs.into_iter().enumerate() {
                note(if position == 0 { "CONFIG" } else { "LAYER" }, blob);
            }
        }
        let mut names = BTreeMap::new();
        for (kind, all) in kinds {
            let is_single = all.len() == 1;
            for (position, digest) in all.into_iter().enumerate() {
                let number = if is_single { String::new() } else { (position + 1).to_string() };
                names.insert(digest, format!("{kind}{number}"));
            }
        }
        Self(names)
    }

    /// A text with names in place of digests.
    pub(super) fn named(&self, text: &str) -> String {
        let mut parts = text.split("sha256:");
        let mut named = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (hex, rest) = part.split_at(part.len().min(64));
            let name = Digest::from_hex(hex).ok().and_then(|digest| self.0.get(&digest));
            named.push_str(name.map_or("DIGEST", String::as_str));
            named.push_str(rest);
        }
        named
    }

    /// All requests, a line each. What goes on at the same time for several blobs stands one blob after the other.
    pub(super) fn conversation(&self, exchanges: &[Exchange]) -> String {
        let ends = exchanges.iter().filter(|it| it.request.kind == Kind::FinishUpload);
        let digest = |exchange: &Exchange, name: &str| {
            let found = exchange.request.query.iter().find(|(key, _)| key == name);
            found.map(|(_, digest)| self.named(digest))
        };
        let uploads: BTreeMap<&str, String> =
            ends.filter_map(|it| Some((upload(it)?, digest(it, "digest")?))).collect();
        let subject = |exchange: &Exchange| match exchange.request.kind {
            Kind::HeadBlob | Kind::GetBlob => Some(self.named(&exchange.request.path)),
            Kind::Mount => digest(exchange, "mount")
                .map(|digest| format!("/v2/{}/blobs/{digest}", exchange.request.name)),
            _ => {
                let blob = upload(exchange).and_then(|id| uploads.get(id)).map_or("", String::as_str);
                upload(exchange).map(|_| format!("/v2/{}/blobs/{blob}", exchange.request.name))
            }
        };
        let mut lines = Vec::new();
        let mut run: Vec<(String, String)> = Vec::new();
        for exchange in exchanges {
            let line = self.line(exchange);
            match subject(exchange) {
                Some(subject) => run.push((subject, line)),
                None => {
                    run.sort_by(|(one, _), (other, _)| one.cmp(other));
                    lines.extend(run.drain(..).map(|(_, line)| line));
                    lines.push(line);
                }
            }
        }
        run.sort_by(|(one, _), (other, _)| one.cmp(other));
        lines.extend(run.into_iter().map(|(_, line)| line));
        lines.join("\n")
    }

    /// One request and its answer: `PATCH /v2/a/blobs/uploads/UPLOAD [content-range: 0-9] BYTES -> 202`.
    fn line(&self, exchange: &Exchange) -> String {
        let request = &exchange.request;
        let mut target = request.path.clone();
        let hidden = ["_state", "signature"];
        let query = request.query.iter().filter(|(key, _)| !hidden.contains(&key.as_str()));
        let query: Vec<String> = query.map(|(key, value)| format!("{key}={value}")).collect();
        if !query.is_empty() {
            target.push_str(&format!("?{}", query.join("&")));
        }
        if let Some(id) = upload(exchange) {
            target = target.replace(id, "UPLOAD");
        }
        let mut line = format!("{} {}", request.method, self.named(&target));
        for header in ["content-range", "range"] {
            if let Some(value) = request.headers.get(header) {
                line.push_str(&format!(" [{header}: {value}]"));
            }
        }
        if exchange.received > 0 {
            line.push_str(if request.path.contains("/manifests/") { " DOCUMENT" } else { " BYTES" });
        }
        match exchange.status {
            Some(status) => line + &format!(" -> {status}"),
            None => line + " -> closed",
        }
    }
}

/// The upload that a request is of, or that began with it.
fn upload(exchange: &Exchange) -> Option<&str> {
    let at = exchange.request.path.split_once("/uploads/").map(|(_, id)| id).filter(|id| !id.is_empty());
    at.or(exchange.upload.as_deref())
}

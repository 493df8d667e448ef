//! What was asked for, as a text that is the same in every run.

use std::collections::BTreeMap;

use imgbuild_oci::Digest;

use super::content::Content;
use super::server::Exchange;

/// Names for what differs from image to image.
pub(super) struct Names {
    digests: BTreeMap<Digest, String>,
    uploads: BTreeMap<String, usize>,
}

impl Names {
    /// Names for the manifests, configurations and layers that a registry holds.
    pub(super) fn of(content: &Content) -> Self {
        let mut digests = BTreeMap::new();
        let documents = content.repositories.values().flat_map(|it| &it.manifests);
        let mut counts: BTreeMap<&str, Vec<Digest>> = BTreeMap::new();
        for (digest, document) in documents {
            let (blobs, manifests) = document.needs();
            let is_index = blobs.is_empty() && !manifests.is_empty();
            counts.entry(if is_index { "INDEX" } else { "MANIFEST" }).or_default().push(*digest);
            for (position, blob) in blobs.into_iter().enumerate() {
                let kind = if position == 0 { "CONFIG" } else { "LAYER" };
                counts.entry(kind).or_default().push(blob);
            }
        }
        for (kind, mut all) in counts {
            let mut seen = Vec::new();
            all.retain(|digest| {
                !seen.contains(digest) && {
                    seen.push(*digest);
                    true
                }
            });
            let single = all.len() == 1;
            for (position, digest) in all.into_iter().enumerate() {
                let number = if single { String::new() } else { (position + 1).to_string() };
                digests.insert(digest, format!("{kind}{number}"));
            }
        }
        Self { digests, uploads: BTreeMap::new() }
    }

    /// One request and its answer: `PATCH /v2/a/blobs/uploads/UPLOAD1 [Content-Range: 0-9] 10 bytes -> 202`.
    pub(super) fn line(&mut self, exchange: &Exchange) -> String {
        let request = &exchange.request;
        let mut target = request.path.clone();
        let query: Vec<String> = request
            .query
            .iter()
            .filter(|(key, _)| key != "_state" && key != "signature")
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        if !query.is_empty() {
            target.push_str(&format!("?{}", query.join("&")));
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

    /// A text with names in place of digests and uploads.
    pub(super) fn named(&mut self, text: &str) -> String {
        let mut named = String::new();
        let mut parts = text.split("sha256:");
        named.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (hex, rest) = part.split_at(part.len().min(64));
            let name = Digest::from_hex(hex).ok().and_then(|digest| self.digests.get(&digest));
            named.push_str(name.map_or("DIGEST", String::as_str));
            named.push_str(rest);
        }
        let Some((before, id)) = named.split_once("upload-") else { return named };
        let digits = id.len() - id.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let next = self.uploads.len() + 1;
        let number = *self.uploads.entry(id[..digits].to_owned()).or_insert(next);
        format!("{before}UPLOAD{number}{}", &id[digits..])
    }
}

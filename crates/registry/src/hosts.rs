//! In which pieces registries take blobs that they do not take whole: a table of hosts, with its sources.

use reqwest::header::{HeaderMap, SERVER};

const MIB: u64 = 1 << 20;

/// How a registry takes the pieces of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunks {
    /// The size of a piece but the last, in bytes.
    pub(crate) size: u64,
    /// The smallest that is taken.
    pub(crate) least: u64,
    /// Whether the last piece comes with the request that ends the upload.
    pub(crate) last_ends: bool,
    /// Whether its `Range` says how much it has.
    pub(crate) counts: bool,
}

/// What is known of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    /// Pieces like these.
    Chunks(Chunks),
    /// Whole blobs only.
    Whole,
}

/// What a host ends in, and what is known of it.
const HOSTS: [(&str, Taking); 7] = [
    // A PATCH of more than 4 MiB is answered with 416: ocx#237, wash#268, oras-java#773 (2026-06, 2026-07).
    ("ghcr.io", Taking::Chunks(Chunks { size: 4 * MIB, least: 1, last_ends: false, counts: true })),
    // Artifact Registry and Container Registry take no PATCH: kitops#777, skopeo#1101, rules_img's support matrix.
    ("pkg.dev", Taking::Whole),
    ("gcr.io", Taking::Whole),
    // Pieces of at least 5 MiB; its `Range` stands still after the first, and an empty last PUT is answered with 500:
    // containers-roadmap#853 and #2831, chalk#682, tart#159, sdk-container-builds#279.
    ("amazonaws.com", ECR),
    ("public.ecr.aws", ECR),
    // No limit of its own is known; a `Range` counts from the beginning of the piece: regclient#627.
    ("aliyuncs.com", Taking::Chunks(Chunks { size: 64 * MIB, least: 1, last_ends: false, counts: false })),
    // Cloudflare takes requests of up to 100 MB on its free plans: podman#24919, containerd#3533.
    ("r2.cloudflarestorage.com", Taking::Chunks(CLOUDFLARE)),
];

const ECR: Taking = Taking::Chunks(Chunks { size: 16 * MIB, least: 5 * MIB, last_ends: true, counts: false });

const CLOUDFLARE: Chunks = Chunks { size: 90 * MIB, least: 1, last_ends: false, counts: true };

/// Where nothing is known. Proxies often take 64 MiB; those that take less say so, and get less.
const USUAL: Chunks = Chunks { size: 64 * MIB, least: 1, last_ends: false, counts: true };

/// The smallest piece that is tried where a proxy takes no larger one: nginx takes 1 MiB where nobody has set it up.
const SMALLEST: u64 = MIB / 2;

/// What is known of a host.
pub(crate) fn taking(host: &str) -> Option<Taking> {
    let name = host.split(':').next().unwrap_or_default();
    let ends = |end: &str| name == end || name.strip_suffix(end).is_some_and(|before| before.ends_with('.'));
    HOSTS.iter().find(|(end, _)| ends(end)).map(|(_, taking)| *taking)
}

impl Chunks {
    /// How a host takes pieces that has not taken a blob whole; nothing for one that takes whole ones alone. `answer` is what it
    /// answered, or what a proxy before it did.
    pub(crate) fn of(host: &str, answer: &HeaderMap) -> Option<Self> {
        match taking(host) {
            Some(Taking::Chunks(chunks)) => Some(chunks),
            Some(Taking::Whole) => None,
            None if answer.get(SERVER).is_some_and(|server| server.as_bytes().starts_with(b"cloudflare")) => {
                Some(CLOUDFLARE)
            }
            None => Some(USUAL),
        }
    }

    /// The same for a registry that wants pieces of at least so many bytes (`OCI-Chunk-Min-Length`).
    pub(crate) fn at_least(self, least: u64) -> Self {
        Self { size: self.size.max(least), least: self.least.max(least), ..self }
    }

    /// Smaller pieces; nothing where smaller ones are not taken.
    pub(crate) fn smaller(self) -> Option<Self> {
        let size = (self.size / 4).max(self.least).max(SMALLEST);
        (size < self.size).then_some(Self { size, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_by_their_ends() {
        let size = |host: &str| match taking(host) {
            Some(Taking::Chunks(chunks)) => Some(chunks.size / MIB),
            Some(Taking::Whole) => Some(0),
            None => None,
        };
        for (host, known) in [
            ("ghcr.io", Some(4)),
            ("containers.ghcr.io:443", Some(4)),
            ("notghcr.io", None),
            ("ghcr.io.evil.example", None),
            ("europe-west1-docker.pkg.dev", Some(0)),
            ("eu.gcr.io", Some(0)),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Some(16)),
            ("registry.example:5000", None),
        ] {
            assert_eq!(size(host), known, "{host}");
        }
    }

    #[test]
    fn pieces_become_smaller_until_they_are_too_small() {
        let mut sizes = Vec::new();
        let mut chunks = Chunks::of("registry.example", &HeaderMap::new());
        while let Some(now) = chunks {
            sizes.push(now.size);
            chunks = now.smaller();
        }
        assert_eq!(sizes, [64 * MIB, 16 * MIB, 4 * MIB, MIB, MIB / 2]);
        assert_eq!(USUAL.at_least(100 * MIB).size, 100 * MIB);
        assert_eq!(USUAL.at_least(64 * MIB).smaller(), None);
        assert_eq!(USUAL.at_least(20 * MIB).smaller().map(|it| it.size), Some(20 * MIB));
        let Some(ecr) = Chunks::of("1.dkr.ecr.eu-west-1.amazonaws.com", &HeaderMap::new()) else { panic!() };
        assert_eq!(ecr.smaller().map(|it| (it.size, it.smaller())), Some((5 * MIB, None)));
        assert_eq!(Chunks::of("eu.gcr.io", &HeaderMap::new()), None);
        let cloudflare = [(SERVER, "cloudflare".parse().unwrap())].into_iter().collect();
        assert_eq!(Chunks::of("registry.example", &cloudflare), Some(CLOUDFLARE));
    }
}

//! What registries do differently, each with where it is known from.

/// 1 MiB.
const MIB: u64 = 1 << 20;

/// How a registry behaves where the specification leaves it free, or where it does not follow it.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Whose behaviour it is.
    pub name: &'static str,
    /// What becomes of chunks.
    pub chunks: Chunks,
    /// The least bytes of a chunk that is not the last, which `OCI-Chunk-Min-Length` says.
    pub least_chunk: Option<u64>,
    /// Whether that is said.
    pub says_least_chunk: bool,
    /// The status of a chunk that was taken.
    pub chunk_status: u16,
    /// What `Range` says after a chunk.
    pub range: Range,
    /// Whether a chunk's range may be written as `bytes a-b`.
    pub takes_units: bool,
    /// Whether the last request of an upload may be without a body when chunks came before.
    pub takes_empty_end: bool,
    /// The status of an upload that is complete.
    pub end_status: u16,
    /// Whether chunks have to say truly where they stand.
    pub checks_ranges: bool,
    /// Whether an upload that broke goes on with what had come.
    pub resumes: bool,
    /// Whether a `POST` may bring the blob.
    pub single_post: bool,
    /// What becomes of mounts.
    pub mounts: Mounts,
    /// How it writes where an upload goes on.
    pub locations: Locations,
    /// Whether repositories begin to be with their first upload.
    pub makes_repositories: bool,
    /// Whether it lists referrers.
    pub referrers: bool,
    /// Whether manifests may come with several tags (`?tag=`, main 2026-07).
    pub tag_parameter: bool,
    /// Whether docker's media types are taken.
    pub docker_types: bool,
    /// Whether manifests, tags and blobs can be removed.
    pub deletes: bool,
    /// The most tags of a page.
    pub page: usize,
    /// The most bytes of any request, beyond which a proxy in front refuses it with HTML.
    pub request_limit: Option<u64>,
    /// Whether blobs are had elsewhere: a `GET` is redirected to another server.
    pub redirects: bool,
    /// Whether manifests and lists of tags are had elsewhere, at another registry.
    pub redirects_documents: bool,
    /// Whether a part of a blob can be had by itself.
    pub ranges: bool,
}

/// What becomes of chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunks {
    /// They are taken.
    Taken,
    /// They are taken up to so many bytes, and others are answered with 416.
    UpTo(u64),
    /// There are none.
    Refused,
}

/// What `Range` says after a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// All that has come.
    Whole,
    /// What came with the first chunk, for ever.
    StandsStill,
    /// What came with this chunk.
    OfTheChunk,
}

/// What becomes of mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mounts {
    /// They are made, and where no repository is named, from any.
    Anywhere,
    /// They are made from the repository that is named; without one they become uploads.
    Named,
    /// They are made from the repository that is named, and refused without one.
    NamedOnly,
    /// They become uploads.
    Never,
}

/// How it is written where an upload goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locations {
    /// `http://HOST/v2/…`.
    Absolute,
    /// `/v2/…`.
    Path,
}

impl Profile {
    /// The specification, 1.1.1 with what main had in 2026-07, and all that it only allows.
    pub fn specification() -> Self {
        Self {
            name: "specification",
            chunks: Chunks::Taken,
            least_chunk: None,
            says_least_chunk: true,
            chunk_status: 202,
            range: Range::Whole,
            takes_units: true,
            takes_empty_end: true,
            end_status: 201,
            checks_ranges: true,
            resumes: true,
            single_post: true,
            mounts: Mounts::Anywhere,
            locations: Locations::Path,
            makes_repositories: true,
            referrers: true,
            tag_parameter: true,
            docker_types: true,
            deletes: true,
            page: 1000,
            request_limit: None,
            redirects: false,
            redirects_documents: false,
            ranges: true,
        }
    }

    /// What all registries of today have: neither `?tag=` nor a blob in a `POST`.
    fn of_today(name: &'static str) -> Self {
        Self {
            name,
            tag_parameter: false,
            single_post: false,
            mounts: Mounts::Named,
            ..Self::specification()
        }
    }

    /// Debian's `docker-registry`, 2.8: no referrers, absolute locations, chunks are added wherever they say that they stand, and an
    /// upload that broke in the middle of a request is over. The tests hold it against the real one.
    pub fn docker_registry() -> Self {
        Self {
            locations: Locations::Absolute,
            referrers: false,
            checks_ranges: false,
            resumes: false,
            deletes: false,
            ..Self::of_today("docker-registry")
        }
    }

    /// ghcr.io: a request for a chunk has at most 4 MiB (ocx-sh/ocx#237, wasmCloud/wash-archive#268); no referrers
    /// (oras-project/oras-java#773).
    pub fn ghcr() -> Self {
        Self { chunks: Chunks::UpTo(4 * MIB), referrers: false, ..Self::of_today("ghcr") }
    }

    /// Google's Artifact Registry: no chunks at all (Google's page on its docker API; kitops-ml/kitops#777,
    /// podman-container-tools/skopeo#1101); absolute locations.
    pub fn google() -> Self {
        Self { chunks: Chunks::Refused, locations: Locations::Absolute, ..Self::of_today("google") }
    }

    /// Amazon's ECR: chunks of at least 5 MiB, answered with 201 and a `Range` that stands still after the first
    /// (aws/containers-roadmap#2831, crashappsec/chalk#682); an end without a body is a 500 (cirruslabs/tart#159); a repository must
    /// have been made (aws/containers-roadmap#853).
    pub fn ecr() -> Self {
        Self {
            least_chunk: Some(5 * MIB),
            says_least_chunk: false,
            chunk_status: 201,
            range: Range::StandsStill,
            takes_empty_end: false,
            makes_repositories: false,
            ..Self::of_today("ecr")
        }
    }

    /// Azure's: a chunk's range is `a-b`, as the specification writes it, and not as HTTP does
    /// (dotnet/sdk-container-builds#258).
    pub fn azure() -> Self {
        Self { takes_units: false, ..Self::of_today("azure") }
    }

    /// JFrog's Artifactory: mounts become uploads (bazel-contrib/rules_img, docs/registry-support.md).
    pub fn artifactory() -> Self {
        Self { mounts: Mounts::Never, ..Self::of_today("artifactory") }
    }

    /// Red Hat's Quay: a mount without a repository to mount from is refused (rules_img, docs/registry-support.md).
    pub fn quay() -> Self {
        Self { mounts: Mounts::NamedOnly, ..Self::of_today("quay") }
    }

    /// zot: docker's media types are refused (project-zot/zot#724).
    pub fn zot() -> Self {
        Self { docker_types: false, ..Self::of_today("zot") }
    }

    /// Aliyun's: the range that is answered is that of the chunk (regclient/regclient#627).
    pub fn aliyun() -> Self {
        Self { range: Range::OfTheChunk, ..Self::of_today("aliyun") }
    }

    /// Docker Hub: blobs are had from a content network elsewhere (its `GET` of a blob is a 307).
    pub fn docker_hub() -> Self {
        Self {
            redirects: true,
            locations: Locations::Absolute,
            referrers: false,
            ..Self::of_today("docker-hub")
        }
    }

    /// registry.k8s.io: whatever is read is had from another registry, blobs from a content network (kubernetes/registry.k8s.io,
    /// docs/request-handling.md).
    pub fn kubernetes() -> Self {
        Self { redirects: true, redirects_documents: true, ..Self::of_today("kubernetes") }
    }

    /// Any registry behind Cloudflare: larger requests are refused with HTML (podman-container-tools/podman#24919,
    /// containerd/containerd#3533). It is 100 MB there; smaller here, so that images of tests meet it.
    pub fn behind_cloudflare(limit: u64) -> Self {
        Self { request_limit: Some(limit), ..Self::of_today("cloudflare") }
    }

    /// A registry that wants chunks of a size, and says so (distribution specification, "Pushing a blob in chunks").
    pub fn with_least_chunk(bytes: u64) -> Self {
        Self { least_chunk: Some(bytes), ..Self::of_today("least-chunk") }
    }

    /// A registry that answers 204 where the specification says 201, as some do at the end of an upload (regclient).
    pub fn ends_with_no_content() -> Self {
        Self { end_status: 204, ..Self::of_today("no-content") }
    }

    /// All of them but Cloudflare's, which needs a limit.
    pub fn all() -> Vec<Self> {
        vec![
            Self::specification(),
            Self::docker_registry(),
            Self::ghcr(),
            Self::google(),
            Self::ecr(),
            Self::azure(),
            Self::artifactory(),
            Self::quay(),
            Self::zot(),
            Self::aliyun(),
            Self::docker_hub(),
            Self::ends_with_no_content(),
        ]
    }
}

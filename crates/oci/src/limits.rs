//! What an image may ask of us: one place, each limit with its reason.

/// The most layers of an image that is made: the overlay driver of docker and podman takes 128 folders, the writable one
/// included.
pub(crate) const MOST_LAYERS: usize = 127;

/// The most bytes of one document of an image, as registries have it.
pub(crate) const DOCUMENT_LIMIT: u64 = 4 << 20;

/// The most bytes of all indexes and manifests that are read to find one image. An index of twenty platforms and their
/// attestations has some hundred kilobytes, and indexes that lead to one another many times would never end.
pub(crate) const MOST_DOCUMENT_BYTES: u64 = 64 << 20;

/// How deep indexes may stand in each other: `index.json`, the index of an image's platforms, and what tools put between.
pub(crate) const MOST_NESTED: usize = 4;

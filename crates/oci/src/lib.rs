//! The OCI image model: digests, descriptors, canonical JSON, layouts, tarballs and their validation.
//!
//! This crate follows the OCI image specification 1.1. It knows nothing of packages and nothing of HTTP.

mod artifact;
mod blobs;
pub mod canonical;
mod config;
mod contents;
mod descriptor;
mod digest;
mod image;
pub mod layout;
mod limits;
mod manifest;
mod name;
mod platform;
mod reference;
mod sink;
mod stored;
pub mod tarball;
mod timestamp;
mod uncompressed;
pub mod validate;

pub use artifact::{Artifact, ArtifactFile, ArtifactType};
pub use blobs::{BlobError, Blobs, skip};
pub use config::{ContainerConfig, Empty, Healthcheck, History, ImageConfig, RootFs, RootFsKind};
pub use contents::{WriteError, documents, platform_index};
pub use descriptor::{Descriptor, DescriptorPlatform, MediaType, MediaTypeError};
pub use digest::{DiffId, Digest, DigestError, HashReader, HashWriter};
pub use image::{Document, Image, ImageError, ImageHead, ImageLayer};
pub use manifest::{Index, Manifest};
pub use name::{ImageName, NameError, Tag};
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, RegistryHost};
pub use sink::{Order, Sink, deliver};
pub use stored::{Choice, LayerFault, ReadError, StoredContents, StoredImage, StoredItem, StoredLayer};
pub use timestamp::{Timestamp, TimestampError};
pub use uncompressed::{uncompressed, unpacked_limit};
pub use validate::{ValidateError, Validated, validate};

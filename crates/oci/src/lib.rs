//! The OCI image model: digests, descriptors, canonical JSON, layouts, tarballs and their validation.
//!
//! This crate follows the OCI image specification 1.1. It knows nothing of packages and nothing of HTTP.

mod descriptor;
mod digest;
mod name;
mod platform;

pub use descriptor::{Descriptor, DescriptorPlatform, MediaType, MediaTypeError};
pub use digest::{DiffId, Digest, DigestError, HashReader, HashWriter};
pub use name::{ImageName, NameError, Tag};
pub use platform::{Platform, PlatformError};

//! The pipeline: spec in, image out.
//!
//! `spec → variants → lock → layer plan → layers → image → layout | tarball`: the way to the lock is `imgbuild-locking`, the rest
//! `imgbuild-image`.

mod error;
mod pipeline;

pub use error::BuildError;
pub use pipeline::{Report, Request, build, cuda_contracts, planned_layers};

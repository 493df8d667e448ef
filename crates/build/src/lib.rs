//! The pipeline: spec in, image out.
//!
//! `spec → variants → lock → layer plan → layers → image → layout | tarball | registry`: the way to the lock is `imgbuild-locking`, the rest
//! `imgbuild-image`.

mod error;
mod pipeline;
mod pushing;
mod request;
mod sharding;

pub use error::BuildError;
pub use pipeline::{Report, build, chosen, cuda_contracts, planned_layers};
pub use pushing::pushed_groups;
pub use request::{CacheFrom, Request, SharedCaches};
pub use sharding::planned_shards;

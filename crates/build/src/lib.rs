//! The pipeline: spec in, image out.
//!
//! `spec → variants → lock → layer plan → layers → image → layout | tarball | registry`: the way to the lock is `imgbuild-locking`, the rest
//! `imgbuild-image`.

mod attested;
mod commit;
mod comparing;
mod difference;
mod error;
mod licences;
mod origins;
mod pipeline;
mod pushing;
mod rebuilding;
mod request;
mod sharding;
mod verify_error;
mod verifying;

pub use attested::AttestedPackages;
pub use comparing::difference;
pub use difference::{Difference, InLayer};
pub use error::BuildError;
pub use licences::tells_licences;
pub use pipeline::{Report, build, chosen, cuda_contracts, planned_layers};
pub use pushing::pushed_groups;
pub use rebuilding::{Rebuilt, rebuilt};
pub use request::{CacheFrom, ProvenancePlace, Request, SharedCaches};
pub use sharding::planned_shards;
pub use verify_error::VerifyError;
pub use verifying::{HeldLock, Verification, verify};

//! Getting what a lock names into the store: from a folder, or where each ecosystem has it; and what a run works with.
//!
//! This crate emits events and draws nothing.

mod attested;
mod context;
mod debian_sources;
mod environments;
mod error;
mod events;
mod fetch_failure;
mod fetching;
mod limits;
mod package_archives;
mod registry_layers;
mod secrets;
mod vendor_folder;

pub use attested::conda_attestations;
pub use context::Context;
pub use debian_sources::{expanded, repository_root, snapshot_mirror};
pub use environments::in_each_environment;
pub use error::ArchiveFailure;
pub use events::{Event, Reporter, Silent};
pub use fetch_failure::FetchFailure;
pub use fetching::{Fetcher, examined};
pub use package_archives::{PackageArchives, verify_archives};
pub use secrets::secrets;
pub use vendor_folder::Vendor;

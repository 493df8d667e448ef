//! The pipeline: spec in, image out.
//!
//! `spec → variants → lock → layer plan → layers → image → layout | tarball`: each arrow has its file.
//! This crate emits events and draws nothing.

mod assembly;
mod building;
mod bytecode_below;
mod checks;
mod conda_errors;
mod configuring;
mod confinement;
mod context;
mod copied_over;
mod copying;
mod debian_base;
mod delivery;
mod derived;
mod error;
mod events;
mod fetching;
mod foundation;
mod image;
mod layers;
mod limits;
mod listed;
mod locking;
mod opening;
mod other_locks;
mod pipeline;
mod post_link;
mod running;
mod secrets;
mod tool;
mod unpacked;
mod validating;
mod vendor;
mod virtual_packages;
mod wheel_index;
mod wheel_locking;
mod wheels;

pub use building::{BuildingError, GitError, ProjectError, SourceError};
pub use checks::Checked;
pub use context::Context;
pub use delivery::{Delivered, Format};
pub use derived::Execution;
pub use error::{BuildError, FetchFailure};
pub use events::{Event, Reporter, Silent};
pub use fetching::Fetcher;
pub use image::LOCK_LABEL;
pub use layers::Finished;
pub use locking::{Upgrade, inputs, lock, lock_path, variant_name};
pub use opening::{Opened, open_image};
pub use pipeline::{
    Built, Locked, PlannedLayer, Report, Request, build, check_lock, current_lock, planned_layers, read_lock,
    renew_lock, write_lock,
};
pub use running::{Runnable, Words, set};
pub use unpacked::{NamedLayer, remover, unpacked_layers};
pub use validating::{notes, validate};
pub use vendor::{Vendor, Vendored, vendor};

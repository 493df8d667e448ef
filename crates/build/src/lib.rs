//! The pipeline: spec in, image out.
//!
//! `spec → variants → lock → layer plan → layers → image → layout | tarball`: each arrow has its file.
//! This crate emits events and draws nothing.

mod assembly;
mod built_layer;
mod bytecode_below;
mod checks;
mod compiler;
mod conda_errors;
mod conda_locking;
mod configuring;
mod confinement;
mod context;
mod copied_over;
mod debian_base;
mod debian_locking;
mod delivery;
mod derived;
mod error;
mod events;
mod fetch_failure;
mod fetching;
mod image;
mod ingredient;
mod layers;
mod limits;
mod lock_file;
mod locking;
mod match_specs;
mod opening;
mod other_locks;
mod package_archives;
mod pipeline;
mod post_link;
mod running;
mod secrets;
mod unpacked;
mod validating;
mod variant_name;
mod vendor;
mod vendor_folder;
mod virtual_packages;
mod wheel_finder;
mod wheel_frontend;
mod wheel_locking;
mod wheel_sources;
mod wheels_python;

pub use built_layer::BuiltLayer;
pub use checks::Checked;
pub use context::Context;
pub use delivery::{Delivered, Format};
pub use derived::Execution;
pub use error::{
    ArchiveFailure, BuildError, CheckFailure, DeliverFailure, LockFailure, MakeFailure, OpenFailure,
};
pub use events::{Event, Reporter, Silent};
pub use fetch_failure::FetchFailure;
pub use fetching::Fetcher;
pub use image::LOCK_LABEL;
pub use imgbuild_sandbox::set_variable;
pub use lock_file::{read_lock, write_lock};
pub use locking::{Upgrade, inputs, lock, lock_path};
pub use opening::{Opened, open_image};
pub use pipeline::{
    Built, LayerSummary, Locked, Report, Request, build, check_lock, current_lock, planned_layers, renew_lock,
};
pub use running::{Runnable, Words};
pub use unpacked::{NamedLayer, remover, unpacked_layers};
pub use validating::{Purpose, notes, read_spec, validate};
pub use variant_name::variant_name;
pub use vendor::{Vendored, vendor};
pub use vendor_folder::Vendor;

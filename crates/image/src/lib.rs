//! From a lock to an image: archives are got, layers planned and made, the image assembled, checked and delivered; and images
//! that are there are opened.
//!
//! This crate emits events and draws nothing.

mod archive_uses;
mod asked;
mod assembly;
mod base_configuration;
mod built;
mod built_layer;
mod bytecode_below;
mod checks;
mod comparison;
mod compiler;
mod confinement;
mod conformity;
mod contents;
mod copied_over;
mod cuda_libraries;
mod debian_files;
mod delivery;
mod derived;
mod error;
mod files;
mod image;
mod image_lock;
mod ingredient;
mod inspection;
mod kernels;
mod layer_task;
mod layers;
mod limits;
mod materials;
mod opening;
mod plan;
mod post_link;
mod repetitions;
mod roles;
mod running;
mod shell_files;
mod space;
mod unpacked;
mod variant_name;
mod variant_plan;
mod vendor;
mod wheel_finder;
mod wheel_frontend;
mod wheels_python;

pub use asked::{Line, asked};
pub use assembly::{VariantParts, parts};
pub use built::Built;
pub use built_layer::BuiltLayer;
pub use checks::{Checked, run_checks};
pub use comparison::{Comparison, ConfigChange, FileChange, FileChanges, LayerChanges};
pub use confinement::unconfined;
pub use conformity::{check_conformity, conform, conform_by_look};
pub use contents::{Attributes, Contents, ImageLock, image_lock, inventory, whole_inventory};
pub use cuda_libraries::{
    CudaCopy, CudaDuplicate, check_cuda_duplicates, cuda_duplicates, cuda_stubs, wasted_bytes,
};
pub use debian_files::{ArchiveOwner, debian_owner};
pub use delivery::{Delivered, Format, Output, deliver, groups};
pub use error::{CheckFailure, DeliverFailure, MakeError, MakeFailure, OpenFailure, WheelsFailure};
pub use files::{ReadFile, read_files};
pub use image::LOCK_LABEL;
pub use image_lock::{is_as_we_made_it, lock_text};
/// What was run to make an image.
pub use imgbuild_ecosystem::Execution;
pub use inspection::{
    BaseSummary, CudaSummary, EnvironmentSummary, Inspection, LayerInspection, LockSummary,
};
pub use kernels::check_kernels;
pub use layers::make;
pub use materials::{MaterialsError, archives_sha512, image_facts, lock_facts};
pub use opening::{Opened, image_records, is_layout, not_found, open_image, within_file};
pub use plan::{ImagePlan, LayerSummary};
pub use roles::ROLES;
pub use running::{Runnable, Words};
pub use unpacked::{NamedLayer, remover};
pub use variant_name::{image_name, variant_name};
pub use variant_plan::variant_plan;
pub use vendor::{Vendored, vendor};
pub use wheel_finder::{absolute, finder, finder_of_lock, listed_error, locate_wheels, pypi_error};
pub use wheel_frontend::wheel_builder;
pub use wheels_python::{VIRTUAL_ENVIRONMENT, WheelsPython};

//! What is in an image: its packages, what each requires of the others, and whose a file is.
//!
//! An inventory is read from a lock ([`Inventory::of_lock`]), or from what package managers left in the files of an image that
//! somebody else made. Nothing is asked of a network.

mod inventory;
mod package;
mod purl;

pub use inventory::{Inventory, System};
pub use package::{ArchiveFile, Kind, Package, PackageId, Requirement};

//! What is in an image: its packages, what each requires of the others, and whose a file is.
//!
//! An inventory is read from a lock ([`Inventory::of_lock`]), or from what package managers left in the files of an image that
//! somebody else made ([`Installed`]). Nothing is asked of a network.

mod chains;
mod described;
mod difference;
mod dominators;
mod index;
mod installed;
mod inventory;
mod limits;
mod locked;
mod metadata;
mod package;
mod purl;
mod requirements;
mod waste;

pub use chains::{Chain, Cost, Graph, Step};
pub use described::Described;
pub use difference::{PackageChange, Release, differences};
pub use index::{LayerIndex, LayerOwners, index};
pub use installed::{Installed, Owners, standing};
pub use inventory::{Inventory, System};
pub use metadata::{Owned, Told};
pub use package::{ArchiveFile, Kind, Package, PackageId, Requirement, upstream_version};
pub use waste::{Waste, waste};

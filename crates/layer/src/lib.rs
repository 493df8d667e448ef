//! Entries into layers: paths, claims and their resolution, planning, keys, tar writing, compression.
//!
//! A package of any ecosystem is a [`Source`]: it says what it claims, and writes its entries into an
//! [`EntrySink`]. Nothing in here knows a package format, and nothing above knows how a layer is made.

mod claim;
mod compression;
mod entry;
mod files;
mod key;
mod layer_reader;
pub mod limits;
mod merged;
mod parents;
mod path;
mod pax;
mod plan;
mod source;
mod tar_header;
mod tar_reader;
mod tar_stream;
mod tar_writer;
mod whiteout;
mod writer;
mod zip;

pub use claim::{Claim, Conflict, Exclusion, Kind, Owners, Resolution, resolve, resolve_owners};
pub use compression::{Codec, WrongLibrary, check_libraries};
pub use entry::{EntryHead, EntryKind, Owner};
pub use files::{Content, Files};
pub use key::{Key, KeyHasher, RecipeHash};
pub use layer_reader::{LayerHead, LayerKind, LayerReader, Special};
pub use merged::{MergeError, Merged, Node, NodeKind, ResolveError};
pub use parents::Parents;
pub use path::{ImagePath, PathError};
pub use plan::{LayerPlan, LayerRole, OverBudget, Policy, Threshold, plan, threshold};
pub use source::{EntrySink, Exclusions, Part, PartId, Role, SinkError, Source, SourceError};
pub use tar_reader::{TarError, TarHead, TarKind, TarReader};
pub use tar_writer::TarWriter;
pub use whiteout::Whiteout;
pub use writer::{Layer, LayerError, LayerWriter, layer_key, write_layer};
pub use zip::{ZipArchive, ZipBody, ZipError, ZipFileError, ZipLimits, ZipMember, ZipMethod, zip_members};

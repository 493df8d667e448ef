//! Entries into layers: claims and their resolution, planning, keys, tar writing, compression.
//!
//! A package of any ecosystem is a [`Source`]: it says what it claims, and writes its entries into an
//! [`EntrySink`]. Nothing in here knows a package format, and nothing above knows how a layer is made.

mod claim;
mod compression;
mod cut;
mod cutting;
mod entry;
mod files;
mod format;
mod key;
mod layer_content;
pub mod limits;
mod linking;
mod merged;
mod node;
mod ownership;
mod parents;
mod part;
mod pieces;
mod plan;
mod repeated;
mod role;
mod source;
mod tar_writer;
mod threshold;
mod tree;
mod writer;
mod zstd_encoder;

pub use claim::{Claim, Conflict, Exclusion, Kind, Owners, Resolution, resolve, resolve_owners};
pub use compression::{Codec, WrongLibrary, check_libraries};
pub use cut::{Beside, Cut, CutError, FileSizes, Piece};
pub use cutting::cuts;
pub use entry::{EntryHead, EntryKind};
pub use files::{Content, Files};
pub use format::{FormatVersion, UnknownFormat};
pub use key::{Key, KeyHasher, RecipeHash};
pub use layer_content::MergeError;
pub use merged::{Merged, ResolveError};
pub use node::{Node, NodeKind};
pub use ownership::{OwnedSink, Ownership};
pub use parents::Parents;
pub use part::{Exclusions, Part, PartId, PartIdError};
pub use pieces::write_pieces;
pub use plan::{LayerPlan, LayerRole, Policy, plan};
pub use repeated::{Repeated, Repetition};
pub use role::{Grouping, Role};
pub use source::{EntrySink, SinkError, Source, SourceError, WriteOptions};
pub use tar_writer::TarWriter;
pub use threshold::{OverBudget, Threshold, threshold};
pub use writer::{Layer, LayerError, LayerWriter, layer_key, write_layer};

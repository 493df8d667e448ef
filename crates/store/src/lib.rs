//! The local content-addressed store: archives, blobs, layer records, leases and their collection.
//!
//! Plain files, so that many processes share it without a server:
//!
//! | folder | holds |
//! |---|---|
//! | `archives/` | what was downloaded, by its sha256 |
//! | `blobs/sha256/` | layers as they are stored in images, and bytecode, by their sha256 |
//! | `layers-v1/` | for each layer's key: which blob it is |
//! | `bytecode-v1/` | for each source's key: which blob its bytecode is |
//! | `repodata-v1/` | indexes of channels and mirrors, kept by those who read them, and [`Documents`] |
//! | `tools-v1/` | programs that builds use, one folder each |
//! | `images-v1/` | which manifest the name of a built image stands for; manifests and configurations are blobs |
//! | `outputs-v1/` | which images were written where, and in which state their files were then |
//! | `unpacked-v1/` | layers that were unpacked to be run, one folder each |
//! | `seals-v1/` | which archives and blobs were hashed, and in which state they were then |
//! | `scratch/` | what running commands write |
//! | `tmp/`, `leases/`, `locks/`, `lock` | what is being written, used, and worked on |
//!
//! A folder whose form may change has a version in its name: another version of imgbuild never reads what it does not
//! know.
//!
//! **Whole or absent.** Everything is written below `tmp/` and renamed. A killed run leaves files there only; they are
//! locked while their writer lives, and the next run removes those that are not.
//!
//! **Durability.** Nothing is forced to the disk: waiting for 170 MB would double the time of a build. What a power
//! failure can do is leave a file too short, or a record empty. So a record states the size of its blob, and one that
//! does not hold counts as absent; what was not hashed since it was written is hashed before it is used; and [`Store::verify`] hashes
//! everything.
//!
//! **Foreign owners.** The files of unpacked layers and of what commands wrote may belong to ids that only a user namespace
//! has, and that their own user cannot remove outside of it: whoever removes such folders brings a [`Remove`].
//!
//! **Sharing.** An open [`Store`] notes in its lease, a locked file, everything that it was given. [`Store::prune`] shuts
//! the gate (an exclusive lock on `lock`) while it removes, and never removes what a living lease notes; everyone else
//! holds the gate (a shared lock) for the moment of one look-up. A lock dies with its process, whatever ends it.

mod annotations;
mod archive_hash;
mod disk;
mod documents;
mod entry;
mod error;
mod exclusive;
mod file;
mod gate;
mod glance;
mod images;
mod kind;
mod layer_cache;
mod lease;
mod outputs;
mod prune;
mod record;
mod root;
mod scratch;
mod seal;
mod space;
mod store;
mod unpacked;
mod verify;
mod writer;

pub use archive_hash::{ArchiveFault, verify};
pub use documents::Documents;
pub use entry::Entry;
pub use error::StoreError;
pub use exclusive::Exclusive;
pub use glance::Glance;
pub use images::ImageRecord;
pub use kind::Kind;
pub use layer_cache::{CacheError, Claim, LayerCache, LayerCaches, Waiting};
pub use prune::{Prune, Pruned};
pub use record::LayerRecord;
pub use root::root;
pub use scratch::Scratch;
pub use space::FreeSpace;
pub use store::Store;
pub use unpacked::{Remove, UnpackedWriter};
pub use verify::{Damaged, Verified};
pub use writer::{ArchiveWriter, BlobWriter, BytecodeWriter, ToolWriter};

//! Strict readers of what somebody else packed: tar archives, layers and zips; and the paths that their entries have in
//! an image.
//!
//! What two readers could read differently is refused, whatever it is that was packed. What becomes of the entries is for
//! the floors above.

mod ahead;
mod layer;
pub mod limits;
mod owner;
mod path;
mod tar;
mod whiteout;
mod xz;
mod zip;

pub use ahead::read_ahead;
pub use layer::{LayerHead, LayerKind, LayerReader, Special};
pub use owner::Owner;
pub use path::{Folder, ImagePath, PathError};
pub use tar::{TarError, TarHead, TarKind, TarReader};
pub use whiteout::Whiteout;
pub use xz::xz;
pub use zip::{
    ZipArchive, ZipBodies, ZipBody, ZipError, ZipFileError, ZipLimits, ZipMember, ZipMethod, zip_members,
};

//! Tar archives: blocks, headers, and what extends them; and the reader of those that are packages.

mod error;
mod header;
mod pax;
mod reader;
mod stream;

pub use error::TarError;
pub(crate) use header::TypeFlag;
pub use reader::{TarHead, TarKind, TarReader};
pub(crate) use stream::{End, RawEntry, TarStream};

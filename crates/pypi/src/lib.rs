//! The PyPI ecosystem: choosing wheels, wheels into entries, and where they go.
//!
//! A [`Wheel`] is a wheel's metadata, after everything that it says of itself was found to agree; a [`Package`] is one
//! that a lock names, as a source of entries. The rules are those of the PyPA specifications "Binary distribution
//! format", "Recording installed projects", "Entry points", "Core metadata" and "Direct URL origin"; where these leave a
//! choice, the result is what `uv pip install` makes. No code of a wheel runs.
//!
//! Which wheels there are to be is decided by [`Uv`], whose `pylock.toml` [`wheels`] reads.

mod entry_points;
mod filename;
mod headers;
mod layout;
mod metadata;
mod package;
mod pylock;
mod record;
mod shebang;
mod tags;
mod tool;
mod uv;
mod virtual_environment;
mod wheel;
mod writing;

pub use entry_points::{EntryPoint, EntryPointError, EntryPoints};
pub use filename::{FilenameError, WheelFilename, normalized};
pub use layout::Layout;
pub use metadata::Metadata;
pub use package::{Package, PackageError};
pub use pylock::{LockedWheel, PylockError, wheels};
pub use record::{Record, RecordError, Recorded};
pub use tags::{Tags, Target};
pub use uv::{Requirements, Uv, UvError};
pub use virtual_environment::virtual_environment;
pub use wheel::{Wheel, WheelError};

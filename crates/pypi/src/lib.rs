//! The PyPI ecosystem: choosing wheels, wheels into entries, and where they go.
//!
//! A [`Wheel`] is a wheel's metadata, after everything that it says of itself was found to agree; a [`Package`] is one
//! that a lock names, as a source of entries. The rules are those of the PyPA specifications "Binary distribution
//! format", "Recording installed projects", "Entry points", "Core metadata" and "Direct URL origin"; where these leave a
//! choice, the result is what `uv pip install` makes. No code of a wheel runs.
//!
//! Which wheels there are to be is decided by [`Uv`]: [`Locking`] tells it what is wanted and what is there already, and
//! reads the wheels that it chooses.

mod building;
mod closure;
mod conflict;
mod credentials;
mod cuda;
mod dependency;
mod diagnosis;
mod entry_points;
mod environment;
mod evaluation;
mod explanation;
mod fault;
mod fetch;
mod filename;
mod finder;
mod finishing;
mod from_spec;
mod headers;
mod layout;
mod limits;
mod listed_packages;
mod listing;
mod locking;
mod locking_error;
mod marker;
mod metadata;
mod names;
mod package;
mod package_error;
mod permission;
mod pip_settings;
mod projects;
mod provided;
mod pylock;
mod pylock_error;
mod record;
mod request;
mod resolving;
mod settings;
mod settings_files;
mod shebang;
mod sources;
mod stated;
mod stub;
mod tags;
mod tool;
mod unfit;
mod urls;
mod uv;
mod uv_error;
mod virtual_environment;
mod wheel;
mod wheel_error;
mod writing;

pub use building::{AllowBuilds, BuildFailed, Builder, Built, NothingBuilt, Source};
pub use entry_points::{EntryPoint, EntryPointError, EntryPoints};
pub use environment::{Environment, PythonError};
pub use fetch::{MetadataError, WheelReader};
pub use filename::{FilenameError, WheelFilename, normalized};
pub use finder::{DownloadError, FinderParts, PackageFinder};
pub use from_spec::{allow_builds, indexes, requirement};
pub use layout::Layout;
pub use listed_packages::{ListedError, listed_packages};
pub use locking::{ChosenWheel, ListedPackage, ListedWheel, Locked, Locking};
pub use locking_error::LockingError;
pub use metadata::Metadata;
pub use package::{Package, claims, part_id};
pub use package_error::PackageError;
pub use permission::refused_requirements;
pub use provided::{NothingProvided, Provided, ProvidedError, ProvidedPackage};
pub use pylock::{Choice, LockedWheel, Reading, check as check_pylock, read as read_pylock};
pub use pylock_error::PylockError;
pub use record::{Record, RecordError, Recorded};
pub use request::{Request, Requirement};
pub use settings::{Indexes, Settings};
pub use settings_files::{SettingsError, Variables};
pub use stated::{StatedError, StatedHashes};
pub use tags::{Tags, Target};
pub use uv::Uv;
pub use uv_error::UvError;
pub use virtual_environment::virtual_environment;
pub use wheel::Wheel;
pub use wheel_error::WheelError;

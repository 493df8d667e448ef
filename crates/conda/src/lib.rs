//! The conda ecosystem: channels and solving, facts, archives into entries.

mod activation;
mod archives;
mod channel;
mod channel_settings;
mod conda_archive;
mod credentials;
mod cuda;
mod distributions;
mod environment;
mod environment_error;
mod facts;
mod fetch;
mod finishing;
mod history;
mod info;
pub mod limits;
mod locked;
mod locked_python;
mod locking;
mod locking_error;
mod package;
mod package_error;
mod question;
mod record;
mod registry;
mod replace;
mod request;
mod requirement;
mod solve;
mod source;
mod subdir;
mod subjects;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
mod twice;
mod virtual_packages;
mod writing;
mod zip;

pub use archives::ChannelArchives;
pub use channel::{ChannelError, ChannelLookup, ServedChannel, channels, serving_channels};
pub use channel_settings::{ChannelSettings, CondarcError, LeftOpen};
pub use conda_archive::{Archive, ArchiveError, ArchiveFormat};
pub use credentials::credentials;
pub use cuda::{ProcessorOnly, for_processor};
pub use distributions::{DistributionError, distribution_metadata};
pub use environment::{EnvironmentFilesError, Plan, environment_files, may_hold_python, plan_environment};
pub use environment_error::{EnvironmentError, Mistyped};
pub use fetch::{Metadata, MetadataError};
pub use info::{Damaged, Info, InfoError};
pub use locked::{LockedError, LockedLookup, check_locked};
pub use locked_python::{Implementation, LockedPython, locked_python};
pub use locking::{EnvironmentRequest, claims, lock_environment};
pub use locking_error::LockingError;
pub use package::{Environment, Package};
pub use package_error::PackageError;
/// A record of a channel's index, as rattler knows it.
pub use rattler_conda_types::RepoDataRecord as Record;
pub use rattler_networking::AuthenticationStorageError as CredentialsError;
pub use record::{RecordError, from_package as record};
pub use registry::registries;
pub use request::{Request, match_spec};
pub use solve::Solving;
pub use subdir::subdir;
pub use virtual_packages::{Unmet, virtual_packages};

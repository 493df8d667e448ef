//! The conda ecosystem: channels and solving, facts, archives into entries.

mod activation;
mod channel;
mod channel_settings;
mod conda_archive;
mod cuda;
mod distributions;
mod environment;
mod facts;
mod fetch;
mod finishing;
mod history;
mod info;
pub mod limits;
mod locked;
mod locked_python;
mod locking;
mod package;
mod question;
mod record;
mod registry;
mod replace;
mod requirement;
mod solve;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
mod twice;
mod virtual_packages;
mod writing;
mod zip;

pub use channel::{ChannelError, Place, Served, channels, locations, serving_channels};
pub use channel_settings::{ChannelSettings, CondarcError, LeftOpen};
pub use conda_archive::{Archive, ArchiveError, ArchiveFormat};
pub use cuda::ProcessorOnly;
pub use distributions::{DistributionError, distribution_metadata};
pub use environment::{EnvironmentFilesError, Plan, environment_files, may_hold_python, plan_environment};
pub use fetch::{Metadata, MetadataError};
pub use info::{Damaged, Info, InfoError};
pub use locked::{LockedError, Taking, check_locked};
pub use locked_python::{Implementation, LockedPython, locked_python};
pub use locking::{LockingError, Wishes, claims, lock_environment, subdir};
pub use package::{Environment, Package, PackageError};
/// A record of a channel's index, as rattler knows it.
pub use rattler_conda_types::RepoDataRecord as Record;
pub use rattler_networking::AuthenticationStorageError as CredentialsError;
pub use record::{RecordError, from_package as record};
pub use registry::registries;
pub use solve::{EnvironmentError, Request, Solving, credentials, match_spec};
pub use virtual_packages::{Unmet, virtual_packages};

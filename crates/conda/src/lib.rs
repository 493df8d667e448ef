//! The conda ecosystem: channels and solving, facts, archives into entries.

mod activation;
mod archive;
mod channel;
mod environment;
mod explicit;
mod facts;
mod fetch;
mod info;
mod locking;
mod package;
mod record;
mod replace;
mod solve;
mod zip;

pub use archive::{Archive, ArchiveError, ArchiveFormat};
pub use channel::{ChannelError, Served, channels};
pub use environment::{EnvironmentFilesError, Plan, environment_files, plan_environment};
pub use explicit::{ExplicitError, explicit_records};
pub use fetch::{Archives, FetchError, Metadata, MetadataError, Wanted};
pub use info::{Info, InfoError};
pub use locking::{LockingError, Wishes, lock_environment, subdir};
pub use package::{Environment, Package, PackageError};
pub use record::RecordError;
pub use solve::{EnvironmentError, Request, Solving, credentials, match_spec, virtual_packages};

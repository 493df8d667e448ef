//! The Debian ecosystem: signed indexes, resolving, packages into entries, and what maintainer scripts would have
//! done.
//!
//! [`lock`] finds the packages of a base and their facts; [`sources`] turns locked packages into what layers are made
//! of: one source for each package, and one, [`State`], for what dpkg and the packages' scripts would have left on
//! the disk. No script of theirs runs. Packages whose scripts are not known are configured by dpkg itself, in the sandbox:
//! [`Configuration`]. Nothing in here touches the network by itself: it is given a [`Fetch`].

mod apt;
mod archives;
mod base_system;
mod configuration;
mod control;
mod deb;
mod dependencies;
mod effects;
mod examine;
mod fetch;
mod index;
mod index_error;
mod index_request;
mod interpreter;
mod keyring;
mod limits;
mod locking;
mod locking_error;
mod mirror;
mod package;
mod packages;
mod parting;
mod path_filter;
mod pin;
mod relation;
mod release;
mod resolve;
mod role;
mod scripts;
mod slim;
mod stanza;
mod state;
mod suite;
mod version;
mod writing;

pub use apt::apt_files;
pub use archives::{Repositories, RepositoryArchives};
pub use configuration::{Configuration, ConfigurationError};
pub use deb::{ArchiveError, Member};
pub use examine::{Examined, examine, facts};
pub use fetch::{Fetch, FetchError};
pub use index::Index;
pub use index_error::IndexError;
pub use index_request::{IndexRequest, Repository};
pub use interpreter::{Interpreter, holds_modules, interpreter};
pub use keyring::{Keyring, KeyringError, SignatureError};
pub use locking::{Locked, Request, compiler, glibc, lock, sources};
pub use locking_error::LockDebianError;
pub use mirror::{Mirror, MirrorError};
pub use package::Package;
pub use packages::{DEFAULT_PACKAGES, NoPython, default_packages, python_packages};
pub use path_filter::LeftOut;
pub use pin::{Pin, PinError};
pub use relation::{Operator, Relation, RelationError};
pub use release::ReleaseError;
pub use resolve::ResolveError;
pub use role::{BASE, BASE_CONFIGURATION, BASE_STATE};
pub use scripts::{Scripts, UnknownScripts};
pub use stanza::{Stanza, StanzaError};
pub use state::{Account, State, StateError};
pub use version::{Version, VersionError};

/// The name of Debian's main archive in the lock.
pub const MAIN_ARCHIVE: &str = "debian";

/// The name of Debian's security archive in the lock.
pub const SECURITY_ARCHIVE: &str = "debian-security";

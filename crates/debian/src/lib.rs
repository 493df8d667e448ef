//! The Debian ecosystem: signed indexes, resolving, packages into entries, and what maintainer scripts would have
//! done.
//!
//! [`lock`] finds the packages of a base and their facts; [`sources`] turns locked packages into what layers are made
//! of: one source for each package, and one, [`State`], for what dpkg and the packages' scripts would have left on
//! the disk. No script of theirs runs. Packages whose scripts are not known are configured by dpkg itself, in the sandbox:
//! [`Configuration`]. Nothing in here touches the network by itself: it is given a [`Fetch`].

mod apt;
mod archive;
mod base_system;
mod configuration;
mod ingredients;
mod interpreter;
mod limits;
mod package;
mod resolving;
mod role;
mod state;

pub use apt::apt_files;
pub use archive::archives::Repositories;
pub use archive::archives::RepositoryArchives;
pub use archive::fetch::Fetch;
pub use archive::fetch::FetchError;
pub use archive::index::Index;
pub use archive::index_error::IndexError;
pub use archive::index_request::IndexRequest;
pub use archive::index_request::ServedRepository;
pub use archive::keyring::Keyring;
pub use archive::keyring::KeyringError;
pub use archive::keyring::SignatureError;
pub use archive::mirror::Mirror;
pub use archive::mirror::MirrorError;
pub use archive::release::ReleaseError;
pub use base_system::base_accounts;
pub use configuration::{Configuration, ConfigurationError};
pub use ingredients::Packages;
pub use interpreter::{Interpreter, interpreter};
pub use package::copyright::licences;
pub use package::deb::ArchiveError;
pub use package::deb::Member;
pub use package::examine::Examined;
pub use package::examine::examine;
pub use package::examine::facts;
pub use package::locked_package::Package;
pub use package::path_filter::LeftOut;
pub use package::scripts::Scripts;
pub use package::scripts::UnknownScripts;
pub use package::stanza::Stanza;
pub use package::stanza::StanzaError;
pub use resolving::locking::Locked;
pub use resolving::locking::Request;
pub use resolving::locking::compiler;
pub use resolving::locking::glibc;
pub use resolving::locking::lock;
pub use resolving::locking::sources;
pub use resolving::locking_error::{LockDebianError, PYTHON};
pub use resolving::packages::DEFAULT_PACKAGES;
pub use resolving::packages::NoPython;
pub use resolving::packages::default_packages;
pub use resolving::packages::python_packages;
pub use resolving::pin::PinError;
pub use resolving::relation::Operator;
pub use resolving::relation::Relation;
pub use resolving::relation::RelationError;
pub use resolving::resolve::{Nearest, ResolveError};
pub use resolving::version::Version;
pub use resolving::version::VersionError;
pub use role::{BASE, BASE_ADDED, BASE_CONFIGURATION, BASE_PYTHON, BASE_STATE, is_of_packages};
pub use state::{State, StateError};

/// The name of Debian's main archive in the lock.
pub const MAIN_ARCHIVE: &str = "debian";

/// The name of Debian's security archive in the lock.
pub const SECURITY_ARCHIVE: &str = "debian-security";

//! The PyPI ecosystem: choosing wheels, wheels into entries, and where they go.
//!
//! A [`Wheel`] is a wheel's metadata, after everything that it says of itself was found to agree; a [`Package`] is one
//! that a lock names, as a source of entries. The rules are those of the PyPA specifications "Binary distribution
//! format", "Recording installed projects", "Entry points", "Core metadata" and "Direct URL origin"; where these leave a
//! choice, the result is what `uv pip install` makes. No code of a wheel runs.
//!
//! Which wheels there are to be is decided by [`Uv`]: [`Locking`] tells it what is wanted and what is there already, and
//! reads the wheels that it chooses.

mod choosing;
mod index;
mod limits;
mod lists;
mod wheel;

pub use choosing::attested::{AskedFile, OfferError};
pub use choosing::building::BuildFailed;
pub use choosing::building::Builder;
pub use choosing::building::Built;
pub use choosing::building::NothingBuilt;
pub use choosing::building::ProjectSource;
pub use choosing::dependency::Dependency;
pub use choosing::environment::Environment;
pub use choosing::environment::PythonError;
pub use choosing::finder::DownloadError;
pub use choosing::finder::FinderParts;
pub use choosing::finder::PackageFinder;
pub use choosing::locking::ChosenWheel;
pub use choosing::locking::ListedPackage;
pub use choosing::locking::ListedWheel;
pub use choosing::locking::Locked;
pub use choosing::locking::Locking;
pub use choosing::locking_error::LockingError;
pub use choosing::permission::{Permission, refused_requirements};
pub use choosing::provided::Holder;
pub use choosing::provided::NothingProvided;
pub use choosing::provided::Provided;
pub use choosing::provided::ProvidedError;
pub use choosing::provided::ProvidedPackage;
pub use choosing::request::Request;
pub use choosing::request::Requirement;
pub use choosing::tags::Tags;
pub use choosing::tags::Target;
pub use choosing::tool::VERSION as UV_VERSION;
pub use choosing::uv::Uv;
pub use choosing::uv_error::UvError;
pub use index::credentials::netrc_servers;
pub use index::fetch::WheelReadError;
pub use index::fetch::WheelReader;
pub use index::pytorch::PytorchIndex;
pub use index::settings::Indexes;
pub use index::settings::Settings;
pub use index::settings_files::SettingsError;
pub use index::settings_files::Variables;
pub use lists::from_spec::requirement;
pub use lists::from_spec::{indexes, pytorch};
pub use lists::listed_packages::ListedError;
pub use lists::listed_packages::listed_packages;
pub use lists::pylock::Choice;
pub use lists::pylock::LockedWheel;
pub use lists::pylock::Reading;
pub use lists::pylock::check as check_pylock;
pub use lists::pylock::read as read_pylock;
pub use lists::pylock_error::PylockError;
pub use lists::stated::StatedError;
pub use lists::stated::StatedHashes;
pub use wheel::entry_points::EntryPoint;
pub use wheel::entry_points::EntryPointError;
pub use wheel::entry_points::EntryPoints;
pub use wheel::filename::FilenameError;
pub use wheel::filename::WheelFilename;
pub use wheel::filename::normalized;
pub use wheel::headers::Headers;
pub use wheel::ingredients::LockedWheelsError;
pub use wheel::ingredients::Packages;
pub use wheel::layout::Layout;
pub use wheel::metadata::{Metadata, author, licence};
pub use wheel::package::Package;
pub use wheel::package::{claims, sizes};
pub use wheel::package_error::PackageError;
pub use wheel::record::Record;
pub use wheel::record::RecordError;
pub use wheel::record::Recorded;
pub use wheel::virtual_environment::{virtual_environment, virtual_environment_over};
pub use wheel::wheel_error::WheelError;
pub use wheel::whole_wheel::Wheel;

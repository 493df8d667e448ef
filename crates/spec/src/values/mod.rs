//! Checked values: each rule of the language stands at the type that it is about.

mod glob;
mod name;
mod path;
mod pin;
mod port;
mod reference;
mod repository;
mod snapshot;
mod time;
mod user;
mod version;

pub use glob::{ExcludedPart, PathGlob};
pub use name::{DebianPackageName, LabelKey};
pub use path::{AbsolutePath, ContextPath, Mode, Prefix};
pub use pin::{SourceName, VersionPattern};
pub use port::{Port, Protocol};
pub use reference::{ChannelMirror, Mirror};
pub use repository::{Component, RepositoryName, RepositorySuite};
pub(crate) use snapshot::SNAPSHOT_NAMES;
pub use snapshot::{SnapshotMirror, SnapshotTime};
pub use time::CutOff;
pub(crate) use user::OwnerNumbers;
pub use user::User;
pub use version::{CudaVersion, PythonVersion};

//! Checked values: each rule of the language stands at the type that it is about.

mod authorized_key;
mod contract;
mod environment;
mod glob;
mod jupyter;
mod name;
mod path;
mod pin;
mod port;
mod reference;
mod repository;
mod server;
mod snapshot;
mod time;
mod user;
mod version;

pub use authorized_key::AuthorizedKey;
pub use contract::{Contract, UnknownContract};
pub use environment::EnvironmentValue;
pub(crate) use environment::check as check_environment_value;
pub use glob::{ExcludedPart, PathGlob};
pub use jupyter::{Interface, JupyterProfile};
pub use name::{DebianPackageName, LabelKey};
pub use path::{AbsolutePath, ContextPath, Home, Mode, Prefix, Shell};
pub use pin::{SourceName, VersionPattern};
pub use port::{Port, Protocol};
pub use reference::{ChannelMirror, Mirror};
pub use repository::{Component, RepositoryName, RepositorySuite};
pub use server::{BaseUrl, HubVersion, TcpPort};
pub(crate) use snapshot::SNAPSHOT_NAMES;
pub use snapshot::{SnapshotMirror, SnapshotTime};
pub use time::CutOff;
pub(crate) use user::OwnerNumbers;
pub use user::{User, UserName, UserNumber};
pub use version::{CudaVersion, PythonVersion};

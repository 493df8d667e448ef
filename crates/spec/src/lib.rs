//! The spec: the TOML language, its matrix, its diagnostics and its schema.
//!
//! [`Spec::load`] reads a spec and the files that it names; [`Spec::variants`] gives every image to build, with
//! templates expanded and every rule checked. A [`DocumentError`] points at file, line and column.
//!
//! Six lines are enough:
//!
//! ```toml
//! name   = "base-pytorch"
//! tags   = ["{python}"]
//! python = "{python}"
//!
//! [matrix]
//! python = [3.9, 3.10]
//! ```

mod assemble;
mod base;
mod checks;
mod cuda;
mod draft;
mod environment_draft;
mod environment_names;
mod environments;
mod inputs;
mod language;
mod limits;
mod loader;
mod matrix;
mod mistake;
mod not_known;
mod pip;
mod python;
mod reference;
mod repositories;
mod schema;
mod services;
mod spec;
mod template;
#[cfg(test)]
mod tests;
mod unread;
mod values;
mod variant;

pub use cuda::Cuda;
pub use language::{
    Budget, Compilation, Compression, Image, Layers, Manager, Profile, PythonFrom, Seconds, Suite,
};
pub use mistake::SpecMistake;
pub use pip::{AllowBuilds, Pip, PipPackages, Pytorch};
pub use reference::reference;
pub use schema::schema;
pub use spec::{Spec, WrongSpec};
pub use values::{
    AbsolutePath, AuthorizedKey, BaseUrl, Capability, ChannelMirror, Component, ContextPath, Contract,
    CudaVersion, CutOff, DebianPackageName, Driver, Duplicates, EnvironmentValue, ExcludedPart, ExtensionId,
    Home, HubVersion, Interface, JupyterProfile, LabelKey, LayerSize, LicenceText, Mirror, Mode,
    PackageReference, PathGlob, Port, Prefix, Protocol, PythonVersion, Reason, RepositoryName,
    RepositorySuite, Shell, Size, SizeError, SnapshotMirror, SnapshotTime, SourceName, TcpPort, Toolkit,
    TorchBackend, UnknownContract, User, UserName, UserNumber, VersionPattern, VisibleDevices,
};
pub use variant::{
    Account, Base, Check, Conda, CondaPackages, Conform, CopyRule, Debian, DevContainer, Environment,
    ExceptedPackage, Jupyter, Keyring, Layout, Licences, Pin, Python, RegistryImage, Repository, Snapshot,
    Ssh, Variant,
};

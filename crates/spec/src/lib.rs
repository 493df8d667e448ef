//! The spec: the TOML language, its matrix, its diagnostics and its schema.
//!
//! [`Spec::load`] reads a spec and the files that it names; [`Spec::variants`] gives every image to build, with
//! templates expanded and every rule checked. A [`SpecError`] points at file, line and column.
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
mod beneath;
mod condarc;
mod decode;
mod draft;
mod encoding;
mod environment;
mod error;
mod files;
mod inputs;
mod language;
mod limits;
mod list;
mod loader;
mod matrix;
mod mistake;
mod note;
mod pip;
mod reference;
mod repositories;
mod requirement;
mod schema;
mod source;
mod spec;
mod subdir;
mod suggest;
mod template;
#[cfg(test)]
mod tests;
mod toml_tree;
mod tree;
mod unread;
mod values;
mod variant;
mod yaml_tree;

pub use condarc::{Condarc, Setting, SettingMark, SettingTable, SslVerify};
pub use environment::{ArchiveUrl, LockFormat, LockedArchive, LockedBuild, LockedList, LockedPackages, Md5};
pub use error::{Mistake, Problem, SpecError};
pub use language::{
    Budget, ChannelPriority, Compilation, Compression, Image, Layers, Manager, Profile, PythonFrom, Seconds,
    Suite,
};
pub use note::Note;
pub use pip::{
    AllowBuilds, Comparison, Condition, DependencySpecifier, FindLinks, ListedPackage, ListedPackages,
    Marker, MarkerOperator, MarkerValue, MarkerVariable, Pip, PipPackages, PipRequirement, PylockFile,
    RequirementSource, VersionsOrUrl,
};
pub use reference::reference;
pub use requirement::{Channel, Requirement, match_spec_name};
pub use schema::schema;
pub use source::{Origin, Snippet};
pub use spec::{Spec, WrongSpec};
pub use suggest::nearest;
pub use values::{
    ChannelMirror, ChannelName, Component, ContextPath, CudaVersion, CutOff, DebianPackageName,
    EnvironmentName, ExcludedPart, ImagePath, LabelKey, MatchSpecText, Mirror, Mode, Owner, PackageName,
    PathGlob, PipUrl, Port, Prefix, ProgramText, ProjectName, Protocol, PythonVersion, RepositoryName,
    RepositorySuite, SnapshotMirror, SnapshotTime, SourceName, User, ValueError, VariableName,
    VersionPattern,
};
pub use variant::{
    Base, Check, Conda, CondaPackages, Copy, Cuda, Debian, Keyring, Layout, Pin, Python, Repository,
    Snapshot, Variant,
};

//! The lockfile: its model, reading, writing and comparing.
//!
//! An image is a function of this file. So it holds, beside every package's whole record and hash, the *facts* that a
//! layer's key needs and that only the archive knows; `docs/lock.md` says which and why.

mod base_content;
mod base_python;
mod builder;
mod changes;
mod compiler;
mod conda;
mod debian;
mod excluded_path;
mod image_base;
mod locked_package;
mod locked_variant;
mod model;
mod path_rule;
mod pypi;
mod text;

pub use base_python::BasePython;
pub use builder::LockBuilder;
pub use changes::{Change, Changes, Reason};
pub use compiler::Compiler;
pub use conda::{Activation, CondaFacts, CondaPackage, CondaSet, EnvironmentVariable, MANAGERS};
pub use debian::{DebianFacts, DebianPackage, DebianSet, LockedRepository, SpecialDirectory};
pub use excluded_path::ExcludedPath;
pub use image_base::{ImageBase, ImageBaseLayer};
pub use locked_package::{Archive, LockedPackage};
pub use locked_variant::{LockedCompiler, LockedEnvironment, LockedSet, LockedVariant};
pub use model::{Environment, Lock, Variant};
pub use path_rule::{PathRule, PathRuleError};
pub use pypi::{
    ArchiveInfo, DirInfo, DirectUrl, DirectUrlInfo, PypiBuild, PypiFacts, PypiPackage, PypiSet, PypiSource,
    VcsInfo,
};
pub use text::{LockError, MARK};

//! Why a base cannot be locked.

use std::collections::BTreeSet;

use imgbuild_archive::ImagePath;
use imgbuild_diagnostic::{Subject, Subjects};
use imgbuild_secret::SecretUrl;

use crate::archive::fetch::FetchError;
use crate::archive::index_error::IndexError;
use crate::package::deb::ArchiveError;
use crate::package::scripts::UnknownScripts;
use crate::resolving::packages::NoPython;
use crate::resolving::pin::PinError;
use crate::resolving::resolve::ResolveError;

/// Why a base cannot be locked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LockDebianError {
    /// The index.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Index(Box<IndexError>),
    /// The dependencies.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Resolve(Box<ResolveError>),
    /// A pin.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Pin(#[from] PinError),
    /// The suite's Python is another.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Python(#[from] NoPython),
    /// Packages whose scripts would have to be run, which the spec forbids: all of them at once.
    #[error("{}", lines(.0))]
    #[diagnostic(help(
        "`[base] configure = false` forbids running them: leave the packages out, or take the programs from conda"
    ))]
    Configure(Vec<UnknownScripts>),
    /// What dpkg and apt need has scripts that are not known, and nothing can run them.
    #[error("{}", lines(.0))]
    #[diagnostic(help(
        "dpkg itself needs what they make, so that it cannot run them: a newer imgbuild may know them"
    ))]
    Foundation(Vec<UnknownScripts>),
    /// A damaged or hostile archive.
    #[error("cannot use the package `{package}`")]
    Archive {
        /// The package.
        package: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: ArchiveError,
    },
    /// An archive that could not be fetched.
    #[error("cannot fetch the package `{package}` from `{url}`")]
    Fetch {
        /// The package.
        package: String,
        /// From where.
        url: Box<SecretUrl>,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<FetchError>,
    },
    /// A record of the index lacks what is needed.
    #[error("the record of the package `{package}` has no usable field `{field}`")]
    Record {
        /// The package.
        package: String,
        /// The field.
        field: &'static str,
    },
    /// Two packages hold one path, and neither says that it replaces the other.
    #[error(
        "the packages `{package}` and `{other}` both hold `{path}`, and neither replaces the other's files"
    )]
    #[diagnostic(help("leave one of them out"))]
    SamePath {
        /// The one.
        package: String,
        /// The other.
        other: String,
        /// The path.
        path: ImagePath,
    },
    /// Reading an archive was stopped.
    #[error("reading the package `{0}` was stopped")]
    Stopped(String),
}

imgbuild_diagnostic::boxed_sources!(LockDebianError);

/// What an error about Debian's Python is about: it is asked for by a key of its own.
pub const PYTHON: &str = "python";

impl Subjects for LockDebianError {
    fn subjects(&self) -> BTreeSet<Subject> {
        self.packages().into_iter().map(|name| Subject::Package(name.to_owned())).collect()
    }
}

impl LockDebianError {
    /// The names of the packages that it is about.
    fn packages(&self) -> Vec<&str> {
        match self {
            Self::Resolve(error) => error.subjects(),
            Self::Pin(error) => vec![error.package()],
            Self::Configure(unknown) | Self::Foundation(unknown) => {
                unknown.iter().map(|it| it.package.as_ref()).collect()
            }
            Self::Archive { package, .. } | Self::Fetch { package, .. } | Self::Record { package, .. } => {
                vec![package]
            }
            Self::SamePath { package, other, .. } => vec![package, other],
            Self::Stopped(package) => vec![package],
            Self::Python(_) => vec![PYTHON],
            Self::Index(_) => Vec::new(),
        }
    }
}

fn lines(unknown: &[UnknownScripts]) -> String {
    unknown.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl From<IndexError> for LockDebianError {
    fn from(error: IndexError) -> Self {
        Self::Index(Box::new(error))
    }
}

impl From<ResolveError> for LockDebianError {
    fn from(error: ResolveError) -> Self {
        Self::Resolve(Box::new(error))
    }
}

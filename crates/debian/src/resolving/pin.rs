//! What holds a package to one version or one source.

use std::fmt;

use crate::archive::index::{Candidate, Index};
use crate::resolving::resolve::{Nearest, nearest};

/// What of a package may be taken, whatever is newer elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The package.
    pub package: String,
    /// Its version, or how that begins and then `*`, as in apt's own pins (`apt_preferences(5)`); nothing for any.
    pub version: Option<String>,
    /// The archive that it comes from, by its name in the lock; nothing for any.
    pub source: Option<String>,
}

/// The package, `=` and the version, `@` and the archive, where it says them.
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.package)?;
        self.version.iter().try_for_each(|version| write!(f, "={version}"))?;
        self.source.iter().try_for_each(|source| write!(f, "@{source}"))
    }
}

/// A pin that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum PinError {
    /// No source has such a package.
    #[error("the pin of `{package}` cannot be kept: there is no such package")]
    Unknown {
        /// The package.
        package: String,
        /// Names like it, where there are any.
        #[help]
        nearest: Option<Nearest>,
    },
    /// No version of the package fits.
    #[error("the pin of `{package}` cannot be kept: there is no `{package}`{asked}")]
    #[diagnostic(help("it can be {}", known.join(", ")))]
    Unmet {
        /// The package.
        package: String,
        /// What it says.
        asked: String,
        /// What there is: versions, and where.
        known: Vec<String>,
    },
    /// The package is not in the image.
    #[error("the pin of `{package}` pins nothing: the image does not have the package")]
    #[diagnostic(help("add `{package}` to `[base] packages`, or remove the pin"))]
    Unused {
        /// The package.
        package: String,
    },
}

impl PinError {
    /// The package that it is about.
    pub(crate) fn package(&self) -> &str {
        match self {
            Self::Unknown { package, .. } | Self::Unmet { package, .. } | Self::Unused { package } => package,
        }
    }
}

impl Pin {
    /// Whether a version of the package, and where it comes from, may be taken.
    pub(crate) fn allows(&self, version: &str, archive: &str) -> bool {
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(beginning) => version.starts_with(beginning),
            // `1.0` and `1.0-0` are one version to dpkg, but two archives.
            None => version == pattern,
        };
        self.version.as_deref().is_none_or(fits) && self.source.as_deref().is_none_or(|it| it == archive)
    }

    /// As the lock and the image have it: apt has no name for a source, so that only versions are held there.
    pub(crate) fn locked(&self) -> Option<(String, String)> {
        Some((self.package.clone(), self.version.clone()?))
    }

    /// Takes all other versions of the package out of the index. Where none is left, it stays as it is.
    ///
    /// # Errors
    ///
    /// When there is no such package, or no version that fits.
    pub(crate) fn apply(&self, index: &mut Index) -> Result<(), PinError> {
        let versions = index.versions(&self.package);
        let fits = |it: &Candidate| self.allows(it.version.as_str(), &it.archive);
        if versions.iter().any(fits) {
            index.retain(&self.package, fits);
            return Ok(());
        }
        let package = self.package.clone();
        if versions.is_empty() {
            return Err(PinError::Unknown { nearest: nearest(index, &package), package });
        }
        let mut known: Vec<String> =
            versions.iter().map(|it| format!("`{}` from `{}`", it.version, it.archive)).collect();
        known.dedup();
        Err(PinError::Unmet { package, asked: self.asked(), known })
    }

    /// What it says, behind the package's name.
    fn asked(&self) -> String {
        let version = self.version.iter().map(|version| format!(" with the version `{version}`"));
        let source = self.source.iter().map(|source| format!(" from `{source}`"));
        version.chain(source).collect()
    }
}

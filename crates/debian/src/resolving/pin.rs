//! What holds a package to one version or one source.

use imgbuild_spec::Pin;

use crate::archive::index::{Candidate, Index};
use crate::resolving::resolve::{Nearest, nearest};

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

/// Whether a pin lets a version of a package be taken from where it comes from: of other packages any.
pub(crate) fn allows(pin: &Pin, package: &str, version: &str, archive: &str) -> bool {
    pin.package.as_str() != package
        || (pin.version.as_ref().is_none_or(|it| it.fits(version))
            && pin.source.as_ref().is_none_or(|it| it.as_str() == archive))
}

/// A pin as the lock and the image have it: apt has no name for a source, so that only versions are held there.
pub(crate) fn locked(pin: &Pin) -> Option<(String, String)> {
    Some((pin.package.to_string(), pin.version.as_ref()?.to_string()))
}

/// Takes all other versions of a pinned package out of the index. Where none is left, it stays as it is.
///
/// # Errors
///
/// When there is no such package, or no version that fits.
pub(crate) fn apply(pin: &Pin, index: &mut Index) -> Result<(), PinError> {
    let versions = index.versions(pin.package.as_str());
    let fits = |it: &Candidate| allows(pin, &it.name, it.version.as_str(), &it.archive);
    if versions.iter().any(fits) {
        index.retain(pin.package.as_str(), fits);
        return Ok(());
    }
    let package = pin.package.to_string();
    if versions.is_empty() {
        return Err(PinError::Unknown { nearest: nearest(index, &package), package });
    }
    let mut known: Vec<String> =
        versions.iter().map(|it| format!("`{}` from `{}`", it.version, it.archive)).collect();
    known.dedup();
    Err(PinError::Unmet { package, asked: asked(pin), known })
}

/// What a pin says, behind the package's name.
fn asked(pin: &Pin) -> String {
    let version = pin.version.iter().map(|version| format!(" with the version `{version}`"));
    let source = pin.source.iter().map(|source| format!(" from `{source}`"));
    version.chain(source).collect()
}

//! The keys that attestations are believed by: Sigstore's certificate authorities and logs.

use std::io::Read;
use std::path::{Path, PathBuf};

use sigstore_verify::trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot};

use crate::limits::ROOT_LIMIT;

/// Sigstore's keys, as `trusted_root.json` has them.
#[derive(Debug, Clone)]
pub struct TrustRoot(pub(crate) TrustedRoot);

/// Keys that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RootError {
    /// The file cannot be read.
    #[error("Sigstore's keys cannot be read, which the settings say are in `{}`", path.display())]
    #[diagnostic(help("without `[sigstore] trusted-root`, those are used that imgbuild was made with"))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// It holds something else.
    #[error("`{}` has no keys of Sigstore that can be used: {reason}", path.display())]
    #[diagnostic(help("what is wanted is the `trusted_root.json` that Sigstore's own tools keep"))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl TrustRoot {
    /// Those of a file; without one, those of the public Sigstore that this version was made with.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub fn read(path: Option<&Path>) -> Result<Self, RootError> {
        let Some(path) = path else { return Self::parse(SIGSTORE_PRODUCTION_TRUSTED_ROOT, Path::new("")) };
        let failed = |error| RootError::Read { path: path.to_owned(), error };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(ROOT_LIMIT).read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text, path)
    }

    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, RootError> {
        let wrong = |reason: String| RootError::Wrong { path: path.to_owned(), reason };
        let root = TrustedRoot::from_json(text).map_err(|error| wrong(error.to_string()))?;
        // It is checked as a whole now, and not at the first attestation.
        sigstore_verify::Verifier::new(&root).map_err(|error| wrong(error.to_string()))?;
        Ok(Self(root))
    }
}

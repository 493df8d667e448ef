//! What of a folder is never copied: what its ignore file names.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::leads_out::{LeadsOut, leads_out};

/// The file that names what is not copied, as `.gitignore` names what is not kept.
pub const IGNORE_FILE: &str = ".imgbuildignore";

/// An ignore file that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum IgnoreError {
    /// A pattern is wrong.
    #[error("`{}` cannot be read", path.display())]
    Pattern {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: ignore::Error,
    },
    /// A link leads from it out of its folder.
    #[error(transparent)]
    #[diagnostic(transparent)]
    LeadsOut(LeadsOut),
}

/// What the ignore file of a folder names; nothing where there is none.
///
/// # Errors
///
/// When it cannot be read, is wrong, or is elsewhere.
pub fn ignored(folder: &Path) -> Result<Gitignore, IgnoreError> {
    let path = folder.join(IGNORE_FILE);
    if let Some(found) = leads_out(folder, Path::new(IGNORE_FILE)) {
        return Err(IgnoreError::LeadsOut(LeadsOut { path, found }));
    }
    let mut builder = GitignoreBuilder::new(folder);
    // A named pipe would be waited for.
    if let Ok(found) = path.metadata() {
        if !found.is_file() {
            let error = ignore::Error::Io(std::io::Error::other("it is not a file"));
            return Err(IgnoreError::Pattern { path, error });
        }
        if let Some(error) = builder.add(&path) {
            return Err(IgnoreError::Pattern { path, error });
        }
    }
    builder.build().map_err(|error| IgnoreError::Pattern { path, error })
}

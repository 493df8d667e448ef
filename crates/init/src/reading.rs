//! Reading the files that a spec is made from.

use std::path::Path;

use imgbuild_document::{DocumentError, FILE_LIMIT, Source, files};

/// Reads a file.
///
/// # Errors
///
/// When it cannot be read, or is larger than such files are.
pub(crate) fn read(path: &Path) -> Result<Source, DocumentError> {
    let wrong = |problem| DocumentError::new(&path.display().to_string(), vec![problem]);
    let limit = imgbuild_environment::limit(path).max(FILE_LIMIT);
    files::text(path, limit, &files::from_disk).map_err(wrong)
}

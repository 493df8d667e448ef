//! Tools that the store keeps.

use std::path::{Path, PathBuf};

use oci::Digest;
use python::CompilerError;
use store::{Kind, Store};

/// The folder of a tool: from the store, or filled now, by one process.
pub(crate) fn tool(
    store: &Store,
    key: &Digest,
    fill: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, CompilerError> {
    let unavailable = |error: store::StoreError| CompilerError::Unavailable(error.to_string());
    if let Some(path) = store.tool(key).map_err(unavailable)? {
        return Ok(path);
    }
    let _exclusive = store.exclusive(Kind::Tool, key).map_err(unavailable)?;
    if let Some(path) = store.tool(key).map_err(unavailable)? {
        return Ok(path);
    }
    let writer = store.tool_writer(key).map_err(unavailable)?;
    fill(writer.path()).map_err(CompilerError::Unavailable)?;
    writer.commit().map_err(unavailable)
}

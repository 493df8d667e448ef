//! Files by their paths, as they are gathered, and the folders that they are in.

use std::collections::BTreeMap;

use imgbuild_archive::{ImagePath, PathError};
use imgbuild_layer::Content;

/// The folder of what the start reads.
pub(crate) const SETTINGS: &str = "etc/imgbuild";
/// The folder of the programs that serve.
pub(crate) const PROGRAMS: &str = "usr/local/lib/imgbuild";

/// Files by their paths.
pub(crate) type Contents = BTreeMap<ImagePath, Content>;

/// Adds a file.
pub(crate) fn put(
    contents: &mut Contents,
    path: &str,
    text: impl Into<String>,
    mode: u32,
) -> Result<(), PathError> {
    let content = Content::File { bytes: text.into().into_bytes(), mode };
    contents.insert(ImagePath::new(path.trim_start_matches('/'))?, content);
    Ok(())
}

//! Where packages lie beside the indexes (`--find-links`).

use std::path::{Path, PathBuf};

use imgbuild_document::ValueError;

use crate::project::PipUrl;
use crate::requirement::relative;

/// A place that lists packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindLinks {
    /// A page with links. It may hold credentials and variables.
    Url(PipUrl),
    /// A folder with packages, or a page with links: relative to the spec's folder, or absolute.
    Path(PathBuf),
}

impl FindLinks {
    /// Reads a value of the option, whose paths are relative to `folder`.
    pub(crate) fn read(text: &str, folder: &Path) -> Result<Self, ValueError> {
        let error = |rule: &str| {
            let shown = imgbuild_secret::public(text);
            ValueError::new(format!("`{shown}` names no packages: {rule}"))
        };
        if let Some(path) = text.strip_prefix("file:") {
            let url = url::Url::parse(text).ok().filter(|_| path.starts_with('/'));
            let path = url.and_then(|url| url.to_file_path().ok());
            let path = path.ok_or_else(|| {
                error("a file's URL begins with `file:///`").hint("write its path, as `./folder`")
            })?;
            return Ok(Self::Path(path));
        }
        if text.contains("://") {
            // uv is told of them as a list with commas.
            if text.contains(',') {
                return Err(error("a `,` parts two of them").hint("write it as `%2C`"));
            }
            return PipUrl::read(text, &["https", "http"]).map(Self::Url);
        }
        if text.is_empty() || text.contains([',', '\\']) || text.starts_with('~') {
            return Err(error("a path has slashes, no `~` and no `,`").hint("write it like `./wheels`"));
        }
        Ok(Self::Path(relative(folder, text)))
    }

    /// As it stands in a key: without user, password and query.
    pub fn shown(&self) -> String {
        match self {
            Self::Url(url) => url.to_string(),
            Self::Path(path) => path.display().to_string(),
        }
    }
}

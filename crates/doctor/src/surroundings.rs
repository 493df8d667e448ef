//! What is looked at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Variables of a process.
pub type Variables = BTreeMap<String, String>;

/// What is looked at, and for what.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The folder below which the machine's files are: `/`, but for tests.
    pub root: PathBuf,
    /// The variables of the process.
    pub variables: Variables,
    /// The spec that the machine is to build, where one is named.
    pub spec: Option<PathBuf>,
    /// Whether nobody may be asked.
    pub offline: bool,
    /// The folder of the cache that the settings name.
    pub(crate) cache_folder: Option<PathBuf>,
}

impl Surroundings {
    /// The machine whose files are below `root`, as these variables are set.
    pub fn new(root: impl Into<PathBuf>, variables: Variables) -> Self {
        Self { root: root.into(), variables, spec: None, offline: false, cache_folder: None }
    }

    /// The variables that name proxies, and what they say.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        names.into_iter().filter_map(|name| Some((name, self.variable(name)?)))
    }

    /// Where the cache is, as far as anybody knows.
    pub(crate) fn cache(&self) -> Option<PathBuf> {
        imgbuild_store::root(self.cache_folder.clone()).ok()
    }

    /// A variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Whether this user has a home, by `HOME` or by the machine's list of users.
pub(crate) fn has_home() -> bool {
    std::env::home_dir().is_some_and(|home| !home.as_os_str().is_empty())
}

/// The text of a file below `root`, without the white space around it; nothing where it cannot be read.
pub(crate) fn text(root: &Path, path: &str) -> Option<String> {
    Some(std::fs::read_to_string(root.join(path)).ok()?.trim().to_owned())
}

/// The number that a file below `root` holds.
pub(crate) fn number(root: &Path, path: &str) -> Option<u64> {
    text(root, path)?.parse().ok()
}

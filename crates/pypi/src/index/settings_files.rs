//! The files that settings stand in, and the variables beside them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file of settings is there and cannot be read.
    #[error("cannot read the settings in `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file of settings is damaged. Its lines are not shown: they may hold passwords.
    #[error("the settings in `{}` are damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// Variables of a process.
pub type Variables = BTreeMap<String, String>;

/// The folders of settings of the user and of the machine, the user's first (the XDG Base Directory Specification).
pub(crate) fn configuration_folders(variables: &Variables) -> Vec<PathBuf> {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    let home = set("HOME").map(|home| Path::new(home).join(".config"));
    let user = set("XDG_CONFIG_HOME").map(PathBuf::from).or(home);
    let machine = set("XDG_CONFIG_DIRS").map_or("/etc/xdg", String::as_str);
    let machine = machine.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from);
    user.into_iter().chain(machine).collect()
}

/// The text of a file of settings; nothing where it is not there.
pub(crate) fn text(path: &Path) -> Result<Option<String>, SettingsError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(SettingsError::Read { path: path.to_owned(), error }),
    }
}

/// A file of settings in TOML; nothing where it is not there.
pub(crate) fn table(path: &Path) -> Result<Option<toml::Table>, SettingsError> {
    let Some(text) = text(path)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| SettingsError::Damaged { path: path.to_owned() })
}

//! The certificates for a registry, in the folders that docker and podman have for them: `containers-certs.d(5)`.

use std::io;
use std::path::{Path, PathBuf};

use imgbuild_net::{Identity, authorities};

use super::Variables;
use super::error::SettingsError;

/// What a machine has for one registry.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    /// Whether there is a folder for it.
    pub(crate) is_there: bool,
    /// Whose certificates count as well, in PEM.
    pub(crate) authorities: Vec<u8>,
    /// What it is shown.
    pub(crate) identity: Option<Identity>,
}

/// The folders that have one for each registry; of two client certificates that of the first counts.
pub(crate) fn folders(variables: &Variables, root: &Path) -> Vec<PathBuf> {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = |path: &str| set("HOME").map(|home| home.join(path));
    let config = set("XDG_CONFIG_HOME").or_else(|| home(".config"));
    let own = [
        home(".config/containers/certs.d"),
        config.map(|config| config.join("docker/certs.d")),
        home(".docker/certs.d"),
    ];
    let system = ["etc/containers/certs.d", "etc/docker/certs.d"].map(|path| root.join(path));
    own.into_iter().flatten().chain(system).collect()
}

impl Certificates {
    /// Reads what these folders have for a registry.
    pub(crate) fn read(folders: &[PathBuf], host: &str) -> Result<Self, SettingsError> {
        let mut found = Self::default();
        for folder in folders.iter().map(|folder| folder.join(host)) {
            let failed = |path: &Path| {
                let (host, path) = (host.to_owned(), path.to_owned());
                move |error| SettingsError::Certificates { host, path, error }
            };
            let Some(names) = names(&folder).map_err(failed(&folder))? else { continue };
            found.is_there = true;
            for name in &names {
                let path = folder.join(name);
                let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
                let pair = |missing: String| {
                    if names.contains(&missing) {
                        return Ok(folder.join(missing));
                    }
                    Err(SettingsError::Pair { there: path.clone(), missing })
                };
                match ending {
                    "crt" => {
                        found.authorities.extend(authorities(&path).map_err(failed(&path))?);
                        found.authorities.push(b'\n');
                    }
                    "cert" => {
                        let key = pair(format!("{stem}.key"))?;
                        let identity = Identity::read(&path, Some(&key)).map_err(failed(&path))?;
                        found.identity.get_or_insert(identity);
                    }
                    "key" => {
                        pair(format!("{stem}.cert"))?;
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }
}

/// The names in a folder, in their order; nothing where it is not there, or is not for everybody.
fn names(folder: &Path) -> io::Result<Option<Vec<String>>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::debug!("{} may not be read, and is passed over", folder.display());
            return Ok(None);
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        entries => entries?,
    };
    let name = |entry: io::Result<std::fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names = entries.map(name).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(Some(names))
}

#[cfg(test)]
mod tests;

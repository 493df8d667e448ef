//! Keeping credentials and forgetting them, where docker and podman find what is kept and no longer find what is forgotten.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use imgbuild_folder::Folder;
use imgbuild_oci::RegistryHost;
use serde::Serialize as _;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use super::config_file::ConfigFile;
use super::error::CredentialError;
use super::login::Login;
use super::named::Named;
use super::place::{Place, key};
use super::{Credentials, Files, WHOLE_FILE};
use crate::basic::encoded;

/// The part of a file that has an entry for each registry.
const ENTRIES: &str = "auths";

/// Where credentials are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptIn {
    /// A file, in which everybody who can read it can read them.
    File(PathBuf),
    /// A program.
    Helper(String),
}

/// What is no longer kept, and what still is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Where it was kept.
    pub from: Vec<KeptIn>,
    /// What is kept for parts of the registry, each with its file.
    pub left: Vec<(String, PathBuf)>,
    /// The variable that holds a credential for it, which nobody can take away but who sets it.
    pub variable: Option<&'static str>,
}

impl Credentials {
    /// Keeps a user and a password for a registry: in the file that is read first, or with the program that it names for
    /// this.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub async fn store(&self, host: &RegistryHost, login: &Login) -> Result<KeptIn, CredentialError> {
        let path = self.first_file()?;
        let file = ConfigFile::read(&path)?;
        let helper = file.map(|file| file.helper(host)).transpose()?.flatten();
        let entry = match &helper {
            // It says that the program has it, as docker does.
            Some(helper) => {
                self.helpers.store(helper, login).await?;
                json!({})
            }
            None => json!({ "auth": encoded(login.user(), login.password()) }),
        };
        change(&path, |content| {
            let entries = content.entry(ENTRIES).or_insert_with(|| json!({}));
            if entries.is_null() {
                *entries = json!({});
            }
            if let Some(entries) = entries.as_object_mut() {
                remove(entries, host);
                entries.insert(key(host), entry);
            }
            true
        })?;
        Ok(helper.map_or(KeptIn::File(path), |helper| KeptIn::Helper(helper.program)))
    }

    /// Forgets what files and programs keep for a registry as a whole.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written, or a program fails.
    pub async fn remove(&self, host: &RegistryHost) -> Result<Removed, CredentialError> {
        let mut removed = Removed::default();
        for path in self.files.all() {
            let Some(file) = ConfigFile::read(path)? else { continue };
            let helper = file.helper(host)?;
            let mut is_with_helper = false;
            if let Some(helper) = &helper {
                is_with_helper = self.helpers.erase(helper).await?;
                if is_with_helper {
                    removed.from.push(KeptIn::Helper(helper.program.clone()));
                }
            }
            let is_changed = change(path, |content| {
                let entries = content.get_mut(ENTRIES).and_then(Value::as_object_mut);
                entries.is_some_and(|entries| remove(entries, host))
            })?;
            if is_changed && !is_with_helper {
                removed.from.push(KeptIn::File(path.clone()));
            }
            let parts = file.keys(host).filter(|key| !Place::of_key(key).is_whole());
            removed.left.extend(parts.map(|key| (key.clone(), path.clone())));
        }
        removed.variable = self.variable_before_files(host);
        if let Some(text) = self.whole_file.as_ref().filter(|_| removed.variable.is_none()) {
            let found = ConfigFile::parse(WHOLE_FILE, text.as_bytes())?.credential(host, "")?;
            removed.variable = found.map(|_| WHOLE_FILE);
        }
        Ok(removed)
    }

    /// The variable whose credentials for a registry go before those that are kept.
    pub fn variable_before_files(&self, host: &RegistryHost) -> Option<&'static str> {
        self.named.as_ref().filter(|named| named.credential(host, "").is_some()).map(Named::variable)
    }

    /// The file that is read first; where there is none, the one that docker and podman read both.
    fn first_file(&self) -> Result<PathBuf, CredentialError> {
        let (all, usual) = match &self.files {
            Files::Named(path) => return Ok(path.clone()),
            Files::Usual { all, docker } => (all, docker),
        };
        let there = all.iter().find(|path| path.exists());
        there.or(usual.as_ref()).cloned().ok_or(CredentialError::NoPlace)
    }
}

/// Takes out what is for a registry as a whole, whatever the form of its key.
fn remove(entries: &mut Map<String, Value>, host: &RegistryHost) -> bool {
    let place = Place::of_registry(host);
    let before = entries.len();
    entries.retain(|key, _| Place::of_key(key) != place);
    entries.len() != before
}

/// Changes a file that may not be there yet; `change` says whether there is anything to be written. All that it does not touch
/// stays.
fn change(
    path: &Path,
    change: impl FnOnce(&mut Map<String, Value>) -> bool,
) -> Result<bool, CredentialError> {
    let failed = |error| CredentialError::Write { path: path.to_owned(), error };
    // A link to where somebody keeps their settings stays one.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (Some(folder), Some(name)) = (target.parent(), target.file_name().and_then(|name| name.to_str()))
    else {
        return Err(failed(io::ErrorKind::InvalidFilename.into()));
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let lock = File::open(folder).map_err(failed)?;
    // Who changes it at the same time waits. Some file systems have no locks, and then docker's risk is ours.
    let _unlocked = lock.lock();
    let mut content = match ConfigFile::read(&target)? {
        None => Map::new(),
        Some(_) => object(&target).map_err(failed)?,
    };
    if !change(&mut content) {
        return Ok(false);
    }
    let text = written(&content).map_err(failed)?;
    let owner = std::fs::metadata(&target).ok().map(|it| (it.uid(), it.gid()));
    let write = |file: &mut File| {
        file.set_permissions(Permissions::from_mode(0o600))?;
        // Who changes another's file, as with `sudo`, leaves it theirs.
        if let Some((user, group)) = owner.filter(|(user, _)| *user != rustix::process::geteuid().as_raw()) {
            fchown(&*file, Some(user), Some(group))?;
        }
        file.write_all(&text)
    };
    Folder::make(folder).and_then(|folder| folder.write(name, write)).map_err(failed)?;
    Ok(true)
}

fn object(path: &Path) -> io::Result<Map<String, Value>> {
    let bytes = imgbuild_folder::read_regular(path)?;
    if bytes.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    Ok(serde_json::from_slice(&bytes)?)
}

/// With tabs, as docker and podman write it.
fn written(content: &Map<String, Value>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    content.serialize(&mut Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t")))?;
    text.push(b'\n');
    Ok(text)
}

#[cfg(test)]
mod tests;

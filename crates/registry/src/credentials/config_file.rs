//! The file in which docker and podman keep credentials: docker's `config.json`, and `containers-auth.json(5)`, which has the same
//! form.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use imgbuild_oci::RegistryHost;
use serde::Deserialize;
use serde_json::error::Category;

use super::error::CredentialError;
use super::helper_name::HelperName;
use super::place::Place;
use crate::basic::decoded;
use crate::credential::Credential;
use crate::limits::CREDENTIAL_FILE_LIMIT;

/// What a file says of credentials.
pub(crate) struct ConfigFile {
    /// What it is called in messages: its path, or a variable.
    of: String,
    content: Content,
}

#[derive(Default, Deserialize)]
struct Content {
    auths: Option<BTreeMap<String, Option<Entry>>>,
    #[serde(rename = "credHelpers")]
    helpers: Option<BTreeMap<String, String>>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
}

/// What is kept of one registry: any of these, and nothing where a program keeps it.
#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl ConfigFile {
    /// Reads a file; nothing where there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, CredentialError> {
        let bytes = match imgbuild_document::files::from_disk(path, CREDENTIAL_FILE_LIMIT + 1) {
            Err(error) if is_absent(&error) => return Ok(None),
            bytes => bytes.map_err(|error| CredentialError::Read { path: path.to_owned(), error })?,
        };
        Self::parse(&path.display().to_string(), &bytes).map(Some)
    }

    /// Reads what a file or a variable holds. One that is empty says nothing.
    pub(crate) fn parse(of: &str, bytes: &[u8]) -> Result<Self, CredentialError> {
        let of = of.to_owned();
        if bytes.len() > CREDENTIAL_FILE_LIMIT {
            return Err(CredentialError::TooLarge(of));
        }
        if bytes.trim_ascii().is_empty() {
            return Ok(Self { of, content: Content::default() });
        }
        match serde_json::from_slice(bytes) {
            Ok(content) => Ok(Self { of, content }),
            // What serde says of a value that does not fit holds that value.
            Err(error) => {
                let what = match error.classify() {
                    Category::Data => "a value of another kind",
                    Category::Eof => "the text ends",
                    Category::Syntax | Category::Io => "it is no JSON",
                };
                Err(CredentialError::Form { of, what, line: error.line(), column: error.column() })
            }
        }
    }

    /// The program that keeps the credentials of a registry, where one does: one for this registry before the one for all.
    pub(crate) fn helper(&self, host: &RegistryHost) -> Result<Option<HelperName>, CredentialError> {
        let place = Place::of_registry(host);
        let mut helpers = self.content.helpers.iter().flatten();
        let own = helpers.find(|(key, name)| Place::of_key(key) == place && !name.is_empty());
        let named = match own {
            Some((_, name)) => Some((name, "credHelpers")),
            None => self.content.store.as_ref().filter(|it| !it.is_empty()).map(|name| (name, "credsStore")),
        };
        let helper = |(name, setting): (&String, &'static str)| {
            HelperName::new(name, setting, &self.of, host).ok_or_else(|| {
                let (of, name) = (self.of.clone(), name.escape_default().to_string());
                CredentialError::HelperName { of, name, setting }
            })
        };
        named.map(helper).transpose()
    }

    /// What the file itself keeps for a repository: the entry that says most of its name.
    pub(crate) fn credential(
        &self,
        host: &RegistryHost,
        repository: &str,
    ) -> Result<Option<Credential>, CredentialError> {
        let mut nearest: Option<(usize, Credential)> = None;
        for (key, entry) in self.content.auths.iter().flatten() {
            let Some(nearness) = Place::of_key(key).nearness(host, repository) else { continue };
            if nearest.as_ref().is_some_and(|(known, _)| *known >= nearness) {
                continue;
            }
            let credential = entry.as_ref().map(|entry| self.of_entry(key, entry)).transpose()?.flatten();
            nearest = credential.map(|it| (nearness, it)).or(nearest);
        }
        Ok(nearest.map(|(_, credential)| credential))
    }

    /// The entries of a registry, by their keys.
    pub(crate) fn keys<'a>(&'a self, host: &RegistryHost) -> impl Iterator<Item = &'a String> {
        let place = Place::of_registry(host);
        let of_registry = move |key: &&String| Place::of_key(key).shares_registry(&place);
        self.content.auths.iter().flatten().map(|(key, _)| key).filter(of_registry)
    }

    /// What it is called.
    pub(crate) fn of(&self) -> &str {
        &self.of
    }

    /// The keys of the entries that hold something.
    pub(crate) fn kept_keys(&self) -> impl Iterator<Item = &String> {
        let holds = |entry: &Entry| {
            let own = [&entry.auth, &entry.identitytoken, &entry.registrytoken, &entry.password];
            own.into_iter().flatten().any(|text| !text.is_empty())
        };
        let entries = self.content.auths.iter().flatten();
        entries.filter(move |(_, entry)| entry.as_ref().is_some_and(holds)).map(|(key, _)| key)
    }

    /// The programs that it names, by the part of their names that files have: each with the registry that it is asked for, or
    /// nothing where it is for all.
    pub(crate) fn programs(&self) -> impl Iterator<Item = (Option<&String>, &String)> {
        let own = self.content.helpers.iter().flatten().map(|(key, name)| (Some(key), name));
        own.chain(self.content.store.iter().map(|name| (None, name))).filter(|(_, name)| !name.is_empty())
    }

    /// An entry that holds nothing only says that a program keeps it.
    fn of_entry(&self, key: &str, entry: &Entry) -> Result<Option<Credential>, CredentialError> {
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = set(&entry.registrytoken) {
            return Ok(Some(Credential::RegistryToken(token)));
        }
        if let Some(token) = set(&entry.identitytoken) {
            return Ok(Some(Credential::IdentityToken(token)));
        }
        let login = match set(&entry.auth) {
            Some(auth) => Some(decoded(&auth).ok_or_else(|| {
                let (of, key) = (self.of.clone(), key.to_owned());
                CredentialError::Entry { of, key }
            })?),
            None => set(&entry.username).zip(set(&entry.password)),
        };
        Ok(login.map(|(user, password)| Credential::Basic { user, password }))
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests;

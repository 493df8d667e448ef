//! Where indexes come from.

use std::path::Path;

use imgbuild_lock::LockedRepository;
use imgbuild_oci::Platform;
use imgbuild_secret::SecretUrl;
use imgbuild_spec::{Component, Repository};

use crate::archive::keyring::Keyring;
use crate::archive::mirror::Mirror;
use crate::{MAIN_ARCHIVE, SECURITY_ARCHIVE};

/// Where indexes come from.
#[derive(Debug)]
pub struct IndexRequest<'a> {
    /// The suite's code name.
    pub suite: &'a str,
    /// The platform.
    pub platform: Platform,
    /// The components, such as `main`.
    pub components: &'a [Component],
    /// The mirror.
    pub mirror: &'a Mirror,
    /// Who may sign the mirror.
    pub keyring: &'a Keyring,
    /// Further repositories.
    pub repositories: &'a [ServedRepository],
    /// The time, in seconds since 1970.
    pub now: i64,
    /// The time at which the mirror's own suites are looked at, where the mirror keeps old ones: in seconds since 1970.
    pub snapshot: Option<i64>,
    /// The folder that keeps indexes between runs.
    pub cache: &'a Path,
    /// Whether only what the cache has may be used.
    pub offline: bool,
}

/// A further repository of packages, as it can be read.
#[derive(Debug, Clone)]
pub struct ServedRepository {
    /// What the spec says of it.
    pub repository: Repository,
    /// Its root, without a slash at the end: with the machine's variables in their places.
    pub root: SecretUrl,
    /// Who may sign it.
    pub keyring: Keyring,
}

impl ServedRepository {
    /// As the lock and the image have it: secrets stay outside.
    pub(crate) fn locked(&self) -> LockedRepository {
        let Repository { name, suite, components, .. } = &self.repository;
        LockedRepository {
            name: name.to_string(),
            url: locked_url(&self.root),
            suite: suite.to_string(),
            components: components.iter().map(ToString::to_string).collect(),
            keyring: self.keyring.for_lock(),
        }
    }
}

/// A URL as locks and images have it: without secrets, and without a slash at its end.
pub(crate) fn locked_url(url: &SecretUrl) -> String {
    url.to_string().trim_end_matches('/').to_owned()
}

impl<'a> IndexRequest<'a> {
    /// The root of an archive by its name in the lock; nothing where no repository is called so.
    pub fn root(&self, archive: &str) -> Option<&'a SecretUrl> {
        if [MAIN_ARCHIVE, SECURITY_ARCHIVE].contains(&archive) {
            return Some(self.mirror.archive(archive));
        }
        let named = |it: &&ServedRepository| it.repository.name.as_str() == archive;
        self.repositories.iter().find(named).map(|it| &it.root)
    }
}

//! How registries are reached on this machine, as the files of podman and docker say it: where else an image is to be had, which
//! certificates count, and who is spoken to without TLS.

mod certificates;
mod error;
mod registries_conf;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use imgbuild_net::{Transport, Trust};
use imgbuild_oci::{ImageName, RegistryHost};

use self::certificates::Certificates;
pub use self::error::SettingsError;
use self::registries_conf::{Registry, Serves};
use crate::repository::is_loopback;

/// Variables of a process.
type Variables = BTreeMap<String, String>;

/// What this machine's files say of registries.
#[derive(Debug, Clone, Default)]
pub struct RegistrySettings {
    registries: Vec<Registry>,
    /// The folders of certificates.
    certificates: Vec<PathBuf>,
    /// Who is spoken to without TLS because somebody asks for it now.
    plain: BTreeSet<RegistryHost>,
}

/// Whether a registry is spoken to by TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// By TLS alone.
    Required,
    /// By TLS, and without it where nobody answers to it: what `insecure = true` means.
    Preferred,
    /// Without it, and by TLS where that is what is wanted: on the loopback.
    Optional,
    /// Without it.
    Off,
}

/// A repository of a registry, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The registry.
    pub host: RegistryHost,
    /// The repository in it.
    pub repository: ImageName,
    /// Whether it is spoken to by TLS.
    pub tls: Tls,
    /// Whose certificates count, and what it is shown.
    pub transport: Transport,
}

/// Where an image is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Its mirrors, in the order in which they are tried.
    pub mirrors: Vec<Endpoint>,
    /// Where its registry is.
    pub own: Endpoint,
}

/// What is asked of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A tag, or which tags there are.
    Tag,
    /// What has a digest.
    Digest,
}

impl RegistrySettings {
    /// Reads what the files below `root` and in the user's home say. Certificates are read when they are needed.
    ///
    /// # Errors
    ///
    /// When a file is there and cannot be read, or says what it cannot.
    pub fn of_machine(variables: &Variables, root: &Path) -> Result<Self, SettingsError> {
        let registries = registries_conf::read(variables, root)?;
        let certificates = certificates::folders(variables, root);
        Ok(Self { registries, certificates, plain: BTreeSet::new() })
    }

    /// The same, by which a registry is spoken to without TLS.
    #[must_use]
    pub fn without_tls(mut self, host: RegistryHost) -> Self {
        self.plain.insert(host);
        self
    }

    /// Where a repository is read from: its mirrors, and at last where it is itself.
    ///
    /// # Errors
    ///
    /// When it is blocked, or what the files make of its name is none; when certificates cannot be read.
    pub fn pull(
        &self,
        host: &RegistryHost,
        repository: &ImageName,
        asked: Asked,
    ) -> Result<Endpoints, SettingsError> {
        let image = format!("{host}/{repository}");
        let Some((registry, length)) = self.registry(&image)? else {
            let own = self.endpoint(host.clone(), repository.clone(), false)?;
            return Ok(Endpoints { mirrors: Vec::new(), own });
        };
        let rest = &image[length..];
        let mut mirrors = Vec::new();
        for mirror in &registry.mirrors {
            let serves = match asked {
                Asked::Tag => mirror.serves != Serves::DigestOnly,
                Asked::Digest => mirror.serves != Serves::TagOnly,
            };
            if serves {
                let (host, repository) = parted(&image, format!("{}{rest}", mirror.location), registry)?;
                mirrors.push(self.endpoint(host, repository, mirror.insecure)?);
            }
        }
        let (host, repository) = match &registry.location {
            Some(location) => parted(&image, format!("{location}{rest}"), registry)?,
            None => (host.clone(), repository.clone()),
        };
        Ok(Endpoints { mirrors, own: self.endpoint(host, repository, registry.insecure)? })
    }

    /// Where a repository is written to: never to mirrors, and not to where its images are read from in its place.
    ///
    /// # Errors
    ///
    /// When it is blocked; when certificates cannot be read.
    pub fn push(&self, host: &RegistryHost, repository: &ImageName) -> Result<Endpoint, SettingsError> {
        let registry = self.registry(&format!("{host}/{repository}"))?;
        let insecure = registry.is_some_and(|(registry, _)| registry.insecure);
        self.endpoint(host.clone(), repository.clone(), insecure)
    }

    /// What is said of an image: the longest prefix counts.
    fn registry(&self, image: &str) -> Result<Option<(&Registry, usize)>, SettingsError> {
        let matching = self.registries.iter().filter_map(|it| Some((it, it.matches(image)?)));
        let found = matching.max_by_key(|(registry, _)| registry.prefix.len());
        match found.filter(|(registry, _)| registry.blocked) {
            None => Ok(found),
            Some((registry, _)) => Err(SettingsError::Blocked {
                image: image.to_owned(),
                prefix: registry.prefix.clone(),
                file: registry.file.clone(),
            }),
        }
    }

    fn endpoint(
        &self,
        host: RegistryHost,
        repository: ImageName,
        insecure: bool,
    ) -> Result<Endpoint, SettingsError> {
        let found = Certificates::read(&self.certificates, &host.to_string())?;
        let tls = match (self.plain.contains(&host), insecure) {
            (true, _) => Tls::Off,
            (false, true) => Tls::Preferred,
            // Who has certificates for a registry speaks to it by TLS.
            (false, false) if is_loopback(host.host()) && !found.is_there => Tls::Optional,
            (false, false) => Tls::Required,
        };
        let trust = match found.authorities {
            _ if insecure => Trust::Anybody,
            pem if pem.is_empty() => Trust::System,
            pem => Trust::Also(pem),
        };
        let transport = Transport { trust, identity: found.identity, ..Transport::default() };
        Ok(Endpoint { host, repository, tls, transport })
    }
}

/// The registry and the repository of what an entry makes of an image's name.
fn parted(
    image: &str,
    location: String,
    registry: &Registry,
) -> Result<(RegistryHost, ImageName), SettingsError> {
    let parts = location
        .split_once('/')
        .and_then(|(host, repository)| Some((host.parse().ok()?, repository.parse().ok()?)));
    parts.ok_or_else(|| SettingsError::Location {
        image: image.to_owned(),
        location: location.clone(),
        prefix: registry.prefix.clone(),
        file: registry.file.clone(),
    })
}

#[cfg(test)]
mod tests;

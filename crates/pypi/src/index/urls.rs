//! Where the wheels of indexes are: remembered on this machine, found again on others. No lock says it.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_layer::KeyHasher;
use imgbuild_lock::{PypiPackage, PypiSource};
use imgbuild_oci::Digest;
use imgbuild_secret::SecretUrl;
use imgbuild_store::Store;
use url::Url;

use crate::choosing::locking::{Locking, Run};
use crate::choosing::locking_error::LockingError;
use crate::choosing::request::Request;
use crate::choosing::uv::Compilation;
use crate::index::settings::Settings;
use crate::lists::pylock;
use crate::lists::pylock_error::PylockError;

/// What the store keeps of files of indexes: where they are.
const DOCUMENTS: &str = "pypi-urls-v3";

/// Other settings name other indexes: who may not reach one shall not be sent there.
fn key(settings: &Settings, sha256: &Digest) -> Digest {
    let hasher = KeyHasher::new("url of a file").field("sha256", sha256.as_bytes());
    hasher.list("index", &settings.places).finish()
}

/// Remembers where a file is, but no secret.
pub(crate) fn keep(store: &Store, settings: &Settings, sha256: &Digest, url: &SecretUrl) {
    if !url.is_secret() && known(store, settings, sha256).as_ref() != Some(url) {
        store.documents(DOCUMENTS).put(&key(settings, sha256), url.public().as_str());
    }
}

fn known(store: &Store, settings: &Settings, sha256: &Digest) -> Option<SecretUrl> {
    store.documents(DOCUMENTS).get::<String>(&key(settings, sha256))?.parse().ok()
}

/// A file of an index that is wanted.
struct File<'a> {
    name: &'a str,
    version: &'a str,
    filename: &'a str,
    sha256: Digest,
    is_source: bool,
}

impl<'a> File<'a> {
    /// The file of a package that an index has: its wheel, or what that was built from.
    fn of(package: &'a PypiPackage) -> Option<Self> {
        let PypiPackage { name, version, .. } = package;
        match package.build.as_ref().map(|build| &build.source) {
            None if package.url.is_none() => {
                let (filename, sha256) = (package.filename.as_str(), package.sha256);
                Some(Self { name, version, filename, sha256, is_source: false })
            }
            Some(PypiSource::Sdist { filename, url: None, sha256, .. }) => {
                Some(Self { name, version, filename, sha256: *sha256, is_source: true })
            }
            _ => None,
        }
    }
}

impl Locking<'_> {
    /// Where files are, by their hashes: the wheels of these packages, and the source distributions of those that were
    /// built. What the lock says where it is, is where that says; files of indexes are where they were found before or,
    /// where nobody knows or `anew` is wanted, where the indexes have them now.
    ///
    /// # Errors
    ///
    /// When uv fails, or no index has a file any more.
    pub async fn locate(
        &self,
        request: &Request,
        packages: &[&PypiPackage],
        anew: bool,
    ) -> Result<BTreeMap<Digest, SecretUrl>, LockingError> {
        let mut located = BTreeMap::new();
        let mut wanted = Vec::new();
        for package in packages {
            if let Some(url) = &package.url {
                located.insert(package.sha256, given(url, request)?);
            }
            if let Some(PypiSource::Sdist { url: Some(url), sha256, .. }) =
                package.build.as_ref().map(|build| &build.source)
            {
                located.insert(*sha256, given(url, request)?);
            }
            let Some(file) = File::of(package) else { continue };
            match known(self.metadata.store, self.settings, &file.sha256).filter(|_| !anew) {
                Some(url) => {
                    located.insert(file.sha256, url);
                }
                None => wanted.push(file),
            }
        }
        // A name may be there in several versions, of which uv chooses one only.
        while !wanted.is_empty() {
            let mut names = BTreeSet::new();
            let (now, later): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|file| names.insert(file.name));
            let found = self.find(request, &now).await?;
            for file in now {
                let gone =
                    || LockingError::Gone { filename: file.filename.to_owned(), name: file.name.to_owned() };
                let url = found.get(&file.sha256).ok_or_else(gone)?;
                keep(self.metadata.store, self.settings, &file.sha256, url);
                located.insert(file.sha256, url.clone());
            }
            wanted = later;
        }
        Ok(located)
    }

    /// Asks the indexes for all files of these versions.
    async fn find(
        &self,
        request: &Request,
        files: &[File<'_>],
    ) -> Result<BTreeMap<Digest, SecretUrl>, LockingError> {
        let mut run = Run::new(self, request)?;
        run.choose_pytorch().await?;
        let mut found = BTreeMap::new();
        for is_source in [false, true] {
            let files: Vec<&File<'_>> = files.iter().filter(|file| file.is_source == is_source).collect();
            if files.is_empty() {
                continue;
            }
            let scratch = run.scratch.path().join(if is_source { "sources" } else { "wheels" });
            std::fs::create_dir_all(&scratch)?;
            let mut compilation = Compilation {
                requirements: files
                    .iter()
                    .map(|file| format!("{}=={}", file.name, file.version).into())
                    .collect(),
                scratch: scratch.clone(),
                dependencies: false,
                sources: is_source,
                prereleases: true,
                ..self.compilation(request)
            };
            if is_source {
                let names: Vec<&str> = files.iter().map(|file| file.name).collect();
                run.state_no_dependencies(&names, &scratch)?;
                compilation.folder = scratch.clone();
            }
            run.tell_of_pytorch(&mut compilation);
            let text = self.uv.run(compilation).await.map_err(|error| run.pytorch_error(error))?;
            found.extend(pylock::files(&text, &scratch)?);
        }
        Ok(found)
    }
}

/// What the lock says where something is: a URL, or a path relative to the spec's folder.
fn given(text: &str, request: &Request) -> Result<SecretUrl, LockingError> {
    if let Ok(url) = text.parse() {
        return Ok(url);
    }
    let path = std::path::absolute(request.folder.join(text))?;
    Url::from_file_path(path).map(SecretUrl::from).map_err(|()| PylockError::Location(text.to_owned()).into())
}

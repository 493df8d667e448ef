//! Where the archives of Debian packages are to be had: the mirror of the release, and further repositories.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use imgbuild_ecosystem::{ArchiveError, ArchiveSource};
use imgbuild_lock::{Archive, DebianPackage};
use imgbuild_oci::Digest;
use imgbuild_secret::{SecretText, SecretUrl};

use crate::archive::fetch::{Fetch, FetchError};
use crate::archive::mirror::{Mirror, MirrorError};
use crate::resolving::locking::url;

/// The repositories of a base. Its mirror is looked for when an archive is missing: a build that lacks none needs none.
#[derive(Debug, Clone)]
pub struct Repositories {
    /// The archives of a snapshot, which come before any other mirror.
    pub snapshot: Option<Mirror>,
    /// The mirror that the spec names.
    pub given: Option<SecretText>,
    /// The release.
    pub suite: String,
    /// Where the machine's apt keeps its sources.
    pub apt: PathBuf,
    /// The roots of further repositories, by name.
    pub further: BTreeMap<String, SecretUrl>,
}

impl Repositories {
    /// Where a package is; nothing where its path makes no URL.
    fn url(&self, package: &DebianPackage) -> Result<Option<SecretUrl>, MirrorError> {
        if let Some(root) = self.further.get(&package.archive) {
            return Ok(url(package, root));
        }
        let mirror = match &self.snapshot {
            Some(snapshot) => snapshot.clone(),
            None => Mirror::choose(self.given.as_ref(), &self.apt, &self.suite)?,
        };
        Ok(url(package, mirror.archive(&package.archive)))
    }
}

/// The repositories of a base, as the source of its archives.
pub struct RepositoryArchives<F> {
    repositories: Repositories,
    packages: HashMap<Digest, DebianPackage>,
    fetch: F,
}

/// The mirror has a version no more.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("`{0}` is not there")]
#[diagnostic(help(
    "mirrors keep a version only for as long as its release has it: `imgbuild lock --upgrade` takes the present ones, and a mirror of `[base] snapshot` keeps old ones"
))]
struct GoneVersion(SecretUrl);

impl<F: Fetch + Send> RepositoryArchives<F> {
    /// What gets the archives of some packages.
    pub fn new<'a>(
        repositories: Repositories,
        packages: impl IntoIterator<Item = &'a DebianPackage>,
        fetch: F,
    ) -> Self {
        let mut known = HashMap::new();
        for package in packages {
            // Of two with one archive the first says where it is.
            known.entry(package.sha256).or_insert_with(|| package.clone());
        }
        Self { repositories, packages: known, fetch }
    }

    async fn download(&self, archive: &Archive, package: &DebianPackage) -> Result<(), ArchiveError> {
        let url = self.repositories.url(package).map_err(|error| ArchiveError::Place(Box::new(error)))?;
        let url = url.ok_or(ArchiveError::Nowhere)?;
        let fetched = self.fetch.archive(&archive.name, &url, &package.sha256, package.size).await;
        fetched.map(drop).map_err(|error| match error {
            FetchError::NotFound(url) => ArchiveError::fetch(GoneVersion(url)),
            FetchError::Other(error) => ArchiveError::Fetch(error),
        })
    }
}

impl<F: Fetch + Send> ArchiveSource for RepositoryArchives<F> {
    fn get<'a>(&'a self, archive: &'a Archive) -> Option<BoxFuture<'a, Result<(), ArchiveError>>> {
        let package = self.packages.get(&archive.sha256)?;
        Some(self.download(archive, package).boxed())
    }
}

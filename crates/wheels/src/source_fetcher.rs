//! From what is wanted to a source that lies ready: fetched, checked, written as a layer of the sandbox.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_lock::{ArchiveInfo, DirInfo, DirectUrl, DirectUrlInfo, PypiSource, VcsInfo};
use imgbuild_net::{ArchiveRequest, Archives, Client, Locations};
use imgbuild_pypi::ProjectSource;
use imgbuild_secret::SecretUrl;
use imgbuild_store::{Scratch, Store};
use url::Url;

use crate::WheelBuildError;
use crate::folder::Folder;
use crate::git::{Repository, locked_url};
use crate::git_error::GitError;
use crate::sdist::put_sdist;
use crate::source::{Project, SOURCE, SourceError, SourceTree, write_source};

/// What gets sources.
#[derive(Clone)]
pub(crate) struct SourceFetcher {
    /// The client, with the credentials of the indexes.
    pub(crate) client: Client,
    /// What gets archives into the store.
    pub(crate) archives: Arc<dyn Archives>,
    /// The store.
    pub(crate) store: Store,
    /// The folder of the spec.
    pub(crate) folder: PathBuf,
}

/// A source that lies ready.
pub(crate) struct BuildSource {
    /// A folder for everything of this build.
    pub(crate) scratch: Arc<Scratch>,
    /// How messages call the project.
    pub(crate) shown: String,
    /// Its normalised name, where it is known.
    pub(crate) name: Option<String>,
    /// Its version, where it is known.
    pub(crate) version: Option<String>,
    /// What of it is known before it is built.
    pub(crate) project: Project,
    /// The folder of the project in the sandbox.
    pub(crate) folder: ImagePath,
    /// The source, for the lock.
    pub(crate) source: PypiSource,
    /// Where it came from, when that was no index.
    pub(crate) origin: Option<DirectUrl>,
}

/// How a project is called, and its version, as far as that is known before it is built.
pub(crate) struct SourceNames {
    pub(crate) shown: String,
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
}

impl SourceNames {
    pub(crate) fn of(source: &ProjectSource) -> Self {
        let version = match source {
            ProjectSource::Sdist { version, .. } => version.clone(),
            ProjectSource::Git { .. } | ProjectSource::Folder { .. } => None,
        };
        let name = source.name().map(str::to_owned);
        let shown = match (source, &name) {
            (_, Some(name)) => name.clone(),
            (ProjectSource::Sdist { filename, .. }, None) => filename.clone(),
            (ProjectSource::Git { url, .. }, None) => locked_url(url),
            (ProjectSource::Folder { given, .. }, None) => given.clone(),
        };
        Self { shown, name, version }
    }
}

/// The tar of the source's layer, below the scratch folder.
pub(crate) const SOURCE_TAR: &str = "source.tar";

impl SourceFetcher {
    /// Fetches a source and writes its layer. Of a repository, `commit` is taken where one is given, whatever its revision is now.
    ///
    /// # Errors
    ///
    /// When it cannot be had or used.
    pub(crate) async fn fetch(
        &self,
        source: ProjectSource,
        commit: Option<String>,
    ) -> Result<BuildSource, WheelBuildError> {
        let names = SourceNames::of(&source);
        match source {
            ProjectSource::Sdist { filename, url, direct, sha256, size, subdirectory, .. } => {
                let from = Locations::from(plain_of(&url));
                let wanted = ArchiveRequest { name: filename, from, sha256, size };
                self.sdist(names, wanted, &url, direct, subdirectory).await
            }
            ProjectSource::Git { url, revision, subdirectory, .. } => {
                self.git(names, url, revision, commit, subdirectory).await
            }
            ProjectSource::Folder { path, given, .. } => self.project(names, path, &given).await,
        }
    }

    async fn sdist(
        &self,
        names: SourceNames,
        wanted: ArchiveRequest,
        url: &SecretUrl,
        direct: bool,
        subdirectory: Option<String>,
    ) -> Result<BuildSource, WheelBuildError> {
        let plain = locked_url(url);
        let failed = |error| WheelBuildError::Fetch { name: names.shown.clone(), error };
        let (filename, size) = (wanted.name.clone(), wanted.size);
        let (sha256, path) = self.archives.fetch(wanted).await.map_err(|error| failed(error.into()))?;
        let size = size.or_else(|| path.metadata().ok().map(|found| found.len()));
        let hashes = BTreeMap::from([("sha256".to_owned(), sha256.hex())]);
        let info = DirectUrlInfo::Archive(ArchiveInfo { hashes });
        let origin =
            direct.then(|| DirectUrl { url: plain.clone(), info, subdirectory: subdirectory.clone() });
        let url = direct.then(|| plain.clone());
        let source = PypiSource::Sdist { filename: filename.clone(), url, sha256, size, subdirectory };
        self.store.verified_archive(&sha256).map_err(|error| failed(error.into()))?;
        self.written(names, source, origin, move |tree| put_sdist(&path, &filename, tree)).await
    }

    /// `commit` is what a lock says of the revision.
    async fn git(
        &self,
        names: SourceNames,
        url: SecretUrl,
        revision: Option<String>,
        commit: Option<String>,
        subdirectory: Option<String>,
    ) -> Result<BuildSource, WheelBuildError> {
        let (store, offline) = (self.store.clone(), self.client.is_offline());
        let (from, wanted, shown) =
            (self.client.whole(&url), commit.or_else(|| revision.clone()), names.shown.clone());
        let fetched = tokio::task::spawn_blocking(move || {
            let scratch = store.scratch(Arc::new(imgbuild_sandbox::remove_folder))?;
            let fetched = Repository::fetch(&from, wanted.as_deref(), scratch.path("repository"), offline);
            let failed =
                |error: GitError| WheelBuildError::Source { name: shown, error: Box::new(error.into()) };
            Ok::<_, WheelBuildError>((fetched.map_err(failed)?, scratch))
        });
        let (repository, scratch) = fetched.await??;
        let commit = repository.commit.clone();
        let url = locked_url(&url);
        let vcs = VcsInfo { vcs: "git".to_owned(), commit_id: commit.clone(), requested_revision: revision };
        let info = DirectUrlInfo::Vcs(vcs);
        let origin = DirectUrl { url: url.clone(), info, subdirectory: subdirectory.clone() };
        let source = PypiSource::Git { url, commit, subdirectory };
        let put = move |tree: &mut SourceTree<'_>| {
            let put = repository.put(tree, offline);
            drop(scratch);
            put
        };
        self.written(names, source, Some(origin), put).await
    }

    /// `given` is the path of the folder as it was written.
    async fn project(
        &self,
        names: SourceNames,
        path: PathBuf,
        given: &str,
    ) -> Result<BuildSource, WheelBuildError> {
        let (spec, shown) = (self.folder.clone(), names.shown.clone());
        let read = tokio::task::spawn_blocking(move || Folder::read(&path, &spec)).await?;
        let folder = read.map_err(|error| WheelBuildError::Source { name: shown, error: Box::new(error) })?;
        let source = PypiSource::Folder { path: given.to_owned(), sha256: folder.sha256 };
        let info = DirectUrlInfo::Dir(DirInfo { editable: false });
        let origin = DirectUrl { url: folder_url(given), info, subdirectory: None };
        self.written(names, source, Some(origin), move |tree| folder.put(tree)).await
    }

    /// Writes the layer of a source, and puts all together that is known of it.
    async fn written(
        &self,
        names: SourceNames,
        source: PypiSource,
        origin: Option<DirectUrl>,
        put: impl FnOnce(&mut SourceTree<'_>) -> Result<(), SourceError> + Send + 'static,
    ) -> Result<BuildSource, WheelBuildError> {
        let subdirectory = match &source {
            PypiSource::Sdist { subdirectory, .. } | PypiSource::Git { subdirectory, .. } => {
                subdirectory.clone()
            }
            PypiSource::Folder { .. } => None,
        };
        let (store, shown) = (self.store.clone(), names.shown.clone());
        let below = subdirectory.clone();
        let write = move || {
            let scratch = store.scratch(Arc::new(imgbuild_sandbox::remove_folder))?;
            let project = write_source(&scratch.path(SOURCE_TAR), below.as_deref(), put);
            let failed = |error| WheelBuildError::Source { name: shown, error: Box::new(error) };
            Ok::<_, WheelBuildError>((project.map_err(failed)?, scratch))
        };
        let (project, scratch) = tokio::task::spawn_blocking(write).await??;
        let folder = match subdirectory.as_deref().filter(|it| !matches!(*it, "" | ".")) {
            None => ImagePath::new(SOURCE)?,
            Some(subdirectory) => ImagePath::new(SOURCE)?.join(subdirectory)?,
        };
        let SourceNames { shown, name, version } = names;
        Ok(BuildSource { scratch: Arc::new(scratch), shown, name, version, project, folder, source, origin })
    }
}

/// A URL without its fragment, which no server is asked for.
fn plain_of(url: &SecretUrl) -> SecretUrl {
    let mut url = url.whole().clone();
    url.set_fragment(None);
    url.into()
}

/// What `direct_url.json` says of a local project. The folder is not in the image, and where it was on the machine that locked
/// is nobody's business: the path is as the spec has it, from the spec's folder on, as if that were the root.
pub(crate) fn folder_url(given: &str) -> String {
    let parts = Path::new(given).components().filter_map(|part| match part {
        std::path::Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        _ => None,
    });
    let place: PathBuf = std::iter::once("/".to_owned()).chain(parts).collect();
    Url::from_file_path(place).map_or_else(|()| "file:///".to_owned(), |url| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_that_locks_is_not_in_the_url_of_a_folder() {
        assert_eq!(folder_url("./my project"), "file:///my%20project");
        assert_eq!(folder_url("../libs/a"), "file:///libs/a");
        assert_eq!(folder_url("."), "file:///");
    }
}

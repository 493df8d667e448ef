//! From a source to a wheel in the store, step by step.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use imgbuild_lock::{DirectUrl, DirectUrlInfo, PypiBuild, PypiPackage, PypiSource};
use imgbuild_oci::Platform;
use imgbuild_pypi::{BuildFailed, Builder, Built, PackageFinder, ProjectSource, Tags};
use imgbuild_sandbox::Machine;
use imgbuild_store::Store;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::WheelBuildError;
use crate::environment::write_environment;
use crate::frontend::{Frontend, Progress, Root};
use crate::hooks::Hooks;
use crate::project::{BuildSystem, check_requirement};
use crate::source_fetcher::{BuildSource, SOURCE_TAR, SourceFetcher, SourceNames};
use crate::wheel::{self, StoredWheel, WheelRequest};

/// Builds the wheels of one image.
pub struct WheelBuilder {
    pub(crate) frontend: Arc<dyn Frontend>,
    /// What finds sources and what is built with.
    pub(crate) finder: PackageFinder,
    pub(crate) sources: SourceFetcher,
    platform: Platform,
    tags: Tags,
    /// Wheels that were built before, and those that they were built with.
    pub(crate) earlier: Vec<PypiPackage>,
    root: OnceCell<Arc<Root>>,
}

/// What came out, and what it was built with.
pub(crate) struct BuiltWheel {
    pub(crate) wheel: StoredWheel,
    pub(crate) requires: Vec<PypiPackage>,
}

impl WheelBuilder {
    /// What builds wheels that run where those of `finder` do, with sources and build requirements that it finds, for a spec in
    /// `folder`. `earlier` are packages of an earlier lock of the image: what was built from the same source stays.
    pub fn new(
        frontend: Arc<dyn Frontend>,
        finder: PackageFinder,
        store: Store,
        folder: PathBuf,
        earlier: Vec<PypiPackage>,
    ) -> Self {
        let environment = &finder.request().environment;
        let (platform, tags) = (environment.target().platform, environment.tags().clone());
        let (client, archives) = (finder.client().clone(), Arc::clone(finder.archives()));
        let sources = SourceFetcher { client, archives, store, folder };
        Self { frontend, finder, sources, platform, tags, earlier, root: OnceCell::new() }
    }

    async fn build_wheel(&self, source: ProjectSource) -> Result<Built, WheelBuildError> {
        let shown = SourceNames::of(&source).shown;
        // Before anything is fetched that would be of no use.
        self.machine(&shown)?;
        let pinned = self.pinned(&source);
        if let Some((source, origin)) = &pinned
            && let Some(built) = self.kept(source, Some(origin))?
        {
            return Ok(built);
        }
        let commit = pinned.and_then(|(source, _)| match source {
            PypiSource::Git { commit, .. } => Some(commit),
            PypiSource::Sdist { .. } | PypiSource::Folder { .. } => None,
        });
        let build_source = self.sources.fetch(source, commit).await?;
        if let Some(built) = self.kept(&build_source.source, build_source.origin.as_ref())? {
            return Ok(built);
        }
        self.frontend.report(Progress::Started { name: shown });
        let BuiltWheel { wheel, mut requires } = self.make(&build_source, None).await?;
        requires.sort_by_key(PypiPackage::id);
        let name = wheel.filename.to_string();
        self.frontend.report(Progress::Finished { name: name.clone(), size: wheel.size });
        let ids = requires.iter().map(PypiPackage::id).collect();
        Ok(Built {
            archive: wheel.path,
            filename: name,
            sha256: wheel.sha256,
            size: wheel.size,
            origin: build_source.origin,
            build: PypiBuild { source: build_source.source, requires: ids },
            requires,
        })
    }

    /// The commit that an earlier lock has of what is asked for: a branch may have gone on since.
    fn pinned(&self, source: &ProjectSource) -> Option<(PypiSource, DirectUrl)> {
        let ProjectSource::Git { url, revision: wanted, subdirectory: folder, .. } = source else {
            return None;
        };
        let same = |package: &PypiPackage| {
            let (source, origin) = (&package.build.as_ref()?.source, package.origin.as_ref()?);
            let PypiSource::Git { url: known, subdirectory, .. } = source else { return None };
            let DirectUrlInfo::Vcs(vcs) = &origin.info else { return None };
            let is_same = *known == crate::git::locked_url(url)
                && subdirectory == folder
                && vcs.requested_revision == *wanted;
            is_same.then(|| (source.clone(), origin.clone()))
        };
        self.earlier.iter().find_map(same)
    }

    /// The wheel that an earlier lock has of the same source, where the store has it and it still fits.
    fn kept(
        &self,
        source: &PypiSource,
        origin: Option<&DirectUrl>,
    ) -> Result<Option<Built>, WheelBuildError> {
        let of_source = |it: &&PypiPackage| it.build.as_ref().is_some_and(|build| build.source == *source);
        let Some((package, build)) =
            self.earlier.iter().find(of_source).and_then(|it| Some((it, it.build.as_ref()?)))
        else {
            return Ok(None);
        };
        let fits = package.filename.parse().is_ok_and(|filename| self.tags.rank(&filename).is_some());
        let requires: Option<Vec<PypiPackage>> =
            build.requires.iter().map(|id| self.earlier.iter().find(|it| it.id() == *id).cloned()).collect();
        let archive = self.sources.store.archive(&package.sha256)?;
        let (Some(archive), Some(requires), true) = (archive, requires, fits) else { return Ok(None) };
        if self.sources.store.verified_archive(&package.sha256).is_err() {
            return Ok(None);
        }
        let size = archive.metadata().map_err(|error| WheelBuildError::file(&archive, "read", error))?.len();
        Ok(Some(Built {
            archive,
            filename: package.filename.clone(),
            sha256: package.sha256,
            size,
            origin: origin.cloned(),
            build: build.clone(),
            requires,
        }))
    }

    /// This machine, where it runs the variant's programs.
    pub(crate) fn machine(&self, name: &str) -> Result<Machine, WheelBuildError> {
        let machine = Machine::probe()?;
        let platform = self.platform;
        let foreign = |reason| WheelBuildError::Foreign { name: name.to_owned(), platform, reason };
        machine.runs(platform).map_err(foreign)?;
        Ok(machine)
    }

    async fn root(&self, name: &str) -> Result<Arc<Root>, WheelBuildError> {
        let make = || async {
            let machine = self.machine(name)?;
            let root = self.frontend.root(machine).await;
            let failed = |error| WheelBuildError::Root { name: name.to_owned(), error };
            Ok::<_, WheelBuildError>(Arc::new(root.map_err(failed)?))
        };
        self.root.get_or_try_init(make).await.cloned()
    }

    /// Builds a source, with what it asks for, or with the requirements that are `given`.
    pub(crate) async fn make(
        &self,
        build_source: &BuildSource,
        given: Option<Vec<PypiPackage>>,
    ) -> Result<BuiltWheel, WheelBuildError> {
        let name = build_source.shown.as_str();
        let failed = |error| WheelBuildError::Project { name: name.to_owned(), error };
        let system = Arc::new(BuildSystem::of(&build_source.project).map_err(failed)?);
        let root = self.root(name).await?;
        let source = self.unpacked(build_source, &root, SOURCE_TAR, "source").await?;
        let hooks = |environment| Hooks {
            root: Arc::clone(&root),
            platform: self.platform,
            name: name.to_owned(),
            system: Arc::clone(&system),
            environment,
            source: source.clone(),
            project: build_source.folder.clone(),
            scratch: Arc::clone(&build_source.scratch),
        };
        let is_given = given.is_some();
        let mut requires = match given {
            Some(given) => given,
            None => self.requirements(name, &system.requires).await?,
        };
        let mut environment = self.environment(build_source, &root, &requires, "first").await?;
        if !is_given {
            let asking = hooks(environment.clone());
            let more = spawn_blocking(move || asking.requires("asked")).await??;
            more.iter().try_for_each(|it| check_requirement(it)).map_err(failed)?;
            if !more.is_empty() {
                let all: Vec<String> = system.requires.iter().chain(&more).cloned().collect();
                requires = self.requirements(name, &all).await?;
                environment = self.environment(build_source, &root, &requires, "second").await?;
            }
        }
        let building = hooks(environment);
        let wanted = WheelRequest {
            shown: name.to_owned(),
            name: build_source.name.clone(),
            version: build_source.version.clone(),
            tags: self.tags.clone(),
        };
        let store = self.sources.store.clone();
        let build = move || {
            let said = building.build("built")?;
            let written = building.root.machine.written(&building.scratch.path("built"));
            wheel::take(&written, &said, &wanted, &store)
        };
        Ok(BuiltWheel { wheel: spawn_blocking(build).await??, requires })
    }

    /// The unpacked environment with these wheels, which is called `which`.
    async fn environment(
        &self,
        build_source: &BuildSource,
        root: &Arc<Root>,
        requires: &[PypiPackage],
        which: &str,
    ) -> Result<PathBuf, WheelBuildError> {
        self.fetch_requirements(&build_source.shown, requires).await?;
        let tar = format!("{which}.tar");
        let (store, root_there, requires) = (self.sources.store.clone(), Arc::clone(root), requires.to_vec());
        let (scratch, path) = (Arc::clone(&build_source.scratch), build_source.scratch.path(&tar));
        let write =
            move || write_environment(&path, &root_there.python, &requires, &store).map(|()| drop(scratch));
        spawn_blocking(write).await??;
        self.unpacked(build_source, root, &tar, which).await
    }

    /// Unpacks a tar of the scratch folder into another place of it, as a layer.
    async fn unpacked(
        &self,
        build_source: &BuildSource,
        root: &Arc<Root>,
        tar: &str,
        folder: &str,
    ) -> Result<PathBuf, WheelBuildError> {
        let (scratch, root) = (Arc::clone(&build_source.scratch), Arc::clone(root));
        let (tar, folder) = (scratch.path(tar), scratch.path(folder));
        let unpack = move || {
            let failed = |error| WheelBuildError::file(&tar, "read", error);
            root.machine.unpack(&mut File::open(&tar).map_err(failed)?, &folder)?;
            std::fs::remove_file(&tar).map_err(failed)?;
            drop(scratch);
            Ok::<_, WheelBuildError>(folder)
        };
        spawn_blocking(unpack).await?
    }
}

impl Builder for WheelBuilder {
    fn build(&self, source: ProjectSource) -> BoxFuture<'_, Result<Built, BuildFailed>> {
        self.build_wheel(source).map(|built| built.map_err(|error| BuildFailed(Box::new(error)))).boxed()
    }
}

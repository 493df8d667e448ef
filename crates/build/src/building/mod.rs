//! Wheels of what is none: source distributions, git repositories and local projects, built by PEP 517 in the sandbox.
//!
//! | step | where |
//! |---|---|
//! | the source is fetched, and becomes a layer of one owner and one time | `preparing`, `source`, `sdist`, `git`, `folder` |
//! | the image without its wheels is made, and unpacked | `root` |
//! | how the project is built is read | `project` |
//! | the build requirements are locked, and become a layer: a virtual environment | `environment` |
//! | the backend is asked for more, and then for the wheel, in the sandbox | `hooks` |
//! | the wheel is checked, and goes into the store | `wheel` |
//! | a locked wheel that is nowhere is built anew | `rebuilding` |
//!
//! Nothing that the backend sees depends on the machine: it runs off the network, as a user of no image, in the same folder, at
//! the same time of 1980, with the same environment variables. So the same source and the same requirements give the same
//! wheel, as far as the backend is deterministic; its hash is in the lock, and a wheel that comes out otherwise is an error.

mod environment;
mod error;
mod folder;
mod git;
mod git_error;
mod git_list;
mod git_objects;
mod git_process;
mod hooks;
mod preparing;
mod project;
mod rebuilding;
mod root;
mod sdist;
mod source;
#[cfg(test)]
mod tests;
mod wheel;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use lock::{DirectUrl, DirectUrlInfo, Lock, LockedVariant, PypiBuild, PypiPackage, PypiSource};
use pypi::{BuildFailed, Builder, Built, Source, Tags};
use sandbox::Machine;
use spec::Variant;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

pub use error::BuildingError;
pub use git_error::GitError;
pub use project::ProjectError;
pub(crate) use project::check_folder;
pub(crate) use rebuilding::changed_folder;
pub use source::SourceError;

use crate::locked_package::{LockedPackage, verify_archives};
use crate::package_archives::PackageArchives;
use crate::wheel_index::WheelIndex;
use crate::{BuildError, Context, Event};
use environment::write_environment;
use hooks::Hooks;
use preparing::{Known, Prepared, SOURCE_TAR, prepare};
use project::{BuildSystem, check_requirement};
use root::Root;
use wheel::{Taken, Wanted};

/// Builds the wheels of one variant.
pub(crate) struct Building {
    context: Context,
    variant: Variant,
    /// The variant's lock without its wheels.
    lock: Lock,
    /// What finds and locks what they are built with.
    index: WheelIndex,
    /// Wheels that were built before, and those that they were built with.
    earlier: Vec<PypiPackage>,
    root: OnceCell<Arc<Root>>,
}

/// What came out.
struct Made {
    taken: Taken,
    requires: Vec<PypiPackage>,
}

impl Building {
    /// What builds wheels for a variant, whose `lock` has no wheels and no other variant. `earlier` are packages of an earlier
    /// lock of the variant: what was built from the same source stays.
    pub(crate) fn new(
        variant: Variant,
        lock: Lock,
        index: WheelIndex,
        earlier: Vec<PypiPackage>,
        context: Context,
    ) -> Self {
        Self { context, variant, lock, index, earlier, root: OnceCell::new() }
    }

    /// What gets all archives of a variant of `lock`, and builds those wheels anew that are nowhere.
    ///
    /// # Errors
    ///
    /// When a channel of the spec is none, or the settings of an index are damaged.
    pub(crate) fn archives(
        lock: &Lock,
        locked: &LockedVariant<'_>,
        variant: &Variant,
        context: &Context,
    ) -> Result<PackageArchives, BuildError> {
        let archives = PackageArchives::new(variant, context)?;
        let Some(wheels) = WheelIndex::of_lock(locked, variant, context)? else { return Ok(archives) };
        let (beneath, earlier) = (locked.beneath_wheels(lock), lock.pypi.clone());
        let rebuilder = Self::new(variant.clone(), beneath, wheels.clone(), earlier, context.clone());
        Ok(archives.with_wheels(wheels, Arc::new(rebuilder)))
    }

    /// What wheels must run on.
    fn tags(&self) -> &Tags {
        self.index.request().environment.tags()
    }

    async fn wheel(&self, source: Source) -> Result<Built, BuildingError> {
        let shown = Known::of(&source).shown;
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
        let prepared = prepare(source, commit, self.index.fetcher(), &self.context).await?;
        if let Some(built) = self.kept(&prepared.source, prepared.origin.as_ref())? {
            return Ok(built);
        }
        self.context.reporter.event(Event::WheelStarted { name: shown });
        let Made { taken, mut requires } = self.make(&prepared, None).await?;
        requires.sort_by_key(PypiPackage::id);
        let name = taken.filename.to_string();
        self.context.reporter.event(Event::WheelFinished { name: name.clone(), size: taken.size });
        let ids = requires.iter().map(PypiPackage::id).collect();
        Ok(Built {
            archive: taken.path,
            filename: name,
            sha256: taken.sha256,
            size: taken.size,
            origin: prepared.origin,
            build: PypiBuild { source: prepared.source, requires: ids },
            requires,
        })
    }

    /// The commit that an earlier lock has of what is asked for: a branch may have gone on since.
    fn pinned(&self, source: &Source) -> Option<(PypiSource, DirectUrl)> {
        let Source::Git { url, revision: wanted, subdirectory: folder, .. } = source else { return None };
        let same = |package: &PypiPackage| {
            let (source, origin) = (&package.build.as_ref()?.source, package.origin.as_ref()?);
            let PypiSource::Git { url: known, subdirectory, .. } = source else { return None };
            let DirectUrlInfo::Vcs(vcs) = &origin.info else { return None };
            let is_same =
                *known == git::locked_url(url) && subdirectory == folder && vcs.requested_revision == *wanted;
            is_same.then(|| (source.clone(), origin.clone()))
        };
        self.earlier.iter().find_map(same)
    }

    /// The wheel that an earlier lock has of the same source, where the store has it and it still fits.
    fn kept(&self, source: &PypiSource, origin: Option<&DirectUrl>) -> Result<Option<Built>, BuildingError> {
        let of_source = |it: &&PypiPackage| it.build.as_ref().is_some_and(|build| build.source == *source);
        let Some((package, build)) =
            self.earlier.iter().find(of_source).and_then(|it| Some((it, it.build.as_ref()?)))
        else {
            return Ok(None);
        };
        let fits = package.filename.parse().is_ok_and(|filename| self.tags().rank(&filename).is_some());
        let requires: Option<Vec<PypiPackage>> =
            build.requires.iter().map(|id| self.earlier.iter().find(|it| it.id() == *id).cloned()).collect();
        let archive = self.context.store.archive(&package.sha256)?;
        let (Some(archive), Some(requires), true) = (archive, requires, fits) else { return Ok(None) };
        if crate::archive_hash::verify(&archive, &package.sha256).is_err() {
            return Ok(None);
        }
        let size = archive.metadata().map_err(|error| BuildingError::file(&archive, "read", error))?.len();
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
    fn machine(&self, name: &str) -> Result<Machine, BuildingError> {
        let machine = Machine::probe()?;
        let platform = self.variant.platform;
        let foreign = |reason| BuildingError::Foreign { name: name.to_owned(), platform, reason };
        machine.runs(platform).map_err(foreign)?;
        Ok(machine)
    }

    async fn root(&self, name: &str) -> Result<Arc<Root>, BuildingError> {
        let make = || async {
            let machine = self.machine(name)?;
            let root = Root::make(&self.lock, &self.variant, machine, &self.context).boxed().await;
            let failed = |error| BuildingError::Root { name: name.to_owned(), error: Box::new(error) };
            Ok::<_, BuildingError>(Arc::new(root.map_err(failed)?))
        };
        self.root.get_or_try_init(make).await.cloned()
    }

    /// Builds what is prepared, with what it asks for, or with the requirements that are `given`.
    async fn make(
        &self,
        prepared: &Prepared,
        given: Option<Vec<PypiPackage>>,
    ) -> Result<Made, BuildingError> {
        let name = prepared.shown.as_str();
        let failed = |error| BuildingError::Project { name: name.to_owned(), error };
        let system = Arc::new(BuildSystem::of(&prepared.project).map_err(failed)?);
        let root = self.root(name).await?;
        let source = self.unpacked(prepared, &root, SOURCE_TAR, "source").await?;
        let hooks = |environment| Hooks {
            root: Arc::clone(&root),
            platform: self.variant.platform,
            name: name.to_owned(),
            system: Arc::clone(&system),
            environment,
            source: source.clone(),
            project: prepared.folder.clone(),
            scratch: Arc::clone(&prepared.scratch),
        };
        let is_given = given.is_some();
        let mut requires = match given {
            Some(given) => given,
            None => self.requirements(name, &system.requires).await?,
        };
        let mut environment = self.environment(prepared, &root, &requires, "first").await?;
        if !is_given {
            let asking = hooks(environment.clone());
            let more = spawn_blocking(move || asking.requires("asked")).await??;
            more.iter().try_for_each(|it| check_requirement(it)).map_err(failed)?;
            if !more.is_empty() {
                let all: Vec<String> = system.requires.iter().chain(&more).cloned().collect();
                requires = self.requirements(name, &all).await?;
                environment = self.environment(prepared, &root, &requires, "second").await?;
            }
        }
        let building = hooks(environment);
        let wanted = Wanted {
            shown: name.to_owned(),
            name: prepared.name.clone(),
            version: prepared.version.clone(),
            tags: self.tags().clone(),
        };
        let store = self.context.store.clone();
        let build = move || {
            let said = building.build("built")?;
            let written = building.root.machine.written(&building.scratch.path("built"));
            wheel::take(&written, &said, &wanted, &store)
        };
        Ok(Made { taken: spawn_blocking(build).await??, requires })
    }

    async fn requirements(&self, name: &str, wanted: &[String]) -> Result<Vec<PypiPackage>, BuildingError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let failed = |error| BuildingError::Requirements {
            name: name.to_owned(),
            requirements: wanted.iter().map(|it| format!("`{it}`")).collect(),
            error: Box::new(error),
        };
        self.index.lock_requirements(wanted.to_vec()).await.map_err(failed)
    }

    /// The unpacked environment with these wheels, which is called `which`.
    async fn environment(
        &self,
        prepared: &Prepared,
        root: &Arc<Root>,
        requires: &[PypiPackage],
        which: &str,
    ) -> Result<PathBuf, BuildingError> {
        let failed =
            |error| BuildingError::RequirementFetch { name: prepared.shown.clone(), error: Box::new(error) };
        for package in requires {
            if self.context.store.archive(&package.sha256)?.is_none() {
                self.index.get(package).await.map_err(failed)?;
            }
        }
        let needed: Vec<LockedPackage> =
            requires.iter().cloned().map(|it| LockedPackage::Pypi(Box::new(it))).collect();
        let tar = format!("{which}.tar");
        let (context, root_there, requires) = (self.context.clone(), Arc::clone(root), requires.to_vec());
        let (scratch, path) = (Arc::clone(&prepared.scratch), prepared.scratch.path(&tar));
        let checked = move || {
            verify_archives(&needed, &context.store)?;
            Ok(write_environment(&path, &root_there.python, &requires, &context.store)
                .map(|()| drop(scratch)))
        };
        spawn_blocking(checked).await?.map_err(failed)??;
        self.unpacked(prepared, root, &tar, which).await
    }

    /// Unpacks a tar of the scratch folder into another place of it, as a layer.
    async fn unpacked(
        &self,
        prepared: &Prepared,
        root: &Arc<Root>,
        tar: &str,
        folder: &str,
    ) -> Result<PathBuf, BuildingError> {
        let (scratch, root) = (Arc::clone(&prepared.scratch), Arc::clone(root));
        let (tar, folder) = (scratch.path(tar), scratch.path(folder));
        let unpack = move || {
            let failed = |error| BuildingError::file(&tar, "read", error);
            root.machine.unpack(&mut File::open(&tar).map_err(failed)?, &folder)?;
            std::fs::remove_file(&tar).map_err(failed)?;
            drop(scratch);
            Ok::<_, BuildingError>(folder)
        };
        spawn_blocking(unpack).await?
    }
}

impl Builder for Building {
    fn build(&self, source: Source) -> BoxFuture<'_, Result<Built, BuildFailed>> {
        self.wheel(source).map(|built| built.map_err(|error| BuildFailed(Box::new(error)))).boxed()
    }
}

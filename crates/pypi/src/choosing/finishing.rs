//! Putting together what was chosen: the wheels are read, and what must hold of all of them is checked.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use imgbuild_lock::PypiPackage;
use imgbuild_net::ArchiveRequest;
use imgbuild_oci::Digest;

use crate::choosing::cuda::{self, WheelSummary};
use crate::choosing::dependency::Dependency;
use crate::choosing::locking::{BuiltWheel, ChosenWheel, Locked, Run};
use crate::choosing::locking_error::LockingError;
use crate::choosing::permission::refused_builds;
use crate::choosing::sources::check_stated;
use crate::index::urls;
use crate::lists::pylock::{Choice, LockedWheel};
use crate::lists::pylock_error::PylockError;
use crate::lists::stated::{KnownHashes, StatedHashes};

impl Run<'_> {
    /// Reads the wheels among what was chosen. Gives also the names of what conda provides.
    pub(crate) async fn examine(
        &self,
        choices: Vec<Choice>,
    ) -> Result<(Vec<ChosenWheel>, BTreeSet<String>), LockingError> {
        let (mut wanted, mut used) = (Vec::new(), BTreeSet::new());
        for choice in choices {
            match choice {
                Choice::Wheel(wheel) => match self.provides(&wheel.name) {
                    Some(package)
                        if package.known_version(&self.metadata).as_ref()
                            == Some(&wheel.filename.version) =>
                    {
                        used.insert(wheel.name);
                    }
                    Some(package) => {
                        return Err(self.conflict(
                            self.place(&wheel.name),
                            package,
                            Some(format!("the wheel is `{}`", wheel.filename)),
                        ));
                    }
                    None => wanted.push(wheel),
                },
                Choice::Source { refused: Some(error), .. } => return Err(error.into()),
                Choice::Source { source, .. } => {
                    let requirement = source.name().and_then(|name| self.place(name));
                    return Err(refused_builds(&self.request.allow_builds, vec![(requirement, source)]));
                }
            }
        }
        // The results come back in the order of the wheels, whichever answer is first.
        let examined = wanted.into_iter().map(|wheel| self.examine_one(wheel));
        let wheels = futures::stream::iter(examined).buffered(16).try_collect().await?;
        Ok((wheels, used))
    }

    pub(crate) async fn examine_one(&self, locked: LockedWheel) -> Result<ChosenWheel, LockingError> {
        if let Some(BuiltWheel { built, wheel, .. }) = self.built.get(&locked.name) {
            let package = PypiPackage {
                name: locked.name,
                version: wheel.filename().version.to_string(),
                filename: built.filename.clone(),
                url: None,
                size: Some(built.size),
                sha256: built.sha256,
                origin: built.origin.clone(),
                build: Some(built.build.clone()),
                facts: wheel.facts(),
            };
            return Ok(ChosenWheel { package, wheel: wheel.clone() });
        }
        let metadata = &self.locking.metadata;
        let sha256 = match locked.sha256.or_else(|| self.known_before(&locked)) {
            Some(sha256) => sha256,
            None => {
                let (name, from) = (locked.filename.to_string(), (&locked.url).into());
                let wanted = ArchiveRequest { name: name.clone(), from, sha256: None, size: locked.size };
                let (sha256, path) = metadata.archive(wanted).await?;
                check_stated(name, path, locked.hashes.clone()).await?;
                sha256
            }
        };
        let (sha256, wheel) =
            metadata.wheel(&locked.filename, &locked.url, Some(sha256), locked.size).await?;
        if locked.given.is_none() {
            urls::keep(metadata.store, self.locking.settings, &sha256, &locked.url);
        }
        let package = PypiPackage {
            name: locked.name,
            version: locked.filename.version.to_string(),
            filename: locked.filename.to_string(),
            url: locked.given,
            size: locked.size,
            sha256,
            origin: locked.origin,
            build: None,
            facts: wheel.facts(),
        };
        Ok(ChosenWheel { package, wheel })
    }

    /// The hash of a file of which another lock has none, from when it was locked before.
    fn known_before(&self, locked: &LockedWheel) -> Option<Digest> {
        let same = |package: &&PypiPackage| {
            package.filename == locked.filename.to_string() && package.url == locked.given
        };
        locked.given.as_ref()?;
        self.request.earlier.iter().find(same).map(|package| package.sha256)
    }

    /// Takes what another tool has chosen.
    pub(crate) async fn take(mut self, choices: Vec<Choice>) -> Result<Locked, LockingError> {
        let mut all = Vec::new();
        let choices = self.permit_choices(choices)?;
        for (place, choice) in choices.into_iter().enumerate() {
            match choice {
                Choice::Source { source, hashes, .. } => {
                    let vouched = KnownHashes { hashes: &[], stated: &hashes };
                    let name = self.build(source, Some(place), vouched).await?;
                    let Some(BuiltWheel { built, wheel, url }) = self.built.get(&name) else { continue };
                    all.push(Choice::Wheel(LockedWheel {
                        name,
                        filename: wheel.filename().clone(),
                        url: url.into(),
                        given: None,
                        size: Some(built.size),
                        sha256: Some(built.sha256),
                        hashes: StatedHashes::default(),
                        origin: built.origin.clone(),
                    }));
                }
                wheel => all.push(wheel),
            }
        }
        let mut names: Vec<String> = Vec::new();
        for choice in &all {
            let Choice::Wheel(wheel) = choice else { continue };
            if names.contains(&wheel.name) {
                let environment = self.request.environment.to_string();
                return Err(PylockError::Twice { name: wheel.name.clone(), environment }.into());
            }
            names.push(wheel.name.clone());
        }
        let (wheels, used) = self.examine(all).await?;
        self.finish(wheels, used, Some(names)).await
    }

    /// Checks what was chosen, and puts it together. `taken` are the names of a list that is taken as it is.
    pub(crate) async fn finish(
        mut self,
        wheels: Vec<ChosenWheel>,
        mut used: BTreeSet<String>,
        taken: Option<Vec<String>>,
    ) -> Result<Locked, LockingError> {
        let is_whole = taken.is_some() || self.request.require_hashes;
        let roots: Vec<(String, Vec<String>)> = match &taken {
            Some(names) => names.iter().map(|name| (name.clone(), Vec::new())).collect(),
            None => self.roots(),
        };
        if is_whole {
            while self.read_extras(&self.closure(&wheels).walk(roots.clone())).await? {}
            self.check_whole(&wheels, &roots, &mut used)?;
        }
        let requested: BTreeSet<String> = roots.into_iter().map(|(name, _)| name).collect();
        self.check_cuda(&wheels, &requested)?;
        let built = std::mem::take(&mut self.built).into_values().map(|it| it.built);
        let mut build_requires: Vec<PypiPackage> = built.flat_map(|built| built.requires).collect();
        build_requires.sort_by_key(PypiPackage::id);
        build_requires.dedup_by_key(|package| package.id());
        let provided = used.iter().filter_map(|name| self.provides(name));
        let provided = provided.map(|package| self.provided_title(package)).collect();
        Ok(Locked { wheels, requested: requested.into_iter().collect(), provided, build_requires })
    }

    /// Checks a list that is taken as it is: nothing may be missing, and all must be for this Python.
    pub(crate) fn check_whole(
        &self,
        wheels: &[ChosenWheel],
        roots: &[(String, Vec<String>)],
        used: &mut BTreeSet<String>,
    ) -> Result<(), LockingError> {
        let environment = &self.request.environment;
        for chosen in wheels {
            let wanted = chosen.package.facts.requires_python.clone().unwrap_or_default();
            if !environment.has_python(&wanted) {
                let package = format!("{} {}", chosen.package.name, chosen.package.version);
                let python = environment.python().to_string();
                return Err(PylockError::Python { package, wanted, python }.into());
            }
        }
        let walk = self.closure(wheels).walk(roots.to_vec());
        used.extend(walk.extras.into_keys().filter(|name| self.provides(name).is_some()));
        let Some(missing) = walk.missing.into_iter().next() else { return Ok(()) };
        let version = wheels.iter().find(|chosen| chosen.package.name == missing.name);
        let package = version.map_or_else(
            || missing.name.clone(),
            |chosen| format!("{} {}", chosen.package.name, chosen.package.version),
        );
        let required = Dependency::of_metadata(&missing.requirement).map(|it| it.name).unwrap_or_default();
        let found = match (missing.found, self.provides(&required)) {
            (None, _) => format!("nothing is there by the name `{required}`"),
            (Some(version), None) => format!("the list has `{required} {version}`"),
            (Some(_), Some(provides)) => {
                let mut conflict = self.conflict(None, provides, None);
                if let LockingError::Conflict { wanted, .. } = &mut conflict {
                    *wanted = format!("`{package}`, which requires `{}`,", missing.requirement).into();
                }
                return Err(conflict);
            }
        };
        Err(LockingError::Missing { package, required: missing.requirement, found })
    }

    pub(crate) fn check_cuda(
        &self,
        wheels: &[ChosenWheel],
        requested: &BTreeSet<String>,
    ) -> Result<(), LockingError> {
        let Some(cuda) = &self.request.cuda else { return Ok(()) };
        let chosen: Vec<WheelSummary<'_>> = wheels
            .iter()
            .map(|it| WheelSummary {
                name: &it.package.name,
                version: &it.package.version,
                requires: &it.wheel.metadata().requires_dist,
                requested: requested.contains(&it.package.name),
            })
            .collect();
        let wheels = cuda::processor_only(&chosen, &self.request.environment);
        if !wheels.is_empty() {
            return Err(LockingError::ProcessorOnly { cuda: cuda.clone(), wheels });
        }
        match cuda::newer(&chosen, cuda) {
            Some((found, wheels)) => Err(LockingError::NewerCuda { cuda: cuda.clone(), found, wheels }),
            None => Ok(()),
        }
    }
}

//! Why nothing can be chosen, where single requirements are enough to say it: each is held against all files that the index
//! has of its project. uv stops at the first of them, and says of versions what it does not say of their wheels.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use imgbuild_secret::SecretText;
use pep440_rs::{VersionSpecifier, VersionSpecifiers};

use crate::choosing::cuda;
use crate::choosing::dependency::Dependency;
use crate::choosing::explanation::{Explanation, RequiredProject};
use crate::choosing::fault::{AskedProject, Limit, fault};
use crate::choosing::locking::Run;
use crate::choosing::locking_error::LockingError;
use crate::choosing::permission::Permission;
use crate::choosing::said;
use crate::choosing::unfit::Unfit;
use crate::choosing::uv::Compilation;
use crate::choosing::uv_error::UvError;
use crate::index::listing::Places;

/// How often uv is asked at most what else cannot be had.
const ROUNDS: usize = 16;

/// A package that cannot be had, and the place of the requirement that leads to it.
struct Fault {
    place: Option<usize>,
    name: String,
    unfit: Unfit,
    /// Whether nothing else could be chosen in its place.
    is_certain: bool,
}

impl Run<'_> {
    /// What is said where uv found nothing for these lines. `wanted` are the projects of which it would have to build one.
    pub(crate) async fn diagnosed(
        &self,
        lines: &[SecretText],
        wanted: &BTreeSet<String>,
        explanation: &str,
        target: String,
    ) -> LockingError {
        let conflict = self.unsatisfiable(explanation, target);
        if matches!(conflict, LockingError::Conflict { .. }) {
            return conflict;
        }
        let faults = self.faults(lines, explanation).await;
        let (words, hints) = said::parted(explanation);
        let tags = self.request.environment.tags().clone();
        if let Some(Fault { place, .. }) = faults.first() {
            let requirement = *place;
            let is_all = faults.iter().all(|fault| fault.is_certain);
            let said = if is_all { (None, Vec::new()) } else { (Some(words), hints) };
            let packages = faults.into_iter().map(|fault| fault.unfit).collect();
            return LockingError::no_wheels(requirement, packages, tags, said);
        }
        if wanted.is_empty() {
            return conflict;
        }
        let unfit = |name: &String| Unfit {
            has_source: true,
            is_there: true,
            ..Unfit::absent(name, format!("the versions that are required are sources alone:\n{words}"), None)
        };
        let requirement = wanted.iter().find_map(|name| self.place(name)).or(self.blamed(explanation));
        let packages = wanted.iter().map(unfit).collect();
        LockingError::no_wheels(requirement, packages, tags, (None, hints))
    }

    /// All that is wrong with single packages: first with what the request names, then with what others require. uv names one
    /// at a time: it is asked again without those that are known. Nothing where the indexes cannot be asked.
    async fn faults(&self, lines: &[SecretText], explanation: &str) -> Vec<Fault> {
        let Some(places) = self.places().await else { return Vec::new() };
        let (mut asked, mut faults) = (self.asked(), Vec::new());
        let (mut said, mut left_out) = (Explanation::read(explanation), BTreeSet::new());
        for _ in 0..ROUNDS {
            let place = self.blamed(said.text());
            asked.extend(self.asked_by_others(&said));
            asked.retain(|asked| !left_out.contains(&asked.name));
            let before = left_out.len();
            for fault in self.faults_of(std::mem::take(&mut asked), &places).await {
                left_out.insert(fault.name.clone());
                faults.push(Fault { place: fault.place.or(place), ..fault });
            }
            let allowed = |name: &&String| self.request.allow_builds.may_build(Some(name));
            left_out.extend(said.to_build().iter().filter(allowed).cloned());
            if left_out.len() == before {
                break;
            }
            match self.compile_without(lines, &left_out).await {
                Err(UvError::Unsatisfiable { explanation, .. }) => said = Explanation::read(&explanation),
                _ => break,
            }
        }
        faults
    }

    /// What is wrong with these, each name told once: what others require only where no version that they ask for can be had.
    async fn faults_of(&self, asked: Vec<AskedProject>, places: &Places) -> Vec<Fault> {
        let client = self.locking.metadata.client;
        let listed = asked.into_iter().map(|asked| async move {
            let files = places.files(client, &asked.name).await;
            let files = files.inspect_err(|error| tracing::debug!("{error}")).ok()?;
            let allowed = self.request.allow_builds.may_build(Some(&asked.name));
            let unfit = fault(&asked, &files, &self.request.environment)
                .filter(|unfit| !(unfit.has_source && allowed));
            Some((asked, unfit))
        });
        let listed: Vec<_> =
            futures::stream::iter(listed).buffered(16).filter_map(std::future::ready).collect().await;
        let can_be_had: BTreeSet<&String> = listed
            .iter()
            .filter(|(asked, unfit)| asked.place.is_none() && unfit.is_none())
            .map(|(asked, _)| &asked.name)
            .collect();
        let mut faults: Vec<Fault> = Vec::new();
        for (asked, unfit) in &listed {
            let is_known = asked.place.is_none() && faults.iter().any(|fault| fault.name == asked.name);
            let Some(unfit) = unfit.clone().filter(|_| !is_known && !can_be_had.contains(&asked.name)) else {
                continue;
            };
            let is_certain = asked.required_by.as_ref().is_none_or(|required| required.always);
            faults.push(Fault { place: asked.place, name: asked.name.clone(), unfit, is_certain });
        }
        faults
    }

    /// Where uv looks for packages.
    pub(crate) async fn places(&self) -> Option<Places> {
        if self.locking.metadata.client.is_offline() {
            return None;
        }
        self.said_places().await.inspect_err(|error| tracing::debug!("{error}")).ok()
    }

    /// The same, which needs no network.
    pub(crate) async fn said_places(&self) -> Result<Places, UvError> {
        let compilation =
            Compilation { scratch: self.scratch.path().to_owned(), ..self.locking.compilation(self.request) };
        self.locking.uv.places(compilation).await
    }

    /// The projects that the request names and that come from an index.
    fn asked(&self) -> Vec<AskedProject> {
        let limits = self.limits();
        let asked = |(place, requirement): (usize, &crate::choosing::request::Requirement)| {
            let Dependency { name, versions: Some(versions), .. } = requirement.dependency()?.clone() else {
                return None;
            };
            let limits = limits.get(&name).cloned().unwrap_or_default();
            Some(AskedProject { place: Some(place), name, versions, limits, required_by: None })
        };
        self.requirements().filter_map(asked).filter(|asked| self.is_of_index(&asked.name)).collect()
    }

    /// The projects that others require, by what uv says of them. It reads constraints into what packages require.
    fn asked_by_others(&self, said: &Explanation) -> Vec<AskedProject> {
        let limits = self.limits();
        let asked = |name: &String, versions: VersionSpecifiers, required_by: Option<RequiredProject>| {
            let limits = limits.get(name).cloned().unwrap_or_default();
            let is_limit = |it: &VersionSpecifier| {
                limits.iter().any(|limit| limit.versions.iter().any(|of_limit| of_limit == it))
            };
            let versions = versions.iter().filter(|it| !is_limit(it)).cloned().collect();
            AskedProject { place: None, name: name.clone(), versions, limits, required_by }
        };
        let required = said.required().iter();
        let mut all: Vec<AskedProject> =
            required.map(|it| asked(&it.name, it.versions.clone(), Some(it.clone()))).collect();
        let is_required = |name: &&String| said.required().iter().any(|it| it.name == **name);
        let others = said.to_build().iter().filter(|name| !is_required(name));
        all.extend(others.map(|name| asked(name, VersionSpecifiers::empty(), None)));
        all.retain(|asked| self.is_of_index(&asked.name) && self.place(&asked.name).is_none());
        all
    }

    /// Whether a project comes from the indexes that are asked here.
    fn is_of_index(&self, name: &str) -> bool {
        // PyTorch's packages come from an index that uv chooses by itself.
        let elsewhere = self.request.cuda.is_some() && cuda::is_of_backend(name);
        !elsewhere && self.provides(name).is_none() && !self.built.contains_key(name)
    }

    /// What constraints, and distributions that are there already, say of versions.
    pub(crate) fn limits(&self) -> BTreeMap<String, Vec<Limit>> {
        let mut limits: BTreeMap<String, Vec<Limit>> = BTreeMap::new();
        let mut add = |text: &str, who: &str, constraint: Option<usize>| {
            let Some(read) = Dependency::of_metadata(text) else { return };
            let holds = read.holds(&self.request.environment, &[]);
            let Some(versions) = read.versions.filter(|versions| holds && !versions.is_empty()) else {
                return;
            };
            let what = format!("{who} `{}{versions}`", read.name);
            limits.entry(read.name).or_default().push(Limit { versions, what, constraint });
        };
        for (place, text) in self.request.constraints.iter().enumerate() {
            add(text.whole(), "the constraint", Some(place));
        }
        for (name, metadata) in &self.metadata {
            let owner = self.provides(name).map(|package| package.holder.owning(name));
            let who = format!("{}, which requires", owner.unwrap_or_else(|| format!("`{name}`")));
            metadata.requires_dist.iter().for_each(|text| add(text, &who, None));
        }
        limits
    }
}

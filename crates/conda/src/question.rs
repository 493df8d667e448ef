//! One question to rattler's solver, and why it has no answer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use rattler_conda_types::{MatchSpec, Matches, PackageName, PackageRecord, RepoDataRecord};
use rattler_repodata_gateway::RepoData;
use rattler_solve::{
    ChannelPriority, ExcludeNewer, SolveError, SolverImpl, SolverTask, TimestampPolicy, resolvo,
};
use url::Url;

use crate::cuda::{self, ProcessorOnly, Unbuilt};
use crate::environment_error::EnvironmentError;
use crate::newer_index::WheelsAlone;
use crate::request::{Request, match_spec};
use crate::requirement;
use crate::virtual_packages::{Unmet, generic, unmet, virtual_name, virtual_requirement};

/// How many packages are looked at one by one for whether the environment needs just them.
const LOOKED_AT: usize = 16;

/// What the solver is asked, with all that it may choose from.
pub(crate) struct Question<'a> {
    pub(crate) repodata: &'a [RepoData],
    pub(crate) specs: &'a [MatchSpec],
    pub(crate) request: &'a Request,
}

/// Builds that are left out, and why.
type Barred = HashMap<Url, Arc<str>>;

/// How the question is put.
#[derive(Default)]
struct Terms<'a> {
    /// What is left out.
    barred: Barred,
    /// The packages whose requirements on virtual packages do not count, where these are not met.
    relaxed: HashSet<&'a Url>,
    /// Whether the requirements of the environment itself on virtual packages count no more.
    relaxed_specs: bool,
    /// Whether what holds on a condition is passed over: that pip is there beside Python.
    unconditional: bool,
    /// What packages must be besides, where they are there at all.
    held: Vec<MatchSpec>,
}

impl<'a> Question<'a> {
    /// The packages, in topological order.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub(crate) fn answer(&self) -> Result<Vec<RepoDataRecord>, EnvironmentError> {
        let mut terms = Terms { barred: self.processor_builds(), ..Terms::default() };
        let mut explanation = match self.solve(&terms)? {
            Ok(records) => {
                let records = self.of_own_line(records, &terms.barred)?;
                return self.for_cuda(records, |packages| self.refused(packages, Vec::new(), String::new()));
            }
            Err(explanation) => explanation,
        };
        if !terms.barred.is_empty() {
            match self.solve(&Terms::default())? {
                Ok(records) => {
                    let unmet = self.unmet(terms.barred)?;
                    return self.for_cuda(records, |packages| self.refused(packages, unmet, explanation));
                }
                // CUDA is not what stands in the way.
                Err(without) => (terms.barred, explanation) = (Barred::new(), without),
            }
        }
        if self.request.pip && self.solve(&Terms { unconditional: true, ..Terms::default() })?.is_ok() {
            return Err(EnvironmentError::Pip { explanation });
        }
        let (unmet, absent) = (self.unmet(terms.barred)?, self.absent());
        let unbuilt = self.unbuilt();
        let (wheels, mistyped) = (WheelsAlone::default(), None);
        Err(EnvironmentError::Unsolvable { explanation, unmet, unbuilt, absent, wheels, mistyped })
    }

    /// Builds of just the minor version of CUDA that is asked for, where there are any of the same frameworks.
    fn of_own_line(
        &self,
        records: Vec<RepoDataRecord>,
        barred: &Barred,
    ) -> Result<Vec<RepoDataRecord>, EnvironmentError> {
        let Some(line) = self.request.cuda else { return Ok(records) };
        if !records.iter().any(|record| line.differs(&record.package_record)) {
            return Ok(records);
        }
        // No framework becomes older for the sake of a minor version.
        let frameworks =
            records.iter().map(|it| &it.package_record).filter(|it| cuda::is_framework(&it.name));
        let same = |record: &PackageRecord| {
            requirement::read(&format!("{} =={}", record.name.as_normalized(), record.version)).ok()
        };
        let held = line.exact().chain(frameworks.filter_map(same)).collect();
        let terms = Terms { barred: barred.clone(), held, ..Terms::default() };
        Ok(self.solve(&terms)?.unwrap_or(records))
    }

    /// The frameworks that nobody has built for the Python and the CUDA that are asked for.
    fn unbuilt(&self) -> Box<[Unbuilt]> {
        let line = self.request.cuda.iter();
        line.flat_map(|line| cuda::unbuilt(self.repodata.iter().flat_map(RepoData::iter), self.specs, *line))
            .collect()
    }

    /// A solution, unless the image is for CUDA and something of it should use that and does not.
    fn for_cuda(
        &self,
        records: Vec<RepoDataRecord>,
        refuse: impl FnOnce(Vec<ProcessorOnly>) -> EnvironmentError,
    ) -> Result<Vec<RepoDataRecord>, EnvironmentError> {
        let packages = if self.is_for_cuda() {
            cuda::of_solution(&records, self.records(), self.specs)
        } else {
            Vec::new()
        };
        if packages.is_empty() {
            Ok(PackageRecord::sort_topologically(records))
        } else {
            Err(refuse(packages))
        }
    }

    fn refused(
        &self,
        mut packages: Vec<ProcessorOnly>,
        unmet: Vec<Unmet>,
        explanation: String,
    ) -> EnvironmentError {
        // Whoever has written a requirement knows it as it was written.
        let written = |read: &str| {
            let own = self.specs.iter().zip(&self.request.specs);
            own.filter(|(spec, _)| spec.to_string() == read).map(|(_, text)| text.trim().to_owned()).next()
        };
        for wish in packages.iter_mut().filter_map(|package| package.wanted_by.as_mut()) {
            if let Some(text) = written(&wish.requirement).filter(|_| wish.package.is_none()) {
                wish.requirement = text;
            }
        }
        let cuda = self.request.cuda.map(|line| line.to_string()).unwrap_or_default();
        EnvironmentError::ProcessorOnly { cuda, packages, unbuilt: self.unbuilt(), unmet, explanation }
    }

    /// The records of all channels.
    fn records(&self) -> impl Iterator<Item = &'a RepoDataRecord> {
        self.repodata.iter().flat_map(RepoData::iter)
    }

    fn is_for_cuda(&self) -> bool {
        self.request.cuda.is_some()
    }

    /// The builds of frameworks that an image for CUDA has no use for.
    fn processor_builds(&self) -> Barred {
        if self.is_for_cuda() { cuda::processor_builds(self.records(), self.specs) } else { Barred::new() }
    }

    /// The names that are asked for, and of which no channel has anything that fits.
    fn absent(&self) -> Box<[String]> {
        let names: HashSet<&PackageName> = self.records().map(|record| &record.package_record.name).collect();
        let asked = self.specs.iter().filter(|spec| spec.condition.is_none() && virtual_name(spec).is_none());
        let absent = asked.filter_map(|spec| spec.name.as_exact()).filter(|name| !names.contains(name));
        absent.map(|name| name.as_normalized().to_owned()).collect()
    }

    /// What of virtual packages stands in the way: the fewest packages' requirements without which there is an answer.
    /// Empty where there is none without all of them either.
    fn unmet(&self, barred: Barred) -> Result<Vec<Unmet>, EnvironmentError> {
        let given = &self.request.virtual_packages;
        let lacking = |record: &RepoDataRecord| unmet(&record.package_record, given);
        let all: HashSet<&Url> =
            self.records().filter(|it| !lacking(it).is_empty()).map(|it| &it.url).collect();
        let own = self.unmet_specs();
        if all.is_empty() && own.is_empty() {
            return Ok(Vec::new());
        }
        let mut terms = Terms { barred, relaxed: all, relaxed_specs: true, ..Terms::default() };
        let Ok(solution) = self.solve(&terms)? else { return Ok(Vec::new()) };
        let chosen: HashSet<&Url> = solution.iter().map(|record| &record.url).collect();
        // Those of the records themselves: a solution has them without what was passed over.
        let mut needed: Vec<&RepoDataRecord> = self
            .records()
            .filter(|record| terms.relaxed.contains(&record.url) && chosen.contains(&record.url))
            .collect();
        if needed.len() <= LOOKED_AT {
            for record in needed.clone() {
                let rest = needed.iter().filter(|it| it.url != record.url);
                terms.relaxed = rest.map(|it| &it.url).collect();
                if self.solve(&terms)?.is_ok() {
                    needed.retain(|it| it.url != record.url);
                }
            }
        }
        let mut found: Vec<Unmet> = needed.into_iter().flat_map(lacking).chain(own).collect();
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// The virtual packages that the environment itself asks for, and the image has not.
    fn unmet_specs(&self) -> Vec<Unmet> {
        let given = &self.request.virtual_packages;
        let unmet = |text: &String| {
            let (spec, name) = virtual_requirement(text)?;
            let found = given.get(&name).cloned();
            let met = found.as_ref().is_some_and(|it| crate::virtual_packages::is_met(&spec, &name, it));
            (!met).then(|| Unmet { package: None, requirement: text.trim().to_owned(), name, found })
        };
        self.request.specs.iter().filter_map(unmet).collect()
    }

    /// The records whose requirements of virtual packages are passed over, without these.
    fn relaxed(&self, terms: &Terms<'_>) -> HashMap<&Url, RepoDataRecord> {
        let passed_over = |text: &String| virtual_requirement(text).is_some();
        let relaxed = self.records().filter(|record| terms.relaxed.contains(&record.url));
        let without = |record: &'a RepoDataRecord| {
            let mut without = record.clone();
            without.package_record.depends.retain(|text| !passed_over(text));
            without.package_record.constrains.retain(|text| !passed_over(text));
            (&record.url, without)
        };
        relaxed.map(without).collect()
    }

    /// Asks the solver. Where there is no answer, it says why.
    fn solve(&self, terms: &Terms<'_>) -> Result<Result<Vec<RepoDataRecord>, String>, EnvironmentError> {
        let request = self.request;
        let given: &BTreeMap<String, String> = &request.virtual_packages;
        let wrong = |name: &String, version: &String| EnvironmentError::VirtualPackage {
            name: name.clone(),
            version: version.clone(),
        };
        let virtual_packages =
            given.iter().map(|(name, version)| generic(name, version).ok_or_else(|| wrong(name, version)));
        // A record without a time is older than the time of records.
        let exclude_newer = request.exclude_newer.map(|time| {
            ExcludeNewer::from_datetime(time).with_timestamp_policy(TimestampPolicy::AllowMissing)
        });
        let relaxed = self.relaxed(terms);
        let available = self.repodata.iter().map(|repodata| {
            repodata
                .iter()
                .map(|record| relaxed.get(&record.url).unwrap_or(record))
                .collect::<resolvo::RepoData<'_>>()
        });
        let locked = keepable(self.repodata, self.specs, request);
        let counts = |spec: &&MatchSpec| {
            let passed_over = terms.relaxed_specs && virtual_name(spec).is_some();
            let is_conditional = spec.condition.is_some();
            !(passed_over || terms.unconditional && is_conditional)
        };
        let specs = self.specs.iter().filter(counts);
        let task = SolverTask {
            specs: specs.cloned().collect(),
            virtual_packages: virtual_packages.collect::<Result<_, _>>()?,
            locked_packages: locked.into_iter().filter(|it| !terms.barred.contains_key(&it.url)).collect(),
            channel_priority: match request.channel_priority {
                imgbuild_environment::ChannelPriority::Strict => ChannelPriority::Strict,
                imgbuild_environment::ChannelPriority::Flexible => ChannelPriority::Flexible,
                imgbuild_environment::ChannelPriority::Disabled => ChannelPriority::Disabled,
            },
            exclude_newer,
            excluded_candidates: terms.barred.clone(),
            available_packages: available.collect::<Vec<_>>(),
            pinned_packages: Vec::new(),
            constraints: request
                .constraints
                .iter()
                .filter_map(|spec| match_spec(spec).ok().filter(|spec| spec.name.as_exact().is_some()))
                .chain(request.cuda.iter().flat_map(|line| line.constraints()))
                .chain(terms.held.iter().cloned())
                .collect(),
            timeout: None,
            strategy: rattler_solve::SolveStrategy::default(),
            dependency_overrides: Vec::new(),
            cancellation_token: None,
        };
        match resolvo::Solver.solve(task) {
            Ok(solution) => Ok(Ok(solution.records)),
            Err(SolveError::Unsolvable(reasons)) => Ok(Err(reasons.join("\n"))),
            Err(error) => Err(EnvironmentError::Solver(error.to_string())),
        }
    }
}

/// The locked records that the channels still offer. The solver would take any record that it is given here, from
/// whichever channel and time, so what the spec no longer allows must not reach it.
fn keepable<'a>(
    repodata: &'a [RepoData],
    specs: &[MatchSpec],
    request: &'a Request,
) -> Vec<&'a RepoDataRecord> {
    let names: HashSet<&PackageName> = request.locked.iter().map(|it| &it.package_record.name).collect();
    let of_locked = |record: &&RepoDataRecord| names.contains(&record.package_record.name);
    let channel = |record: &RepoDataRecord| {
        request.channels.iter().position(|served| record.url.as_str().starts_with(served.url().as_str()))
    };
    let mut offered: HashSet<&url::Url> = HashSet::new();
    let mut first: HashMap<&PackageName, Option<usize>> = HashMap::new();
    for record in repodata.iter().flat_map(RepoData::iter).filter(of_locked) {
        offered.insert(&record.url);
        let first = first.entry(&record.package_record.name).or_insert_with(|| channel(record));
        *first = channel(record).min(*first);
    }
    let old_enough = |record: &RepoDataRecord| match (request.exclude_newer, &record.package_record.timestamp)
    {
        (Some(time), Some(timestamp)) => timestamp.jiff_timestamp() < time,
        _ => true,
    };
    // With strict priority a package comes from the first channel that has it, unless its requirement names one.
    let of_first_channel = |record: &RepoDataRecord| {
        let names_channel = |spec: &MatchSpec| spec.channel.is_some() && spec.matches(&record.package_record);
        request.channel_priority != imgbuild_environment::ChannelPriority::Strict
            || first.get(&record.package_record.name) == Some(&channel(record))
            || specs.iter().any(names_channel)
    };
    let keeps = |record: &&RepoDataRecord| {
        offered.contains(&record.url) && old_enough(record) && of_first_channel(record)
    };
    request.locked.iter().filter(keeps).collect()
}

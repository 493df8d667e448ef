//! CUDA: builds of frameworks that do not use it, where the image is for it.

mod builds;
mod frameworks;
mod line;
mod unbuilt;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use rattler_conda_types::{MatchSpec, Matches, PackageName, PackageRecord, RepoDataRecord, Version};
use url::Url;

pub(crate) use frameworks::LIBRARIES;
pub use line::CudaLine;
pub(crate) use unbuilt::unbuilt;
pub use unbuilt::{NearestBuild, Unbuilt};

use builds::{SAYS_SO, exact, uses_cuda, why};
use frameworks::{FRAMEWORKS, Framework};

/// How many builds for CUDA a message names.
const NAMED: usize = 4;

/// A package of a framework whose build does not use CUDA.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessorOnly {
    /// Its name.
    pub name: String,
    /// Its version and build.
    pub build: String,
    /// How it is known.
    pub why: &'static str,
    /// The requirement that wants it so, with who has it; nothing where nobody says it.
    pub wanted_by: Option<ProcessorWish>,
    /// The versions with builds for CUDA that the channels have, the newest first, each with one such build; nothing where
    /// that is not known.
    pub offered: Option<Vec<String>>,
}

impl fmt::Display for ProcessorOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{} {}`: {}", self.name, self.build, self.why)?;
        if let Some(wanted_by) = &self.wanted_by {
            write!(f, "; {wanted_by}")?;
        }
        let Some(offered) = &self.offered else { return Ok(()) };
        if offered.is_empty() {
            return f.write_str("; no channel has one for CUDA");
        }
        let named: Vec<String> = offered.iter().take(NAMED).map(|build| format!("`{build}`")).collect();
        write!(f, "; for CUDA there are {}", named.join(", "))?;
        match offered.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more versions"),
        }
    }
}

/// A requirement that wants a framework for the processor alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessorWish {
    /// The package that has it, as name, version and build; nothing where the environment itself has it.
    pub package: Option<String>,
    /// The requirement.
    pub requirement: String,
    /// The name of the package that it speaks of.
    pub name: String,
}

impl fmt::Display for ProcessorWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.package {
            Some(package) => write!(f, "`{package}` requires `{}`", self.requirement),
            None => write!(f, "`{}` asks for that", self.requirement),
        }
    }
}

/// Whether a package is one of a framework.
pub(crate) fn is_framework(name: &PackageName) -> bool {
    FRAMEWORKS.iter().any(|framework| framework.is(name.as_normalized()))
}

fn name(record: &RepoDataRecord) -> &str {
    record.package_record.name.as_normalized()
}

/// Whether a requirement says that a framework is wanted for the processor: it names a package that is made for it, or
/// builds of which none uses CUDA.
fn wants_processor(spec: &MatchSpec, framework: &Framework, records: &[&RepoDataRecord]) -> bool {
    let Some(asked) = exact(spec) else { return false };
    if framework.is_for_processor(asked) {
        return true;
    }
    if !chooses_build(spec) || !framework.is(asked) {
        return false;
    }
    let (build, flags) = (spec.build.clone(), spec.flags.clone());
    let wanted = MatchSpec { build, flags, ..MatchSpec::from(PackageName::new_unchecked(asked)) };
    let own = records.iter().map(|it| &it.package_record);
    let mut fitting = own.filter(|it| wanted.matches(*it)).peekable();
    fitting.peek().is_some() && !fitting.any(uses_cuda)
}

/// Whether a requirement says which of several builds of a version it wants.
fn chooses_build(spec: &MatchSpec) -> bool {
    spec.build.is_some() || spec.flags.is_some()
}

/// The requirement that wants a framework for the processor: one of the environment itself, or of a package of a solution that is not
/// of the framework.
fn wanted_by(
    framework: &Framework,
    specs: &[MatchSpec],
    solution: &[&RepoDataRecord],
    records: &[&RepoDataRecord],
) -> Option<ProcessorWish> {
    let name_of = |spec: &MatchSpec| exact(spec).unwrap_or_default().to_owned();
    let own = specs.iter().find(|spec| wants_processor(spec, framework, records));
    let own =
        own.map(|spec| ProcessorWish { package: None, requirement: spec.to_string(), name: name_of(spec) });
    own.or_else(|| {
        solution.iter().find_map(|record| {
            let depends = record.package_record.depends.iter();
            // What its own packages require of each other follows from the choice.
            let depends = depends.filter(|_| !framework.is(name(record)));
            let depends = depends.filter_map(|text| Some((text, crate::requirement::read(text).ok()?)));
            let mut wishes = depends.filter(|(_, spec)| wants_processor(spec, framework, records));
            let (requirement, spec) = wishes.next()?;
            let PackageRecord { name, version, build, .. } = &record.package_record;
            let package = format!("{}-{version}-{build}", name.as_normalized());
            Some(ProcessorWish {
                package: Some(package),
                requirement: requirement.clone(),
                name: name_of(&spec),
            })
        })
    })
}

/// The frameworks that must use CUDA: those that somebody names, or that always must.
fn wanted(specs: &[MatchSpec]) -> Vec<&'static Framework> {
    let named = |framework: &Framework| {
        let means = |name| framework.is(name) || framework.is_for_processor(name);
        specs.iter().filter_map(exact).any(means)
    };
    FRAMEWORKS.iter().filter(|framework| framework.always || named(framework)).collect()
}

/// The packages that are asked for by name alone, and are none of a framework's nor of CUDA's own.
fn other_names(specs: &[MatchSpec]) -> BTreeSet<&str> {
    let is_known = |name: &str| {
        FRAMEWORKS.iter().any(|framework| framework.is(name) || framework.is_for_processor(name))
            || LIBRARIES.iter().any(|library| name.starts_with(library))
    };
    let choosing = specs.iter().filter(|spec| chooses_build(spec)).filter_map(exact).collect::<BTreeSet<_>>();
    let names = specs.iter().filter_map(exact);
    names.filter(|name| !is_known(name) && !choosing.contains(name) && !name.starts_with("__")).collect()
}

/// The versions of a package that there are builds for CUDA of.
fn versions_for_cuda<'a>(package: &str, records: &[&'a RepoDataRecord]) -> BTreeSet<&'a Version> {
    let own = records.iter().map(|it| &it.package_record).filter(|it| it.name.as_normalized() == package);
    own.filter(|it| uses_cuda(it)).map(|it| it.version.version()).collect()
}

/// The builds for the processor alone, of frameworks that the channels have for CUDA as well.
pub(crate) fn processor_builds<'a>(
    records: impl Iterator<Item = &'a RepoDataRecord>,
    specs: &[MatchSpec],
) -> HashMap<Url, Arc<str>> {
    let names = other_names(specs);
    let records = of_names(records, &names);
    let reason: Arc<str> = "it does not use CUDA, which the image is for".into();
    let mut builds = HashMap::new();
    let mut bar = |record: &RepoDataRecord| builds.insert(record.url.clone(), Arc::clone(&reason));
    let own = |package: &str| {
        let own = records.iter().filter(|record| name(record) == package);
        own.filter(|record| why(&record.package_record).is_some()).collect::<Vec<_>>()
    };
    for package in wanted(specs).into_iter().flat_map(|framework| framework.packages) {
        if !versions_for_cuda(package, &records).is_empty() {
            own(package).into_iter().for_each(|record| drop(bar(record)));
        }
    }
    for package in names {
        let versions = versions_for_cuda(package, &records);
        let same = |record: &&&&RepoDataRecord| versions.contains(record.package_record.version.version());
        own(package).iter().filter(same).for_each(|record| drop(bar(record)));
    }
    builds
}

/// What of a solution does not use CUDA and must. `records` are those of all channels.
pub(crate) fn of_solution<'a>(
    solution: &[RepoDataRecord],
    records: impl Iterator<Item = &'a RepoDataRecord>,
    specs: &[MatchSpec],
) -> Vec<ProcessorOnly> {
    let names = other_names(specs);
    let records = of_names(records, &names);
    let solution: Vec<&RepoDataRecord> = solution.iter().collect();
    let offered = |package: &str| {
        let own = records.iter().filter(|record| name(record) == package);
        newest(&own.filter(|record| uses_cuda(&record.package_record)).copied().collect::<Vec<_>>())
    };
    let mut all = Vec::new();
    for framework in wanted(specs) {
        let mut found = found(framework, &solution);
        let wanted_by =
            (!found.is_empty()).then(|| wanted_by(framework, specs, &solution, &records)).flatten();
        for only in &mut found {
            only.offered = Some(offered(&only.name));
            only.wanted_by.clone_from(&wanted_by);
        }
        // That no channel has it for CUDA is told of only where it is a mistake in any case.
        found.retain(|only| {
            framework.always || only.offered.as_ref().is_some_and(|offered| !offered.is_empty())
        });
        all.extend(found);
    }
    for record in solution.iter().filter(|record| names.contains(name(record))) {
        let version = record.package_record.version.version();
        let has_other = versions_for_cuda(name(record), &records).contains(version);
        all.extend(
            only(&record.package_record)
                .filter(|_| has_other)
                .map(|only| ProcessorOnly { offered: Some(offered(name(record))), ..only }),
        );
    }
    all
}

/// The records that this module looks at: those of frameworks, and of these names. They are few among many.
fn of_names<'a>(
    records: impl Iterator<Item = &'a RepoDataRecord>,
    names: &BTreeSet<&str>,
) -> Vec<&'a RepoDataRecord> {
    let counts = |name: &str| FRAMEWORKS.iter().any(|framework| framework.is(name)) || names.contains(name);
    records.filter(|record| counts(name(record))).collect()
}

/// The same for packages that another tool has locked: what was asked for is what no other package requires.
pub(crate) fn of_lock(records: &[RepoDataRecord]) -> Vec<ProcessorOnly> {
    let all: Vec<&RepoDataRecord> = records.iter().collect();
    let required: BTreeSet<String> = all
        .iter()
        .flat_map(|record| record.package_record.depends.iter().map(move |spec| (name(record), spec)))
        .map(|(of, text)| (of, imgbuild_environment::match_spec_name(text)))
        // What its own framework requires is required by nobody else.
        .filter(|(of, required)| !FRAMEWORKS.iter().any(|it| it.is(of) && it.is(required)))
        .map(|(_, required)| required)
        .collect();
    let counts = |framework: &&Framework| {
        let asked = !framework.packages.iter().chain(framework.names).any(|name| required.contains(*name));
        framework.always || asked
    };
    let frameworks = FRAMEWORKS.iter().filter(counts);
    let found = frameworks.flat_map(|framework| {
        let for_processor = all.iter().map(|record| name(record)).find(|it| framework.is_for_processor(it));
        let wish =
            |name: &str| ProcessorWish { package: None, requirement: name.to_owned(), name: name.to_owned() };
        let wanted_by = for_processor.map(wish);
        let found = found(framework, &all).into_iter();
        found.map(move |only| (framework, ProcessorOnly { wanted_by: wanted_by.clone(), ..only }))
    });
    // Of a package that says nothing of the processor, and need not have a build for CUDA, nothing is known.
    found.filter(|(framework, it)| framework.always || it.why == SAYS_SO).map(|(_, it)| it).collect()
}

/// The packages of a framework that do not use CUDA; none where one of them does.
fn found(framework: &Framework, packages: &[&RepoDataRecord]) -> Vec<ProcessorOnly> {
    let own = packages.iter().filter(|record| framework.packages.contains(&name(record)));
    let own: Vec<&PackageRecord> = own.map(|record| &record.package_record).collect();
    if own.iter().any(|record| uses_cuda(record)) {
        return Vec::new();
    }
    own.into_iter().filter_map(only).collect()
}

/// A package that does not use CUDA.
fn only(record: &PackageRecord) -> Option<ProcessorOnly> {
    let PackageRecord { name, version, build, .. } = record;
    Some(ProcessorOnly {
        name: name.as_normalized().to_owned(),
        build: format!("{version} {build}"),
        why: why(record)?,
        wanted_by: None,
        offered: None,
    })
}

/// A build of each version, the newest version first.
fn newest(records: &[&RepoDataRecord]) -> Vec<String> {
    let mut builds: BTreeMap<&Version, &str> = BTreeMap::new();
    for record in records {
        let PackageRecord { version, build, .. } = &record.package_record;
        let known = builds.entry(version.version()).or_insert(build.as_str());
        *known = build.as_str().max(known);
    }
    builds.iter().rev().map(|(version, build)| format!("{version} {build}")).collect()
}

#[cfg(test)]
mod tests {
    use rattler_conda_types::ParseStrictness;

    use super::*;

    /// A record by its name, version and build, with what it requires.
    pub(super) fn record(text: &str, depends: &[&str]) -> RepoDataRecord {
        let parts: Vec<&str> = text.split(' ').collect();
        let [name, version, build] = parts[..] else { panic!("{text}") };
        let mut package = PackageRecord::new(
            PackageName::new_unchecked(name),
            version.parse::<Version>().unwrap(),
            build.parse().unwrap(),
        );
        package.depends = depends.iter().map(ToString::to_string).collect();
        let file = format!("{name}-{version}-{build}.conda");
        let url = Url::parse(&format!("https://conda.example/c/linux-64/{file}")).unwrap();
        let identifier = rattler_conda_types::package::DistArchiveIdentifier::try_from_url(&url).unwrap();
        RepoDataRecord { package_record: package, identifier, url, channel: None }
    }

    fn channel() -> Vec<RepoDataRecord> {
        vec![
            record("pytorch 2.6.0 cpu_py311_0", &[]),
            record("pytorch 2.5.1 cpu_py311_0", &[]),
            record("pytorch 2.5.1 cuda118_py311_300", &["__cuda"]),
            record("pytorch-mutex 1.0 cpu", &[]),
            record("pytorch-mutex 1.0 cuda", &[]),
            record("lightgbm 4.5.0 py311h1_0", &[]),
            record("lightgbm 4.5.0 cuda_py311h1_0", &["__cuda"]),
            record("fabric 1.0 h1_0", &[]),
            record("fabric 2.0 h1_0", &[]),
            record("fabric 2.0 h2_200", &["cuda-version >=12.9,<13"]),
            record("jaxlib 0.4.34 cpu_py311_0", &[]),
            record("jax 0.4.34 pyhd8ed1ab_0", &["jaxlib >=0.4"]),
        ]
    }

    pub(super) fn specs(texts: &[&str]) -> Vec<MatchSpec> {
        texts.iter().map(|it| MatchSpec::from_str(it, ParseStrictness::Lenient).unwrap()).collect()
    }

    #[test]
    fn builds_for_the_processor_are_left_out_unless_somebody_wants_them() {
        let channel = channel();
        let left_out = |texts: &[&str]| {
            let builds = processor_builds(channel.iter(), &specs(texts));
            let mut names: Vec<String> =
                builds.keys().map(|it| it.path_segments().unwrap().next_back().unwrap().to_owned()).collect();
            names.sort();
            names.iter().map(|it| it.trim_end_matches(".conda").to_owned()).collect::<Vec<_>>().join(" ")
        };
        let pytorch = "pytorch-2.5.1-cpu_py311_0 pytorch-2.6.0-cpu_py311_0";
        // Whoever requires it.
        for asked in [
            "fastai",
            "pytorch",
            "pytorch >=2",
            "pytorch=2.5.*=*py311*",
            "pytorch=2.5.1",
            "jax=0.4.34=pyhd8ed1ab_0",
        ] {
            assert_eq!(left_out(&[asked]), pytorch, "{asked}");
        }
        // Who asks for them is told, and does not get them.
        for asked in ["pytorch=*=cpu*", "pytorch-cpu", "cpuonly", "pytorch-mutex=*=cpu"] {
            assert_eq!(left_out(&[asked, "numpy"]), pytorch, "{asked}");
        }
        assert_eq!(left_out(&["lightgbm"]), format!("lightgbm-4.5.0-py311h1_0 {pytorch}"));
        assert_eq!(left_out(&["lightgbm-cpu"]), format!("lightgbm-4.5.0-py311h1_0 {pytorch}"));
        // Of what is no framework, those that have a twin for CUDA.
        assert_eq!(left_out(&["fabric"]), format!("fabric-2.0-h1_0 {pytorch}"));
        assert_eq!(left_out(&["fabric=2.0=h1*"]), pytorch);
    }

    #[test]
    fn what_is_told_of_a_solution() {
        let channel = channel();
        let shown = |found: Vec<ProcessorOnly>| found.iter().map(ToString::to_string).collect::<Vec<_>>();
        let told = |solution: &[RepoDataRecord], texts: &[&str]| {
            shown(of_solution(solution, channel.iter(), &specs(texts)))
        };
        assert_eq!(
            told(&channel[1..2], &["pytorch"]),
            [
                "`pytorch 2.5.1 cpu_py311_0`: its build says that it is for the processor alone; for CUDA there are `2.5.1 cuda118_py311_300`"
            ]
        );
        assert_eq!(
            told(&channel[10..12], &["jax"]),
            [
                "`jaxlib 0.4.34 cpu_py311_0`: its build says that it is for the processor alone; no channel has one for CUDA"
            ]
        );
        let none: [&str; 0] = [];
        assert_eq!(
            told(&channel[1..2], &["pytorch=*=cpu*"]),
            [
                "`pytorch 2.5.1 cpu_py311_0`: its build says that it is for the processor alone; `pytorch * cpu*` asks for that; for CUDA there are `2.5.1 cuda118_py311_300`"
            ]
        );
        let trainer = record("trainer 1.0 0", &["numpy", "pytorch-cpu >=2"]);
        assert_eq!(
            told(&[channel[1].clone(), trainer], &["trainer"]),
            [
                "`pytorch 2.5.1 cpu_py311_0`: its build says that it is for the processor alone; `trainer-1.0-0` requires `pytorch-cpu >=2`; for CUDA there are `2.5.1 cuda118_py311_300`"
            ]
        );
        assert_eq!(
            told(&channel[8..9], &["fabric"]),
            ["`fabric 2.0 h1_0`: it requires nothing of CUDA; for CUDA there are `2.0 h2_200`"]
        );
        assert_eq!(told(&channel[7..8], &["fabric"]), none);
        assert_eq!(told(&channel[2..3], &["pytorch"]), none);
        assert_eq!(told(&channel[5..6], &["something"]), none);
        // A lock does not say what was asked for: it is what nothing else requires.
        assert_eq!(shown(of_lock(&channel[1..2])).len(), 1);
        assert_eq!(
            shown(of_lock(&[channel[1].clone(), record("cpuonly 2.0 0", &[])])),
            [
                "`pytorch 2.5.1 cpu_py311_0`: its build says that it is for the processor alone; `cpuonly` asks for that"
            ]
        );
        let faiss = record("faiss 1.8.0 py311_0_cpu", &["libfaiss 1.8.0 h1_0_cpu"]);
        let library = record("libfaiss 1.8.0 h1_0_cpu", &[]);
        assert_eq!(shown(of_lock(&[faiss.clone(), library.clone()])).len(), 2);
        assert_eq!(shown(of_lock(&[faiss, library, record("search 1.0 0", &["faiss"])])), none);
    }
}

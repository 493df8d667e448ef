//! CUDA: builds of frameworks that do not use it, where the image is for it.

mod builds;
mod frameworks;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use rattler_conda_types::{MatchSpec, PackageName, PackageRecord, RepoDataRecord, Version};
use url::Url;

pub(crate) use frameworks::LIBRARIES;

use builds::{SAYS_SO, exact, names_processor, uses_cuda, why};
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
    /// The versions with builds for CUDA that the channels have, the newest first, each with one such build; nothing where
    /// that is not known.
    pub offered: Option<Vec<String>>,
}

impl fmt::Display for ProcessorOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{} {}`: {}", self.name, self.build, self.why)?;
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
    let Some(wanted) = spec.build.as_ref().filter(|_| framework.is(asked)) else { return false };
    let own = || records.iter().map(|it| &it.package_record).filter(|it| it.name.as_normalized() == asked);
    let fitting: Vec<&PackageRecord> = own().filter(|it| wanted.matches(it.build.as_str())).collect();
    // Where no build of that name uses CUDA, its choice says nothing, unless it says so in words.
    let is_choice =
        own().any(uses_cuda) || fitting.iter().all(|record| names_processor(record.build.as_str()));
    !fitting.is_empty() && is_choice && !fitting.into_iter().any(uses_cuda)
}

/// The frameworks that must use CUDA: those that somebody names, or that always must, and that nobody wants for the
/// processor.
fn wanted(records: &[&RepoDataRecord], specs: &[MatchSpec]) -> Vec<&'static Framework> {
    let counts = |framework: &&Framework| {
        let named = specs.iter().filter_map(exact).any(|name| framework.is(name));
        (framework.always || named) && !specs.iter().any(|spec| wants_processor(spec, framework, records))
    };
    FRAMEWORKS.iter().filter(counts).collect()
}

/// The builds for the processor alone, of frameworks that the channels have for CUDA as well.
pub(crate) fn processor_builds<'a>(
    records: impl Iterator<Item = &'a RepoDataRecord>,
    specs: &[MatchSpec],
) -> HashMap<Url, Arc<str>> {
    let records = of_frameworks(records);
    let reason: Arc<str> = "it does not use CUDA, which the image is for".into();
    let mut builds = HashMap::new();
    for package in wanted(&records, specs).into_iter().flat_map(|framework| framework.packages) {
        let own = || records.iter().filter(|record| name(record) == *package);
        if own().any(|record| uses_cuda(&record.package_record)) {
            let others = own().filter(|record| why(&record.package_record).is_some());
            builds.extend(others.map(|record| (record.url.clone(), Arc::clone(&reason))));
        }
    }
    builds
}

/// What of a solution does not use CUDA and must. `records` are those of all channels.
pub(crate) fn of_solution<'a>(
    solution: &[RepoDataRecord],
    records: impl Iterator<Item = &'a RepoDataRecord>,
    specs: &[MatchSpec],
) -> Vec<ProcessorOnly> {
    let records = of_frameworks(records);
    let solution: Vec<&RepoDataRecord> = solution.iter().collect();
    let mut all = Vec::new();
    for framework in wanted(&records, specs) {
        let mut found = found(framework, &solution);
        for only in &mut found {
            let own = records.iter().filter(|record| name(record) == only.name);
            let own: Vec<_> = own.filter(|record| uses_cuda(&record.package_record)).copied().collect();
            only.offered = Some(newest(&own));
        }
        // That no channel has it for CUDA is told of only where it is a mistake in any case.
        found.retain(|only| {
            framework.always || only.offered.as_ref().is_some_and(|offered| !offered.is_empty())
        });
        all.extend(found);
    }
    all
}

/// The records that this module looks at: few among many.
fn of_frameworks<'a>(records: impl Iterator<Item = &'a RepoDataRecord>) -> Vec<&'a RepoDataRecord> {
    records.filter(|record| FRAMEWORKS.iter().any(|framework| framework.is(name(record)))).collect()
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
        let for_processor = all.iter().any(|record| framework.is_for_processor(name(record)));
        (framework.always || asked) && !for_processor
    };
    let frameworks = FRAMEWORKS.iter().filter(counts);
    let found =
        frameworks.flat_map(|framework| found(framework, &all).into_iter().map(move |it| (framework, it)));
    // Of a package that says nothing of the processor, and need not have a build for CUDA, nothing is known.
    found.filter(|(framework, it)| framework.always || it.why == SAYS_SO).map(|(_, it)| it).collect()
}

/// The packages of a solved environment that say themselves that they do not use CUDA: where the image is for it, the spec asks for
/// just these.
pub fn for_processor(records: &[RepoDataRecord]) -> Vec<ProcessorOnly> {
    let all: Vec<&RepoDataRecord> = records.iter().collect();
    let found = FRAMEWORKS.iter().flat_map(|framework| found(framework, &all));
    found.filter(|only| only.why == SAYS_SO).collect()
}

/// The packages of a framework that do not use CUDA; none where one of them does.
fn found(framework: &Framework, packages: &[&RepoDataRecord]) -> Vec<ProcessorOnly> {
    let own = packages.iter().filter(|record| framework.packages.contains(&name(record)));
    let own: Vec<&PackageRecord> = own.map(|record| &record.package_record).collect();
    if own.iter().any(|record| uses_cuda(record)) {
        return Vec::new();
    }
    let only = |record: &&PackageRecord| {
        let PackageRecord { name, version, build, .. } = record;
        let name = name.as_normalized().to_owned();
        Some(ProcessorOnly { build: format!("{version} {build}"), name, why: why(record)?, offered: None })
    };
    own.iter().filter_map(only).collect()
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
            record("jaxlib 0.4.34 cpu_py311_0", &[]),
            record("jax 0.4.34 pyhd8ed1ab_0", &["jaxlib >=0.4"]),
        ]
    }

    fn specs(texts: &[&str]) -> Vec<MatchSpec> {
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
        for asked in [
            "pytorch=*=cpu*",
            "pytorch[build='cpu*']",
            "pytorch-cpu",
            "cpuonly",
            "pytorch==2.6.0=cpu_py311_0",
            "pytorch-mutex=*=cpu",
        ] {
            assert_eq!(left_out(&[asked, "numpy"]), "", "{asked}");
        }
        assert_eq!(left_out(&["lightgbm"]), format!("lightgbm-4.5.0-py311h1_0 {pytorch}"));
        assert_eq!(left_out(&["lightgbm-cpu"]), pytorch);
        // Another build string than that of a build for CUDA says it as well.
        assert_eq!(left_out(&["lightgbm=*=py311*"]), pytorch);
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
            told(&channel[7..9], &["jax"]),
            [
                "`jaxlib 0.4.34 cpu_py311_0`: its build says that it is for the processor alone; no channel has one for CUDA"
            ]
        );
        let none: [&str; 0] = [];
        assert_eq!(told(&channel[7..9], &["jaxlib=*=cpu*"]), none);
        assert_eq!(told(&channel[2..3], &["pytorch"]), none);
        assert_eq!(told(&channel[5..6], &["something"]), none);
        // A lock does not say what was asked for: it is what nothing else requires.
        assert_eq!(shown(of_lock(&channel[1..2])).len(), 1);
        assert_eq!(shown(of_lock(&[channel[1].clone(), record("cpuonly 2.0 0", &[])])), none);
        let faiss = record("faiss 1.8.0 py311_0_cpu", &["libfaiss 1.8.0 h1_0_cpu"]);
        let library = record("libfaiss 1.8.0 h1_0_cpu", &[]);
        assert_eq!(shown(of_lock(&[faiss.clone(), library.clone()])).len(), 2);
        assert_eq!(shown(of_lock(&[faiss, library, record("search 1.0 0", &["faiss"])])), none);
    }
}

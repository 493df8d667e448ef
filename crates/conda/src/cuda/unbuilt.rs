//! Frameworks that nobody has built for a pair of Python and CUDA, and the nearest that are.

use std::collections::BTreeSet;
use std::fmt;

use rattler_conda_types::{MatchSpec, Matches, PackageRecord, RepoDataRecord, Version};

use super::builds::{exact, uses_cuda};
use super::frameworks::FRAMEWORKS;
use super::line::CudaLine;

/// A framework of which no channel has a build for the image's Python and CUDA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbuilt {
    /// Its name.
    pub package: String,
    /// The Pythons that are asked for, the newest first, such as `3.11`; none where that is not said.
    pub pythons: Vec<String>,
    /// The major version of CUDA that is asked for.
    pub cuda: u16,
    /// The nearest builds that there are.
    pub nearest: Vec<NearestBuild>,
}

/// A build for another Python or another CUDA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearestBuild {
    /// Its version and build.
    pub build: String,
    /// Its CUDA, as major and minor.
    pub cuda: (u16, u16),
    /// Its Python, such as `3.11`, where it is for one.
    pub python: Option<String>,
    /// Whether its Python is one that is asked for, so that its CUDA is what differs.
    pub same_python: bool,
}

impl fmt::Display for Unbuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no channel has a build of `{}` for CUDA {}", self.package, self.cuda)?;
        if let Some(python) = self.pythons.first() {
            write!(f, " and Python {python}")?;
        }
        let nearest: Vec<String> = self.nearest.iter().map(ToString::to_string).collect();
        write!(f, "; the nearest: {}", nearest.join(", "))
    }
}

impl fmt::Display for NearestBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.cuda;
        write!(f, "`{}` for CUDA {major}.{minor}", self.build)?;
        match &self.python {
            Some(python) => write!(f, " and Python {python}"),
            None => Ok(()),
        }
    }
}

/// A build for CUDA, and what for.
struct Build<'a> {
    record: &'a PackageRecord,
    cuda: (u16, u16),
    python: Option<(u16, u16)>,
}

impl<'a> Build<'a> {
    fn of(record: &'a PackageRecord) -> Option<Self> {
        let cuda = uses_cuda(record).then(|| cuda_of(record)).flatten()?;
        Some(Self { record, cuda, python: python_of(record) })
    }

    fn nearest(&self, pythons: &BTreeSet<(u16, u16)>) -> NearestBuild {
        NearestBuild {
            build: format!("{} {}", self.record.version, self.record.build),
            cuda: self.cuda,
            python: self.python.map(|(major, minor)| format!("{major}.{minor}")),
            same_python: self.is_for(pythons),
        }
    }

    fn is_for(&self, pythons: &BTreeSet<(u16, u16)>) -> bool {
        pythons.is_empty() || self.python.is_none_or(|python| pythons.contains(&python))
    }
}

/// The frameworks among what is asked for of which there is a build for CUDA, and none for this line and the Python that is asked
/// for.
pub(crate) fn unbuilt<'a>(
    records: impl Iterator<Item = &'a RepoDataRecord>,
    specs: &[MatchSpec],
    line: CudaLine,
) -> Vec<Unbuilt> {
    let asked = specs.iter().filter_map(exact).filter(|name| FRAMEWORKS.iter().any(|it| it.is(name)));
    let asked: BTreeSet<&str> = asked.collect();
    let records: Vec<&PackageRecord> = records.map(|it| &it.package_record).collect();
    let of = |package: &str| -> Option<Unbuilt> {
        let own = records.iter().copied().filter(|it| it.name.as_normalized() == package);
        let fits = |record: &&PackageRecord| {
            specs.iter().filter(|spec| exact(spec) == Some(package)).all(|spec| spec.matches(*record))
        };
        let all: Vec<Build<'_>> = own.filter(fits).filter_map(Build::of).collect();
        // Where none fits what is asked of it, that is what stands in the way.
        let pythons = pythons(&all, specs);
        if all.is_empty() || all.iter().any(|it| it.cuda.0 == line.major && it.is_for(&pythons)) {
            return None;
        }
        let newest = |it: &&Build<'_>| it.record.version.version().clone();
        let distance = |cuda: (u16, u16)| (cuda.0.abs_diff(line.major), cuda.1.abs_diff(line.minor));
        let other_cuda = all.iter().filter(|it| it.is_for(&pythons));
        let other_cuda = other_cuda.min_by_key(|it| (distance(it.cuda), std::cmp::Reverse(newest(it))));
        let wanted = pythons.last().copied().unwrap_or_default();
        let other_python = all.iter().filter(|it| it.cuda.0 == line.major);
        let other_python = other_python.min_by_key(|it| {
            let python = it.python.unwrap_or_default();
            (python.1.abs_diff(wanted.1), std::cmp::Reverse((newest(it), python)))
        });
        Some(Unbuilt {
            package: package.to_owned(),
            pythons: pythons.iter().rev().map(|(major, minor)| format!("{major}.{minor}")).collect(),
            cuda: line.major,
            nearest: other_cuda.into_iter().chain(other_python).map(|it| it.nearest(&pythons)).collect(),
        })
    };
    asked.into_iter().filter_map(of).collect()
}

/// Of the Pythons that builds are for and the one that is asked for, those that what is asked of Python allows; none where nothing is
/// asked of it.
fn pythons(builds: &[Build<'_>], specs: &[MatchSpec]) -> BTreeSet<(u16, u16)> {
    let asked: Vec<&MatchSpec> = specs
        .iter()
        .filter(|spec| spec.condition.is_none() && exact(spec) == Some("python") && spec.version.is_some())
        .collect();
    if asked.is_empty() {
        return BTreeSet::new();
    }
    let allowed = |python: &(u16, u16)| {
        let version = format!("{}.{}.99", python.0, python.1).parse::<Version>();
        let fits = |version: &Version| {
            asked.iter().all(|it| it.version.as_ref().is_none_or(|asked| asked.matches(version)))
        };
        version.is_ok_and(|version| fits(&version))
    };
    let named = asked
        .iter()
        .filter_map(|spec| spec.version.as_ref())
        .filter_map(|version| numbers(version.to_string().trim_start_matches(['=', '~', '>', '<'])));
    let named: BTreeSet<(u16, u16)> = named.collect();
    let built = builds.iter().filter_map(|build| build.python).filter(allowed);
    built.chain(named.iter().copied().filter(|it| allowed(it) || named.len() == 1)).collect()
}

/// Major and minor of a text that begins with a version.
fn numbers(text: &str) -> Option<(u16, u16)> {
    let end = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let mut parts = text[..end].split('.').map(str::parse::<u16>);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// The CUDA that a build is for: by its build string, such as `cuda118`, `cuda12.4` or `cu124`, else by what it requires.
fn cuda_of(record: &PackageRecord) -> Option<(u16, u16)> {
    let build = record.build.as_str();
    let words =
        build.split(['_', '-']).filter_map(|word| word.strip_prefix("cuda").or(word.strip_prefix("cu")));
    let joined = |word: &str| {
        let digits = &word[..word.find(|it: char| !it.is_ascii_digit()).unwrap_or(word.len())];
        let (major, minor) = digits.split_at_checked(digits.len().checked_sub(1)?)?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let said = words.filter_map(|word| numbers(word).or_else(|| joined(word))).next();
    said.or_else(|| required(record, &["cuda-version", "pytorch-cuda", "cudatoolkit"]))
}

/// The Python that a build is for: by its build string, such as `py311` or `py3.11`, else by what it requires.
fn python_of(record: &PackageRecord) -> Option<(u16, u16)> {
    let words = record.build.as_str().split(['_', '-']).filter_map(|word| word.strip_prefix("py"));
    let joined = |digits: &str| {
        let end = digits.find(|it: char| !it.is_ascii_digit()).unwrap_or(digits.len());
        let (major, minor) = digits[..end].split_at_checked(1)?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let said = words.filter_map(|word| numbers(word).or_else(|| joined(word))).next();
    said.or_else(|| required(record, &["python_abi", "python"]))
}

/// The version that a requirement on one of these packages begins with.
fn required(record: &PackageRecord, names: &[&str]) -> Option<(u16, u16)> {
    let of = |name: &&str| {
        let own = record.depends.iter().filter_map(|text| text.trim().strip_prefix(name));
        let own = own.filter(|rest| rest.starts_with([' ', '=', '>', '[']));
        own.filter_map(|rest| numbers(rest.trim_start_matches(|it: char| !it.is_ascii_digit()))).next()
    };
    names.iter().find_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuda::tests::{record, specs};

    fn told(asked: &[&str], minor: u16) -> Vec<String> {
        let channel = [
            record("pytorch 2.4.1 cuda118_py39_200", &["cuda-version >=11.8,<12"]),
            record("pytorch 2.4.1 cuda118_py311_200", &["cuda-version >=11.8,<12"]),
            record("pytorch 2.7.0 cuda129_mkl_py311_h0_300", &["__cuda", "cuda-version >=12.9,<13"]),
            record("pytorch 2.7.0 cuda129_mkl_py313_h0_300", &["__cuda", "cuda-version >=12.9,<13"]),
            record("pytorch 2.7.0 cpu_py39_0", &[]),
            record("libtorch 2.7.0 cuda129_h0_300", &["__cuda", "cuda-version >=12.9,<13"]),
            record("jaxlib 0.4.0 cpu_py39_0", &[]),
        ];
        let line = CudaLine { major: 12, minor };
        unbuilt(channel.iter(), &specs(asked), line).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_nearest_builds_of_a_pair_that_there_is_none_for() {
        let none: [&str; 0] = [];
        assert_eq!(told(&["pytorch", "python 3.11.*"], 4), none);
        assert_eq!(told(&["pytorch"], 4), none);
        assert_eq!(told(&["jaxlib", "python 3.9.*"], 4), none);
        assert_eq!(told(&["libtorch", "python 3.9.*"], 4), none);
        assert_eq!(
            told(&["pytorch", "python 3.9.*"], 9),
            [
                "no channel has a build of `pytorch` for CUDA 12 and Python 3.9; the nearest: `2.4.1 cuda118_py39_200` for CUDA 11.8 and Python 3.9, `2.7.0 cuda129_mkl_py311_h0_300` for CUDA 12.9 and Python 3.11"
            ]
        );
        assert_eq!(
            told(&["pytorch <2.5", "python 3.11.*"], 9),
            [
                "no channel has a build of `pytorch` for CUDA 12 and Python 3.11; the nearest: `2.4.1 cuda118_py311_200` for CUDA 11.8 and Python 3.11"
            ]
        );
        assert_eq!(
            told(&["pytorch", "python 3.12.*"], 9),
            [
                "no channel has a build of `pytorch` for CUDA 12 and Python 3.12; the nearest: `2.7.0 cuda129_mkl_py313_h0_300` for CUDA 12.9 and Python 3.13"
            ]
        );
    }

    #[test]
    fn what_a_build_is_for_is_known_as_each_channel_says_it() {
        let shown = |text: &str, depends: &[&str]| {
            let record = record(text, depends).package_record;
            (cuda_of(&record), python_of(&record))
        };
        assert_eq!(shown("pytorch 2.7.0 cuda129_mkl_py311_h0_300", &[]), (Some((12, 9)), Some((3, 11))));
        assert_eq!(shown("pytorch 2.5.1 py3.11_cuda12.4_cudnn9.1.0_0", &[]), (Some((12, 4)), Some((3, 11))));
        assert_eq!(shown("torchvision 0.20.1 py311_cu124", &[]), (Some((12, 4)), Some((3, 11))));
        assert_eq!(
            shown("jaxlib 0.4.34 h1_200", &["cuda-version >=12.6,<13", "python_abi 3.12.* *_cp312"]),
            (Some((12, 6)), Some((3, 12)))
        );
        assert_eq!(
            shown("pytorch 1.4.0 py3.7_0", &["cudatoolkit 10.1.*", "python >=3.7,<3.8.0a0"]),
            (Some((10, 1)), Some((3, 7)))
        );
        assert_eq!(shown("lightgbm 4.5.0 cuda_h1_0", &["libfoo"]), (None, None));
    }
}

//! What programs print of an environment: `conda list --export`, which can be taken, and the tables for people, which cannot.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use imgbuild_document::{Origin, Problem, Requirement, Source};
use imgbuild_secret::SecretText;

use crate::environment::{Environment, PipPart};
use crate::file::build;
use crate::lock_format::LockFormat;
use crate::locked::{Content, LockedBuild, LockedList, OtherLock, Platforms};
use crate::mistake::EnvironmentMistake;
use crate::name::MatchSpecText;
use crate::subdir::platform;
use crate::{explicit, other_file};

/// What stands above what conda exports.
const HEAD: &str = "conda create --name <env> --file";

/// A line that is neither empty nor a comment, and where it stands.
type Line<'a> = (&'a str, Range<usize>);

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n').filter_map(move |raw| {
        let line = raw.trim();
        let begin = start + (raw.len() - raw.trim_start().len());
        start += raw.len();
        (!line.is_empty() && !line.starts_with('#')).then(|| (line, begin..begin + line.len()))
    })
}

/// Whether it is a list of conda packages, as `conda list --export` writes it and people go on to change it: most lines are
/// `name=version=build`, or `name=version` below conda's own words. Requirements of pip have no single `=`.
pub(crate) fn is_export(text: &str) -> bool {
    let has_head =
        text.lines().take_while(|line| line.is_empty() || line.starts_with('#')).any(|it| it.contains(HEAD));
    let (mut all, mut exact, mut short) = (0, 0, 0);
    for (line, _) in lines(text) {
        all += 1;
        let parts: Vec<&str> = line.split('=').map(str::trim).collect();
        let word = |part: &str| {
            !part.is_empty()
                && !part.starts_with('-')
                && !part.contains(|it: char| " @/\\;,\"'<>!~".contains(it))
        };
        match parts.as_slice() {
            [name, version, build] if word(name) && word(version) && !build.is_empty() => exact += 1,
            [name, version] if word(name) && word(version) => short += 1,
            _ => {}
        }
    }
    (has_head || exact > 0) && (exact + short) * 2 > all
}

/// Reads such a list. Where every line names version and build it is the whole environment; else it is solved, as conda
/// does it.
pub(crate) fn read(source: &Source) -> Result<Environment, Vec<Problem>> {
    let mut builds = Vec::new();
    let mut requirements = Vec::new();
    let mut pip = Vec::new();
    let mut problems = Vec::new();
    for (line, span) in lines(source.inner()) {
        // Old versions of conda name who has installed it in place of a build.
        let line = line.replace("=<pip>", "=pypi_0").replace("=<develop>", "=dev_0");
        let text = line.split(" #").next().unwrap_or_default().trim_end();
        let origin = Origin::new(source, span.clone(), "");
        let found = build(text);
        match found.as_ref().map(|it| kind(&it.build)) {
            Some(Kind::Pip) => {
                let text = found.map(|it| format!("{}=={}", it.name, it.version)).unwrap_or_default();
                pip.push(Requirement { text: text.into(), origin });
            }
            Some(Kind::Folder) => {
                let name = text.split('=').next().unwrap_or_default();
                let message = format!("`{name}` was installed from a folder, which the list does not name");
                let hint = "remove the line, and name the folder: `[pip] packages = [\"./folder\"]`";
                problems.push(problem(source, span, message).hint(hint));
            }
            Some(Kind::Conda) => {
                builds.extend(found);
                requirements.push(Requirement { text: SecretText::new(text), origin });
            }
            None => match text.parse::<MatchSpecText>() {
                Ok(spec) if !text.starts_with('-') && !text.contains("://") => {
                    requirements.push(Requirement { text: spec.secret().clone(), origin });
                }
                _ => {
                    let message = format!("`{}` is no package of conda", imgbuild_secret::public(text));
                    let hint = "what pip installs belongs into a requirements file: `[pip] requirements`";
                    problems.push(problem(source, span, message).hint(hint));
                }
            },
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let exact = builds.len() == requirements.len() && !builds.is_empty();
    Ok(Environment {
        locked: exact.then(|| lock(builds, source)),
        requirements,
        pip: (!pip.is_empty()).then(|| PipPart::Lines(pip, PathBuf::new())),
        ..Environment::default()
    })
}

fn lock(builds: Vec<LockedBuild>, source: &Source) -> OtherLock {
    let content = Content { packages: LockedList::Builds(builds), ..Content::empty() };
    let platforms = match listed_platform(source.inner()) {
        None => Platforms::Any(content),
        Some(name) => {
            let contents = platform(name).map(|platform| (platform, Ok(content)));
            Platforms::Of(BTreeMap::from_iter(contents), vec![name.to_owned()])
        }
    };
    let (format, file) = (LockFormat::List, source.name().to_owned());
    OtherLock { format, file, origin: Origin::new(source, 0..0, ""), platforms }
}

fn listed_platform(text: &str) -> Option<&str> {
    text.lines()
        .find_map(|line| Some(line.trim().strip_prefix('#')?.trim().strip_prefix("platform:")?.trim()))
}

enum Kind {
    Conda,
    Pip,
    Folder,
}

/// Who has installed what has such a build string.
fn kind(build: &str) -> Kind {
    if build.starts_with("pypi_") {
        Kind::Pip
    } else if build.starts_with("dev_") {
        Kind::Folder
    } else {
        Kind::Conda
    }
}

fn problem(source: &Source, span: Range<usize>, message: String) -> Problem {
    Problem::new(EnvironmentMistake::Lock { file: source.name().to_owned(), message })
        .at(source, span, "here")
}

/// The one mistake of a file that is a table for people, and lists nothing that could be installed.
pub(crate) fn table(source: &Source) -> Option<Problem> {
    let (what, hint) = if is_table_of_conda(source.inner()) {
        (
            "a table that `conda list` prints for people",
            "write what can be installed: `conda list --explicit` or `conda env export`, and name that by `env`",
        )
    } else if is_table_of_pip(source.inner()) {
        (
            "a table that `pip list` prints for people",
            "write requirements instead: `pip freeze > requirements.txt`",
        )
    } else {
        return None;
    };
    let mistake = EnvironmentMistake::OtherFile { file: source.name().to_owned(), what: what.to_owned() };
    Some(Problem::new(mistake).hint(hint))
}

/// The one mistake of a file that was named as a file of requirements and is another one.
pub fn no_requirements(source: &Source, name: &str) -> Option<Problem> {
    if let Some(problem) = table(source) {
        return Some(problem);
    }
    let text = source.inner();
    let extension = Path::new(name).extension().and_then(|it| it.to_str()).unwrap_or_default();
    let by_env = || format!("name it by `env = \"{name}\"`");
    let file = Path::new(name).file_name().and_then(|it| it.to_str()).unwrap_or_default();
    let of_tool = other_file::hint(file);
    let (what, hint) = if text.lines().any(|line| line.trim() == explicit::MARK) {
        ("an explicit list of conda packages", by_env())
    } else if is_export(text) {
        ("a list of conda packages, as `conda list --export` writes it", by_env())
    } else if matches!(extension, "yml" | "yaml") {
        ("no file of requirements, but YAML", by_env())
    } else if file == "pixi.lock" {
        ("no file of requirements, but pixi's lock", by_env())
    } else if file == "uv.lock" {
        ("no file of requirements, but uv's lock", by_env())
    } else if let Some(hint) = of_tool {
        ("no file of requirements, but one of another tool", hint)
    } else if extension == "toml" {
        let hint = "name the project's folder, as `packages = [\"./folder\"]`, or a `pylock.toml`";
        ("no file of requirements, but TOML", hint.to_owned())
    } else {
        return None;
    };
    let mistake = EnvironmentMistake::OtherFile { file: source.name().to_owned(), what: what.to_owned() };
    Some(Problem::new(mistake).hint(hint))
}

/// conda's table has its columns in a comment, mamba's in a line.
fn is_table_of_conda(text: &str) -> bool {
    let columns = |line: &str| {
        let mut words = line.trim_start_matches('#').split_whitespace();
        let head: Vec<&str> = words.by_ref().take(3).collect();
        head == ["Name", "Version", "Build"]
    };
    let head = |line: &str| {
        line.starts_with("# packages in environment at ")
            || line.starts_with("List of packages in environment: ")
    };
    text.lines().take(10).any(|line| head(line.trim()) || columns(line.trim()))
}

/// pip's table has a head and a line of dashes; before pip 9, it wrote `name (version)`.
fn is_table_of_pip(text: &str) -> bool {
    let found: Vec<&str> = lines(text).map(|(line, _)| line).collect();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let dashes = |line: &str| line.contains("--") && line.chars().all(|it| it == '-' || it.is_whitespace());
    let head =
        found.iter().position(|line| words(line).starts_with(&["Package".to_owned(), "Version".to_owned()]));
    if let Some(at) = head.filter(|at| *at < 10) {
        return found.get(at + 1).is_some_and(|line| dashes(line));
    }
    let old = |line: &&&str| {
        let parts = line.strip_suffix(')').and_then(|it| it.split_once(" ("));
        parts.is_some_and(|(name, version)| {
            !name.contains(' ') && version.starts_with(|it: char| it.is_ascii_digit())
        })
    };
    !found.is_empty() && found.iter().filter(old).count() * 2 > found.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use imgbuild_document::source;

    #[test]
    fn only_lists_of_conda_are_taken_for_such() {
        for text in [
            "# platform: linux-64\nnumpy=1.24.3=py39_0\n",
            "numpy=1.24.3=py39_0\nsix=1.16.0=pypi_0\npip\n",
            "# $ conda create --name <env> --file <this file>\npython=3.9\nnumpy=1.24\npip\n",
            "old=1.0=<pip>\n",
        ] {
            assert!(is_export(text), "{text}");
        }
        for text in [
            "",
            "numpy==1.24.3\nsix\n",
            "# $ conda create --name <env> --file <this file>\n# platform: linux-64\nabsl-py==1.4.0\nsix==1\n",
            "# $ conda create --name <env> --file <this file>\n# numpy=1.2=0\nabsl-py==1.4.0\n",
            "numpy=1.24\nsix==1.16\n",
            "a==1\nb==2\nc==3\nnumpy=1.24.3=0\n",
            "--index-url=https://i.example/?a=b=c\n",
            "x @ https://h.example/x.whl?a=b=c\n",
            "zipp===3.1\n",
        ] {
            assert!(!is_export(text), "{text}");
        }
    }

    #[test]
    fn tables_are_known_by_their_heads() {
        for text in [
            "# packages in environment at /home/me/e:\n#\n# Name  Version  Build  Channel\nsix 1.16 py_0\n",
            "# Name                    Version                   Build  Channel\nsix 1.16 py_0\n",
            "List of packages in environment: \"/opt/conda\"\n\n  Name  Version  Build  Channel\n",
        ] {
            assert!(is_table_of_conda(text) && !is_table_of_pip(text), "{text}");
        }
        for text in [
            "Package Version\n------- -------\nsix     1.16.0\n",
            "Package    Version  Editable project location\n---------- -------- -----\nmine 1 /x\n",
            "DEPRECATION: x\nPackage Version\n------- -------\nsix     1.16.0\n",
            "numpy (1.14.0)\nsix (1.11.0)\n",
        ] {
            assert!(is_table_of_pip(text) && !is_table_of_conda(text), "{text}");
        }
        for text in ["", "numpy (>=1.14.0)\n", "Package\nVersion\n", "package==1\n"] {
            assert!(table(&source("x.txt", text.to_owned())).is_none(), "{text}");
        }
    }
}

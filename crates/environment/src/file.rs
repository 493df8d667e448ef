//! conda's environment file: `environment.yml`, and what `conda env export` makes of an environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use imgbuild_document::files::Variables;
use imgbuild_document::{
    Literal, Located, Node, Note, Origin, Problem, ProgramText, Requirement, Source, VariableName,
    decode_readable,
};
use serde::{Deserialize, Deserializer};

use crate::channel::Channel;
use crate::environment::{Environment, PipPart};
use crate::lock_format::LockFormat;
use crate::locked::{Content, LockedBuild, LockedList, OtherLock, Platforms};
use crate::name::{ChannelName, EnvironmentName, MatchSpecText};
use crate::open_file::opened;

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: Option<EnvironmentName>,
    channels: Option<Vec<Located<ChannelName>>>,
    dependencies: Option<Vec<Located<Dependency>>>,
    variables: Option<BTreeMap<VariableName, VariableValue>>,
    /// Where the environment was on the machine that exported it: nothing to an image, but a sign of an export.
    prefix: Option<Literal>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Dependency {
    Short(MatchSpecText),
    Table(InstallerTable),
}

/// What another installer is to install.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InstallerTable {
    pip: Option<Vec<Located<String>>>,
}

/// The value of a variable of an environment file, as it is written there.
#[derive(Debug)]
struct VariableValue(ProgramText);

impl<'de> Deserialize<'de> for VariableValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Literal::deserialize(deserializer)?.0.parse::<ProgramText>();
        read.map(Self).map_err(|error| serde::de::Error::custom(error.with_hint()))
    }
}

/// Reads what can be read of it, and what is wrong.
pub(crate) fn read(
    source: &Source,
    root: Node,
    variables: &Variables<'_>,
) -> (Option<Environment>, Vec<Problem>) {
    let (root, notes, mut problems) = opened(root, source, variables);
    let (document, errors) = decode_readable::<Document>(&root, "");
    problems.extend(errors.into_iter().map(|error| error.problem(source, |_| "here".to_owned())));
    (document.map(|document| environment(document, source, notes)), problems)
}

fn environment(document: Document, source: &Source, notes: Vec<Note>) -> Environment {
    let mut requirements = Vec::new();
    let mut pip = Vec::new();
    for item in document.dependencies.unwrap_or_default() {
        match item.value {
            Dependency::Short(text) => {
                let origin = Origin::new(source, item.span, item.key);
                requirements.push(Requirement { text: text.secret().clone(), origin });
            }
            Dependency::Table(InstallerTable { pip: found }) => {
                pip.extend(found.iter().flatten().map(|line| Requirement::new(line, source)));
            }
        }
    }
    // `conda env export` writes the prefix, and each package with version and build. With a requirement of another form
    // somebody has changed the file since, and it is solved like any other.
    let exported = document.prefix.is_some() && !requirements.is_empty();
    let builds = requirements.iter().map(|requirement| build(requirement.text.whole()));
    let builds = if exported { builds.collect() } else { None };
    let (no_defaults, channels): (Vec<_>, Vec<_>) = document
        .channels
        .unwrap_or_default()
        .into_iter()
        .partition(|channel| channel.value.secret().whole() == "nodefaults");
    let locked = builds.map(|builds| OtherLock {
        format: LockFormat::Export,
        file: source.name().to_owned(),
        origin: Origin::new(source, 0..0, ""),
        platforms: Platforms::Any(Content {
            packages: LockedList::Builds(builds),
            pypi: Vec::new(),
            unknown: Vec::new(),
            sources: Vec::new(),
        }),
    });
    Environment {
        name: document.name,
        channels: channels.into_iter().map(|channel| Channel::new(channel, source)).collect(),
        no_defaults: !no_defaults.is_empty(),
        requirements,
        variables: document
            .variables
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (name, value.0.to_string()))
            .collect(),
        locked,
        pip: (!pip.is_empty()).then(|| PipPart::Lines(pip, PathBuf::new())),
        notes,
    }
}

/// `name=version=build`, or `channel::name=version=build`: exactly one package.
pub(crate) fn build(text: &str) -> Option<LockedBuild> {
    let (channel, rest) = match text.split_once("::") {
        Some((channel, rest)) => (Some(channel.to_owned()), rest),
        None => (None, text),
    };
    let parts: Vec<&str> = rest.split('=').collect();
    let exact = |part: &str| !part.is_empty() && !part.contains(|it: char| "*<>!~|, []".contains(it));
    match parts.as_slice() {
        [name, version, build] if parts.iter().all(|part| exact(part)) => Some(LockedBuild {
            channel,
            name: name.to_lowercase(),
            version: (*version).to_owned(),
            build: (*build).to_owned(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_with_version_and_build_is_one_package() {
        let found = build("conda-forge::NumPy=1.26.4=py311_0").unwrap();
        assert_eq!(
            (found.channel.as_deref(), found.name.as_str(), found.version.as_str(), found.build.as_str()),
            (Some("conda-forge"), "numpy", "1.26.4", "py311_0")
        );
        for other in
            ["numpy", "numpy=1.26", "numpy==1.26", "numpy=1.26=py311*", "numpy=1.*=0", "numpy >=1.26"]
        {
            assert_eq!(build(other), None, "{other}");
        }
    }
}

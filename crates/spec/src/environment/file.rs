//! conda's environment file: `environment.yml`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::decode::{Literal, Located, decode};
use crate::error::{Mistake, Problem};
use crate::requirement::{Channel, Requirement};
use crate::source::{Origin, Source};
use crate::values::{ChannelName, EnvironmentName, MatchSpecText, VariableName};
use crate::yaml_tree;

/// An environment file.
#[derive(Debug, Clone)]
pub(crate) struct EnvironmentFile {
    pub(crate) name: Option<EnvironmentName>,
    /// Without `nodefaults`: only the channels that are named are ever used.
    pub(crate) channels: Vec<Channel>,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) variables: BTreeMap<VariableName, String>,
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: Option<EnvironmentName>,
    channels: Option<Vec<Located<ChannelName>>>,
    dependencies: Option<Vec<Located<Dependency>>>,
    variables: Option<BTreeMap<VariableName, Literal>>,
    /// Where the environment was on the machine that exported it: nothing to an image.
    #[serde(rename = "prefix")]
    _prefix: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Dependency {
    Short(MatchSpecText),
    Table(Others),
}

/// What another installer is to install.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Others {
    pip: Option<Located<IgnoredAny>>,
}

pub(super) fn read(source: &Source) -> Result<EnvironmentFile, Vec<Problem>> {
    let root = yaml_tree::read(source).map_err(|problem| vec![problem])?;
    let document: Document = decode(&root, "").map_err(|errors| {
        errors.into_iter().map(|error| error.problem(source, |_| "here".to_owned())).collect::<Vec<_>>()
    })?;
    let mut requirements = Vec::new();
    let mut problems = Vec::new();
    for item in document.dependencies.unwrap_or_default() {
        match item.value {
            Dependency::Short(text) => {
                let origin = Origin::new(source, item.span, item.key);
                requirements.push(Requirement { text: text.as_str().to_owned(), origin });
            }
            Dependency::Table(Others { pip }) => {
                let problem = Problem::new(Mistake::Pip { file: source.name().to_owned() });
                let hint = "this version of imgbuild installs conda packages only: name them as such, or remove this part";
                let end = pip.map_or(item.span.end, |pip| pip.span.start);
                let span = item.span.start..end.max(item.span.start);
                problems.push(problem.at(source, span, "this part").hint(hint));
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let channels = document.channels.unwrap_or_default().into_iter();
    let channels = channels.filter(|channel| channel.value.as_str() != "nodefaults");
    Ok(EnvironmentFile {
        name: document.name,
        channels: channels.map(|channel| Channel::new(channel, source)).collect(),
        requirements,
        variables: document
            .variables
            .unwrap_or_default()
            .into_iter()
            .map(|(name, text)| (name, text.0))
            .collect(),
    })
}

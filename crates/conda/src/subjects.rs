//! What an error of the solver or of locking is about: packages and channels.

use std::collections::BTreeSet;

use imgbuild_diagnostic::{Subject, Subjects};
use rattler_conda_types::package::DistArchiveIdentifier;

use crate::channel::ChannelError;
use crate::environment_error::{EnvironmentError, Mistyped};
use crate::fetch::MetadataError;
use crate::locking_error::LockingError;
use crate::record::RecordError;

/// What stands before the names in the lines of rattler's explanation.
const LEADS: [&str; 4] = [
    "Cannot solve the request because of: ",
    "The following packages are incompatible",
    "No candidates were found for ",
    "the constraint ",
];

/// Packages, match specs as they were written, and channels.
impl Subjects for LockingError {
    fn subjects(&self) -> BTreeSet<Subject> {
        let channel = self.channel();
        let packages = self.packages().into_iter().map(Subject::Package);
        packages.chain(channel.map(|channel| Subject::Channel(channel.to_owned()))).collect()
    }
}

impl LockingError {
    /// The channel that it is about.
    fn channel(&self) -> Option<&str> {
        match self {
            Self::Environment(error) => error.channel(),
            Self::Compiler { error, .. } => error.channel(),
            _ => None,
        }
    }

    /// The names of the packages that it is about, and match specs as they were written.
    fn packages(&self) -> BTreeSet<String> {
        let named = |name: &str| BTreeSet::from([package(name).to_owned()]);
        match self {
            Self::Environment(error) => error.packages(),
            Self::Metadata(MetadataError::Archive(error)) => named(error.name()),
            Self::Metadata(MetadataError::Md5 { name, .. } | MetadataError::Info { name, .. }) => named(name),
            Self::Record(RecordError::Read { url, .. } | RecordError::Write { url, .. }) => {
                named(url.rsplit('/').next().unwrap_or(url))
            }
            Self::Path { package, .. }
            | Self::NoPython { package }
            | Self::LinkScript { package, .. }
            | Self::Python { package, .. } => named(package),
            Self::Conflict(
                imgbuild_layer::Conflict::Twice { part, .. }
                | imgbuild_layer::Conflict::BelowNonDirectory { part, .. },
            ) => named(part.name()),
            Self::Compiler { error, .. } => error.packages(),
        }
    }
}

impl EnvironmentError {
    /// The channel that it is about.
    fn channel(&self) -> Option<&str> {
        match self {
            Self::Channel(
                ChannelError::Parse { name: channel, .. }
                | ChannelError::Unreachable { channel, .. }
                | ChannelError::NoFolder { channel, .. }
                | ChannelError::NoSubdir { channel, .. },
            )
            | Self::Requirement { channel, .. } => Some(channel),
            _ => None,
        }
    }

    /// As [`LockingError::packages`].
    fn packages(&self) -> BTreeSet<String> {
        match self {
            // Not its name: another requirement of the same package is not to blame.
            Self::MatchSpec { spec, .. } => BTreeSet::from([spec.clone()]),
            Self::Unsolvable { explanation, unmet, absent, mistyped, unbuilt, wheels } => {
                let mut names = explained(explanation);
                names.extend(unmet.iter().filter_map(|it| it.package.as_deref()).map(first_word));
                names.extend(absent.iter().chain(unbuilt.iter().map(|it| &it.package)).cloned());
                names.extend(mistyped.iter().flat_map(Mistyped::names).cloned());
                names.extend(wheels.names().iter().cloned());
                names
            }
            Self::ProcessorOnly { packages, unmet, explanation, .. } => {
                let mut names = explained(explanation);
                names.extend(unmet.iter().filter_map(|it| it.package.as_deref()).map(first_word));
                names.extend(packages.iter().map(|package| package.name.clone()));
                let wishes = packages.iter().filter_map(|package| package.wanted_by.as_ref());
                names
                    .extend(wishes.map(|wish| wish.package.as_deref().map_or(wish.name.clone(), first_word)));
                names
            }
            Self::Pip { explanation } => explained(explanation),
            Self::Requirement { archive, .. } => BTreeSet::from([package(archive).to_owned()]),
            Self::VirtualPackage { name, .. } => BTreeSet::from([name.clone()]),
            Self::Channel(_) | Self::Repodata(_) | Self::Solver(_) | Self::Credentials(_) => BTreeSet::new(),
        }
    }
}

/// The packages of rattler's explanation: each line is a branch of a tree, and begins with one.
fn explained(explanation: &str) -> BTreeSet<String> {
    let lines = explanation.lines().map(|line| {
        let line = line.trim_start_matches(|it: char| it.is_whitespace() || "│├└─".contains(it));
        LEADS.iter().fold(line, |line, lead| line.strip_prefix(lead).unwrap_or(line))
    });
    lines.map(first_word).filter(|name| !name.is_empty()).collect()
}

fn first_word(text: &str) -> String {
    let word = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    text.split(|it: char| !word(it)).next().unwrap_or_default().to_lowercase()
}

/// The name of a package, by itself or by its archive.
fn package(name: &str) -> String {
    let archive = DistArchiveIdentifier::try_from_filename(name);
    archive.map_or_else(|| name.to_owned(), |archive| archive.identifier.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(explanation: &str) -> Vec<String> {
        explained(explanation).into_iter().collect()
    }

    #[test]
    fn packages_are_found_where_an_explanation_has_them() {
        let explanation = "Cannot solve the request because of: The following packages are incompatible\n\
            ├─ strict ==1.0 can be installed with any of the following options:\n\
            │  └─ strict 1.0 would require\n\
            │     └─ Numpy <2, which can be installed with any of the following options:\n\
            │        └─ numpy 1.26.4\n\
            └─ other * cannot be installed because there are no viable options:\n   \
               └─ other 1 is excluded because a package of conda is\n";
        assert_eq!(told(explanation), ["numpy", "other", "strict"]);
        assert_eq!(
            told("Cannot solve the request because of: No candidates were found for a-b >=1.\n"),
            ["a-b"]
        );
    }

    #[test]
    fn an_archive_is_called_as_its_package_is() {
        assert_eq!(package("a-b-1.0-py_0.conda"), "a-b");
        assert_eq!(package("a-b"), "a-b");
    }
}

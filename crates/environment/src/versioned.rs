//! Locks that begin with their version.

use std::ops::RangeInclusive;

use imgbuild_document::{DecodeError, Located, Node, Problem, Source, decode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::mistake::EnvironmentMistake;

#[derive(Deserialize)]
#[serde(rename = "imgbuild::Open")]
struct Head {
    version: Located<u64>,
}

/// Reads a lock of one of the versions that are known; `hint` says what to do with another one.
pub(crate) fn read<T: DeserializeOwned>(
    source: &Source,
    root: &Node,
    versions: RangeInclusive<u64>,
    hint: impl Fn(u64) -> &'static str,
) -> Result<T, Vec<Problem>> {
    let mistakes = |errors: Vec<DecodeError>| -> Vec<Problem> {
        errors.into_iter().map(|error| error.problem(source, |_| "here".to_owned())).collect()
    };
    let Head { version } = decode(root, "").map_err(mistakes)?;
    if versions.contains(&version.value) {
        return decode(root, "").map_err(mistakes);
    }
    let (first, last) = (versions.start(), versions.end());
    let known = if first == last { first.to_string() } else { format!("{first} to {last}") };
    let file = source.name().to_owned();
    let mistake = EnvironmentMistake::LockVersion { file, version: version.value, known };
    Err(vec![Problem::new(mistake).at(source, version.span, "here").hint(hint(version.value))])
}

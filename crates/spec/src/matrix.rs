//! The matrix: every combination of its keys' values, but for the excluded ones.

use std::collections::BTreeSet;

use imgbuild_document::{Located, Node, Problem, Source, decode_readable, suggest};

use crate::language::Matrix;
use crate::limits::MOST_COMBINATIONS;
use crate::mistake::SpecMistake;
use crate::template::Combination;

/// The keys of the matrix with their places, and its combinations: the last key changes fastest.
pub(crate) struct Combinations {
    pub(crate) keys: Vec<Located<String>>,
    pub(crate) all: Vec<Combination>,
}

impl Combinations {
    /// One combination, of nothing.
    pub(crate) fn none() -> Self {
        Self { keys: Vec::new(), all: vec![Combination::new()] }
    }
}

/// Reads `[matrix]`. Without one there is one combination, of nothing.
pub(crate) fn read(root: &Node, source: &Source) -> Result<Combinations, Vec<Problem>> {
    let Some(node) = root.get("matrix") else { return Ok(Combinations::none()) };
    let (matrix, errors) = decode_readable::<Matrix>(node, "matrix");
    let unread: Vec<String> = errors.iter().filter_map(|error| Some(error.place()?.1.to_owned())).collect();
    let mut problems: Vec<Problem> =
        errors.into_iter().map(|error| error.problem(source, |_| "here".to_owned())).collect();
    let Some(matrix) = matrix else { return Err(problems) };
    for (key, values) in &matrix.keys {
        let values = values.iter().map(|value| (value.value.0.as_str(), &value.span));
        let any = check_key(key, values, source, &mut problems);
        // A value that cannot be read is one.
        if !any && !unread.iter().any(|path| path.starts_with(&format!("{}[", key.key))) {
            let problem = Problem::new(SpecMistake::EmptyMatrixKey { key: key.value.clone() });
            let problem = problem.at(source, key.span.clone(), "here");
            problems.push(problem.hint("give it values, or remove it"));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let count = matrix.keys.iter().try_fold(1_usize, |count, (_, values)| count.checked_mul(values.len()));
    if count.is_none_or(|count| count > MOST_COMBINATIONS) {
        let problem = Problem::new(SpecMistake::TooManyCombinations { limit: MOST_COMBINATIONS });
        return Err(vec![problem.at(source, node.span.clone(), "this matrix")]);
    }
    let mut all = vec![Combination::new()];
    for (key, values) in &matrix.keys {
        all = all
            .iter()
            .flat_map(|combination| {
                values.iter().map(|value| {
                    let mut next = combination.clone();
                    next.insert(key.value.clone(), value.value.0.clone());
                    next
                })
            })
            .collect();
    }
    let all = exclude(all, &matrix, node, source)?;
    Ok(Combinations { keys: matrix.keys.into_iter().map(|(key, _)| key).collect(), all })
}

/// Checks the name of a key and that it has no value twice. Gives whether it has any.
fn check_key<'a>(
    key: &Located<String>,
    values: impl Iterator<Item = (&'a str, &'a std::ops::Range<usize>)>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> bool {
    let name = &key.value;
    let known = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) || !name.chars().all(known) {
        let problem = Problem::new(SpecMistake::MatrixKeyName { key: name.clone() });
        problems.push(problem.at(source, key.span.clone(), "here"));
    }
    let mut seen = BTreeSet::new();
    for (value, span) in values {
        if !seen.insert(value) {
            let mistake = SpecMistake::RepeatedMatrixValue { key: name.clone(), value: value.to_owned() };
            problems.push(Problem::new(mistake).at(source, span.clone(), "again"));
        }
    }
    !seen.is_empty()
}

fn exclude(
    all: Vec<Combination>,
    matrix: &Matrix,
    node: &Node,
    source: &Source,
) -> Result<Vec<Combination>, Vec<Problem>> {
    let mut problems = Vec::new();
    let names: Vec<&str> = matrix.keys.iter().map(|(key, _)| key.value.as_str()).collect();
    let mut kept = all.clone();
    for item in &matrix.exclude {
        let unknown = item.value.0.iter().find(|(key, _)| !names.contains(&key.value.as_str()));
        if let Some((key, _)) = unknown {
            let problem = Problem::new(SpecMistake::ExcludeUnknownKey { key: key.value.clone() });
            let hint = format!("the matrix has {}", suggest::list(&names));
            problems.push(problem.at(source, key.span.clone(), "no such key").hint(hint));
            continue;
        }
        let matches = |combination: &Combination| {
            !item.value.0.is_empty()
                && item.value.0.iter().all(|(key, value)| combination.get(&key.value) == Some(&value.0))
        };
        if !all.iter().any(matches) {
            let problem = Problem::new(SpecMistake::ExcludeMatchesNothing);
            let hint = "its values must be written as they are in the matrix";
            problems.push(problem.at(source, item.span.clone(), "this item").hint(hint));
        }
        kept.retain(|combination| !matches(combination));
    }
    if problems.is_empty() && kept.is_empty() {
        problems.push(Problem::new(SpecMistake::NothingLeft).at(source, node.span.clone(), "this matrix"));
    }
    if problems.is_empty() { Ok(kept) } else { Err(problems) }
}

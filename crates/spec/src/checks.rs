//! What must hold of the finished image, before it is delivered.

use imgbuild_document::{Located, Mistake, Problem, Source, list};

use crate::language::CheckTable;
use crate::values::Contract;
use crate::variant::{Check, Conform};

/// The platforms that it must conform to.
pub(crate) fn conform(
    key: Option<Located<Vec<Located<Contract>>>>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Vec<Conform> {
    let Some(located) = key else { return Vec::new() };
    list::check_unique(&located.key, &located.value, source, problems);
    let conform = |it: &Located<Contract>| Conform { contract: it.value, origin: it.origin(source) };
    located.value.iter().map(conform).collect()
}

/// The commands that must succeed in it.
pub(crate) fn checks(
    tables: Vec<Located<CheckTable>>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Vec<Check> {
    let check = |located: Located<CheckTable>| {
        let CheckTable { run, expect, timeout } = located.value;
        if run.value.is_empty() {
            let mistake = Mistake::EmptyList { key: run.key.clone() };
            let hint = "name a program, for example `run = [\"python\", \"-c\", \"import numpy\"]`";
            problems.push(Problem::new(mistake).at(source, run.span.clone(), "here").hint(hint));
        }
        let words = run.value.iter().map(ToString::to_string).collect();
        Check { origin: run.origin(source), run: words, expect, timeout }
    };
    tables.into_iter().map(check).collect()
}

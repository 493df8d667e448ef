//! What must hold of the finished image, before it is delivered.

use imgbuild_document::{Located, Mistake, Problem, Source, list};

use crate::language::{CheckTable, LicencesTable};
use crate::values::Contract;
use crate::variant::{Check, Conform, ExceptedPackage, Licences};

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

/// The licences that its packages may be under. A list without any would forbid every package: somebody has forgotten them.
pub(crate) fn licences(
    table: Located<LicencesTable>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Licences {
    let allow = table.value.allow;
    if allow.value.is_empty() {
        let mistake = Mistake::EmptyList { key: allow.key.clone() };
        let hint = "name the licences, for example `allow = [\"MIT\", \"BSD-3-Clause\"]`";
        problems.push(Problem::new(mistake).at(source, allow.span.clone(), "here").hint(hint));
    }
    list::check_unique(&allow.key, &allow.value, source, problems);
    let excepted = |(package, it): (_, Located<_>)| {
        let origin = it.origin(source);
        ExceptedPackage { package, reason: it.value, origin }
    };
    Licences {
        origin: allow.origin(source),
        allow: allow.value.iter().filter_map(|it| it.value.licence()).collect(),
        except: table.value.except.into_iter().map(excepted).collect(),
    }
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

//! Which Python a spec means.

use imgbuild_document::{Located, Problem, Source};

use crate::language::{BaseKey, Document, PythonFrom, PythonKey};
use crate::mistake::SpecMistake;
use crate::variant::{Base, Python};

/// Where the Python of a spec comes from, which names it by its key or leaves it to its base; nothing where it does neither.
///
/// An existing image brings its own, and nothing is asked of conda but by a table, by a file or by name.
pub(crate) fn python_from(document: &Document) -> Option<PythonFrom> {
    let is_over_base =
        document.base.as_ref().is_some_and(is_existing) && document.conda.is_none() && document.env.is_none();
    let by_default = if is_over_base { PythonFrom::Base } else { PythonFrom::Conda };
    match &document.python {
        Some(python) => Some(python.value.from().unwrap_or(by_default)),
        None => is_over_base.then_some(PythonFrom::Base),
    }
}

fn is_existing(key: &Located<BaseKey>) -> bool {
    match &key.value {
        BaseKey::Short(_) => false,
        BaseKey::Table(table) => {
            let is_empty = table.scratch.as_ref().is_some_and(|scratch| scratch.value);
            !is_empty && (table.layout.is_some() || table.image.is_some())
        }
    }
}

/// The Python that the key asks for.
pub(crate) fn python(located: Located<PythonKey>, from: PythonFrom, source: &Source) -> Python {
    let origin = located.origin(source);
    let version = match located.value {
        PythonKey::Short(version) => version,
        PythonKey::Table(table) => table.version,
    };
    Python { version, from, origin }
}

/// The Python of an existing image, where there is none.
pub(crate) fn base_python(python: &Python, base: &Base) -> Option<Problem> {
    let Base::Debian(debian) = base else { return None };
    if python.from != PythonFrom::Base {
        return None;
    }
    let problem = Problem::new(SpecMistake::NoExistingBase);
    let problem = problem.at(python.origin.source(), python.origin.span(), "the Python of an existing image");
    let hint = format!("take Debian's, `{}`, or conda's: `python = \"3.11\"`", debian.suite.python_key());
    Some(problem.hint(hint))
}

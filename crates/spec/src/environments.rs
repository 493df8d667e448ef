//! The environments of an image: the one that the spec's own packages are in, those of `[envs]`, and the one that has nothing but
//! a manager.

use std::ops::Range;

use imgbuild_document::{Located, Mistake, Origin, Problem, Source};
use imgbuild_environment::EnvironmentName;
use imgbuild_oci::Platform;

use crate::assemble;
use crate::cuda::Cuda;
use crate::environment_draft::{EnvironmentDraft, NamedEnvironment, OwnEnvironment};
use crate::environment_names::Names;
use crate::language::{CondaTable, Manager, PythonFrom};
use crate::mistake::SpecMistake;
use crate::pip::Section;
use crate::values::Prefix;
use crate::variant::{Base, Python};

/// All environments of an image.
#[derive(Debug, Clone)]
pub(crate) struct Environments {
    /// The one that is on `PATH`. There may be nothing in it.
    pub(crate) default: EnvironmentDraft,
    /// The others: what stands in the prefix itself comes first, and the rest follows by name.
    pub(crate) others: Vec<EnvironmentDraft>,
}

/// The environment that is on `PATH`, as the key names it.
pub(crate) type DefaultEnvironment = Option<Located<EnvironmentName>>;

/// Whether the spec's own environment is the default one.
pub(crate) fn own_is_default(default: &DefaultEnvironment, table: Option<&CondaTable>) -> bool {
    let own = table.and_then(|table| table.environment.as_ref());
    // Where both are named, it is an error, and the spec's own counts.
    default.as_ref().is_none_or(|name| own.is_some() || name.value.is_base())
}

impl Environments {
    /// What the spec and the files of its environments ask for, and what is wrong with it.
    pub(crate) fn new(
        own: OwnEnvironment,
        named: Vec<NamedEnvironment>,
        default: DefaultEnvironment,
        source: &Source,
    ) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let names = Names::new(&own, &named, source);
        problems.extend(names.problems());
        let is_own_default = own_is_default(&default, Some(&own.table));
        problems.extend(default.as_ref().and_then(|it| wrong_default(it, &own, &named, source)));
        let shared = own.table.clone();
        let root = shared.prefix.clone().unwrap_or_default();
        let own = own_draft(own, &root, source, &mut problems);
        let mut others: Vec<EnvironmentDraft> =
            manager_alone(&shared, &own, source, &mut problems).into_iter().collect();
        let mut default_draft = None;
        for it in named {
            let is_default = !is_own_default && default.as_ref().is_some_and(|key| key.value == it.name);
            let draft = named_draft(it, &shared, &root, source, &mut problems);
            if is_default { default_draft = Some(draft) } else { others.push(draft) }
        }
        let default = match default_draft {
            None => own,
            Some(draft) => {
                if !own.is_empty() {
                    others.insert(0, own);
                }
                draft
            }
        };
        (Self { default, others }, problems)
    }

    /// All of them, the default one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &EnvironmentDraft> {
        std::iter::once(&self.default).chain(&self.others)
    }

    /// The further ones on a platform, and what is wrong with them; none where a lock has nothing for the platform.
    pub(crate) fn others_on(
        &self,
        platform: Platform,
        base: &Base,
        cuda: Option<&Cuda>,
    ) -> (Option<Vec<crate::variant::Environment>>, Vec<Problem>) {
        let (mut all, mut problems) = (Some(Vec::new()), Vec::new());
        for draft in &self.others {
            let (environment, found) = draft.on(platform, base, None);
            problems.extend(found);
            match environment {
                Some((conda, pip)) => all.iter_mut().for_each(|all| {
                    all.push(crate::variant::Environment {
                        name: draft.name.clone().unwrap_or_else(EnvironmentName::base),
                        python: draft.python.clone(),
                        cuda: cuda.map(Cuda::without_toolkit),
                        conda: conda.clone(),
                        pip: pip.clone(),
                    });
                }),
                None => all = None,
            }
        }
        (all, problems)
    }
}

/// The environment in the prefix itself, where it has nothing but what environments are changed with.
fn manager_alone(
    shared: &CondaTable,
    own: &EnvironmentDraft,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Option<EnvironmentDraft> {
    shared.environment.as_ref().filter(|_| shared.manager() != Manager::None)?;
    let table = CondaTable { packages: None, environment: None, pip: None, ..shared.clone() };
    let (mut conda, lock) = assemble::conda(table, None, None, "env", source, problems)?;
    if let Some(own) = own.conda.as_ref().filter(|_| shared.channels.is_none()) {
        // Those of the file are what people change environments from.
        conda.channels.clone_from(&own.channels);
        conda.channels_are_open = own.channels_are_open;
    }
    Some(EnvironmentDraft {
        name: None,
        python: None,
        conda: Some(conda),
        lock,
        pip: Section::default(),
        file: None,
    })
}

/// The environment that the spec's own packages are in: the prefix itself, or one of its `envs`.
fn own_draft(
    own: OwnEnvironment,
    root: &Prefix,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> EnvironmentDraft {
    let OwnEnvironment { mut table, python, environment, pip, env } = own;
    let name = table.environment.take();
    let from = python.as_ref().map(|python| python.from);
    let is_writable = is_writable(&table);
    if name.is_some() {
        // It is in the prefix itself.
        table.manager = None;
    }
    let below = name.as_ref().and_then(|it| below(root, &it.value, it.origin(source), problems));
    table.prefix = below.clone().or(table.prefix);
    let made = assemble::conda(table, environment, from, "env", source, problems);
    let (mut conda, lock) = made.map_or((None, None), |(conda, lock)| (Some(conda), lock));
    if let Some(name) = &name {
        match &mut conda {
            Some(conda) => conda.stands_below(root, &name.value, is_writable),
            None => problems.push(empty(&name.value, &name.origin(source))),
        }
    }
    let name = name.map(|it| it.value);
    EnvironmentDraft { name, python, conda, lock, pip, file: env }
}

/// An environment of `[envs]`.
fn named_draft(
    it: NamedEnvironment,
    shared: &CondaTable,
    root: &Prefix,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> EnvironmentDraft {
    let NamedEnvironment { name, origin, mut table, environment, pip } = it;
    let python = table.python.take().map(|version| Python {
        origin: version.origin(source),
        version: version.value,
        from: PythonFrom::Conda,
    });
    let env = table.env.as_ref().map(|env| env.origin(source));
    let prefix = below(root, &name, origin.clone(), problems).unwrap_or_default();
    let mut table = table.conda(shared, prefix);
    if environment.as_ref().is_some_and(|environment| environment.locked.is_some()) {
        // What is said of other environments, a lock is not held against.
        (table.exclude_newer, table.pip) = (None, None);
    }
    let file = format!("envs.{name}.env");
    let from = python.as_ref().map(|python| python.from);
    let made = assemble::conda(table, environment, from, &file, source, problems);
    let (mut conda, lock) = made.map_or((None, None), |(conda, lock)| (Some(conda), lock));
    match &mut conda {
        Some(conda) => conda.stands_below(root, &name, is_writable(shared)),
        None => problems.push(empty(&name, &origin)),
    }
    EnvironmentDraft { name: Some(name), python, conda, lock, pip, file: env }
}

fn is_writable(table: &CondaTable) -> bool {
    table.manager() != Manager::None || table.writable.as_ref().is_some_and(|located| located.value)
}

/// The folder of an environment in the prefix, where that is not too long.
fn below(
    root: &Prefix,
    name: &EnvironmentName,
    origin: Origin,
    problems: &mut Vec<Problem>,
) -> Option<Prefix> {
    root.environment(name)
        .map_err(|error| {
            let problem = Problem::new(Mistake::Value { message: error.to_string() });
            let problem = problem.at(origin.source(), origin.span(), "this environment");
            problems.push(problem.hint("give it another name, or a shorter one"));
        })
        .ok()
}

fn empty(name: &EnvironmentName, origin: &Origin) -> Problem {
    let problem = Problem::new(SpecMistake::EmptyEnvironment { name: name.to_string() });
    problem
        .at(origin.source(), origin.span(), "nothing is asked for here")
        .hint("name what is to be in it: a version of `python`, `packages`, or a file by `env`; or remove it")
}

/// A default environment that there is not, or beside another one.
fn wrong_default(
    default: &Located<EnvironmentName>,
    own: &OwnEnvironment,
    named: &[NamedEnvironment],
    source: &Source,
) -> Option<Problem> {
    let place = |span: &Range<usize>| span.clone();
    if let Some(environment) = &own.table.environment {
        if environment.value == default.value {
            return None;
        }
        let (first, second) = (environment.value.to_string(), default.value.to_string());
        let problem = Problem::new(SpecMistake::TwoDefaults { first, second });
        let problem = problem.at(source, place(&environment.span), "the spec's own packages are here");
        let problem = problem.at(source, place(&default.span), "and this one is asked for");
        return Some(problem.hint(format!(
            "remove `default-env`; or name the spec's own packages in `[envs.{}]`",
            environment.value
        )));
    }
    if default.value.is_base() || named.iter().any(|it| it.name == default.value) {
        return None;
    }
    let problem = Problem::new(SpecMistake::UnknownEnvironment { name: default.value.to_string() });
    let problem = problem.at(source, place(&default.span), "this environment");
    let names: Vec<String> = named.iter().map(|it| format!("`{}`", it.name)).collect();
    Some(match names.as_slice() {
        [] => problem.hint(format!(
            "write what is to be in it below `[envs.{0}]`; or put the spec's own packages there: `environment = \"{0}\"` in `[conda]`",
            default.value
        )),
        names => problem.hint(format!("the spec has {}", names.join(", "))),
    })
}

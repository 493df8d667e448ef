//! The names of an image's environments: each is of one alone.

use imgbuild_document::{Origin, Problem, Source};
use imgbuild_environment::{Environment, EnvironmentName};

use crate::environment_draft::{NamedEnvironment, OwnEnvironment};
use crate::mistake::SpecMistake;

/// A name, and who has it.
struct Name {
    name: EnvironmentName,
    origin: Origin,
    /// The key of the environment, for one that is called otherwise by its file.
    of: String,
}

/// All names that environments have: by their keys, and by the `name:` of their files.
pub(crate) struct Names {
    names: Vec<Name>,
    reserved: Vec<Name>,
}

impl Names {
    /// Those of a spec.
    pub(crate) fn new(own: &OwnEnvironment, named: &[NamedEnvironment], source: &Source) -> Self {
        let (mut names, mut reserved) = (Vec::new(), Vec::new());
        let mut add = |name: &EnvironmentName, origin: Origin, of: &str, is_key: bool| {
            let known = Name { name: name.clone(), origin, of: of.to_owned() };
            match (name.is_base(), is_key) {
                (false, _) => names.push(known),
                (true, true) => reserved.push(known),
                // So conda calls what it exports of the prefix itself.
                (true, false) => {}
            }
        };
        if let Some(name) = &own.table.environment {
            add(&name.value, name.origin(source), "conda.environment", true);
        }
        let named_by_file = |environment: &Option<Environment>| environment.as_ref()?.name.clone();
        if let Some((name, origin)) = named_by_file(&own.environment).zip(own.env.clone()) {
            add(&name, origin, "conda.environment", false);
        }
        for it in named {
            let of = format!("envs.{}", it.name);
            add(&it.name, it.origin.clone(), &of, true);
            let file = it.table.env.as_ref().map(|env| env.origin(source));
            if let Some((name, origin)) = named_by_file(&it.environment).zip(file) {
                add(&name, origin, &of, false);
            }
        }
        Self { names, reserved }
    }

    /// What is wrong with them.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let reserved = self.reserved.iter().map(|it| {
            let problem = Problem::new(SpecMistake::ReservedEnvironmentName { name: it.name.to_string() });
            let problem = problem.at(it.origin.source(), it.origin.span(), "this environment");
            problem.hint("what is to be in it stands outside of `[envs]`; or give it another name")
        });
        let twice = self.names.iter().enumerate().filter_map(|(at, it)| {
            let first = self.names.iter().take(at).find(|other| other.name == it.name && other.of != it.of)?;
            let problem = Problem::new(SpecMistake::SharedEnvironmentName { name: it.name.to_string() });
            let problem = problem.at(it.origin.source(), it.origin.span(), "again");
            let is_same_file = first.origin.file() == it.origin.file();
            let problem = match is_same_file {
                true => problem.at(first.origin.source(), first.origin.span(), "this one has it"),
                false => problem,
            };
            Some(problem.hint(
                "a file gives its environment a name by `name:`, and a spec by `environment` in `[conda]` and by the keys of `[envs]`",
            ))
        });
        reserved.chain(twice).collect()
    }
}

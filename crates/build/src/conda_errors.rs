//! Errors of the conda solver, with the lines of the spec that they speak of.

use conda::LockingError;
use spec::{CondaPackages, Requirement, Snippet, Variant};

use crate::{BuildError, variant_name};

/// Whether a message speaks of a package, as a word of its own.
pub(crate) fn error_names(message: &str, name: &str) -> bool {
    let word = |character: char| character.is_ascii_alphanumeric() || "-_.+".contains(character);
    message.split(|character| !word(character)).any(|found| found == name)
}

/// An error with the lines of the spec that it speaks of, and what to do.
pub(crate) fn conda_error(variant: &Variant, conda: &spec::Conda, error: LockingError) -> BuildError {
    let message = chain(&error);
    let requirements: &[Requirement] = match &conda.packages {
        CondaPackages::Requirements(requirements) => requirements,
        CondaPackages::Locked(_) => &[],
    };
    let speaks_of = |requirement: &&Requirement| {
        let text = requirement.text.public();
        let name = text.split(|it: char| " =<>!~[".contains(it)).next().unwrap_or_default();
        error_names(&message, name.rsplit(':').next().unwrap_or(name)) || message.contains(&text)
    };
    let snippet = |origin: &spec::Origin| origin.snippet("it was asked for here", "this requirement");
    let mut asked: Vec<Snippet> =
        requirements.iter().filter(speaks_of).map(|it| snippet(&it.origin)).collect();
    if let Some(python) = variant.python.as_ref().filter(|_| error_names(&message, "python")) {
        asked.push(snippet(&python.origin));
    }
    for channel in
        conda.channels.iter().filter(|channel| message.contains(&format!("channel `{}`", channel.name)))
    {
        asked.extend(
            channel.origin.iter().map(|origin| origin.snippet("it was asked for here", "this channel")),
        );
    }
    let help = match &error {
        LockingError::LinkScript { script, .. } if script.ends_with("-pre-link.sh") => Some(
            "scripts that run before their package is there are not supported: conda deprecates them"
                .to_owned(),
        ),
        LockingError::LinkScript { package, .. } => Some(format!(
            "have it run in the sandbox with `[conda] allow-post-link = [\"{package}\"]`; where the package works without it, `skip-post-link = [\"{package}\"]`"
        )),
        LockingError::NoPython { .. } => Some("ask for Python: `python = \"3.11\"`".to_owned()),
        LockingError::Compiler { .. } => Some(
            "without an interpreter for this machine no bytecode can be made: `[layers] bytecode = false`"
                .to_owned(),
        ),
        _ => None,
    };
    BuildError::Conda { variant: variant_name(variant), error: Box::new(error), help, asked }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push('\n');
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

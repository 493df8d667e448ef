//! Errors of the conda solver, with the lines of the spec that they speak of.

use imgbuild_conda::{ChannelError, EnvironmentError, LockingError};
use imgbuild_document::Snippet;
use imgbuild_image::variant_name;
use imgbuild_requirement::Requirement;
use imgbuild_spec::{CondaPackages, Variant};

use crate::error::{LockFailure, LockSpecError};
use crate::virtual_packages::{for_processor_only, what_to_write};

/// An error with the lines of the spec that it speaks of, and what to do.
pub(crate) fn conda_error(
    variant: &Variant,
    conda: &imgbuild_spec::Conda,
    error: LockingError,
) -> LockSpecError {
    let message = chain(&error);
    let subjects = error.subjects();
    let requirements: &[Requirement] = match &conda.packages {
        CondaPackages::Requirements(requirements) => requirements,
        CondaPackages::Locked(_) => &[],
    };
    let speaks_of = |requirement: &&Requirement| {
        let text = requirement.text.public();
        subjects.contains(&text) || subjects.contains(&imgbuild_environment::match_spec_name(&text))
    };
    let snippet =
        |origin: &imgbuild_document::Origin| origin.snippet("it was asked for here", "this requirement");
    let mut asked: Vec<Snippet> =
        requirements.iter().filter(speaks_of).map(|it| snippet(&it.origin)).collect();
    if let Some(python) = variant.python.as_ref().filter(|_| subjects.contains("python")) {
        asked.push(snippet(&python.origin));
    }
    if let Some((origin, package)) = conda.manager_origin.as_ref().zip(conda.manager.package())
        && subjects.contains(package)
    {
        asked.push(origin.snippet("it was asked for here", "this manager"));
    }
    let named = |channel: &&imgbuild_environment::Channel| {
        let name = &channel.name;
        message.contains(&format!("channel `{name}`"))
            || message.starts_with(&format!("`{name}` is not a channel"))
    };
    for channel in conda.channels.iter().filter(named) {
        asked.extend(
            channel.origin.iter().map(|origin| origin.snippet("it was asked for here", "this channel")),
        );
    }
    let help = help(variant, conda, &error);
    LockFailure::Conda { variant: variant_name(variant), error: Box::new(error), help, asked }.into()
}

/// What to do.
fn help(variant: &Variant, conda: &imgbuild_spec::Conda, error: &LockingError) -> Option<String> {
    match error {
        LockingError::LinkScript { script, .. } if script.ends_with("-pre-link.sh") => Some(
            "scripts that run before their package is there are not supported: conda deprecates them"
                .to_owned(),
        ),
        LockingError::LinkScript { package, .. } => Some(format!(
            "have it run in the sandbox with `[conda] allow-post-link = [\"{package}\"]`; where the package works without it, `skip-post-link = [\"{package}\"]`"
        )),
        LockingError::NoPython { .. } => Some(match &conda.packages {
            // The key would be refused: the lock has no Python.
            CondaPackages::Locked(locked) => format!(
                "`{}` is the whole environment, and works nowhere like this: lock it with Python in it, or without this package",
                locked.file
            ),
            CondaPackages::Requirements(_) => "ask for Python: `python = \"3.11\"`".to_owned(),
        }),
        LockingError::Compiler { .. } => Some(
            "without an interpreter for this machine no bytecode can be made: `[layers] bytecode = false`"
                .to_owned(),
        ),
        LockingError::Environment(EnvironmentError::Pip { .. }) => Some(
            "name a channel that has a pip for this Python, or leave it out: `[conda] pip = false`"
                .to_owned(),
        ),
        LockingError::Environment(EnvironmentError::ProcessorOnly { packages, unmet, .. }) => {
            Some(for_processor_only(packages, unmet, variant))
        }
        LockingError::Environment(EnvironmentError::Unsolvable { unmet, absent, .. }) => {
            let lacking = |package: &&str| absent.iter().any(|absent| absent == package);
            let manager = conda.manager.package().filter(lacking).map(|package| {
                format!(
                    "`manager = \"{package}\"` is a package that no channel of the spec has: name one that has it, or another manager"
                )
            });
            manager.or_else(|| what_to_write(unmet, variant))
        }
        _ => None,
    }
}

/// A channel that cannot be used, with the line that asked for it.
pub(crate) fn channel_error(
    variant: &Variant,
    conda: &imgbuild_spec::Conda,
    error: ChannelError,
) -> LockSpecError {
    conda_error(variant, conda, LockingError::Environment(error.into()))
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push('\n');
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

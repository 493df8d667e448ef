//! Errors of the conda solver, with the lines of the spec that they speak of.

use imgbuild_conda::{ChannelError, EnvironmentError, LockingError};
use imgbuild_diagnostic::Subject;
use imgbuild_document::Requirement;
use imgbuild_environment::match_spec_name;
use imgbuild_image::{Line, asked, variant_name};
use imgbuild_spec::{CondaPackages, Variant};

use crate::cuda;
use crate::error::{LockFailure, LockSpecError};
use crate::virtual_packages::what_to_write;

/// An error with the lines of the spec that it speaks of, and what to do.
pub(crate) fn conda_error(
    variant: &Variant,
    conda: &imgbuild_spec::Conda,
    error: LockingError,
) -> LockSpecError {
    let requirements: &[Requirement] = match &conda.packages {
        CondaPackages::Requirements(requirements) => requirements,
        CondaPackages::Locked(_) => &[],
    };
    let package = |name: &str| Subject::Package(name.to_owned());
    let mut lines = Vec::new();
    for requirement in requirements {
        let text = requirement.text.public();
        let name = package(&match_spec_name(&text));
        let line = Line::new(Subject::Package(text), &requirement.origin, "this requirement");
        lines.push(Line { subjects: line.subjects.into_iter().chain([name]).collect(), ..line });
    }
    let python = variant.python.iter();
    lines.extend(python.map(|it| Line::new(package("python"), &it.origin, "this requirement")));
    let manager = conda.manager_origin.iter().zip(conda.manager.package());
    lines.extend(manager.map(|(origin, name)| Line::new(package(name), origin, "this manager")));
    for channel in &conda.channels {
        let subject = || Subject::Channel(channel.name.to_string());
        lines.extend(channel.origin.iter().map(|origin| Line::new(subject(), origin, "this channel")));
    }
    let asked = asked(&error, lines);
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
        LockingError::Environment(EnvironmentError::ProcessorOnly { packages, unbuilt, unmet, .. }) => {
            Some(cuda::for_processor_only(packages, unbuilt, unmet, variant))
        }
        LockingError::Environment(EnvironmentError::Unsolvable {
            unbuilt, unmet, absent, wheels, ..
        }) => {
            let lacking = |package: &&str| absent.iter().any(|absent| absent == package);
            let manager = conda.manager.package().filter(lacking).map(|package| {
                format!(
                    "`manager = \"{package}\"` is a package that no channel of the spec has: name one that has it, or another manager"
                )
            });
            let wheel = wheels.names().first().map(|name| {
                format!("`[pip] packages = [\"{name}\"]` takes it from an index of wheels; else name a channel that has it as a conda package")
            });
            manager.or_else(|| cuda::for_nearest(unbuilt)).or_else(|| what_to_write(unmet, variant)).or(wheel)
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

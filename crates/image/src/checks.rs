//! `[[check]]`: commands that must succeed in the finished image before it is delivered.

use std::time::Duration;

use imgbuild_fetch::{Context, Event};
use imgbuild_oci::Image;
use imgbuild_runtime::{ACTIVATE, START};
use imgbuild_sandbox::{Ended, Limits, Machine, Output, Writable};
use imgbuild_spec::{Check, Variant};

use crate::error::{CheckFailure, MakeError};
use crate::limits::{CHECK_WRITABLE, COMMAND_OUTPUT, COMMAND_PROCESSES};
use crate::running::{Runnable, Words};
use crate::unpacked::NamedLayer;
use crate::variant_name::variant_name;

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The command.
    pub run: Vec<String>,
    /// Why it was not run; nothing where it was run and succeeded.
    pub skipped: Option<String>,
}

/// Runs the checks of a variant, each in a new container of the image.
///
/// # Errors
///
/// When one fails, takes too long, or does not print what it must, or nothing can be run on this machine.
pub fn run_checks(variant: &Variant, image: &Image, context: &Context) -> Result<Vec<Checked>, MakeError> {
    if variant.checks.is_empty() {
        return Ok(Vec::new());
    }
    let all = |skipped: Option<String>| {
        let checked = |check: &Check| Checked { run: check.run.clone(), skipped: skipped.clone() };
        variant.checks.iter().map(checked).collect()
    };
    let finished = match finished(variant, image, context)? {
        Ok(finished) => finished,
        Err(reason) => return Ok(all(Some(reason))),
    };
    for check in &variant.checks {
        context.reporter.event(Event::Checking { variant: variant_name(variant), run: check.run.clone() });
        run_check(check, variant, &finished)?;
    }
    Ok(all(None))
}

/// A finished image that can be run, and the machine that runs it.
pub(crate) struct Finished {
    pub(crate) runnable: Runnable,
    pub(crate) machine: Machine,
}

impl Finished {
    /// What of its entrypoint is ours, and only prepares the way for any program.
    pub(crate) fn activation(&self) -> Vec<String> {
        let own = |word: &&String| [ACTIVATE, START].contains(&word.as_str());
        self.runnable.entrypoint().iter().filter(own).cloned().collect()
    }
}

/// A finished image as it is run, or why this machine does not run its platform.
///
/// # Errors
///
/// When nothing can be run on this machine, or a layer cannot be unpacked.
pub(crate) fn finished(
    variant: &Variant,
    image: &Image,
    context: &Context,
) -> Result<Result<Finished, String>, MakeError> {
    let machine = Machine::probe()?;
    if let Err(error) = machine.runs(variant.platform) {
        let reason = error.to_string();
        return Ok(Err(reason.lines().next().unwrap_or_default().to_owned()));
    }
    let layers: Vec<NamedLayer> = image
        .layers()
        .iter()
        .map(|layer| NamedLayer { descriptor: layer.descriptor.clone(), diff_id: layer.diff_id })
        .collect();
    let (store, config) = (&context.store, &image.head().config);
    let runnable = Runnable::new(variant.platform, config, &layers, &context.layers, store, &machine)?;
    Ok(Ok(Finished { runnable, machine }))
}

fn run_check(check: &Check, variant: &Variant, finished: &Finished) -> Result<(), MakeError> {
    // An entrypoint that the spec or an existing image names is a program of somebody's; ours only prepares the way for any.
    let named = variant.image.entrypoint.is_some() || variant.base.existing().is_some();
    let entrypoint = named.then(|| finished.activation());
    let mut command = finished.runnable.command(&Words { entrypoint, command: Some(check.run.clone()) })?;
    command.writable = Writable::Memory(CHECK_WRITABLE);
    command.output = Output::Keep(COMMAND_OUTPUT);
    command.limits = Limits {
        time: Some(Duration::from_secs(check.timeout.get().into())),
        processes: Some(COMMAND_PROCESSES),
        ..Limits::default()
    };
    let asked = vec![check.origin.snippet("it was asked for here", "this check")];
    let ran = match finished.machine.run(&command) {
        Ok(ran) => ran,
        Err(error) => {
            let (variant, command) = (variant_name(variant), check.run.join(" "));
            return Err(CheckFailure::CheckStart { variant, command, error: Box::new(error), asked }.into());
        }
    };
    let output = String::from_utf8_lossy(&ran.output);
    let fault = match ran.ended {
        Ended::Code(0) => match &check.expect {
            Some(expect) if !output.lines().any(|line| line.trim_end() == expect) => {
                format!("does not print the line `{expect}`")
            }
            _ => return Ok(()),
        },
        Ended::Code(code) => format!("fails with the exit code {code}"),
        Ended::Signal(signal) => format!("is ended by the signal {signal}"),
        Ended::TimedOut | Ended::Stopped => format!("runs longer than {} seconds", check.timeout.get()),
    };
    Err(CheckFailure::Check {
        variant: variant_name(variant),
        command: check.run.join(" "),
        outcome: format!("{fault}\n{}", imgbuild_sandbox::printed(&ran.output)),
        asked,
    }
    .into())
}

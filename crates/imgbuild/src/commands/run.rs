//! `imgbuild run`.

use std::io::IsTerminal;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use imgbuild_distribution::missing;
use imgbuild_image::{MakeError, Runnable, Words, image_records, open_image, remover};
use imgbuild_oci::Platform;
use imgbuild_sandbox::limits::MOST_PUBLISHED;
use imgbuild_sandbox::{
    Command, Ended, Input, Machine, Mount, Network, Published, User, Writable, set_variable,
};
use imgbuild_store::{LayerCaches, Store};

use super::{context, host, in_registry, is_local, make_local, store};
use crate::arguments::{Global, RunArguments};
use crate::failure::{Failure, Plain};
use crate::keys::KeyPlace;
use crate::output::say;
use crate::progress::reporter;
use crate::shown::cleaned;

/// How many processes and threads there may be at once: more than any program needs, and fewer than a machine has.
const PROCESSES: u64 = 16_384;
/// What shells add to a signal's number.
const SIGNALLED: i32 = 128;

pub(crate) fn run(arguments: &RunArguments, global: &Global) -> Result<ExitCode, Failure> {
    let platform = match arguments.platform {
        Some(platform) => platform,
        None => host()?,
    };
    let store = store()?;
    let machine = Machine::probe().map_err(MakeError::from)?;
    let image = match &arguments.verify {
        Some(key) => verified(&arguments.image, key, platform, &store, global)?,
        None => {
            get(&arguments.image, platform, &store, global)?;
            arguments.image.clone()
        }
    };
    let opened = open_image(&image, platform, &LayerCaches::new(store.clone()))?;
    let (config, layers) = (&opened.config, &opened.layers);
    let runnable = Runnable::new(opened.platform, config, layers, opened.blobs(), &store, &machine)?;
    let words = Words {
        entrypoint: arguments
            .entrypoint
            .as_ref()
            .map(|program| Some(program.clone()).filter(|program| !program.is_empty()).into_iter().collect()),
        command: Some(arguments.command.clone()).filter(|command| !command.is_empty()),
    };
    let mut command = runnable.command(&words)?;
    if let Some(names) = &arguments.gpu {
        give_gpus(names, arguments, &mut command, global)?;
    }
    apply(arguments, &mut command);
    command.published = published(arguments)?;
    // It goes when the command has ended.
    let scratch = match arguments.read_only {
        true => None,
        false => Some(store.scratch(remover()).map_err(Plain::from)?),
    };
    if let Some(scratch) = &scratch {
        command.writable = Writable::Scratch(scratch.path("upper"));
    }
    let ran = machine.run(&command).map_err(MakeError::from)?;
    drop(scratch);
    Ok(match ran.ended {
        Ended::Code(code) => ExitCode::from(code),
        Ended::Signal(signal) => {
            if !global.quiet {
                say(&format!("the command was ended by the signal {signal}\n"));
            }
            ExitCode::from(u8::try_from(SIGNALLED + signal).unwrap_or(u8::MAX))
        }
        Ended::TimedOut | Ended::Stopped => ExitCode::FAILURE,
    })
}

/// The image by the digest by which it was verified, got into the store: its tag may mean another one in the next moment, and a file of
/// the current folder may have any name, but a digest alone means what is in the store.
fn verified(
    image: &str,
    key: &KeyPlace,
    platform: Platform,
    store: &Store,
    global: &Global,
) -> Result<String, Failure> {
    let key = key.verifying_key()?;
    let reference = in_registry(image).ok_or_else(|| Plain::Unverifiable(image.to_owned()))?;
    let runtime = tokio::runtime::Runtime::new().map_err(Plain::from)?;
    let digest = runtime.block_on(async {
        let context = context(Path::new(""), false, reporter(global))?;
        let verified = imgbuild_build::verify(&reference, platform, Some(&key), &context).await;
        verified.map(|it| it.image).map_err(Failure::from)
    })?;
    let records = image_records(&digest.to_string(), &[platform], store)?;
    let lacks = records.iter().map(|record| missing(record, store));
    let lacks = lacks.collect::<Result<Vec<_>, _>>()?;
    if records.is_empty() || lacks.iter().any(|lacking| !lacking.is_empty()) {
        let host = reference.registry().map(|host| format!("{host}/")).unwrap_or_default();
        let name = format!("{host}{}@{digest}", reference.name());
        runtime.block_on(make_local(&name, platform, global))?;
    }
    Ok(digest.to_string())
}

/// Gets what of the image is not here. What that needs ends before the command begins: signals are the command's.
fn get(image: &str, platform: Platform, store: &Store, global: &Global) -> Result<(), Failure> {
    if is_local(image, platform, store)? {
        return Ok(());
    }
    let runtime = tokio::runtime::Runtime::new().map_err(Plain::from)?;
    runtime.block_on(make_local(image, platform, global))
}

/// Gives a command GPUs of this machine, and says what it does not get.
fn give_gpus(
    names: &str,
    arguments: &RunArguments,
    command: &mut Command,
    global: &Global,
) -> Result<(), Failure> {
    let folders = match arguments.cdi_spec_dir.as_slice() {
        [] => imgbuild_cdi::FOLDERS.map(PathBuf::from).to_vec(),
        given => given.to_vec(),
    };
    let devices = imgbuild_cdi::Specs::read(&folders)?.devices(names)?;
    devices.give_to(command);
    if !global.quiet {
        let notes = devices
            .left_out()
            .iter()
            .map(|what| format!("note: left out of the GPU's description: {what}\n"));
        say(&cleaned(&notes.collect::<String>()));
    }
    Ok(())
}

/// Listens on the ports that are to be reached from this machine, and from nowhere else.
fn published(arguments: &RunArguments) -> Result<Vec<Published>, Plain> {
    if arguments.publish.len() > MOST_PUBLISHED {
        return Err(Plain::MostPublished);
    }
    // With this machine's network, a port is reached by its own number anyway.
    let ports = arguments.publish.iter().filter(|(host, inside)| !arguments.net || host != inside);
    let published = |(host, inside): &(u16, u16)| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, *host));
        let failed = |error| Plain::Publish { port: *host, inside: *inside, error };
        Ok(Published { listener: Arc::new(listener.map_err(failed)?), port: *inside })
    };
    ports.map(published).collect()
}

/// What the arguments say of how a command runs.
fn apply(arguments: &RunArguments, command: &mut Command) {
    if std::io::stdout().is_terminal()
        && let Ok(terminal) = std::env::var("TERM")
    {
        set_variable(&mut command.env, "TERM", &terminal);
    }
    for (name, value) in &arguments.env {
        match value.clone().or_else(|| std::env::var(name).ok()) {
            Some(value) => set_variable(&mut command.env, name, &value),
            None => command.env.retain(|(known, _)| known != name),
        }
    }
    if let Some(user) = &arguments.user {
        command.user = User::Named(user.clone());
    }
    if let Some(folder) = &arguments.workdir {
        command.folder = Some(folder.clone());
    }
    for (source, target, access) in &arguments.mount {
        let (source, target) = (source.clone(), target.clone());
        command.mounts.push(Mount { source, target, access: *access });
    }
    command.network = if arguments.net { Network::Host } else { Network::None };
    command.input = Input::Inherit;
    command.limits.processes = Some(PROCESSES);
}

//! Holding images against what platforms demand of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_conform::{Container, Inspected, Judge, Line, Start, Verdict};
use imgbuild_diagnostic::{plain, told as told_whole};
use imgbuild_fetch::{Context, Event};
use imgbuild_oci::Image;
use imgbuild_sandbox::{Command, Machine};
use imgbuild_spec::{Conform, Contract, Variant};
use imgbuild_store::{Scratch, Store};

use crate::checks::Checked;
use crate::contents::Contents;
use crate::error::{CheckFailure, MakeError};
use crate::files::read_files;
use crate::limits::LOOKED_AT;
use crate::opening::Opened;
use crate::running::{Runnable, Words};
use crate::unpacked::{read_layer, remover};
use crate::variant_name::variant_name;

/// The rights of a new volume, as engines of clusters make them: everybody may write.
const VOLUME_MODE: u32 = 0o777;

/// What becomes of the demands of some platforms, those of each told to `report` when they are known. It looks at the image, and runs it
/// where that does not tell.
///
/// # Errors
///
/// When the image is damaged. That it cannot be run here is no error: it is said of the demands that needed it.
pub fn conform<E: From<MakeError>>(
    opened: &Opened,
    contracts: &[Contract],
    store: &Store,
    mut report: impl FnMut(Vec<Line>) -> Result<(), E>,
) -> Result<(), E> {
    let image = inspected(opened)?;
    let machine = Machine::probe();
    let runnable = match &machine {
        Err(error) => Err(told_whole(error)),
        Ok(machine) => {
            let (config, layers) = (&opened.config, &opened.layers);
            match Runnable::new(opened.platform, config, layers, opened.blobs(), store, machine) {
                Ok(runnable) => Ok((runnable, machine)),
                Err(MakeError::Sandbox(error)) => Err(told_whole(&error)),
                // A full disk or a damaged layer says nothing of a platform.
                Err(error) => return Err(error.into()),
            }
        }
    };
    // They go when all was tried.
    let volumes: RefCell<Vec<Scratch>> = RefCell::default();
    let folder = || {
        let volume = store.scratch(remover()).map_err(io::Error::other)?;
        let path = volume.path("volume");
        std::fs::create_dir(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(VOLUME_MODE))?;
        volumes.borrow_mut().push(volume);
        Ok(path)
    };
    let (command, container);
    let container = match runnable {
        Err(why) => Err(why),
        Ok((runnable, machine)) => {
            command = command_of(runnable);
            container = Container { machine, command: &command, folder: &folder };
            Ok(container)
        }
    };
    let judge = Judge::new(&image, container);
    contracts.iter().try_for_each(|contract| report(judge.lines(*contract)))
}

/// What becomes of the demands of all platforms, as far as it can be seen without running the image. Only the layers are read that have
/// files which say something.
///
/// # Errors
///
/// When a layer that has to be read is not there or is damaged.
pub fn conform_by_look(opened: &Opened, contents: &Contents) -> Result<Vec<Line>, MakeError> {
    let paths = contents.merged.iter().map(|(path, _)| path);
    let paths: Vec<ImagePath> = paths.filter(|path| Inspected::needs(path)).cloned().collect();
    let mut read: BTreeMap<ImagePath, Arc<[u8]>> = BTreeMap::new();
    read_files(opened, contents, &paths, &mut |paths: &[ImagePath], body: &mut dyn Read| {
        let mut bytes = Vec::new();
        body.take(LOOKED_AT).read_to_end(&mut bytes)?;
        let bytes: Arc<[u8]> = bytes.into();
        read.extend(paths.iter().map(|path| (path.clone(), Arc::clone(&bytes))));
        Ok(())
    })?;
    let merged = contents.merged.clone().with_contents(read);
    let image = Inspected::of_merged(opened.platform, opened.config.clone(), opened.layers.len(), merged);
    let judge = Judge::new(&image, Err("the image was not run".to_owned()));
    Ok(Contract::ALL.iter().flat_map(|contract| judge.lines(*contract)).collect())
}

/// The image, looked at.
fn inspected(opened: &Opened) -> Result<Inspected, MakeError> {
    let mut image = Inspected::new(opened.platform, opened.config.clone());
    for layer in &opened.layers {
        read_layer(opened.blobs(), layer, |tar| image.add(tar).map_err(plain))?;
    }
    Ok(image.finish())
}

/// What gives the commands of an image.
fn command_of(runnable: Runnable) -> impl Fn(Start) -> Result<Command, String> {
    move |start| {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let words = match start {
            Start::Own => Words::default(),
            Start::Command(words) => Words { entrypoint: None, command: Some(owned(words)) },
            Start::Only(words) => Words { entrypoint: Some(Vec::new()), command: Some(owned(words)) },
        };
        runnable.command(&words).map_err(|error| told_whole(&error))
    }
}

/// Holds the image of a variant against the platforms that its spec names. What comes back is what could not be told.
///
/// # Errors
///
/// When it does not meet a demand, or is damaged.
pub fn check_conformity(
    variant: &Variant,
    image: &Image,
    context: &Context,
) -> Result<Vec<Checked>, MakeError> {
    let opened = Opened::built(image, variant.platform, context.layers.clone());
    let mut untold = Vec::new();
    for Conform { contract, origin } in &variant.conform {
        let run = vec![format!("conform --for {contract}")];
        context.reporter.event(Event::Checking { variant: variant_name(variant), run: run.clone() });
        conform(&opened, &[*contract], &context.store, |lines| {
            let fails = |line: &&Line| matches!(line.verdict, Verdict::Fails(_));
            let failed: Vec<String> = lines.iter().filter(fails).map(told).collect();
            if !failed.is_empty() {
                return Err(MakeError::from(CheckFailure::Conform {
                    variant: variant_name(variant),
                    contract: contract.to_string(),
                    demands: failed.join("\n"),
                    asked: vec![origin.snippet("it was asked for here", "this platform")],
                }));
            }
            let unknown = lines.iter().filter(|line| matches!(line.verdict, Verdict::Unknown(_)));
            untold.extend(unknown.map(|line| Checked {
                run: run.clone(),
                skipped: Some(format!("{}: {}", line.demand.says, line.verdict.found())),
            }));
            Ok(())
        })?;
    }
    Ok(untold)
}

/// A demand that does not hold, with what was found and what to do.
fn told(Line { demand, verdict, .. }: &Line) -> String {
    let found = verdict.found().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
    format!("- {}\n{found}\n  {}", demand.says, demand.advice)
}

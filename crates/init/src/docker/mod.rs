//! What of a Dockerfile a spec can say.

mod accounts;
mod apt;
mod base_image;
mod conda;
mod configuration;
mod copies;
mod files;
mod pip;
mod run;
mod start;
mod taking;
mod users;

use std::collections::BTreeMap;

use imgbuild_dockerfile::{Dockerfile, Stage, Variables, words};
use imgbuild_document::{DocumentError, Source};

use crate::docker::accounts::Users;
use crate::docker::configuration::Given;
use crate::docker::copies::Copies;
use crate::docker::taking::{Found, Taking};
use crate::draft::Draft;
use crate::folder::Folder;
use crate::python;

/// What a build is told beside the Dockerfile.
#[derive(Debug, Default)]
pub(crate) struct Build {
    /// The values of `ARG`s.
    pub(crate) arguments: BTreeMap<String, String>,
    /// The stage that is built; the last one where nothing is said.
    pub(crate) target: Option<String>,
    /// What stands before the number of a line, where lines of several files are told of.
    pub(crate) prefix: String,
    /// Commands that run in the build's folder when the image is made.
    pub(crate) scripts: Vec<(String, String)>,
}

/// Takes over a Dockerfile.
///
/// # Errors
///
/// When it is none.
pub(crate) fn take(
    draft: &mut Draft,
    source: &Source,
    folder: &Folder,
    build: &Build,
) -> Result<(), DocumentError> {
    let dockerfile = Dockerfile::read(source)?;
    let mut taking = begin(draft, folder, &build.prefix, dockerfile.escape);
    let given = |name: &str| build.arguments.get(name).cloned();
    for argument in &dockerfile.arguments {
        configuration::argument(&mut taking, argument, &given);
    }
    let global = taking.variables.clone();
    let last = dockerfile.stages.len() - 1;
    let target = build.target.as_ref().and_then(|name| dockerfile.stage(name, last + 1)).unwrap_or(last);
    let (chain, builders) = stages(&dockerfile, target, &global);
    tell_others(&mut taking, &dockerfile, (&chain, &builders));
    for (index, is_builder) in
        builders.iter().map(|it| (*it, true)).chain(chain.iter().map(|it| (*it, false)))
    {
        taking.is_builder = is_builder;
        stage(&mut taking, (&dockerfile, index), &global, &given);
    }
    finish(taking, &build.scripts);
    Ok(())
}

/// Takes over an image by its name alone, and what is run in it.
pub(crate) fn take_image(draft: &mut Draft, image: &str, place: &str, folder: &Folder, build: &Build) {
    let mut taking = begin(draft, folder, &build.prefix, '\\');
    base_image::take(&mut taking, image, place);
    finish(taking, &build.scripts);
}

fn begin<'a>(draft: &'a mut Draft, folder: &'a Folder, prefix: &'a str, escape: char) -> Taking<'a> {
    Taking {
        draft,
        folder,
        prefix,
        escape,
        variables: Variables::default(),
        secrets: Vec::new(),
        workdir: "/".to_owned(),
        copies: Copies::default(),
        users: Users::default(),
        found: Found::default(),
        is_builder: false,
        entrypoint: None,
        cmd: None,
    }
}

/// The stages that a stage is made of, the first one first, and those that it only copies from.
fn stages(dockerfile: &Dockerfile, target: usize, global: &Variables) -> (Vec<usize>, Vec<usize>) {
    let above = |mut index: usize| {
        let mut chain = vec![index];
        while let Some(next) = dockerfile.stage(&image(dockerfile, &dockerfile.stages[index], global), index)
        {
            chain.insert(0, next);
            index = next;
        }
        chain
    };
    let chain = above(target);
    let mut builders = Vec::new();
    let mut waiting: Vec<usize> = chain.iter().rev().copied().collect();
    while let Some(index) = waiting.pop() {
        for instruction in &dockerfile.stages[index].instructions {
            let mounts = instruction
                .flags("mount")
                .filter_map(|mount| mount.split(',').find_map(|part| part.strip_prefix("from=")));
            let named = instruction.flag("from").into_iter().chain(mounts);
            for stage in named.filter_map(|name| dockerfile.stage(name, index)).flat_map(above) {
                if !chain.contains(&stage) && !builders.contains(&stage) {
                    builders.push(stage);
                    waiting.push(stage);
                }
            }
        }
    }
    builders.sort_unstable();
    (chain, builders)
}

/// The image of a stage, with its variables.
fn image(dockerfile: &Dockerfile, stage: &Stage, global: &Variables) -> String {
    let read = words(&stage.image, dockerfile.escape, global).unwrap_or_default();
    read.into_iter().next().map(|word| word.text).unwrap_or_default()
}

fn tell_others(taking: &mut Taking<'_>, dockerfile: &Dockerfile, (chain, builders): (&[usize], &[usize])) {
    for (index, stage) in dockerfile.stages.iter().enumerate() {
        if !chain.contains(&index) && !builders.contains(&index) {
            let place = taking.place(stage.from.line);
            let line = format!("FROM {}", stage.from.text);
            taking.leave_out(
                &place,
                &line,
                "the image is made of another stage, which takes nothing from this one",
            );
        }
    }
}

/// Takes over a stage.
fn stage(
    taking: &mut Taking<'_>,
    (dockerfile, index): (&Dockerfile, usize),
    global: &Variables,
    given: &Given<'_>,
) {
    let stage = &dockerfile.stages[index];
    let image = image(dockerfile, stage, global);
    let place = taking.place(stage.from.line);
    if !taking.is_builder && dockerfile.stage(&image, index).is_none() {
        // Images whose user is another one say so.
        let is_other =
            ["jupyter/", "mambaorg/", "distroless", "devcontainers"].iter().any(|name| image.contains(name));
        taking.found.root = (!is_other).then(|| place.clone());
    }
    if dockerfile.stage(&image, index).is_none() {
        // Nothing of other stages is there.
        (taking.variables, taking.workdir) = (Variables::default(), "/".to_owned());
        let before = (taking.found.suite, taking.found.is_ubuntu, taking.found.image.take());
        base(taking, &image, &place);
        if taking.is_builder {
            (taking.found.suite, taking.found.is_ubuntu, taking.found.image) = before;
        }
    }
    for instruction in &stage.instructions {
        match instruction.keyword.as_str() {
            "RUN" => run::take(taking, instruction),
            "COPY" | "ADD" => match instruction.flag("from") {
                Some(from) => {
                    copied_from(taking, (dockerfile, index), from, (instruction.line, &instruction.text))
                }
                None => files::take(taking, instruction),
            },
            "ARG" => {
                // One without a value has that of the `ARG` before the first stage.
                let given = |name: &str| given(name).or_else(|| global.get(name).map(str::to_owned));
                configuration::argument(taking, instruction, &given);
            }
            _ => configuration::take(taking, instruction),
        }
    }
}

fn base(taking: &mut Taking<'_>, image: &str, place: &str) {
    match image.contains("${") {
        true => taking.leave_out(
            place,
            &format!("FROM {image}"),
            "which image it is, is said when it is built: the image stands on Debian",
        ),
        false => base_image::take(taking, image, place),
    }
}

/// Files of another stage, or of another image.
fn copied_from(
    taking: &mut Taking<'_>,
    (dockerfile, index): (&Dockerfile, usize),
    from: &str,
    (line, text): (usize, &str),
) {
    let place = taking.place(line);
    let shown = format!("COPY --from={from} {text}");
    if dockerfile.stage(from, index).is_none() {
        return match from.contains("astral-sh/uv") || from.contains("micromamba") {
            true => taking.need_nothing(&place, &shown, "the environment is made without it"),
            false => taking.leave_out(
                &place,
                &shown,
                "nothing is taken out of other images: put the files beside the spec, and copy them",
            ),
        };
    }
    let is_environment =
        ["venv", "conda", "site-packages", ".local", "/usr/local", "wheel", "/install", "env", "root/.cache"]
            .iter()
            .any(|part| text.contains(part));
    match is_environment {
        true => {
            taking.need_nothing(&place, &shown, "the packages that the stage installs are those of the spec")
        }
        false => taking.leave_out(
            &place,
            &shown,
            "what another stage makes is not made: make it beside the spec, and copy it by `[[copy]]`",
        ),
    }
}

/// Writes into the draft what only the whole tells.
fn finish<'a>(mut taking: Taking<'a>, scripts: &'a [(String, String)]) {
    if !scripts.is_empty() {
        taking.copies.add_all();
        taking.workdir = "/".to_owned();
        for (script, place) in scripts {
            taking.prefix = place;
            run::script(&mut taking, script, &|_| 1, 0);
        }
    }
    let is_on_image = base_image::finish(taking.draft, &mut taking.found);
    // The user of an image of a registry stays.
    if let Some(place) = taking.found.root.clone().filter(|_| !is_on_image && !taking.users.is_said()) {
        let reason = "the image runs as the user 1000, who can write in its home alone: `user = \"root\"` in `[image]` says another one, and so does `[user]`";
        taking.leave_out(&place, "no `USER`", reason);
    }
    users::finish(&mut taking);
    start::finish(&mut taking);
    files::finish(&mut taking);
    let Taking { draft, found, .. } = taking;
    let is_environment = draft.has("env");
    let is_conda = found.conda.is_some() || draft.has("conda.packages");
    channels(draft);
    let version =
        found.python.as_ref().map(|(version, _)| version.as_str()).filter(|version| !version.is_empty());
    let place = found.python.as_ref().map(|(_, place)| place.clone());
    if is_on_image && !is_conda && !is_environment {
        // What it adds is for the Python of the image, but where another one is named.
        if let (Some(version), Some(place)) = (version, place) {
            python::set_of_conda(draft, version, &place);
        }
    } else if is_conda || is_on_image {
        // Where a file names the packages, it names the Python.
        let is_asked = found.wheels.is_some() || draft.has("jupyter") || place.is_some();
        let needs_one = !is_environment && (is_asked || !draft.has("conda.packages"));
        let place = place.or_else(|| found.wheels.clone()).or(found.conda);
        match (version, place) {
            (Some(version), Some(place)) => draft.set("python", version, &place),
            // The packages know best which one they can have.
            (None, Some(place)) if needs_one && draft.has("conda.packages") => {
                draft.add("conda.packages", "python", &place);
            }
            (None, Some(place)) if needs_one => draft.set("python", python::USUAL, &place),
            _ => {}
        }
    } else if place.is_some() || found.wheels.is_some() || draft.has("jupyter") || found.is_debians_python {
        let version = version.filter(|_| !found.is_debians_python);
        let place = place.or(found.wheels).unwrap_or_else(|| "for its packages".to_owned());
        python::set(draft, version, found.suite, &place);
    }
    if let Some(suite) = found.suite.filter(|_| !draft.has("base.debian")) {
        draft.set("base.debian", suite.as_str(), "from its `FROM`");
    }
    if found.is_ubuntu {
        leave_out_ubuntu(draft);
    }
}

/// Says what Ubuntu's packages may be called in Debian.
fn leave_out_ubuntu(draft: &mut Draft) {
    if draft.has("base.packages") {
        let place = draft.place("base.packages").unwrap_or_default();
        draft.leave_out(
            &place,
            "packages of Ubuntu",
            "a few are called otherwise in Debian: `imgbuild lock` says which it does not have",
        );
    }
}

/// A channel for all that special ones do not have.
fn channels(draft: &mut Draft) {
    let general = ["conda-forge", "defaults", "anaconda", "main", "https://"];
    let is_general = |entry: &crate::draft::Entry| match &entry.item {
        crate::draft::Item::Element(text) => general.iter().any(|name| text.contains(name)),
        _ => false,
    };
    let place = draft.place("conda.channels").filter(|_| !draft.has("env"));
    if let Some(place) = place
        .filter(|_| !draft.entries.iter().any(|entry| entry.key == "conda.channels" && is_general(entry)))
    {
        draft.add("conda.channels", "conda-forge", &format!("{place}, for all that the others do not have"));
    }
}

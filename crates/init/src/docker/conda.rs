//! `conda`, `mamba` and `micromamba`.

use std::path::Path;

use imgbuild_dockerfile::Word;
use imgbuild_environment::EnvironmentName;

use crate::docker::taking::{Taking, unknown};
use crate::literal;
use crate::python::minor;

/// What a call of conda says.
#[derive(Default)]
struct Call<'a> {
    files: Vec<&'a str>,
    channels: Vec<&'a str>,
    packages: Vec<&'a Word>,
    name: Option<&'a str>,
}

/// Packages that make nothing but the installer itself.
const INSTALLERS: [&str; 6] =
    ["conda", "mamba", "micromamba", "conda-libmamba-solver", "libmamba", "anaconda"];

/// What no command brings into an image.
const ACTIVE: &str = "the environment is active in every process of the image";

/// Takes over a call of conda, whose words are `arguments`.
pub(crate) fn take(taking: &mut Taking<'_>, arguments: &[Word], text: &str, place: &str) {
    let mut words = arguments.iter().skip_while(|word| word.text.starts_with('-'));
    let command = words.next().map_or("", |word| word.text.as_str());
    let rest: Vec<&Word> = words.collect();
    match command {
        "env" => match rest.split_first() {
            Some((command, rest)) if ["create", "update"].contains(&command.text.as_str()) => {
                install(taking, rest, text, place)
            }
            _ => taking.need_nothing(
                place,
                text,
                "the environments are those that the spec names, and none is removed",
            ),
        },
        "create" | "install" | "update" | "upgrade" => {
            let is_all = rest.iter().any(|word| word.text == "--all");
            if is_all
                || command == "update"
                    && rest.iter().all(|word| word.text.starts_with('-') || is_installer(&word.text))
            {
                return taking.need_nothing(
                    place,
                    text,
                    "packages are taken in the newest version, and `imgbuild lock --upgrade` moves them",
                );
            }
            install(taking, &rest, text, place);
        }
        "config" => config(taking, &rest, text, place),
        "clean" => taking.need_nothing(place, text, "no cache is in the image"),
        "init" | "activate" | "deactivate" | "shell" | "shell.bash" => {
            taking.need_nothing(place, text, ACTIVE)
        }
        "info" | "list" | "search" | "--version" | "" => {
            taking.need_nothing(place, text, "it changes nothing")
        }
        "remove" | "uninstall" => {
            taking.leave_out(place, text, "name in `[conda] packages` only what is needed")
        }
        _ => taking.leave_out(
            place,
            text,
            "it has no place in a spec: an environment is what `env` and `[conda] packages` name",
        ),
    }
}

fn is_installer(package: &str) -> bool {
    INSTALLERS.contains(&name(package))
}

/// The name of a package.
fn name(package: &str) -> &str {
    let name = package.rsplit("::").next().unwrap_or(package);
    name.split(['=', '<', '>', '!', ' ', '[', '~']).next().unwrap_or(name)
}

fn read<'a>(rest: &[&'a Word]) -> Call<'a> {
    let mut call = Call::default();
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        let (option, joined) = match word.text.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value)),
            _ => (word.text.as_str(), None),
        };
        let mut value = || joined.or_else(|| words.next().map(|word| word.text.as_str())).unwrap_or_default();
        match option {
            "-f" | "--file" => call.files.push(value()),
            "-c" | "--channel" => call.channels.push(value()),
            "-n" | "--name" => call.name = Some(value()),
            "-p" | "--prefix" | "--solver" | "--platform" | "--subdir" | "--repodata-fn" | "-r"
            | "--root-prefix" | "--rc-file" | "--pin" => {
                value();
            }
            _ if option.starts_with('-') => {}
            _ => call.packages.push(word),
        }
    }
    call
}

fn install(taking: &mut Taking<'_>, rest: &[&Word], text: &str, place: &str) {
    let mut call = read(rest);
    if let Some(reason) =
        rest.iter().filter(|word| !call.packages.contains(word)).find_map(|word| unknown(word))
    {
        taking.leave_out(place, text, reason);
    }
    // `conda env create environment.yml`, and lists of packages without `--file`.
    let is_file =
        |word: &&Word| [".yml", ".yaml", ".lock", ".txt"].iter().any(|end| word.text.ends_with(end));
    call.files.extend(call.packages.extract_if(.., |word| is_file(&&**word)).map(|word| word.text.as_str()));
    let is_env =
        rest.is_empty() || call.files.is_empty() && call.packages.is_empty() && text.contains(" env ");
    if is_env {
        call.files.push("environment.yml");
    }
    let is_own = call.packages.iter().all(|word| is_installer(&word.text));
    if call.files.is_empty() && is_own && !call.packages.is_empty() {
        return taking.need_nothing(place, text, "it changes nothing but the installer");
    }
    taking.found.conda.get_or_insert_with(|| place.to_owned());
    for file in &call.files {
        env(taking, file, call.name, text, place);
    }
    for channel in call.channels.iter().filter(|it| !it.contains("${")) {
        self::channel(taking, channel, place);
    }
    for word in call.packages.iter().filter(|word| !is_installer(&word.text)) {
        package(taking, word, place);
    }
    if let Some(name) =
        call.name.filter(|name| *name != "base" && call.files.is_empty() && !name.contains("${"))
    {
        taking.need_nothing(
            place,
            &format!("the environment `{name}`"),
            "what the spec names by itself is in one environment, which is active in every process: `[envs.NAME]` makes another",
        );
    }
}

fn channel(taking: &mut Taking<'_>, channel: &str, place: &str) {
    if crate::secrets::holds_secret(channel) {
        let reason = "it holds a secret: write it as `${{NAME}}`, or keep it where conda's programs have it, as `docs/getting-started.md` says";
        return taking.leave_out(place, &format!("the channel {channel}"), reason);
    }
    taking.draft.add("conda.channels", channel, place);
}

/// A file that names the packages.
fn env(taking: &mut Taking<'_>, file: &str, name: Option<&str>, text: &str, place: &str) {
    let path = taking.absolute(file);
    let Some((path, source)) = path.and_then(|path| Some((path.clone(), taking.source(&path)?))) else {
        let reason = format!("no `COPY` before it puts `{file}` there: name the file that it is by `env`");
        return taking.leave_out(place, text, reason);
    };
    if !taking.folder.has_file(&source) {
        return taking.leave_out(
            place,
            text,
            format!("there is no `{source}` where the spec stands: name it by `env`"),
        );
    }
    if let Some(packages) = source.ends_with(".txt").then(|| taking.folder.requirements(&source)).flatten() {
        packages
            .iter()
            .for_each(|text| package(taking, &Word { text: text.clone(), ..Word::default() }, place));
        return taking.copies.name(&path);
    }
    let value = literal::text(&source);
    let is_other = taking
        .draft
        .entries
        .iter()
        .any(|entry| entry.key == "env" && entry.item != crate::draft::Item::Value(value.clone()));
    if is_other {
        let file = Path::new(&source).file_stem().and_then(|stem| stem.to_str());
        let name = name.or(file).and_then(|name| name.parse::<EnvironmentName>().ok());
        return match name.filter(|name| !name.is_base() && !taking.draft.has_named("envs", name.as_str())) {
            Some(name) => {
                let table = format!("{{ env = {value} }}");
                taking.draft.set_named_literal("envs", name.as_str(), table, place);
                taking.copies.name(&path);
            }
            None => {
                let reason = format!(
                    "`env` names another file, and another environment needs a name: write `[envs.NAME]` with `env = {value}`"
                );
                taking.leave_out(place, text, reason);
            }
        };
    }
    taking.draft.set_literal("env", value, place);
    taking.copies.name(&path);
}

fn package(taking: &mut Taking<'_>, word: &Word, place: &str) {
    if let Some(reason) = unknown(word) {
        return taking.leave_out(place, &format!("conda install {}", word.text), reason);
    }
    let text = word.text.as_str();
    if text.contains("://") {
        let reason = "a package by its URL stands in an explicit list: a file with a line `@EXPLICIT`, which `env` names";
        return taking.leave_out(place, &format!("conda install {text}"), reason);
    }
    let version = text.split_once('=').map(|(_, version)| version.trim_start_matches('='));
    let found = version.and_then(|version| minor(version.trim_end_matches(".*")));
    match (name(text), found) {
        // One that is bounded otherwise stays a requirement of conda's.
        ("python", None) if text == "python" => {
            taking.found.python.get_or_insert_with(|| (String::new(), place.to_owned()));
        }
        ("python", Some(version)) if !text.contains(['<', '>', '!', ',']) => {
            taking.found.python = Some((version, place.to_owned()));
        }
        ("cudatoolkit" | "pytorch-cuda" | "cuda-version", Some(version)) => {
            taking.draft.set("cuda", &version, place);
            taking.draft.add("conda.packages", text, place);
        }
        ("pip", None) => {
            taking.need_nothing(place, "conda install pip", "an environment with Python has pip")
        }
        _ => taking.draft.add("conda.packages", text, place),
    }
}

fn config(taking: &mut Taking<'_>, rest: &[&Word], text: &str, place: &str) {
    let words: Vec<&str> = rest
        .iter()
        .map(|word| word.text.as_str())
        .filter(|word| !["--system", "--env", "--file"].contains(word))
        .collect();
    match words.as_slice() {
        ["--add" | "--append" | "--prepend", "channels", channel] => {
            self::channel(taking, channel, place);
            // Each one that is added stands before those that were.
            let is_it = |entry: &crate::draft::Entry| entry.key == "conda.channels";
            if words[0] != "--append"
                && let Some(last) = taking.draft.entries.iter().rposition(is_it)
                && let Some(first) = taking.draft.entries.iter().position(is_it)
            {
                taking.draft.entries[first..=last].rotate_right(1);
            }
        }
        ["--set", "channel_priority", value @ ("strict" | "flexible" | "disabled")] => {
            taking.draft.set("conda.channel-priority", value, place);
        }
        _ => taking.need_nothing(place, text, "it changes nothing but the installer"),
    }
}

//! `pip install`, and what uv, poetry and their like call so.

use imgbuild_dockerfile::Word;

use crate::docker::taking::{Taking, unknown};
use crate::folder::Kind;
use crate::literal;
use crate::secrets::holds_secret;

/// Options that change nothing of what is installed into an image that is made at once, or nothing that an image has.
const WITHOUT_EFFECT: [&str; 33] = [
    "-U",
    "--upgrade",
    "-q",
    "-qq",
    "-qqq",
    "--quiet",
    "-v",
    "-vv",
    "-vvv",
    "--verbose",
    "-I",
    "--ignore-installed",
    "--force-reinstall",
    "--reinstall",
    "--user",
    "--system",
    "--break-system-packages",
    "--no-cache-dir",
    "--no-cache",
    "-n",
    "--disable-pip-version-check",
    "--no-input",
    "--no-color",
    "--no-warn-script-location",
    "--no-warn-conflicts",
    "--no-python-version-warning",
    "--prefer-binary",
    "--compile",
    "--compile-bytecode",
    "--no-compile",
    "--use-pep517",
    "--require-hashes",
    "--no-progress",
];
/// Options that are followed by a value which means nothing to a spec.
const WITH_VALUE: [&str; 16] = [
    "--timeout",
    "--default-timeout",
    "--retries",
    "--progress-bar",
    "--cache-dir",
    "--log",
    "--python",
    "-p",
    "--python-version",
    "--platform",
    "--implementation",
    "--abi",
    "--root-user-action",
    "--exists-action",
    "--src",
    "--build",
];

/// Projects that come with Python anyway, or that only install others.
const INSTALLERS: [&str; 10] =
    ["pip", "setuptools", "wheel", "uv", "pip-tools", "poetry", "pipenv", "pdm", "virtualenv", "build"];

/// Takes over a call of pip, whose words are `arguments`.
pub(crate) fn take(taking: &mut Taking<'_>, arguments: &[Word], text: &str, place: &str) {
    let mut words = arguments.iter().skip_while(|word| word.text.starts_with('-'));
    match words.next().map_or("", |word| word.text.as_str()) {
        "install" | "sync" => install(taking, &words.collect::<Vec<_>>(), text, place),
        "config" => config(taking, &words.collect::<Vec<_>>(), text, place),
        "cache" | "--version" | "list" | "freeze" | "check" | "show" | "" => {
            taking.need_nothing(place, text, "it brings nothing into the image");
        }
        "download" | "wheel" => taking.leave_out(place, text, "wheels are fetched by their hashes, and what has none is built where `[pip] allow-builds` permits it"),
        _ => taking.leave_out(place, text, "only `install` has a place in a spec: `[pip] packages`"),
    }
}

/// Why an option is not taken over.
fn without(option: &str) -> &'static str {
    match option {
        "--no-deps" | "--no-dependencies" => {
            "what packages require comes along: name nothing that is not wanted"
        }
        "--pre" => "a requirements file may have this line: name that by `[pip] requirements`",
        _ => "wheels are taken where there are any",
    }
}

fn install(taking: &mut Taking<'_>, arguments: &[&Word], text: &str, place: &str) {
    let mut words = arguments.iter();
    let mut packages = Vec::new();
    while let Some(word) = words.next() {
        let (option, joined) = match word.text.split_once('=') {
            Some((option, value)) if option.starts_with("--") => {
                (option, Some(Word { text: value.to_owned(), ..(*word).clone() }))
            }
            _ if word.text.len() > 2
                && (word.text.starts_with("-r")
                    || word.text.starts_with("-c")
                    || word.text.starts_with("-i")) =>
            {
                (&word.text[..2], Some(Word { text: word.text[2..].to_owned(), ..(*word).clone() }))
            }
            _ => (word.text.as_str(), None),
        };
        let mut value =
            || joined.clone().or_else(|| words.next().map(|word| (*word).clone())).unwrap_or_default();
        match option {
            "-r" | "--requirement" | "--requirements" => {
                file(taking, "pip.requirements", &value(), text, place)
            }
            "-c" | "--constraint" | "--constraints" => file(taking, "pip.constraints", &value(), text, place),
            "-i" | "--index-url" | "--default-index" => index(taking, "pip.index-url", &value(), place),
            "--extra-index-url" | "--index" => index(taking, "pip.extra-index-urls", &value(), place),
            "-f" | "--find-links" => {
                let shown = format!("--find-links {}", value().text);
                taking.leave_out(
                    place,
                    &shown,
                    "a requirements file may have this line: name that by `[pip] requirements`",
                );
            }
            "-t" | "--target" | "--prefix" | "--root" => {
                let shown = format!("{option} {}", value().text);
                taking.leave_out(place, &shown, "wheels are in the environment's `site-packages`, where every Python of the image finds them");
            }
            "-e" | "--editable" => project(taking, &value(), true, place),
            "--pre" | "--no-deps" | "--no-dependencies" | "--no-binary" | "--no-build-isolation" => {
                if option == "--no-binary" {
                    value();
                }
                taking.leave_out(place, option, without(option));
            }
            "--only-binary" | "--trusted-host" => drop(value()),
            _ if WITH_VALUE.contains(&option) => drop(value()),
            _ if WITHOUT_EFFECT.contains(&option) => {}
            // In the dark, it may have been what mattered.
            _ if option.starts_with('-') && option.len() > 1 => {
                taking.leave_out(place, option, "this option of pip has no place in a spec");
            }
            _ => packages.push((*word).clone()),
        }
    }
    packages.iter().for_each(|word| package(taking, word, place));
}

fn package(taking: &mut Taking<'_>, word: &Word, place: &str) {
    let text = word.text.as_str();
    let shown = format!("pip install {text}");
    let name = text.split(['=', '<', '>', '!', '[', '~', ';', ' ', '@']).next().unwrap_or_default();
    if INSTALLERS.contains(&name.to_ascii_lowercase().as_str()) {
        return taking.need_nothing(place, &shown, "wheels are chosen by uv, which the build machine has");
    }
    if text == "." || text.starts_with(['.', '/']) || text.ends_with(".whl") && !text.contains("://") {
        return project(taking, word, false, place);
    }
    let is_repository = text.contains("git+");
    // Of a URL a variable stays one of the environment in which the image is built.
    let is_url = text.contains("://") && word.unknown.iter().all(|name| name != "$(…)");
    if let Some(reason) = unknown(word).filter(|_| !is_url) {
        return taking.leave_out(place, &shown, reason);
    }
    if holds_secret(text) {
        return taking.leave_out(place, &shown, "it holds a secret: write `${{NAME}}` in its place, which is a variable of the environment in which the image is built");
    }
    taking.found.wheels.get_or_insert_with(|| place.to_owned());
    taking.draft.add("pip.packages", text, place);
    if is_repository {
        builds(taking, place);
    }
}

/// What has no wheel may be built.
fn builds(taking: &mut Taking<'_>, place: &str) {
    taking.draft.set_literal("pip.allow-builds", "true".to_owned(), place);
}

/// A folder with a project, or a wheel, of the build's folder.
fn project(taking: &mut Taking<'_>, word: &Word, is_editable: bool, place: &str) {
    let text = &word.text;
    let shown = format!("pip install {}{text}", if is_editable { "-e " } else { "" });
    if text.contains("://") {
        return package(taking, word, place);
    }
    let (path, extras) = text
        .split_once('[')
        .map_or((text.as_str(), String::new()), |(path, extras)| (path, format!("[{extras}")));
    let path = path.strip_prefix("file:").unwrap_or(path);
    let found = taking.absolute(path).and_then(|path| taking.source(&path));
    let Some(source) = found.filter(|source| taking.folder.kind(source).is_some()) else {
        return taking.leave_out(place, &shown, "no `COPY` before it puts a project there: name its folder in `[pip] packages`, with `allow-builds`");
    };
    let is_folder = taking.folder.kind(&source) == Some(Kind::Folder);
    let is_project =
        ["pyproject.toml", "setup.py"].iter().any(|file| taking.folder.has_file(&format!("{source}/{file}")));
    if is_folder && !is_project {
        return taking.leave_out(
            place,
            &shown,
            format!("there is neither a `pyproject.toml` nor a `setup.py` in `{source}`"),
        );
    }
    taking.found.wheels.get_or_insert_with(|| place.to_owned());
    let written = if source == "." { ".".to_owned() } else { format!("./{source}") };
    taking.draft.add("pip.packages", &format!("{written}{extras}"), place);
    if is_folder {
        builds(taking, place);
    }
    if is_editable {
        taking.need_nothing(
            place,
            &shown,
            "the project is installed in the usual way, with the files that are there while locking",
        );
    }
}

/// A requirements file of the build's folder.
fn file(taking: &mut Taking<'_>, key: &'static str, word: &Word, text: &str, place: &str) {
    if word.text.contains("://") {
        return taking.leave_out(
            place,
            text,
            "the file is elsewhere: download it beside the spec, and name it",
        );
    }
    let path = taking.absolute(&word.text);
    let found =
        path.as_ref().and_then(|path| taking.source(path)).filter(|source| taking.folder.has_file(source));
    let (Some(path), Some(source)) = (path, found) else {
        let reason = format!(
            "there is no `{}` where the spec stands, or no `COPY` puts it there: name the file in `[pip]`",
            word.text
        );
        return taking.leave_out(place, text, reason);
    };
    if key == "pip.requirements" {
        taking.found.wheels.get_or_insert_with(|| place.to_owned());
        if taking.folder.needs_builds(&source) {
            builds(taking, place);
        }
    }
    taking.draft.add(key, &source, place);
    taking.copies.name(&path);
}

/// `pip config set global.index-url URL`.
fn config(taking: &mut Taking<'_>, arguments: &[&Word], text: &str, place: &str) {
    let words: Vec<&Word> = arguments.iter().copied().filter(|word| !word.text.starts_with("--")).collect();
    let key = match words.as_slice() {
        [set, name, _] if set.text == "set" => name.text.rsplit('.').next(),
        _ => None,
    };
    match (key, words.last()) {
        (Some("index-url"), Some(url)) => index(taking, "pip.index-url", url, place),
        (Some("extra-index-url"), Some(url)) => index(taking, "pip.extra-index-urls", url, place),
        _ => taking.need_nothing(place, text, "it brings nothing into the image"),
    }
}

/// Takes over an index of wheels.
pub(crate) fn index(taking: &mut Taking<'_>, key: &'static str, word: &Word, place: &str) {
    let shown = format!("--index-url {}", word.text);
    if word.unknown.iter().any(|name| name == "$(…)") || holds_secret(&word.text) && word.unknown.is_empty()
    {
        return taking.leave_out(place, &shown, "it holds a secret, or what a command prints: write `${{NAME}}` in its place, a variable of the environment in which the image is built");
    }
    let is_other = |entry: &crate::draft::Entry| {
        entry.key == "pip.index-url" && entry.item != crate::draft::Item::Value(literal::text(&word.text))
    };
    let is_second = key == "pip.index-url"
        && (taking.draft.entries.iter().any(is_other)
            || taking.draft.has("pip.packages")
            || taking.draft.has("pip.requirements"));
    // It is that of one command there, and of all packages here.
    if key == "pip.index-url" && !is_second {
        taking.draft.set(key, &word.text, place);
    } else {
        taking.draft.add("pip.extra-index-urls", &word.text, place);
    }
}

/// Takes over `uv sync`, `poetry install` and their like: projects that are locked by another tool.
pub(crate) fn locked(taking: &mut Taking<'_>, program: &str, text: &str, place: &str) {
    let (lock, make) = match program {
        "uv" => ("uv.lock", "uv lock"),
        "poetry" => ("poetry.lock", "poetry export --output requirements.txt"),
        "pdm" => ("pdm.lock", "pdm export --no-self --output requirements.txt"),
        "pixi" => ("pixi.lock", "pixi lock"),
        _ => ("Pipfile.lock", "pipenv requirements > requirements.txt"),
    };
    let is_it = |entry: &crate::draft::Entry| {
        entry.key == "env" && entry.item == crate::draft::Item::Value(literal::text(lock))
    };
    if taking.draft.entries.iter().any(is_it) {
        return taking.need_nothing(place, text, "the spec names the lock");
    }
    let is_taken = ["uv", "pixi"].contains(&program);
    if is_taken && taking.folder.has_file(lock) && !taking.draft.has("env") {
        taking.draft.set("env", lock, place);
        if program == "uv" {
            taking.found.wheels.get_or_insert_with(|| place.to_owned());
        } else {
            taking.found.conda.get_or_insert_with(|| place.to_owned());
        }
        return;
    }
    let reason = match is_taken {
        true => {
            format!("there is no `{lock}` where the spec stands, which `{make}` writes: name it by `env`")
        }
        false => format!("`{make}` writes what it locks into a file: name that by `[pip] requirements`"),
    };
    taking.leave_out(place, text, reason);
}

//! What becomes the configuration of the image: `ENV`, `LABEL`, `EXPOSE`, `CMD` and so on.

use imgbuild_dockerfile::{Instruction, Word, commands};

use crate::docker::pip;
use crate::docker::taking::{Taking, unknown};
use crate::secrets::{holds_secret, is_secret_name};

/// Variables that tell installers how to behave, by how they begin.
const OF_INSTALLERS: [&str; 15] = [
    "DEBIAN_FRONTEND",
    "PIP_",
    "UV_",
    "POETRY_",
    "PIPENV_",
    "PDM_",
    "CONDA_",
    "MAMBA_",
    "PIXI_",
    "DEBCONF_",
    "APT_",
    "PYTHON_VERSION",
    "PYTHON_PIP_VERSION",
    "MINICONDA_",
    "VIRTUAL_ENV",
];

/// Variables that name an index of wheels, and the keys that do so.
const INDEXES: [(&str, &str); 6] = [
    ("PIP_INDEX_URL", "pip.index-url"),
    ("PIP_EXTRA_INDEX_URL", "pip.extra-index-urls"),
    ("UV_INDEX_URL", "pip.index-url"),
    ("UV_DEFAULT_INDEX", "pip.index-url"),
    ("UV_EXTRA_INDEX_URL", "pip.extra-index-urls"),
    ("UV_INDEX", "pip.extra-index-urls"),
];

/// Why no secret is taken over.
const SECRET: &str = "a secret is not taken over: give it when a container starts (`--env`), or mount it; whoever has an image has what is in it";

/// What a build is given for an `ARG`, by its name.
pub(crate) type Given<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Takes over an instruction that is neither of files nor runs anything.
pub(crate) fn take(taking: &mut Taking<'_>, instruction: &Instruction) {
    let place = taking.place(instruction.line);
    let line = format!("{} {}", instruction.keyword, instruction.text);
    match instruction.keyword.as_str() {
        "ARG" => argument(taking, instruction, &|_| None),
        "ENV" => pairs(taking, instruction, environment),
        _ if taking.is_builder && instruction.keyword != "WORKDIR" => {}
        "LABEL" => pairs(taking, instruction, |taking, name, word, place| {
            let shown = format!("LABEL {name}=…");
            match unknown(word) {
                Some(reason) => taking.leave_out(place, &shown, reason),
                None if holds_secret(&word.text) => taking.leave_out(place, &shown, SECRET),
                None => taking.draft.set_named("image.labels", name, &word.text, place),
            }
        }),
        "MAINTAINER" => {
            let text = instruction.text.trim_matches(['"', '\'']);
            taking.draft.set_named("image.labels", "org.opencontainers.image.authors", text, &place);
        }
        "EXPOSE" => ports(taking, instruction, &place),
        "VOLUME" => volumes(taking, instruction, &place),
        "WORKDIR" => workdir(taking, instruction, &place),
        "USER" => {
            let Some(words) = taking.words(instruction) else { return };
            match words.first() {
                Some(word) if unknown(word).is_none() => taking.users.switch(word.text.clone(), place),
                _ => {
                    taking.users.forget();
                    let reason = "its value is not known here: `[user]` has the name and the number";
                    taking.leave_out(&place, &line, reason);
                }
            }
        }
        "CMD" => taking.cmd = started(taking, instruction).map(|words| (words, place)),
        "ENTRYPOINT" => {
            taking.entrypoint = started(taking, instruction).map(|words| (words, place));
            // As docker does it.
            taking.cmd = None;
        }
        "SHELL" => taking.need_nothing(&place, &line, "no shell is needed to make the image"),
        "HEALTHCHECK" => taking.leave_out(&place, &line, "write its program into `[image]`: `healthcheck = [\"python\", \"/app/health.py\"]`; Kubernetes has probes in its place"),
        "STOPSIGNAL" => taking.leave_out(&place, &line, "the program is sent SIGTERM, which process 1 passes on: `docker run --stop-signal` says another one"),
        "ONBUILD" => taking.leave_out(&place, &line, "OCI images have no triggers"),
        _ => {}
    }
}

/// Declares an `ARG`. `given` is what the build is given for it.
pub(crate) fn argument(taking: &mut Taking<'_>, instruction: &Instruction, given: &Given<'_>) {
    let Some(words) = taking.words(instruction) else { return };
    for word in words {
        let (name, default) = match word.text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word.text.clone(), None),
        };
        let default = default.filter(|_| word.unknown.is_empty());
        let known = || taking.variables.get(&name).map(str::to_owned);
        let value = given(&name).or(default).or_else(known);
        taking.set_variable(&name, value);
    }
}

/// `NAME=VALUE …`, or `NAME VALUE` in the old form.
fn pairs(
    taking: &mut Taking<'_>,
    instruction: &Instruction,
    mut take: impl FnMut(&mut Taking<'_>, &str, &Word, &str),
) {
    let Some(words) = taking.words(instruction) else { return };
    let is_old = words.first().is_some_and(|word| !word.text.contains('='));
    let written = |word: &Word| taking.place(instruction.line_at(word.range.start));
    let found: Vec<(String, Word, String)> = if is_old {
        let (Some(name), rest) = (words.first(), &words[1..]) else { return };
        let texts: Vec<&str> = rest.iter().map(|word| word.text.as_str()).collect();
        let unknown = rest.iter().flat_map(|word| word.unknown.clone()).collect();
        vec![(name.text.clone(), Word { text: texts.join(" "), unknown, range: 0..0 }, written(name))]
    } else {
        let split = |word: &Word| {
            let (name, value) = word.text.split_once('=')?;
            Some((name.to_owned(), Word { text: value.to_owned(), ..word.clone() }, written(word)))
        };
        words.iter().filter_map(split).collect()
    };
    for (name, value, place) in found {
        take(taking, &name, &value, &place);
    }
}

fn environment(taking: &mut Taking<'_>, name: &str, word: &Word, place: &str) {
    let value = word.unknown.is_empty().then(|| word.text.clone());
    taking.set_variable(name, value);
    if taking.is_builder {
        return;
    }
    let index = INDEXES.iter().find(|(variable, _)| *variable == name).map(|(_, key)| *key);
    if let Some(key) = index.filter(|_| !word.text.is_empty()) {
        return pip::index(taking, key, word, place);
    }
    let is_secret = is_secret_name(name) && !word.text.is_empty() || holds_secret(&word.text);
    if is_secret {
        return taking.draft.leave_out(place, format!("ENV {name}=…"), SECRET);
    }
    let shown = format!("ENV {name}={}", word.text);
    if OF_INSTALLERS.iter().any(|begin| name.starts_with(begin)) {
        return taking.need_nothing(place, &shown, "it is for installers, of which none runs");
    }
    match name {
        "PATH" => {
            let is_own = ["conda", "mamba", "venv", ".local/bin", "virtualenv"]
                .iter()
                .any(|part| word.text.contains(part));
            match is_own {
                true => taking.need_nothing(
                    place,
                    &shown,
                    "the environment's programs are on the `PATH` of every process",
                ),
                false => taking.leave_out(
                    place,
                    &shown,
                    "`PATH` is that of the environment; `[image] env` can set a whole one",
                ),
            }
        }
        "LD_LIBRARY_PATH" => taking.leave_out(
            place,
            &shown,
            "packages find their libraries by themselves; the variable would change those of every program",
        ),
        _ => match unknown(word) {
            Some(reason) => taking.leave_out(place, &shown, reason),
            None => taking.draft.set_named("image.env", name, &word.text, place),
        },
    }
}

fn ports(taking: &mut Taking<'_>, instruction: &Instruction, place: &str) {
    let Some(words) = taking.words(instruction) else { return };
    for word in words {
        let shown = format!("EXPOSE {}", word.text);
        match unknown(&word) {
            Some(reason) => taking.leave_out(place, &shown, reason),
            None if word.text.contains('-') => taking.leave_out(place, &shown, "`expose` has single ports"),
            None => {
                let port = word.text.trim_end_matches("/tcp").to_owned();
                taking.found.ports.push((port, place.to_owned()));
            }
        }
    }
}

fn volumes(taking: &mut Taking<'_>, instruction: &Instruction, place: &str) {
    let words = match instruction.exec_form() {
        Some(words) => words,
        None => taking.words(instruction).unwrap_or_default().into_iter().map(|word| word.text).collect(),
    };
    for word in words {
        match taking.absolute(&word) {
            Some(path) if !path.contains("${") => taking.draft.add("image.volumes", &path, place),
            _ => taking.leave_out(place, &format!("VOLUME {word}"), "its path is not known here"),
        }
    }
}

fn workdir(taking: &mut Taking<'_>, instruction: &Instruction, place: &str) {
    let Some(words) = taking.words(instruction) else { return };
    // A path with spaces is one path.
    let path: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let path = path.join(" ");
    match (words.iter().find_map(unknown), taking.absolute(&path)) {
        (None, Some(path)) => {
            if !taking.is_builder {
                taking.draft.set("image.workdir", &path, place);
            }
            taking.workdir = path;
        }
        (reason, _) => {
            let reason = reason.unwrap_or_else(|| "its path leads out of the image".to_owned());
            taking.leave_out(place, &format!("WORKDIR {path}"), reason);
        }
    }
}

/// The words that an `ENTRYPOINT` or `CMD` starts; a shell where only that understands them.
fn started(taking: &mut Taking<'_>, instruction: &Instruction) -> Option<Vec<String>> {
    if let Some(words) = instruction.exec_form() {
        return Some(words).filter(|words| !words.is_empty());
    }
    let text = instruction.text.trim();
    if let Ok(commands) = commands(text, &taking.variables)
        && let [only] = commands.as_slice()
        && only.redirections.is_empty()
        && only.assignments.is_empty()
        && !only.is_compound
        && only.words.iter().all(|word| word.unknown.is_empty())
    {
        let words = only.words.iter().map(|word| word.text.clone());
        return Some(words.skip_while(|word| word == "exec").collect());
    }
    Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), text.to_owned()])
}

//! What a container starts, once the whole Dockerfile is read.

use crate::docker::taking::Taking;
use crate::literal;
use crate::secrets::holds_secret;

/// Programs that start another one as process 1, which an image has anyway.
const FIRST: [&str; 5] = ["tini", "tini-static", "dumb-init", "catatonit", "_entrypoint.sh"];

/// Scripts of images that are not the base any more.
const OF_BASES: [&str; 6] = [
    "/usr/local/bin/_entrypoint.sh",
    "/opt/nvidia/nvidia_entrypoint.sh",
    "_entrypoint.sh",
    "start.sh",
    "docker-entrypoint.sh",
    "/usr/local/bin/start.sh",
];

/// Shells, which start where nothing else is said.
const SHELLS: [&str; 5] = ["bash", "sh", "zsh", "/bin/bash", "/bin/sh"];

/// Writes the program into the draft, and the ports.
pub(crate) fn finish(taking: &mut Taking<'_>) {
    let (entrypoint, cmd) = (taking.entrypoint.take(), taking.cmd.take());
    let entrypoint = entrypoint.map(|(words, place)| (without_first(taking, words, &place), place));
    let (entrypoint, cmd) = match (entrypoint, cmd) {
        (Some((words, _)), cmd) if words.is_empty() => (None, cmd),
        (entrypoint, cmd) => (entrypoint, cmd),
    };
    let cmd = cmd
        .map(|(words, place)| (without_first(taking, words, &place), place))
        .filter(|(words, _)| !words.is_empty());
    let whole: Vec<String> = entrypoint.iter().chain(&cmd).flat_map(|(words, _)| words.clone()).collect();
    let place = entrypoint.as_ref().or(cmd.as_ref()).map(|(_, place)| place.clone()).unwrap_or_default();
    let is_service = service(taking, &whole, &place);
    if !is_service {
        for (key, found) in [("image.entrypoint", entrypoint), ("image.cmd", cmd)] {
            let Some((words, place)) = found else { continue };
            let text = words.join(" ");
            if let Some(program) = words.first().filter(|program| !is_there(taking, program)).cloned() {
                let reason = format!(
                    "no `COPY` that is taken over puts `{program}` there: copy it by `[[copy]]`, and name it in `[image]`"
                );
                taking.leave_out(&place, &text, reason);
            } else if holds_secret(&text) {
                taking.leave_out(&place, &text, "it holds a secret: let the program read it from a variable that is given when a container starts");
            } else if let ("image.cmd", [shell]) = (key, words.as_slice())
                && SHELLS.contains(&shell.as_str())
            {
                taking.need_nothing(
                    &place,
                    &format!("CMD {shell}"),
                    "a shell starts where nothing else is said",
                );
            } else {
                taking.draft.set_literal(key, literal::list(&words), &place);
            }
        }
    }
    for (port, place) in std::mem::take(&mut taking.found.ports) {
        if is_service && (port == "8888" || port == "22" || taking.draft.has("jupyter")) {
            taking.need_nothing(
                &place,
                &format!("EXPOSE {port}"),
                "the image says itself on which ports its servers listen",
            );
        } else if port.bytes().all(|it| it.is_ascii_digit()) {
            taking.draft.add_literal("image.expose", port, &place);
        } else {
            taking.draft.add("image.expose", &port, &place);
        }
    }
}

/// Whether a script comes with what is copied; programs come with packages.
fn is_there(taking: &Taking<'_>, program: &str) -> bool {
    let is_script = program.ends_with(".sh")
        || program.starts_with('/') && !program.contains("/bin/") && !program.contains("/sbin/");
    !is_script || taking.copies.has(program)
}

/// The words without what only starts the rest in an environment, or as process 1.
fn without_first(taking: &mut Taking<'_>, words: Vec<String>, place: &str) -> Vec<String> {
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let mut rest = words.as_slice();
    if rest
        .first()
        .is_some_and(|first| OF_BASES.contains(&first.as_str()) && !taking.folder.has_file(&name(first)))
    {
        taking.need_nothing(place, &rest[0].clone(), "it is a script of the image that the Dockerfile begins with: the environment is active without it");
        rest = &rest[1..];
    }
    if rest.first().is_some_and(|first| FIRST.contains(&name(first).as_str())) {
        taking.need_nothing(place, &rest[0].clone(), "process 1 is `tini` anyway");
        let options = rest[1..].iter().take_while(|word| word.starts_with('-')).count();
        rest = &rest[1 + options..];
    }
    let is_run = rest.len() > 1
        && ["conda", "mamba", "micromamba"].contains(&name(&rest[0]).as_str())
        && rest[1] == "run";
    let runner = if rest.len() > 2 && rest[1] == "run" { name(&rest[0]) } else { String::new() };
    if ["uv", "poetry", "pipenv", "pdm", "pixi", "hatch"].contains(&runner.as_str()) {
        taking.need_nothing(
            place,
            &rest[..2].join(" "),
            "the environment is active in every process of the image",
        );
        rest = &rest[2..];
    } else if is_run {
        taking.need_nothing(
            place,
            &rest[..2].join(" "),
            "the environment is active in every process of the image",
        );
        let mut at = 2;
        while let Some(option) = rest.get(at).filter(|word| word.starts_with('-')) {
            let has_value = ["-n", "--name", "-p", "--prefix", "--cwd"].contains(&option.as_str());
            at += if has_value { 2 } else { 1 };
        }
        rest = rest.get(at..).unwrap_or_default();
    }
    rest.to_vec()
}

/// Jupyter and SSH, which images start by themselves.
fn service(taking: &mut Taking<'_>, words: &[String], place: &str) -> bool {
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let text = words.join(" ");
    let names: Vec<String> = words.iter().flat_map(|word| word.split_whitespace()).map(name).collect();
    let starts = |program: &str| names.iter().any(|it| it == program);
    let is_jupyter = starts("jupyter") && (starts("lab") || starts("notebook") || starts("server"))
        || ["jupyter-lab", "jupyter-notebook", "start-notebook.sh", "start-notebook.py"]
            .into_iter()
            .any(starts);
    if is_jupyter {
        let port = text.split(['=', ' ']).skip_while(|word| !word.ends_with("port")).nth(1).unwrap_or("8888");
        let is_other = port != "8888" && port.parse::<u16>().is_ok();
        let value = if is_other { format!("{{ port = {port} }}") } else { "true".to_owned() };
        taking.draft.set_literal("jupyter", value, place);
        let is_open = ["token=", "password="].iter().any(|option| text.contains(option));
        let reason = match is_open {
            true => {
                "`jupyter` starts it, with a token that is made at each start unless `JUPYTER_TOKEN` gives one; it is never open to everybody"
            }
            false => "`jupyter` starts it",
        };
        match is_open {
            true => taking.leave_out(place, &text, reason),
            false => taking.need_nothing(place, &text, reason),
        }
        return true;
    }
    if starts("sshd") && words.len() <= 4 {
        taking.draft.set_literal("ssh", "true".to_owned(), place);
        taking.draft.remove_item("base.packages", "openssh-server");
        taking.leave_out(place, &text, "`ssh` starts it, on port 2222, for those whose keys `authorized-keys` has; nobody logs in by a password");
        return true;
    }
    false
}

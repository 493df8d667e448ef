//! `RUN`: the commands of which a spec says the outcome.

use imgbuild_dockerfile::{Command, Instruction, Join, Word};

use crate::docker::taking::Taking;
use crate::docker::{apt, conda, files, pip, users};
use crate::limits::MOST_NESTED;
use crate::literal;

/// Why other commands are left out.
const NOTHING_RUNS: &str =
    "no command runs while an image is made: put what it makes beside the spec, and copy it by `[[copy]]`";

/// What needs nothing, by the program.
const NEEDLESS: [(&[&str], &str); 5] = [
    (&["rm", "find", "rmdir"], "only what the spec names is in the image, and no cache"),
    (&["ldconfig", "update-ca-certificates", "updatedb", "mandb"], "it is as if it had been run"),
    (
        &["activate", "source", ".", "conda-unpack", "conda-pack", "hash", "eval"],
        "the environment is active in every process of the image",
    ),
    (
        &[
            "echo",
            "printf",
            "which",
            "type",
            "ls",
            "pwd",
            "cat",
            "date",
            "uname",
            "env",
            "whoami",
            "id",
            "nvidia-smi",
            "nvcc",
        ],
        "it changes nothing",
    ),
    (&["tini", "gosu", "apt-mark", "dpkg-divert"], "it is for the build alone"),
];

/// Options of `sudo`, `env` and their like that are followed by a value.
const WITH_VALUE: [&str; 4] = ["-u", "--user", "-n", "-S"];

/// Takes over a `RUN`.
pub(crate) fn take(taking: &mut Taking<'_>, instruction: &Instruction) {
    let place = taking.place(instruction.line);
    let copies = taking.copies.clone();
    let mounts: Vec<String> = instruction.flags("mount").map(str::to_owned).collect();
    mounts.iter().for_each(|mount| files::mount(taking, mount, &place));
    let folder = taking.workdir.clone();
    if let Some(words) = instruction.exec_form() {
        let words: Vec<Word> = words.into_iter().map(|text| Word { text, ..Word::default() }).collect();
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        words_of_command(taking, &words, &texts.join(" "), &place, 0);
    } else if let Some(document) =
        instruction.documents.first().filter(|_| instruction.text.starts_with("<<"))
    {
        // The first line may name another interpreter.
        if document.text.starts_with("#!") && !document.text.lines().next().unwrap_or_default().contains("sh")
        {
            taking.leave_out(&place, &instruction.text, NOTHING_RUNS);
        } else {
            let line = document.line;
            let text = document.text.clone();
            let at = |byte: usize| line + text[..byte].matches('\n').count();
            script(taking, &text, &at, 0);
        }
    } else {
        script(taking, &instruction.text, &|byte| instruction.line_at(byte), 0);
    }
    taking.workdir = folder;
    if !mounts.is_empty() {
        // What is mounted is there for this command alone.
        let names = std::mem::replace(&mut taking.copies, copies);
        taking.copies.take_names(&names);
    }
}

/// Takes over a script.
pub(crate) fn script(taking: &mut Taking<'_>, text: &str, line: &dyn Fn(usize) -> usize, depth: usize) {
    let Some(commands) = taking.commands(text, line(0)) else { return };
    let mut is_told = false;
    for (index, command) in commands.iter().enumerate() {
        let place = taking.place(line(command.range.start));
        let shown = &text[command.range.clone()];
        if command.is_compound {
            taking.leave_out(
                &place,
                shown,
                "conditions and loops are for a shell: write into the spec what they come to",
            );
            continue;
        }
        // What a pipe begins with is told with its end, and what follows a failure with the command that fails.
        let is_piped = commands.get(index + 1).is_some_and(|next| next.join == Join::Pipe);
        match command.join {
            _ if is_piped && !installs(command) => is_told = false,
            Join::Pipe if !is_told => {
                let start = start_of_pipe(&commands, index);
                let shown = &text[commands[start].range.start..command.range.end];
                piped(taking, command, shown, &place);
                is_told = true;
            }
            Join::Pipe => {}
            Join::Else => {}
            Join::Then => one(taking, command, shown, &place, depth),
        }
    }
}

fn start_of_pipe(commands: &[Command], end: usize) -> usize {
    (0..end).rev().find(|at| commands[*at].join != Join::Pipe).unwrap_or(0)
}

fn installs(command: &Command) -> bool {
    command.words.iter().any(|word| word.text == "install") && command.words.len() > 2
}

/// The last command of a pipe.
fn piped(taking: &mut Taking<'_>, command: &Command, shown: &str, place: &str) {
    let last = command.words.first().map_or("", |word| word.text.as_str());
    if is_installer(shown) {
        return installer(taking, shown, place);
    }
    if shown.contains("NOPASSWD") {
        taking.users.sudo = Some(place.to_owned());
    } else if last == "bash" && shown.contains("astral.sh/uv") {
        taking.need_nothing(place, shown, "wheels are chosen by uv, which the build machine has");
    } else if shown.starts_with("yes") || shown.starts_with("echo y") {
        one(taking, command, shown, place, 0);
    } else {
        taking.leave_out(place, shown, NOTHING_RUNS);
    }
}

/// Whether a text is about an installer of conda.
fn is_installer(text: &str) -> bool {
    [
        "Miniconda",
        "miniconda",
        "Miniforge",
        "miniforge",
        "Mambaforge",
        "Anaconda3",
        "micro.mamba.pm",
        "micromamba",
    ]
    .iter()
    .any(|name| text.contains(name))
        && [".sh", "micromamba", "bin/mamba"].iter().any(|end| text.contains(end))
}

fn installer(taking: &mut Taking<'_>, shown: &str, place: &str) {
    taking.found.conda.get_or_insert_with(|| place.to_owned());
    taking.need_nothing(place, shown, "the environment is made without an installer");
}

fn one(taking: &mut Taking<'_>, command: &Command, shown: &str, place: &str, depth: usize) {
    if shown.contains("NOPASSWD") {
        taking.users.sudo = Some(place.to_owned());
        return;
    }
    let first = command.words.first().map_or("", |word| word.text.as_str());
    let target = command
        .redirections
        .iter()
        .find(|it| it.operator.starts_with('>') && !it.target.text.starts_with("/dev/"));
    if let Some(target) = target.filter(|_| ["echo", "printf", "cat"].contains(&first)) {
        let is_shells = ["bashrc", "profile", "bash_profile", ".zshrc"]
            .iter()
            .any(|file| target.target.text.ends_with(file));
        let is_activation = shown.contains("conda") || shown.contains("mamba") || shown.contains("activate");
        return match is_shells && is_activation {
            true => {
                taking.need_nothing(place, shown, "the environment is active in every process of the image")
            }
            false => {
                taking.leave_out(place, shown, "write the file beside the spec, and copy it by `[[copy]]`")
            }
        };
    }
    words_of_command(taking, &command.words, shown, place, depth);
}

/// Takes over a command by its words.
fn words_of_command(taking: &mut Taking<'_>, words: &[Word], shown: &str, place: &str, depth: usize) {
    let words = without_prefix(words);
    let Some((program, arguments)) = words.split_first() else { return };
    let path = program.text.as_str();
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_python = name
        .strip_prefix("python")
        .is_some_and(|rest| rest.bytes().all(|it| it.is_ascii_digit() || it == b'.'));
    let argument = |at: usize| arguments.get(at).map_or("", |word| word.text.as_str());
    let is_batch =
        arguments.iter().any(|word| ["-b", "-bf", "-bp", "-bfp", "-ubp"].contains(&word.text.as_str()))
            && shown.contains(".sh");
    let runs = ["bash", "sh", "wget", "curl", "tar", "chmod"].contains(&name) || name.ends_with(".sh");
    if (is_installer(shown) || is_batch) && runs {
        return installer(taking, shown, place);
    }
    match name {
        "apt-get" | "apt" | "aptitude" => apt::take(taking, arguments, shown, place),
        "conda" | "mamba" | "micromamba" if argument(0) == "run" => {
            words_of_command(taking, without_run(&arguments[1..]), shown, place, depth);
        }
        "conda" | "mamba" | "micromamba" => conda::take(taking, arguments, shown, place),
        "pip" | "pip3" => pip::take(taking, arguments, shown, place),
        "uv" if argument(0) == "pip" => pip::take(taking, &arguments[1..], shown, place),
        "uv" | "poetry" | "pdm" | "pipenv" | "pixi" if ["sync", "install"].contains(&argument(0)) => {
            pip::locked(taking, name, shown, place);
        }
        "uv" | "poetry" | "pdm" | "pipenv" | "pixi" | "virtualenv" => {
            taking.need_nothing(place, shown, "the environment is made without it");
        }
        _ if is_python && argument(0) == "-m" && argument(1) == "pip" => {
            pip::take(taking, &arguments[2..], shown, place)
        }
        _ if is_python && argument(0) == "-m" && argument(1) == "venv" => {
            taking.need_nothing(place, shown, "the environment is made without it");
        }
        _ if is_python && argument(0) == "-c" && arguments.len() == 2 && argument(1).contains("import") => {
            check(taking, arguments, shown, place)
        }
        _ if is_python && argument(0) == "setup.py" => {
            taking.leave_out(
                place,
                shown,
                "name the project's folder in `[pip] packages`, with `allow-builds`",
            );
        }
        "bash" | "sh" | "zsh"
            if depth < MOST_NESTED && argument(0).starts_with('-') && argument(0).ends_with('c') =>
        {
            let inner = argument(1).to_owned();
            let line = place.rsplit(' ').next().and_then(|line| line.parse().ok()).unwrap_or(1);
            script(taking, &inner, &|_| line, depth + 1);
        }
        "useradd" | "adduser" | "groupadd" | "addgroup" => users::take(taking, name, arguments, shown, place),
        "cd" => enter(taking, argument(0)),
        "chmod" => chmod(taking, arguments, shown, place),
        _ => other(taking, name, shown, place),
    }
}

fn other(taking: &mut Taking<'_>, name: &str, shown: &str, place: &str) {
    if [
        "set", "true", "false", ":", "export", "sleep", "exit", "unset", "umask", "shopt", "trap", "test",
        "[",
    ]
    .contains(&name)
    {
        return;
    }
    if let Some((_, reason)) = NEEDLESS.iter().find(|(programs, _)| programs.contains(&name)) {
        return taking.need_nothing(place, shown, reason);
    }
    if taking.is_builder {
        return taking.leave_out(
            place,
            shown,
            "it makes something in an earlier stage: make it beside the spec, and copy it by `[[copy]]`",
        );
    }
    let reason = match name {
        _ if shown.contains("/etc/apt/") => {
            "the mirror is `mirror` in `[base]`, and further signed repositories are named in `[base.sources]`"
        }
        "git" if shown.contains("config") => {
            "it is a setting of whoever works in the image: a file that is copied may have it"
        }
        "git" => {
            "clone it beside the spec, and copy it by `[[copy]]`; a Python project is a requirement as well: `name @ git+https://…`"
        }
        "wget" | "curl" | "aria2c" => {
            "nothing is downloaded but packages: download it beside the spec, and copy it by `[[copy]]`"
        }
        "mkdir" | "touch" => {
            "folders come with what is copied into them, and those of `[image] volumes` are made when a container starts"
        }
        "chown" | "chgrp" => {
            "`[[copy]]` has `owner` and `mode`; a conda environment that the user may change is `[conda] writable = true`"
        }
        "usermod" | "passwd" | "chpasswd" | "gpasswd" => {
            "the user is what `[user]` says, with its `groups`; it has no password"
        }
        "npm" | "yarn" | "pnpm" | "npx" | "cargo" | "go" | "gem" => {
            "other ecosystems' packages have no place in a spec: build them beside it, and copy the outcome by `[[copy]]`"
        }
        "yum" | "dnf" | "microdnf" | "apk" | "zypper" | "pacman" => {
            "the image stands on Debian: name its packages in `[base] packages`"
        }
        "add-apt-repository" | "apt-key" | "gpg" => {
            "further signed repositories are named in `[base.sources]`, with their keys"
        }
        "locale-gen" | "update-locale" | "dpkg-reconfigure" => {
            "the locale `C.UTF-8` is there; for another one name `locales-all` in `[base] packages`"
        }
        "jupyter" | "ipython" => {
            "Jupyter's extensions and kernels are packages: `extensions` and `kernels` of `[jupyter]`"
        }
        _ => NOTHING_RUNS,
    };
    taking.leave_out(place, shown, reason);
}

/// What follows in a script is relative to another folder.
fn enter(taking: &mut Taking<'_>, path: &str) {
    if let Some(folder) = taking.absolute(path).filter(|_| !path.contains("${")) {
        taking.workdir = folder;
    }
}

/// A command that looks whether something can be imported is a check.
fn check(taking: &mut Taking<'_>, arguments: &[Word], shown: &str, place: &str) {
    let words: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
    let is_known = arguments.iter().all(|word| word.unknown.is_empty());
    let downloads = ["download", "from_pretrained", "snapshot", "urlretrieve", "load("]
        .iter()
        .any(|word| words[1].contains(word));
    if taking.is_builder || !is_known || downloads {
        return taking.leave_out(place, shown, NOTHING_RUNS);
    }
    let run = [&["python"], words.as_slice()].concat();
    taking.draft.add_table("check", vec![("run", literal::list(&run))], place);
}

fn chmod(taking: &mut Taking<'_>, arguments: &[Word], shown: &str, place: &str) {
    let words: Vec<&str> =
        arguments.iter().map(|word| word.text.as_str()).filter(|word| !word.starts_with("--")).collect();
    let [mode, paths @ ..] = words.as_slice() else { return };
    let is_executable = ["+x", "a+x", "u+x", "ugo+x", "755", "0755", "+rx", "a+rx", "777"].contains(mode);
    let paths: Vec<String> = paths.iter().filter_map(|path| taking.absolute(path)).collect();
    let is_set = |path: &String| is_executable && taking.copies.set_mode(path, "0755");
    let set = paths.iter().map(is_set).filter(|is_set| *is_set).count();
    if set < paths.len() || paths.is_empty() {
        taking.leave_out(place, shown, "`[[copy]]` has `mode`, for what is copied");
    }
}

/// The words without what runs them as somebody else, or in another way.
fn without_prefix(words: &[Word]) -> &[Word] {
    let mut rest = words;
    while let Some((first, behind)) = rest.split_first() {
        if !["sudo", "env", "exec", "command", "nice", "nohup", "eatmydata", "time", "builtin", "yes", "uvx"]
            .contains(&first.text.as_str())
            || behind.is_empty()
        {
            break;
        }
        rest = behind;
        while let Some(option) = rest
            .first()
            .filter(|word| word.text.starts_with('-') || word.text.contains('=') && first.text != "exec")
        {
            let length = if WITH_VALUE.contains(&option.text.as_str()) { 2 } else { 1 };
            rest = rest.get(length..).unwrap_or_default();
        }
    }
    rest
}

/// The command that `conda run` runs.
fn without_run(words: &[Word]) -> &[Word] {
    let mut rest = words;
    while let Some(option) = rest.first().filter(|word| word.text.starts_with('-')) {
        let has_value = ["-n", "--name", "-p", "--prefix", "--cwd"].contains(&option.text.as_str());
        rest = rest.get(if has_value { 2 } else { 1 }..).unwrap_or_default();
    }
    rest
}

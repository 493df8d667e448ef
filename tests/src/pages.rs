//! Pages of the documentation: what they show is run, and prints what stands there.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::{Imgbuild, Outcome, capture};

/// The fenced blocks of one language.
pub fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

/// Each command of a console, and the lines that it prints there.
///
/// # Panics
///
/// When it begins with none.
pub fn commands(console: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in console.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => found.push((command.to_owned(), Vec::new())),
            None => found.last_mut().unwrap().1.push(line.to_owned()),
        }
    }
    found
}

/// Whether a line is what stands in the README, where `…` is anything.
fn is_like(line: &str, shown: &str) -> bool {
    let mut rest = Some(line);
    let mut pieces = shown.split('…');
    rest = rest.and_then(|rest| rest.strip_prefix(pieces.next()?));
    for piece in pieces {
        rest = rest.and_then(|rest| rest.split_once(piece).map(|it| it.1));
    }
    rest.is_some_and(|rest| rest.is_empty() || shown.ends_with('…'))
}

/// Lines that are shown are printed, in their order. `…` in them is anything.
///
/// # Panics
///
/// When one is not.
#[track_caller]
pub fn prints(said: &str, shown: &[String], command: &str) {
    let mut lines = said.lines();
    for shown in shown {
        assert!(lines.any(|line| is_like(line, shown)), "`{command}` does not print `{shown}`:\n{said}");
    }
}

/// A shell in the program's folder, which is its home: it finds the program, and whatever else is in `bin` there.
///
/// # Panics
///
/// When the line fails.
#[track_caller]
pub fn shell(imgbuild: &Imgbuild, line: &str) -> Outcome {
    let program = imgbuild.command(["--version"]);
    let bin = imgbuild.path("bin");
    fs_err::create_dir_all(&bin).unwrap();
    if !bin.join("imgbuild").exists() {
        symlink(program.get_program(), bin.join("imgbuild")).unwrap();
    }
    let mut bash = Command::new("bash");
    bash.args(["-c", line]).current_dir(imgbuild.folder());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => bash.env(name, value),
            None => bash.env_remove(name),
        };
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    capture(bash.env("PATH", path).env("HOME", imgbuild.folder())).success()
}

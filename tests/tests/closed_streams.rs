//! Whoever reads what the program writes may stop (`imgbuild … | head -1`), or there may be nobody at all: what was asked for
//! is done, and nothing is said of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Command, Stdio};

use imgbuild_tests::{Imgbuild, Outcome, capture};

const SPEC: &str = "name = \"x\"\nbase = { scratch = true }\nplatforms = [\"linux/amd64\"]\n[[copy]]\nfrom = \"a\"\nto = \"/a\"\n";

/// Every command that writes to standard output, and how it ends.
const COMMANDS: [(&[&str], i32); 23] = [
    (&["--help"], 0),
    (&["--version"], 0),
    (&["--version", "--verbose"], 0),
    (&["build", "--help"], 0),
    (&["completions", "bash"], 0),
    (&["completions", "zsh"], 0),
    (&["schema"], 0),
    (&["check", "spec.toml"], 0),
    (&["check", "--json", "spec.toml"], 0),
    (&["lock", "spec.toml"], 0),
    (&["lock", "--json", "spec.toml"], 0),
    (&["lock", "--check", "spec.toml"], 0),
    (&["build", "-vv", "--json", "--output", "out", "spec.toml"], 0),
    (&["build", "--output", "out", "spec.toml"], 0),
    (&["run", "x", "--", "/a"], 125),
    (&["cache", "ls"], 0),
    (&["cache", "ls", "--json"], 0),
    (&["cache", "verify"], 0),
    (&["cache", "prune"], 0),
    (&["doctor", "--offline"], 0),
    (&["doctor", "--offline", "--json"], 0),
    (&["check", "absent.toml"], 1),
    (&["chekc"], 2),
];

fn bench() -> Imgbuild {
    let imgbuild = Imgbuild::with_private_store();
    imgbuild.write("spec.toml", SPEC);
    imgbuild.write("a", "text");
    imgbuild.run(["lock", "spec.toml"]).success();
    imgbuild.run(["build", "--output", "out", "spec.toml"]).success();
    imgbuild
}

/// A pipe that nobody reads any more.
fn abandoned() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// What a command says where `streams` decides over its standard output and error.
fn with(imgbuild: &Imgbuild, words: &[&str], streams: impl FnOnce(&mut Command)) -> Outcome {
    let mut command = imgbuild.command(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    streams(&mut command);
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn nobody_has_to_read() {
    let imgbuild = bench();
    for (words, code) in COMMANDS {
        let outcome = with(&imgbuild, words, |command| {
            command.stdout(abandoned());
        });
        assert_eq!(outcome.code, Some(code), "{words:?}: {}", outcome.stderr);
        for word in ["panicked", "ipe (os error"] {
            assert!(!outcome.stderr.contains(word), "{words:?}: {}", outcome.stderr);
        }
        let outcome = with(&imgbuild, words, |command| {
            command.stdout(abandoned()).stderr(abandoned());
        });
        assert_eq!(outcome.code, Some(code), "{words:?} without standard error");
    }
}

#[test]
fn streams_may_be_closed_from_the_start() {
    let imgbuild = bench();
    for (words, code) in COMMANDS {
        let mut shell = Command::new("sh");
        let program = imgbuild.command(words);
        shell
            .args(["-c", "exec \"$@\" <&- >&- 2>&-", "sh"])
            .arg(program.get_program())
            .args(program.get_args());
        shell
            .current_dir(imgbuild.folder())
            .envs(program.get_envs().filter_map(|(name, it)| Some((name, it?))));
        assert_eq!(capture(&mut shell).code, Some(code), "{words:?}");
    }
}

#[test]
fn a_full_disk_is_told() {
    let imgbuild = bench();
    let full = || fs_err::OpenOptions::new().write(true).open("/dev/full").unwrap().into_file();
    for words in
        [&["schema"][..], &["check", "--json", "spec.toml"], &["cache", "ls"], &["completions", "bash"]]
    {
        let outcome = with(&imgbuild, words, |command| {
            command.stdout(full());
        });
        assert_eq!(outcome.code, Some(1), "{words:?}");
        assert!(outcome.stderr.contains("No space left on device"), "{words:?}: {}", outcome.stderr);
    }
}

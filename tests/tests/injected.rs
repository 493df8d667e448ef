//! Calls of the kernel that fail, one after the other: a build says so or goes on without, its store is whole, and the next
//! build makes the same image.
//!
//! Each kind of call fails at some places in a usual run, and at every one with `INJECT_EVERY=1`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use imgbuild_tests::{Bench, Outcome, capture};

/// Runs a build under `strace`, in which the call number `number` of each thread fails, of those that are named. Gives whether
/// any did, and how the build ended.
fn injected(bench: &Bench, calls: &str, error: &str, number: u32) -> (bool, Outcome) {
    let log = bench.imgbuild.path("strace.log");
    let program = bench.imgbuild.command(["build", "spec.toml", "--locked", "--output", "out"]);
    // What hangs is ended, with all that it has started.
    let mut strace = Command::new("timeout");
    strace.args(["--signal=KILL", "120", "strace"]);
    strace.args(["--follow-forks", "--seccomp-bpf", "--quiet=all", "--output"]).arg(&log);
    strace.arg(format!("--trace={calls}")).arg(format!("--inject={calls}:error={error}:when={number}"));
    strace.arg(program.get_program()).args(program.get_args());
    if let Some(folder) = program.get_current_dir() {
        strace.current_dir(folder);
    }
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    let outcome = capture(&mut strace);
    (fs_err::read_to_string(log).unwrap().contains("(INJECTED)"), outcome)
}

fn forget(path: &Path) {
    if path.exists() {
        fs_err::remove_dir_all(path).unwrap();
    }
}

/// Lets each of the calls fail, and gives how many builds failed of those that went wrong somewhere.
fn every(calls: &str, error: &str) -> (u32, u32) {
    let bench = Bench::new();
    bench.conda(&["odd-modes", "odd-activate-static"]);
    bench.run(&["lock", "spec.toml"]);
    forget(bench.imgbuild.store());
    let digest = bench.build(&["--locked"]);
    let all = std::env::var_os("INJECT_EVERY").is_some();
    let (mut number, mut tried, mut failed) = (1, 0, 0);
    loop {
        forget(bench.imgbuild.store());
        forget(&bench.imgbuild.path("out"));
        let (any, outcome) = injected(&bench, calls, error, number);
        if !any {
            break;
        }
        tried += 1;
        let place = format!("{calls} {error} {number}: {outcome:?}");
        match outcome.code {
            Some(0) => {}
            // As every failure, with a message.
            Some(1) => {
                failed += 1;
                assert!(outcome.stderr.contains(" × ") || calls.contains("write"), "{place}");
            }
            // Not a file was written, but the counter by which tokio wakes itself, and it knows no error of that: it panics, and
            // a worker of its aborts, or is waited for without an end.
            Some(101) | None if outcome.stderr.contains("failed to wake I/O driver") => {}
            // The program was not started.
            Some(127) => assert!(outcome.stderr.contains("error while loading shared libraries"), "{place}"),
            _ => panic!("{place}"),
        }
        if bench.imgbuild.store().exists() {
            let verified = bench.imgbuild.run(["cache", "verify"]);
            assert_eq!(verified.code, Some(0), "{place}\n{verified:?}");
        }
        assert_eq!(bench.build(&["--locked"]), digest, "{place}");
        number = if all { number + 1 } else { number + 1 + number / 3 };
    }
    assert!(tried > 2, "{calls}: {tried}");
    (tried, failed)
}

#[test]
fn writing_fails() {
    let (tried, failed) = every("write,pwrite64,writev,ftruncate", "ENOSPC");
    eprintln!("{failed} of {tried} builds failed");
    assert!(failed > 0);
}

#[test]
fn renaming_and_linking_fails() {
    let (tried, failed) = every("rename,renameat,renameat2,link,linkat,unlink,unlinkat", "EIO");
    eprintln!("{failed} of {tried} builds failed");
    assert!(failed > 0);
}

#[test]
fn opening_fails() {
    let (tried, failed) = every("openat,openat2,open,mkdir,mkdirat", "EMFILE");
    eprintln!("{failed} of {tried} builds failed");
    assert!(failed > 0);
}

#[test]
fn reading_fails() {
    let (tried, failed) = every("read,pread64,getdents64,statx,flock", "EIO");
    eprintln!("{failed} of {tried} builds failed");
    assert!(failed > 0);
}

#[test]
fn a_thread_that_cannot_be_made() {
    let bench = Bench::new();
    bench.conda(&["odd-modes"]);
    let log = bench.imgbuild.path("strace.log");
    for number in 1..8 {
        let mut strace = Command::new("strace");
        strace.args(["--follow-forks", "--quiet=all", "--output"]).arg(&log);
        strace.arg(format!("--inject=clone,clone3:error=EAGAIN:when={number}+"));
        let program = bench.imgbuild.command(["build", "spec.toml", "--output", "out"]);
        strace.arg(program.get_program()).args(program.get_args());
        let outcome = capture(strace.current_dir(bench.imgbuild.folder()));
        assert_eq!(outcome.code, Some(1), "{number}: {outcome:?}");
        assert_eq!(
            outcome.stderr,
            "error: not enough threads can be made: Resource temporarily unavailable (os error 11)\n\
             hint: raise the limit of processes (`ulimit -u`, or that of the container)\n"
        );
    }
}

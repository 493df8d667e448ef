//! `cargo xtask test`: everything that must hold.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::channel::{self, ChannelError};
use crate::corpora::{self, CorporaError};
use crate::programs::{self, Lacking, Program};
use crate::scratch;
use crate::wheels::{self, WheelsError};

/// The programs that the tests drive, and the Debian packages that bring them. A test that needs one more adds it here.
const PROGRAMS: [Program; 31] = [
    ("buildah", "buildah"),
    ("busybox", "busybox-static"),
    ("chromium", "chromium"),
    ("containerd", "containerd"),
    ("crun", "crun"),
    ("ctr", "containerd"),
    ("curl", "curl"),
    ("docker", "docker.io"),
    ("docker-registry", "docker-registry"),
    ("dockerd", "docker.io"),
    ("git", "git"),
    ("ip", "iproute2"),
    ("kubectl", "kubernetes-client"),
    ("mmdebstrap", "mmdebstrap"),
    ("newuidmap", "uidmap"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("openssl", "openssl"),
    ("podman", "podman"),
    ("python3", "python3"),
    ("qemu-aarch64-static", "qemu-user-static"),
    ("rsync", "rsync"),
    ("sbatch", "slurm-client"),
    ("setcap", "libcap2-bin"),
    ("shellcheck", "shellcheck"),
    ("skopeo", "skopeo"),
    ("slurmctld", "slurmctld"),
    ("slurmd", "slurmd"),
    ("ssh", "openssh-client"),
    ("strace", "strace"),
    ("umoci", "umoci"),
];

/// cargo-deny's checks differ from version to version.
const DENY: &str = "0.20.2";

/// Why not everything holds.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TestError {
    /// A command failed; it has said why.
    #[error("`{0}` failed")]
    Failed(String),
    /// A program cannot be started, or a file not be read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The tests need programs.
    #[error("the tests cannot be run: {0}")]
    Lacking(#[from] Lacking),
    /// The tests need the channel.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The tests need other projects' archives.
    #[error(transparent)]
    Corpora(#[from] CorporaError),
    /// The tests need uv and wheels.
    #[error(transparent)]
    Wheels(#[from] WheelsError),
}

/// Runs everything, the quick checks first; stops at the first that fails.
pub(crate) fn run(workspace: &Path) -> Result<(), TestError> {
    step(command(workspace, "cargo", &["fmt", "--all", "--check"]))?;
    programs::ensure(&PROGRAMS)?;
    deny(workspace)?;
    // The tests of `tests/` drive the program itself. All targets are built at once, so that each dependency is built once.
    // What the tests need beside the program waits for single programs and for the network most of the time: it is made
    // meanwhile.
    std::thread::scope(|threads| {
        let needed = threads.spawn(|| needed(workspace));
        let built = step(compiling(workspace, &["build", "--locked", "--workspace", "--all-targets"]));
        let needed =
            needed.join().unwrap_or_else(|_| Err(TestError::Failed("what the tests need".to_owned())));
        built.and(needed)
    })?;
    step(compiling(workspace, &["test", "--locked", "--workspace", "--doc", "--quiet"]))?;
    let mut tests = match Command::new("cargo-nextest").arg("--version").stdout(Stdio::null()).status() {
        Ok(status) if status.success() => {
            let mut nextest = compiling(workspace, &["nextest", "run", "--locked", "--workspace"]);
            nextest.args(["--test-threads", &at_once().to_string()]);
            nextest
        }
        _ => compiling(workspace, &["test", "--locked", "--workspace", "--all-targets", "--no-fail-fast"]),
    };
    // The program was built a moment ago, beside this one. Building it alone would choose other features for what it is
    // made of, and compile all of that once more.
    tests.env("IMGBUILD_BIN", std::env::current_exe()?.with_file_name("imgbuild"));
    // Who says where has it there.
    let memory = if std::env::var_os("TMPDIR").is_none() { scratch::in_memory()? } else { None };
    tests.envs(memory.iter().map(|folder| ("TMPDIR", folder.path())));
    step(tests)
}

/// How many tests run at once: half as many again as there are cores, since most wait for servers, engines and the disk part of the time.
/// With one for each, two cores stood still for a third of a whole run.
fn at_once() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores + cores.div_ceil(2)
}

/// Makes the channel, and fetches what others have: whatever is there already stays.
fn needed(workspace: &Path) -> Result<(), TestError> {
    channel::run(workspace)?;
    corpora::run(workspace)?;
    Ok(wheels::run(workspace)?)
}

/// Checks what is linked: see `deny.toml`.
fn deny(workspace: &Path) -> Result<(), TestError> {
    let root = format!("target/tools/cargo-deny-{DENY}");
    let program = workspace.join(&root).join("bin/cargo-deny");
    if !program.is_file() {
        let mut install = command(workspace, "cargo", &["install", "--locked", "--root", &root]);
        install.args(["--version", DENY, "cargo-deny"]);
        // It runs for a second: what matters is how long it is compiled.
        for (setting, value) in [("OPT_LEVEL", "0"), ("LTO", "off"), ("DEBUG", "0"), ("CODEGEN_UNITS", "16")]
        {
            install.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
        }
        step(install)?;
    }
    let program = program.display().to_string();
    step(command(workspace, &program, &["--locked", "check", "licenses", "bans", "sources"]))?;
    // The advisories are a git repository of their own, which not every machine can reach.
    let mut fetch = command(workspace, &program, &["--locked", "fetch", "db"]);
    if fetch.stderr(Stdio::null()).status()?.success() {
        step(command(workspace, &program, &["--locked", "check", "--disable-fetch", "advisories"]))
    } else {
        eprintln!("xtask: the advisory database cannot be fetched here: advisories are not checked");
        Ok(())
    }
}

/// Clippy is a compiler that lints too. What it compiles is what is tested: `cargo clippy` would check every dependency once
/// more, and tests and lints would wait for two compilers.
const COMPILER: [(&str, &str); 2] = [
    ("RUSTC_WORKSPACE_WRAPPER", "clippy-driver"),
    // The form in which `cargo clippy -- --deny warnings` hands its words on.
    ("CLIPPY_ARGS", "--deny__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__"),
];

/// Cargo, where it compiles what is ours.
fn compiling(workspace: &Path, arguments: &[&str]) -> Command {
    let mut command = command(workspace, "cargo", arguments);
    command.envs(COMPILER);
    command
}

fn command(workspace: &Path, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace).stdin(Stdio::null());
    command
}

/// Runs a command, and says what it is and how long it took.
fn step(mut command: Command) -> Result<(), TestError> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let shown = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    eprintln!("xtask: {shown}");
    let start = Instant::now();
    let success = command.status()?.success();
    let seconds = start.elapsed().as_secs();
    if !success {
        return Err(TestError::Failed(shown));
    }
    eprintln!("xtask: done in {} min {:02} s", seconds / 60, seconds % 60);
    Ok(())
}

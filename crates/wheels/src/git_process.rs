//! A process of the machine's git: what it is told, and how much it may take and print.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread::{Builder, JoinHandle};

use imgbuild_secret::{Login, SecretUrl};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::git_error::GitError;
use crate::limits::{GIT_COMPLAINT, GIT_FILE, GIT_MEMORY, GIT_PRINTED};

/// How a repository may be reached.
pub(crate) const SCHEMES: [&str; 4] = ["https", "http", "ssh", "file"];

/// What could lead git to other places than those that it is told.
const PLACES: [&str; 17] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_TEMPLATE_DIR",
    "GIT_DEFAULT_HASH",
    "GIT_ATTR_SOURCE",
    "GIT_CONFIG",
    "GIT_EXTERNAL_DIFF",
];

/// Answers git's question for a login, out of variables.
const ANSWER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$IMGBUILD_GIT_USER" "$IMGBUILD_GIT_PASSWORD"; }; f"#;

/// Gives git the user and password of a URL for that server alone, by variables: everybody on a machine sees the arguments of
/// its processes. No other program that keeps credentials is asked, or told them.
pub(crate) fn give_login(url: &SecretUrl, command: &mut Command) -> Result<(), &'static str> {
    let Some(Login { user, password }) = url.login() else { return Ok(()) };
    if !matches!(url.whole().scheme(), "https" | "http") {
        return Ok(());
    }
    if user.chars().chain(password.chars()).any(char::is_control) {
        return Err("has a user or a password with control characters");
    }
    let mut server = url.without_login().public();
    server.set_path("");
    let key = format!("credential.{}.helper", server.as_str().trim_end_matches('/'));
    // There may be settings in variables already.
    let first = match std::env::var_os("GIT_CONFIG_COUNT") {
        Some(count) if !count.is_empty() => {
            let number = count.to_str().and_then(|count| count.parse::<usize>().ok());
            number.ok_or("needs a password, and `GIT_CONFIG_COUNT` of the environment is no number")?
        }
        _ => 0,
    };
    for (number, value) in ["", ANSWER].into_iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{}", first + number), &key);
        command.env(format!("GIT_CONFIG_VALUE_{}", first + number), value);
    }
    command.env("GIT_CONFIG_COUNT", (first + 2).to_string());
    command.env("IMGBUILD_GIT_USER", user).env("IMGBUILD_GIT_PASSWORD", password);
    Ok(())
}

/// Git in a bare repository, with nothing of this machine but its credentials.
pub(crate) fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    for variable in PLACES {
        command.env_remove(variable);
    }
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_REPLACE_OBJECTS", "1");
    // A repository may name others, and these reach no program of this machine.
    command.env("GIT_ALLOW_PROTOCOL", SCHEMES.join(":"));
    command.args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0"]);
    command.args(["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60"]);
    // Each thread has a cache of its own, and a machine may have many processors.
    command.args(["-c", "pack.threads=4"]);
    command.arg("--git-dir").arg(folder).stdin(Stdio::null());
    command
}

/// What a process of git printed, and how it ended.
pub(crate) struct GitOutput {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it gave.
    pub(crate) given: Vec<u8>,
    /// The beginning of what it complained of.
    pub(crate) complaint: String,
}

/// Runs git to its end.
///
/// # Errors
///
/// When there is no git, it cannot be run, or prints without end.
pub(crate) fn output(command: &mut Command) -> Result<GitOutput, GitError> {
    let mut process = Process::start(command)?;
    let mut given = Vec::new();
    if let Some(stdout) = process.child.stdout.take() {
        stdout.take(GIT_PRINTED + 1).read_to_end(&mut given).map_err(GitError::Start)?;
    }
    if given.len() as u64 > GIT_PRINTED {
        return Err(GitError::TooMuch);
    }
    let (status, complaint) = process.end()?;
    Ok(GitOutput { status, given, complaint })
}

/// A process of git that goes on while its output is read; it is ended with this.
pub(crate) struct Process {
    /// The process.
    pub(crate) child: Child,
    complaint: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts it, within the limits. Both of its outputs are pipes.
    ///
    /// # Errors
    ///
    /// When there is no git, or it cannot be started.
    pub(crate) fn start(command: &mut Command) -> Result<Self, GitError> {
        let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = started.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => GitError::Absent,
            _ => GitError::Start(error),
        })?;
        let mut process = Self { child, complaint: None };
        for (resource, most) in [(Resource::Data, GIT_MEMORY), (Resource::Fsize, GIT_FILE)] {
            limit(&process.child, resource, most).map_err(GitError::Start)?;
        }
        if let Some(stderr) = process.child.stderr.take() {
            let reader = Builder::new().spawn(|| beginning(stderr));
            process.complaint = Some(reader.map_err(GitError::Start)?);
        }
        Ok(process)
    }

    /// Waits for its end. What it prints must have been read.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub(crate) fn end(mut self) -> Result<(ExitStatus, String), GitError> {
        let status = self.child.wait().map_err(GitError::Start)?;
        let complaint = self.complaint.take().and_then(|reader| reader.join().ok());
        Ok((status, complaint.unwrap_or_default()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be in the middle of what nobody reads on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sets a limit for a process and those that it starts, unless there is a lower one.
fn limit(child: &Child, resource: Resource, most: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most));
    prlimit(Pid::from_child(child).into(), resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    Ok(())
}

/// The beginning of what a process complains of. The rest is read too, so that it can go on.
fn beginning(mut stderr: ChildStderr) -> String {
    let mut bytes = Vec::new();
    // What cannot be read is shown as far as it could.
    let _ = (&mut stderr).take(GIT_COMPLAINT).read_to_end(&mut bytes);
    let _ = io::copy(&mut stderr, &mut io::sink());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<GitOutput, GitError> {
        output(Command::new("sh").args(["-c", script]))
    }

    #[test]
    fn what_it_prints_has_an_end() {
        let printed = shell("echo given; echo complaint >&2; exit 3").unwrap();
        assert_eq!(
            (printed.status.code(), printed.given, printed.complaint.as_str()),
            (Some(3), b"given\n".to_vec(), "complaint\n")
        );
        assert!(matches!(shell("yes"), Err(GitError::TooMuch)));
        let printed = shell("yes | head --bytes 1000000 >&2; echo given").unwrap();
        assert_eq!((printed.given, printed.complaint.len() as u64), (b"given\n".to_vec(), GIT_COMPLAINT));
    }

    #[test]
    fn its_memory_and_its_files_have_limits_and_so_have_those_of_what_it_starts() {
        // The shell may be under way before the limit is set.
        let printed =
            shell("sleep 0.5; python3 -c 'bytearray(1 << 30)'; python3 -c 'bytearray(3 << 30)'").unwrap();
        assert_eq!(printed.complaint.lines().last(), Some("MemoryError"));
        assert_eq!(printed.complaint.matches("Traceback").count(), 1);
        let printed = shell("sleep 0.5; ulimit -d; ulimit -f").unwrap();
        assert_eq!(
            String::from_utf8(printed.given).unwrap(),
            format!("{}\n{}\n", GIT_MEMORY >> 10, GIT_FILE >> 9)
        );
    }
}

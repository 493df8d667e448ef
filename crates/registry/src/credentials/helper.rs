//! Programs that keep credentials (docker-credential-helpers): `docker-credential-NAME get`, with the registry on their standard
//! input.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::error::CredentialError;
use super::helper_name::HelperName;
use super::login::Login;
use super::place::{key, keys};
use crate::credential::Credential;
use crate::limits::{HELPER_LIMIT, HELPER_SAID_LIMIT};

/// What such a program says where it keeps nothing of a registry.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// The user that stands for none: the secret is an identity token.
const TOKEN_USER: &str = "<token>";

/// How programs are run.
#[derive(Debug, Clone)]
pub(crate) struct Helpers {
    /// The folders that they are looked for in.
    pub(crate) folders: Vec<PathBuf>,
    /// How long one may take.
    pub(crate) patience: Duration,
}

/// What a program that keeps a credential is given, and answers.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(rename = "ServerURL", default)]
    server: String,
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: String,
}

/// How a program ended.
struct Ended {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Helpers {
    /// What a program keeps of its registry.
    pub(crate) async fn get(&self, helper: &HelperName) -> Result<Option<Credential>, CredentialError> {
        for key in keys(&helper.host) {
            let ended = self.run(helper, "get", key.as_bytes()).await?;
            if !ended.status.success() {
                if ended.says_that_there_is_none() {
                    continue;
                }
                return Err(ended.failed(helper, "get"));
            }
            let kept: Kept = serde_json::from_slice(&ended.stdout)
                .map_err(|_| CredentialError::HelperAnswer(Box::new(helper.clone())))?;
            if !kept.secret.is_empty() {
                return Ok(Some(match kept.user.as_str() {
                    TOKEN_USER => Credential::IdentityToken(kept.secret),
                    _ => Credential::Basic { user: kept.user, password: kept.secret },
                }));
            }
        }
        Ok(None)
    }

    /// Gives a program a password to keep.
    pub(crate) async fn store(&self, helper: &HelperName, login: &Login) -> Result<(), CredentialError> {
        let (user, secret) = (login.user().to_owned(), login.password().to_owned());
        let kept = Kept { server: key(&helper.host), user, secret };
        let failed = |error| CredentialError::HelperIo(Box::new(helper.clone()), error);
        let input = serde_json::to_vec(&kept).map_err(|error| failed(error.into()))?;
        let ended = self.run(helper, "store", &input).await?;
        if ended.status.success() { Ok(()) } else { Err(ended.failed(helper, "store")) }
    }

    /// Has a program forget what it keeps of its registry. Whether it kept anything is what it says.
    pub(crate) async fn erase(&self, helper: &HelperName) -> Result<bool, CredentialError> {
        if self.get(helper).await?.is_none() {
            return Ok(false);
        }
        for key in keys(&helper.host) {
            let ended = self.run(helper, "erase", key.as_bytes()).await?;
            if !ended.status.success() && !ended.says_that_there_is_none() {
                return Err(ended.failed(helper, "erase"));
            }
        }
        Ok(true)
    }

    async fn run(
        &self,
        helper: &HelperName,
        action: &'static str,
        input: &[u8],
    ) -> Result<Ended, CredentialError> {
        let path = self.find(&helper.program);
        let path = path.ok_or_else(|| CredentialError::NoHelper(Box::new(helper.clone())))?;
        tracing::debug!("{} {action} for {}", helper.program, helper.host);
        let failed = |error| CredentialError::HelperIo(Box::new(helper.clone()), error);
        let mut child = started(&path, action).map_err(failed)?;
        let group = Group::of(&child);
        let ended = tokio::time::timeout(self.patience, spoken_to(&mut child, input)).await;
        let named = || Box::new(helper.clone());
        let seconds = self.patience.as_secs();
        let ended = ended.map_err(|_| CredentialError::HelperSlow { helper: named(), seconds })?;
        let ended = ended.map_err(failed)?.ok_or_else(|| CredentialError::HelperTooLarge(named()))?;
        group.forget();
        Ok(ended)
    }

    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        // A relative folder is whoever's the program works in.
        let folders = self.folders.iter().filter(|folder| folder.is_absolute());
        folders.map(|folder| folder.join(program)).find(|path| path.is_file())
    }
}

/// A program and all that it starts, which ends where it is no longer waited for.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// It has ended: its number may be another's.
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended in this moment.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}

fn started(path: &Path, action: &str) -> io::Result<Child> {
    let mut command = Command::new(path);
    command.arg(action).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true).spawn()
}

/// Gives a program its input and takes what it prints; nothing where that is too much.
async fn spoken_to(child: &mut Child, input: &[u8]) -> io::Result<Option<Ended>> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            match stdin.write_all(input).await {
                // It needs none.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                result => result?,
            }
        }
        Ok(())
    };
    let ((), stdout, stderr) = tokio::try_join!(write, all(stdout), all(stderr))?;
    let (Some(stdout), Some(stderr)) = (stdout, stderr) else { return Ok(None) };
    Ok(Some(Ended { status: child.wait().await?, stdout, stderr }))
}

async fn all(from: Option<impl AsyncRead + Unpin>) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(HELPER_LIMIT + 1).read_to_end(&mut bytes).await?;
    }
    Ok((bytes.len() as u64 <= HELPER_LIMIT).then_some(bytes))
}

impl Ended {
    fn says_that_there_is_none(&self) -> bool {
        [&self.stdout, &self.stderr].iter().any(|said| said.trim_ascii() == NOT_FOUND.as_bytes())
    }

    /// What it says when it fails stands on its standard output, and on the other one at times. What looks like an answer is not
    /// told.
    fn failed(&self, helper: &HelperName, action: &'static str) -> CredentialError {
        let said = [&self.stdout, &self.stderr].map(|it| String::from_utf8_lossy(it).trim().to_owned());
        let said = said.into_iter().find(|it| !it.is_empty() && !it.contains(['{', '}']));
        let said = said.and_then(|it| Some(it.lines().next()?.chars().take(HELPER_SAID_LIMIT).collect()));
        let ended = || match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("it ended with {code}"),
            (None, Some(signal)) => format!("signal {signal} ended it"),
            (None, None) => "it ended".to_owned(),
        };
        let said = said.unwrap_or_else(ended);
        CredentialError::HelperFailed { helper: Box::new(helper.clone()), action, said }
    }
}

#[cfg(test)]
mod tests;

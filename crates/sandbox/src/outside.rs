//! Starting the inside, and talking with it.

use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};

use crate::SandboxError;
use crate::channel::Channel;
use crate::ids::{Extent, Ids, Writer, text};
use crate::inside::Process;
use crate::wire::{Answer, Ask, Job, Setup};

/// A sandbox that was started. When this is dropped, everything in it has ended.
#[derive(Debug)]
pub(crate) struct RunningSandbox {
    channel: Channel,
    first: Child,
}

impl RunningSandbox {
    /// Starts the first process, and maps its ids.
    pub(crate) fn start(ids: &Ids, job: Job, descriptors: &[BorrowedFd<'_>]) -> Result<Self, SandboxError> {
        let (channel, theirs) = Channel::pair().map_err(SandboxError::step("make a socket"))?;
        let mut first = Process::First.start();
        let first = first.stdin(theirs).stdout(Stdio::null()).spawn();
        let first = first.map_err(SandboxError::step("start this program again"))?;
        let inside = Self { channel, first };
        let setup = Setup { job, root: ids.writer == Writer::Root, groups: ids.writer != Writer::Own };
        inside.channel.send_with(&setup, descriptors).map_err(|_| SandboxError::Lost)?;
        match inside.answer()? {
            (Answer::Unshared, _) => {}
            _ => return Err(SandboxError::Lost),
        }
        inside.map(ids)?;
        inside.ask(&Ask::Mapped)?;
        Ok(inside)
    }

    fn map(&self, ids: &Ids) -> Result<(), SandboxError> {
        let process = self.first.id();
        let write = |file: &str, content: &str| {
            fs::write(format!("/proc/{process}/{file}"), content).map_err(SandboxError::step("map ids"))
        };
        match ids.writer {
            Writer::Programs => {
                run_mapper("newuidmap", process, &ids.uids)?;
                run_mapper("newgidmap", process, &ids.gids)
            }
            writer => {
                if writer == Writer::Own {
                    // Who can give up groups may pass where a group is kept out: user_namespaces(7).
                    write("setgroups", "deny")?;
                }
                write("uid_map", &text(&ids.uids))?;
                write("gid_map", &text(&ids.gids))
            }
        }
    }

    pub(crate) fn ask(&self, ask: &Ask) -> Result<(), SandboxError> {
        self.ask_with(ask, &[])
    }

    /// Asks for something. Where the inside has given up, its answer says why: that is the better error.
    pub(crate) fn ask_with(&self, ask: &Ask, descriptors: &[BorrowedFd<'_>]) -> Result<(), SandboxError> {
        match self.channel.send_with(ask, descriptors) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.answer().err().unwrap_or(SandboxError::Lost)),
        }
    }

    /// The next answer; a failure is an error.
    pub(crate) fn answer(&self) -> Result<(Answer, Vec<OwnedFd>), SandboxError> {
        match self.channel.receive() {
            Ok(Some((Answer::Failed(failure), _))) => Err(failure.into()),
            Ok(Some(answer)) => Ok(answer),
            Ok(None) | Err(_) => Err(SandboxError::Lost),
        }
    }

    /// Waits until it says that it is done.
    pub(crate) fn done(&self) -> Result<(), SandboxError> {
        match self.answer()? {
            (Answer::Done, _) => Ok(()),
            _ => Err(SandboxError::Lost),
        }
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Ends everything in it.
    pub(crate) fn end(&mut self) {
        self.channel.close();
        // It has ended, or is about to.
        let _ = self.first.wait();
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        self.end();
    }
}

/// `newuidmap` and `newgidmap` may write what `/etc/subuid` and `/etc/subgid` allow.
fn run_mapper(name: &str, process: u32, map: &[Extent]) -> Result<(), SandboxError> {
    let mut command = Command::new(name);
    command.arg(process.to_string());
    for extent in map {
        command.args([extent.inside, extent.outside, extent.count].map(|number| number.to_string()));
    }
    let output = command.stdin(Stdio::null()).output().map_err(SandboxError::step("map ids"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(SandboxError::Step {
        step: "map ids".to_owned(),
        error: Some(io::Error::other(format!("{name}: {said}"))),
    })
}

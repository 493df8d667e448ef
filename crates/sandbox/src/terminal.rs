//! A terminal for the command: one of the sandbox's own, with this program between it and the user's.
//!
//! The user's terminal itself is not for the sandbox: what is typed into it by a program would be read by the user's
//! shell. And job control works only where the terminal is that of the session.

use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::PollFd;
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use crate::poll::add;
use crate::wire::Terminal;
use crate::{Command, Input, Output};

/// Whether a command gets a terminal: where it reads from one and prints to one.
pub(crate) fn of(command: &Command) -> Option<Terminal> {
    let inherited = matches!((&command.input, &command.output), (Input::Inherit, Output::Inherit));
    if !inherited || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return None;
    }
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(Terminal { rows: size.ws_row, columns: size.ws_col, error: io::stderr().is_terminal() })
}

/// Which of both ends have something to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends<T> {
    user: T,
    sandbox: T,
}

impl<T> Ends<T> {
    pub(crate) fn map<U>(self, map: impl Fn(T) -> U) -> Ends<U> {
        Ends { user: map(self.user), sandbox: map(self.sandbox) }
    }
}

/// Carries bytes between both terminals. When it is dropped, the user's is as it was.
#[derive(Debug)]
pub(crate) struct Relay {
    master: OwnedFd,
    before: Termios,
    /// Whether the user's end, or the sandbox's, has nothing more to say.
    closed: Ends<bool>,
    stdin: io::Stdin,
}

impl Relay {
    pub(crate) fn start(master: OwnedFd) -> io::Result<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        // The sandbox's end edits lines and makes signals, from here on.
        tcsetattr(&master, OptionalActions::Now, &before)?;
        tcsetattr(&stdin, OptionalActions::Drain, &raw)?;
        let relay = Self { master, before, closed: Ends { user: false, sandbox: false }, stdin };
        relay.resize();
        Ok(relay)
    }

    pub(crate) fn add<'fd>(&'fd self, wanted: &mut Vec<PollFd<'fd>>) -> Ends<Option<usize>> {
        let user = (!self.closed.user).then(|| add(wanted, &self.stdin));
        Ends { user, sandbox: (!self.closed.sandbox).then(|| add(wanted, &self.master)) }
    }

    pub(crate) fn serve(&mut self, ready: Ends<bool>) -> io::Result<()> {
        if ready.user {
            self.closed.user = !carry(io::stdin(), &self.master)?;
        }
        if ready.sandbox {
            self.closed.sandbox = !carry(&self.master, io::stdout())?;
        }
        Ok(())
    }

    /// Gives the sandbox's end the size of the user's.
    pub(crate) fn resize(&self) {
        if let Ok(Winsize { ws_row, ws_col, ws_xpixel, ws_ypixel }) = tcgetwinsize(io::stdout()) {
            let _ = tcsetwinsize(&self.master, Winsize { ws_row, ws_col, ws_xpixel, ws_ypixel });
        }
    }

    /// Prints what the sandbox still has to say, without waiting for more.
    pub(crate) fn finish(&mut self) {
        let _ = rustix::io::ioctl_fionbio(&self.master, true);
        while !self.closed.sandbox {
            self.closed.sandbox = !carry(&self.master, io::stdout()).unwrap_or(false);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// Carries some bytes; whether there may be more.
fn carry(from: impl AsFd, to: impl AsFd) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    let read = match rustix::io::read(&from, &mut buffer) {
        Err(Errno::INTR) => return Ok(true),
        // The kernel's word for a terminal whose other end is closed.
        Err(Errno::IO | Errno::AGAIN) | Ok(0) => return Ok(false),
        read => read?,
    };
    let mut rest = &buffer[..read];
    while !rest.is_empty() {
        match rustix::io::write(&to, rest) {
            Err(Errno::INTR) => {}
            Err(Errno::IO) => return Ok(false),
            written => rest = &rest[written?..],
        }
    }
    Ok(true)
}

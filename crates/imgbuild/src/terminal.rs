//! Asking whoever sits at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::output::say;
use crate::shown::cleaned;

/// The most bytes of an answer.
const ANSWER_LIMIT: u64 = 64 << 10;

/// Whether somebody can be asked.
pub(crate) fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a line.
///
/// # Errors
///
/// When it cannot be read, or nobody answers.
pub(crate) async fn ask(question: &str) -> io::Result<String> {
    say(&cleaned(question));
    line().await
}

/// Asks for a line that the terminal does not show.
///
/// # Errors
///
/// As [`ask`], and when the terminal cannot be made to keep it to itself.
pub(crate) async fn ask_in_silence(question: &str) -> io::Result<String> {
    // Whoever waits for Ctrl-C beside this comes to it first: unheard, it would leave the terminal silent.
    tokio::task::yield_now().await;
    let _silence = Silence::new()?;
    say(&cleaned(question));
    line().await
}

/// The terminal shows nothing of what is typed but the line's end, until this goes: also where the program is stopped.
struct Silence(Termios);

impl Silence {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Who has closed the terminal sees nothing on it.
        let _closed = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// A line of standard input. Whoever no longer waits for it leaves a thread that does.
async fn line() -> io::Result<String> {
    let read = || {
        let mut line = String::new();
        io::Read::take(io::stdin().lock(), ANSWER_LIMIT).read_line(&mut line)?;
        match line.strip_suffix('\n') {
            Some(text) => Ok(text.to_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

/// All of standard input, without the line's end that programs put behind it.
///
/// # Errors
///
/// When it cannot be read, is too much, or is no text.
pub(crate) async fn piped() -> io::Result<String> {
    let read = || {
        let mut text = String::new();
        io::Read::read_to_string(&mut io::Read::take(io::stdin().lock(), ANSWER_LIMIT + 1), &mut text)?;
        if text.len() as u64 > ANSWER_LIMIT {
            return Err(io::Error::other(format!("it has more than {ANSWER_LIMIT} bytes")));
        }
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

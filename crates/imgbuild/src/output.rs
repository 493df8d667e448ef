//! The two streams of the program. Whoever reads one may stop reading (`imgbuild … | head`): what was asked for is done all
//! the same, and nothing more is said.

use std::io::{self, Write};

/// Writes data to standard output.
///
/// # Errors
///
/// When it cannot be written for another reason than that nobody reads it.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes what is for people to standard error. Where that fails, there is nobody to tell it to.
pub(crate) fn say(text: &str) {
    let _unheard = io::stderr().lock().write_all(text.as_bytes());
}

//! Errors of ours that pass through code which knows the errors of `std::io` alone, or any.

use std::error::Error;
use std::fmt;
use std::io;

use miette::Diagnostic;

/// An error of ours as one of `std::io`. It says the same, and what to do is found in it again, wherever it stands below
/// another one.
pub fn io_error(kind: io::ErrorKind, error: impl Into<Box<dyn Diagnostic + Send + Sync>>) -> io::Error {
    io::Error::new(kind, Carrying(Carried(error.into())))
}

/// The error of ours that another one carries or that stands below it as one of `std::io` ([`io_error`]).
pub fn carried(error: &dyn Error) -> Option<&dyn Diagnostic> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(Carried(error)) = cause.downcast_ref() {
            return Some(error.as_ref());
        }
        source = cause.source();
    }
    None
}

/// What stands in an error of `std::io`. That one, and every transparent one around it, has the cause of what it holds for
/// its own: so what is looked for stands one further down. It says the same, so that nobody shows it twice.
#[derive(Debug)]
struct Carrying(Carried);

/// An error of ours, as it is found again among causes.
#[derive(Debug)]
struct Carried(Box<dyn Diagnostic + Send + Sync>);

impl fmt::Display for Carrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Carrying {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl Error for Carried {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

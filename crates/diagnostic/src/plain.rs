//! Errors of others among ours.

use std::error::Error;
use std::fmt;

use miette::Diagnostic;

/// An error that knows no hints, such as one of another library, where one is wanted that may have some.
pub fn plain(error: impl Into<Box<dyn Error + Send + Sync>>) -> Box<dyn Diagnostic + Send + Sync> {
    Box::new(Plain(error.into()))
}

#[derive(Debug)]
struct Plain(Box<dyn Error + Send + Sync>);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Plain {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Diagnostic for Plain {}

//! What errors say beside their messages, as data: what to do about them, and what they are about.
//!
//! A message says what happened. What to do is [`Diagnostic::help`], and an error passes on what the errors below it say by
//! [`Diagnostic::diagnostic_source`], or as a whole where it is transparent. Whoever shows an error gathers all of it here.

mod boxed;
mod hints;
mod io;
mod plain;
mod size;
mod subject;

pub use boxed::downcast;
pub use hints::{hint, hints, messages, told};
pub use io::{carried, io_error};
#[doc(hidden)]
pub use miette::Diagnostic;
pub use plain::plain;
pub use size::Size;
pub use subject::{Subject, Subjects};

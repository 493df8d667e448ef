//! What a person should know of a file that was read, and that stops nothing.

use std::fmt;

use crate::source::Origin;

/// Something that other tools take and that does not do here what it says, or does nothing.
#[derive(Debug, Clone)]
pub struct Note {
    message: String,
    origin: Origin,
}

impl Note {
    /// What is to be known, and where it is written.
    pub fn new(message: impl Into<String>, origin: Origin) -> Self {
        Self { message: message.into(), origin }
    }

    /// What is to be known.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it is written.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    fn place(&self) -> (&str, std::ops::Range<usize>) {
        (self.origin.file(), self.origin.span())
    }
}

/// Two notes are one where they say the same of the same place: each combination of a matrix finds it again.
impl PartialEq for Note {
    fn eq(&self, other: &Self) -> bool {
        self.message == other.message && self.place() == other.place()
    }
}

impl Eq for Note {}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}

/// Adds what is not yet known.
pub fn add(notes: &mut Vec<Note>, more: impl IntoIterator<Item = Note>) {
    for note in more {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
}

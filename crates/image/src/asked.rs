//! The lines of a spec that asked for what an error is about.

use std::collections::BTreeSet;

use imgbuild_diagnostic::{Subject, Subjects};
use imgbuild_document::{Origin, Snippet};

/// A line that asks for something.
pub struct Line<'a> {
    /// What errors call it.
    pub subjects: BTreeSet<Subject>,
    /// Where it is.
    pub origin: &'a Origin,
    /// What is said of it.
    pub message: &'static str,
    /// What stands at its caret.
    pub label: &'static str,
}

impl<'a> Line<'a> {
    /// A line that asks for one thing.
    pub fn new(subject: Subject, origin: &'a Origin, label: &'static str) -> Self {
        Self { subjects: BTreeSet::from([subject]), origin, message: "it was asked for here", label }
    }

    /// The same, of which something else is said.
    #[must_use]
    pub fn saying(self, message: &'static str) -> Self {
        Self { message, ..self }
    }
}

/// Those of some lines that an error is about, in their order.
pub fn asked<'a>(error: &dyn Subjects, lines: impl IntoIterator<Item = Line<'a>>) -> Vec<Snippet> {
    let subjects = error.subjects();
    let lines = lines.into_iter().filter(|line| !line.subjects.is_disjoint(&subjects));
    lines.map(|line| line.origin.snippet(line.message, line.label)).collect()
}

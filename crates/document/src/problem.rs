//! How it is told what is wrong with a file.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, SourceCode};

use crate::mistake::Mistake;
use crate::source::{Origin, Source};

/// A file that cannot be used: every mistake that was found in it, and in those that it names.
///
/// It renders through miette: file, line, column and caret for each mistake, and a hint of what to do.
#[derive(Debug)]
pub struct DocumentError {
    file: String,
    problems: Vec<Problem>,
    /// What stands for those that are not shown.
    more: Option<Box<Problem>>,
}

/// How many mistakes are shown: who has made more has made the same one often.
pub const MOST_SHOWN: usize = 20;

/// What stands for the mistakes that are not shown.
pub fn and_more(count: usize) -> String {
    format!("and {count} more mistakes, which are shown when those above are mended")
}

/// A mistake of any crate's.
trait Kind: Any + Error + Send + Sync {
    /// Whether another one is the same variant of the same type.
    fn is_like(&self, other: &dyn Kind) -> bool;
}

impl<M: Error + Send + Sync + 'static> Kind for M {
    fn is_like(&self, other: &dyn Kind) -> bool {
        let other: &dyn Any = other;
        let other = other.downcast_ref::<M>();
        other.is_some_and(|other| std::mem::discriminant(self) == std::mem::discriminant(other))
    }
}

/// One mistake, the place where it was made, and a hint.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{mistake}")]
pub struct Problem {
    mistake: Arc<dyn Kind>,
    hint: Option<String>,
    file: Option<Source>,
    labels: Vec<(String, Range<usize>)>,
}

impl DocumentError {
    /// `problems` is not empty where it is called; an empty one still makes a readable message.
    pub fn new(file: &str, problems: Vec<Problem>) -> Self {
        let more = problems.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0).map(|more| {
            let message = and_more(more);
            Box::new(Problem::new(Mistake::Value { message }))
        });
        Self { file: file.to_owned(), problems, more }
    }

    /// An error for each mistake.
    pub fn each(&self) -> impl Iterator<Item = Self> {
        self.problems.iter().map(|problem| Self::new(&self.file, vec![problem.clone()]))
    }

    /// The mistakes, in the order in which they were found. There is at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn single(&self) -> Option<&Problem> {
        match self.problems.as_slice() {
            [problem] => Some(problem),
            _ => None,
        }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.single() {
            Some(problem) => problem.fmt(f),
            None => write!(f, "`{}` has {} mistakes", self.file, self.problems.len()),
        }
    }
}

impl Error for DocumentError {}

impl Diagnostic for DocumentError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.single()?.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.single()?.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.single()?.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self.problems.as_slice() {
            [_] => None,
            problems => {
                let shown = problems.iter().take(MOST_SHOWN).chain(self.more.as_deref());
                Some(Box::new(shown.map(|problem| problem as &dyn Diagnostic)))
            }
        }
    }
}

impl Problem {
    /// A mistake, of the kinds that the caller's crate knows, and no place yet.
    pub fn new<M: Error + Send + Sync + 'static>(mistake: M) -> Self {
        Self { mistake: Arc::new(mistake), hint: None, file: None, labels: Vec::new() }
    }

    /// Adds the place. The first place is the one that the message names; all are in one file.
    pub fn at(mut self, source: &Source, span: Range<usize>, label: impl Into<String>) -> Self {
        self.file.get_or_insert_with(|| Source::clone(source));
        self.labels.push((label.into(), one_line(source.inner(), span)));
        self
    }

    /// Adds a hint of what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, where there is one; another hint stays.
    pub fn hint_if_any(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// What is wrong, where it is of this type.
    pub fn mistake<M: Error + Send + Sync + 'static>(&self) -> Option<&M> {
        let mistake: &dyn Any = &*self.mistake;
        mistake.downcast_ref()
    }

    /// Where it is wrong; nothing where the file itself cannot be read.
    pub fn origin(&self) -> Option<Origin> {
        let (_, span) = self.labels.first()?;
        Some(Origin::new(self.file.as_ref()?, span.clone(), ""))
    }

    /// The file, where all its places can be drawn.
    fn drawn(&self) -> Option<&Source> {
        self.file.as_ref().filter(|source| self.labels.iter().all(|(_, span)| source.is_drawn(span)))
    }

    /// Whether it tells of the same kind of mistake at the same place: what each combination of a matrix finds again.
    pub fn repeats(&self, other: &Self) -> bool {
        let place = |problem: &Self| {
            (
                problem.file.as_ref().map(|source| source.name().to_owned()),
                problem.labels.first().map(|label| label.1.clone()),
            )
        };
        // A template may say something else each time; the name of a key is none.
        let is_same = match (self.mistake(), other.mistake()) {
            (Some(Mistake::MissingKey { key }), Some(Mistake::MissingKey { key: other })) => key == other,
            // What it points to: a pointer to a mistake is one as well.
            _ => (*self.mistake).is_like(&*other.mistake),
        };
        is_same && place(self) == place(other)
    }
}

/// The part of a span that stands on its first line: a caret under forty lines shows nothing.
fn one_line(text: &str, span: Range<usize>) -> Range<usize> {
    let inside = text.get(span.clone()).unwrap_or_default();
    let line = inside.lines().next().unwrap_or_default().trim_end();
    span.start.min(text.len())..(span.start + line.len()).min(text.len())
}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let place = self.origin().filter(|_| self.drawn().is_none()).and_then(|origin| origin.in_words());
        match (&self.hint, place) {
            (Some(hint), Some(place)) => Some(Box::new(format!("{hint}; {place}"))),
            (Some(hint), None) => Some(Box::new(hint)),
            (None, place) => place.map(|place| Box::new(place) as Box<dyn fmt::Display>),
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.drawn().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.labels.is_empty() || self.drawn().is_none() {
            return None;
        }
        let label = |(text, span): &(String, Range<usize>)| {
            LabeledSpan::new_with_span(Some(text.clone()), span.clone())
        };
        Some(Box::new(self.labels.iter().map(label)))
    }
}

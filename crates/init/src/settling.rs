//! What a draft says wrongly is left out of it: a first spec is a right one.

use std::collections::BTreeMap;
use std::ops::Range;

use imgbuild_diagnostic::hints;
use miette::{Diagnostic, Severity};

use crate::draft::{Draft, Entry, Item, LeftOut};
use crate::limits::MOST_CHECKS;
use crate::secrets::without_secrets;
use crate::text::{Written, write};

/// Says what is wrong with a spec's text, as `imgbuild check` would.
pub type Check<'a> = dyn Fn(&str) -> Result<(), Box<dyn Diagnostic + Send + Sync>> + 'a;

/// A first spec.
#[derive(Debug, Clone)]
pub struct FirstSpec {
    /// Its text.
    pub text: String,
    /// What of the file that it was made from is not in it.
    pub left_out: Vec<LeftOut>,
}

/// A mistake: what is said of it, and where it is in which file.
struct Mistake {
    message: String,
    file: String,
    span: Range<usize>,
}

impl Draft {
    /// The spec that a draft makes, without what `check` refuses: that is told as left out. `name` is what `check` calls the
    /// spec.
    ///
    /// # Errors
    ///
    /// When that is what the draft was made for, such as a file that is itself wrong.
    pub fn settle(
        mut self,
        name: &str,
        check: &Check<'_>,
    ) -> Result<FirstSpec, Box<dyn Diagnostic + Send + Sync>> {
        for _ in 0..MOST_CHECKS {
            let written = write(&self);
            let Err(error) = check(&written.text) else { break };
            let mut mistakes = Vec::new();
            gather(error.as_ref(), "", &mut mistakes);
            let mut wrong: BTreeMap<usize, String> = BTreeMap::new();
            for mistake in mistakes {
                if let Some(index) = entry(&self.entries, &written, name, &mistake) {
                    wrong.entry(index).or_insert(mistake.message);
                }
            }
            if wrong.keys().any(|index| self.entries[*index].is_essential) {
                return Err(error);
            }
            // What is wrong with this machine is no matter of the spec.
            if wrong.is_empty() {
                break;
            }
            for (index, reason) in wrong.into_iter().rev() {
                let entry = self.entries.remove(index);
                let what = without_secrets(&said(&entry), &[]);
                self.leave_out(&entry.place, what, reason);
            }
        }
        let text = write(&self).text;
        Ok(FirstSpec { text, left_out: self.left_out })
    }
}

/// The mistakes of an error, each with the place that it is about.
fn gather(error: &dyn Diagnostic, above: &str, found: &mut Vec<Mistake>) {
    // What only shows the line that asked has no message of its own.
    let message = match error.severity() {
        Some(Severity::Advice) if !above.is_empty() => above.to_owned(),
        _ => said_of(error),
    };
    let label = error.labels().and_then(|mut labels| labels.next());
    if let (Some(label), Some(source)) = (label, error.source_code()) {
        let file = source.read_span(label.inner(), 0, 0).ok().and_then(|it| it.name().map(str::to_owned));
        let span = label.offset()..label.offset() + label.len();
        found.push(Mistake { message: message.clone(), file: file.unwrap_or_default(), span });
    }
    error.related().into_iter().flatten().for_each(|related| gather(related, &message, found));
    if let Some(below) = error.diagnostic_source() {
        gather(below, &message, found);
    }
}

/// What is said of an error, with its causes, and the first thing to do.
fn said_of(error: &dyn Diagnostic) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !message.contains(&said) {
            message = format!("{message}: {said}");
        }
        source = cause.source();
    }
    hints(error).into_iter().take(1).fold(message, |message, hint| format!("{message}; {hint}"))
}

/// The entry that a mistake is about: the one that stands there, or that names the file in which it is.
fn entry(entries: &[Entry], written: &Written, name: &str, mistake: &Mistake) -> Option<usize> {
    if mistake.file == name {
        let ends_behind = |(_, place): &&(usize, Range<usize>)| place.end > mistake.span.start;
        return written.places.iter().find(ends_behind).or(written.places.last()).map(|(index, _)| *index);
    }
    let file = mistake.file.rsplit('/').next().filter(|file| !file.is_empty())?;
    let names = |entry: &Entry| match &entry.item {
        Item::Value(text) | Item::Element(text) => text.contains(file),
        Item::Named(..) | Item::Table(_) => false,
    };
    entries.iter().position(names)
}

/// What an entry says, for people.
fn said(entry: &Entry) -> String {
    let key = entry.key;
    match &entry.item {
        Item::Value(value) | Item::Element(value) => format!("`{key}`: {value}"),
        Item::Named(name, value) => format!("`{key}`: {name} = {value}"),
        Item::Table(keys) => {
            let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            format!("`[[{key}]]`: {}", keys.join(", "))
        }
    }
}

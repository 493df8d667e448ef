//! Where a value was written: kept to the end, so that any later error can point at the line that asked.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    Diagnostic, LabeledSpan, MietteError, NamedSource, Severity, SourceCode, SourceSpan, SpanContents,
};

use crate::limits::LONGEST_LINE;

/// A file that was read.
pub type Source = Arc<SourceFile>;

/// A file's text, with the name that messages call it by. What a message shows of it holds no user and no password.
pub struct SourceFile {
    /// The text as it is, where what is shown differs.
    whole: Option<String>,
    shown: NamedSource<String>,
}

/// Makes a source of a file's text.
pub fn source(name: &str, text: String) -> Source {
    let language = match name.rsplit('.').next() {
        Some("toml") => "toml",
        Some("yml" | "yaml") => "yaml",
        _ => "text",
    };
    let hidden = visible(&imgbuild_secret::masked(&text));
    let (whole, shown) = if hidden == text { (None, text) } else { (Some(text), hidden) };
    Arc::new(SourceFile { whole, shown: NamedSource::new(name, shown).with_language(language) })
}

/// A text in which nothing is obeyed by a terminal: other characters as long stand in the place of such.
fn visible(text: &str) -> String {
    let harmless = |it: char| match it {
        '\n' | '\t' | '\r' => it,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{25a1}',
        _ if it.is_ascii_control() => '?',
        _ if it.is_control() => '\u{bf}',
        _ => it,
    };
    text.chars().map(harmless).collect()
}

impl SourceFile {
    /// The name that messages call it by.
    pub fn name(&self) -> &str {
        self.shown.name()
    }

    /// Whether the lines around a span can be drawn.
    pub(crate) fn is_drawn(&self, span: &Range<usize>) -> bool {
        let text = self.shown.inner();
        let before = text.get(..span.start).unwrap_or_default();
        let after = text.get(span.end..).unwrap_or_default();
        let start = before.rmatch_indices('\n').nth(1).map_or(0, |(at, _)| at);
        let end = after.match_indices('\n').nth(1).map_or(text.len(), |(at, _)| span.end + at);
        let lines = text.get(start..end).unwrap_or_default();
        lines.split('\n').all(|line| line.len() <= LONGEST_LINE)
    }

    /// The text as it is: not to be shown.
    pub fn inner(&self) -> &str {
        self.whole.as_deref().unwrap_or(self.shown.inner())
    }
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl SourceCode for SourceFile {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        self.shown.read_span(span, before, after)
    }
}

/// The place in a file where something was asked for.
#[derive(Clone)]
pub struct Origin {
    source: Source,
    span: Range<usize>,
    key: String,
}

impl Origin {
    /// The bytes `span` of a file, which are the value of `key`.
    pub fn new(source: &Source, span: Range<usize>, key: impl Into<String>) -> Self {
        Self { source: Arc::clone(source), span, key: key.into() }
    }

    /// The file, as messages call it.
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.before().matches('\n').count() + 1
    }

    /// The column in characters, counted from 1.
    pub fn column(&self) -> usize {
        self.before().chars().rev().take_while(|character| *character != '\n').count() + 1
    }

    /// The key, for example `conda.packages[1]`, or `dependencies[2]` in an environment file.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is written there: it may hold a user and a password.
    pub fn text(&self) -> &str {
        self.source.inner().get(self.span.clone()).unwrap_or_default()
    }

    /// The place as a diagnostic that shows the line, with `label` at its caret.
    ///
    /// It is meant for [`Diagnostic::related`], or as the whole of a message of another crate.
    pub fn snippet(&self, message: impl Into<String>, label: impl Into<String>) -> Snippet {
        Snippet { origin: self.clone(), message: message.into(), label: label.into() }
    }

    /// The file's text, for a diagnostic's `source_code`, where its lines can be drawn.
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.is_drawn(&self.span).then_some(&self.source as &dyn SourceCode)
    }

    /// Where it is, in words, where its lines cannot be drawn.
    pub(crate) fn in_words(&self) -> Option<String> {
        let (line, column, file) = (self.line(), self.column(), self.file());
        let words =
            || format!("it is in line {line}, column {column} of `{file}`, which is too long to be shown");
        (!self.source.is_drawn(&self.span)).then(words)
    }

    /// The place as a label, for a diagnostic's `labels`.
    fn labelled(&self, label: impl Into<String>) -> LabeledSpan {
        LabeledSpan::new_with_span(Some(label.into()), self.span.clone())
    }

    /// The file.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The bytes of the file.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    fn before(&self) -> &str {
        self.source.inner().get(..self.span.start).unwrap_or_default()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file(), self.line())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{} {}", self.file(), self.line(), self.column(), self.key)
    }
}

/// A message with the line that it is about.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Snippet {
    origin: Origin,
    message: String,
    label: String,
}

impl Snippet {
    /// The line.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Diagnostic for Snippet {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.origin.in_words().map(|words| Box::new(words) as Box<dyn fmt::Display>)
    }

    /// It is no error of its own, but where one comes from.
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.origin.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(self.origin.labelled(&self.label))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_counted_from_one_in_characters() {
        let source = source("spec.toml", "name = \"a\"\n# é\nké = 1\n".to_owned());
        let start = source.inner().find("= 1").unwrap();
        let origin = Origin::new(&source, start..start + 3, "ké");
        assert_eq!((origin.line(), origin.column(), origin.text()), (3, 4, "= 1"));
        assert_eq!(origin.to_string(), "spec.toml:3");
    }

    #[test]
    fn a_message_shows_no_password_and_every_place_stays() {
        let text = "[conda]\nchannels = [\"https://me:s3cret@c.example/é\", \"x\"]\n";
        let source = source("spec.toml", text.to_owned());
        assert_eq!(source.inner(), text);
        let start = text.find("\"x\"").unwrap();
        let origin = Origin::new(&source, start..start + 3, "channels[1]");
        assert_eq!((origin.text(), origin.column()), ("\"x\"", 46));
        let shown = source.read_span(&(0..text.len()).into(), 0, 0).unwrap();
        let shown = String::from_utf8(shown.data().to_vec()).unwrap();
        assert_eq!(shown, text.replace("me:s3cret", "*********"));
        assert!(!format!("{origin:?} {source:?}").contains("s3cret"));
    }
}

//! What serde reports, kept as data until it is known which file it is about.

use std::fmt;
use std::ops::Range;

use serde::de::{self, Expected, Unexpected};

use crate::decode::Requires;
use crate::mistake::Mistake;
use crate::problem::Problem;
use crate::source::Source;
use crate::suggest;
use crate::tree::{Entry, Value};
use crate::value::ValueError;

/// A mistake in one file, with its place once that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodeError {
    fault: Fault,
    hint: Option<String>,
    place: Option<(Range<usize>, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fault {
    UnknownKey,
    MissingKey(Box<MissingKey>),
    WrongType { expected: String, found: String },
    UnknownValue(String),
    Value(String),
}

/// A key that must be there and is not.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MissingKey {
    name: String,
    /// The name of the table's type, where it is known.
    table: &'static str,
    /// Every key that the table may have and has not.
    absent: Vec<&'static str>,
}

impl MissingKey {
    fn new(name: &str) -> Box<Self> {
        Box::new(Self { name: name.to_owned(), table: "", absent: Vec::new() })
    }
}

impl DecodeError {
    pub(super) fn new(fault: Fault) -> Self {
        Self { fault, hint: None, place: None }
    }

    /// Says what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Where it is, and the key that the value belongs to.
    pub fn place(&self) -> Option<(&Range<usize>, &str)> {
        self.place.as_ref().map(|(span, path)| (span, path.as_str()))
    }

    /// The key that must be there and is not.
    pub(super) fn missing(&self) -> Option<&str> {
        match &self.fault {
            Fault::MissingKey(missing) => Some(&missing.name),
            _ => None,
        }
    }

    /// Says of which table a key is missing: its type, the keys that it may have, and what it has.
    pub(super) fn in_table(
        mut self,
        table: &'static str,
        keys: &'static [&'static str],
        entries: &[Entry],
    ) -> Self {
        if let (None, Fault::MissingKey(missing)) = (&self.place, &mut self.fault) {
            let is_absent = |key: &&'static str| !entries.iter().any(|entry| entry.name() == *key);
            missing.table = table;
            missing.absent = keys.iter().copied().filter(is_absent).collect();
        }
        self
    }

    /// The other keys that the same table must have and has not.
    pub(super) fn others_missing(&self, requires: Requires) -> Vec<Self> {
        let Fault::MissingKey(missing) = &self.fault else { return Vec::new() };
        let others = missing.absent.iter().filter(|key| **key != missing.name);
        let others = others.filter(|key| requires(missing.table, key));
        let other = |key: &&str| Self { fault: Fault::MissingKey(MissingKey::new(key)), ..self.clone() };
        others.map(other).collect()
    }

    /// Whether it is a key that nobody knows.
    pub fn is_unknown_key(&self) -> bool {
        matches!(self.fault, Fault::UnknownKey)
    }

    /// Sets the place, unless a nearer one is known already.
    pub(super) fn at(mut self, span: Range<usize>, path: &str) -> Self {
        self.place.get_or_insert_with(|| (span, path.to_owned()));
        self
    }

    pub(super) fn invalid_type(found: &str, expected: &dyn Expected) -> Self {
        let expected = plain(&expected.to_string()).to_owned();
        Self::new(Fault::WrongType { expected, found: found.to_owned() })
    }

    /// For a value whose long form is a table: what was expected is that as well.
    pub(super) fn or_a_table(mut self) -> Self {
        if let (None, Fault::WrongType { expected, .. }) = (&self.place, &mut self.fault) {
            *expected =
                format!("{expected} or a table").replace("a string or a number or", "a string, a number or");
        }
        self
    }

    /// The mistake as it is told; `label` stands at the caret.
    pub fn problem(self, source: &Source, label: impl Fn(&Range<usize>) -> String) -> Problem {
        let (span, key) = self.place.unwrap_or((0..0, String::new()));
        let mistake = match self.fault {
            Fault::UnknownKey => Mistake::UnknownKey { key },
            Fault::MissingKey(missing) if key.is_empty() => Mistake::MissingKey { key: missing.name },
            Fault::MissingKey(missing) => Mistake::MissingKey { key: format!("{key}.{}", missing.name) },
            Fault::WrongType { found, .. } if key.is_empty() => {
                Mistake::Value { message: format!("the file must hold a table, but holds {found}") }
            }
            Fault::WrongType { expected, found } => Mistake::WrongType { key, expected, found },
            Fault::UnknownValue(value) => Mistake::UnknownValue { key, value },
            Fault::Value(message) => Mistake::Value { message },
        };
        let label = label(&span);
        Problem::new(mistake).at(source, span, label).hint_if_any(self.hint)
    }
}

impl de::Error for DecodeError {
    /// Checked values send their message and hint as one text.
    fn custom<T: fmt::Display>(message: T) -> Self {
        let error = ValueError::read(&message.to_string());
        Self { hint: error.help().map(str::to_owned), ..Self::new(Fault::Value(error.to_string())) }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(_) => "a boolean",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
            Unexpected::Float(_) => "a float",
            Unexpected::Str(_) => "a string",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a table",
            Unexpected::Unit => "nothing",
            _ => "something else",
        };
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let known: Vec<String> = expected.iter().map(|&word| word.to_owned()).collect();
        let hint = suggest::for_value(variant, &known);
        Self::new(Fault::UnknownValue(variant.to_owned())).hint(hint)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Fault::MissingKey(MissingKey::new(field)))
    }
}

/// What messages call the type of a value.
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Boolean(_) => "a boolean",
        Value::Integer { .. } => "an integer",
        Value::Float { .. } => "a float",
        Value::Date { .. } => "a date",
        Value::Text(_) => "a string",
        Value::List(_) => "a list",
        Value::Table(_) => "a table",
        Value::Unreadable => "something unreadable",
    }
}

/// serde's and Rust's words for types, in those of TOML.
fn plain(expected: &str) -> &str {
    match expected {
        "a sequence" => "a list",
        "a map" => "a table",
        "u8" | "u16" | "u32" | "u64" | "i64" => "a whole number",
        text if text.starts_with("struct ") => "a table",
        text => text,
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.fault)
    }
}

impl std::error::Error for DecodeError {}

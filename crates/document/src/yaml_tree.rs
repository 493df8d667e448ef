//! YAML into the tree.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, MessageFormatter as _, Spanned, UserMessageFormatter};

use crate::limits::MOST_NESTED;
use crate::mistake::Mistake;
use crate::problem::Problem;
use crate::source::Source;
use crate::tree::{Entry, Node, Value};

/// Reads a YAML document. Anchors, merge keys and sizes are bounded by the parser's own budget.
pub fn read(source: &Source) -> Result<Node, Problem> {
    let text = source.inner();
    // Locks have a value for every twenty bytes or so. What aliases copy stays bounded as it is.
    let budget = serde_saphyr::budget! {
        max_depth: MOST_NESTED,
        max_nodes: (text.len() / 8).max(250_000),
        max_events: (text.len() / 4).max(1_000_000),
    };
    // Words like `on` and `y` are text, as in YAML 1.2, by which conda and its like read their files.
    let options = serde_saphyr::options! { budget: budget, strict_booleans: true };
    match serde_saphyr::from_str_with_options::<Spanned<Yaml>>(text, options) {
        Ok(root) => Ok(node(text, root)),
        Err(error) => {
            // Without the parser's own snippet and position: the caret shows the place.
            let error = error.without_snippet();
            let message = match error {
                serde_saphyr::Error::Budget { .. } => format!(
                    "its lists and tables stand more than {MOST_NESTED} deep in each other, or have more values than any such file"
                ),
                error => UserMessageFormatter.format_message(error).into_owned(),
            };
            let span = error.location().map_or(0..0, |location| span(text, location));
            Err(Problem::new(Mistake::Yaml { message }).at(source, span, "here"))
        }
    }
}

/// A value as the YAML parser hands it over.
enum Yaml {
    Null,
    Boolean(bool),
    Integer(Option<i64>),
    Float,
    Text(String),
    List(Vec<Spanned<Yaml>>),
    Table(Vec<(Spanned<Yaml>, Spanned<Yaml>)>),
}

fn node(text: &str, yaml: Spanned<Yaml>) -> Node {
    let span = span(text, yaml.defined);
    let literal = || text.get(span.clone()).unwrap_or_default().trim().to_owned();
    let value = match yaml.value {
        Yaml::Null => Value::Null,
        Yaml::Boolean(boolean) => Value::Boolean(boolean),
        Yaml::Integer(value) => Value::Integer { literal: literal(), value },
        Yaml::Float => Value::Float { literal: literal() },
        Yaml::Text(text) => Value::Text(text),
        Yaml::List(items) => Value::List(items.into_iter().map(|item| node(text, item)).collect()),
        Yaml::Table(entries) => Value::Table(
            entries
                .into_iter()
                .map(|(key, value)| Entry { key: node(text, key), value: node(text, value) })
                .collect(),
        ),
    };
    Node { span, value }
}

/// The bytes of a location, clamped to the text and to the line where a block's end is far away.
fn span(text: &str, location: Location) -> Range<usize> {
    let (Some(start), Some(length)) = (location.span().byte_offset(), location.span().byte_len()) else {
        return at_line(text, location);
    };
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(usize::try_from(start).unwrap_or(usize::MAX));
    let end = floor(start.saturating_add(usize::try_from(length).unwrap_or(0)));
    start..end.max(start)
}

/// Syntax errors know line and column only.
fn at_line(text: &str, location: Location) -> Range<usize> {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
    let before = text.split_inclusive('\n').take(number(location.line()));
    let start: usize = before.map(str::len).sum();
    let line = text[start..].split_inclusive('\n').next().unwrap_or_default().trim_end();
    let mut characters = line.char_indices().skip(number(location.column()));
    let (at, length) =
        characters.next().map_or((line.len(), 0), |(at, character)| (at, character.len_utf8()));
    start + at..start + at + length
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Yaml, E> {
        Ok(Yaml::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Yaml, E> {
        Ok(Yaml::Integer(Some(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Yaml, E> {
        Ok(Yaml::Integer(i64::try_from(value).ok()))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Yaml, E> {
        Ok(Yaml::Integer(None))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Yaml, E> {
        Ok(Yaml::Integer(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Yaml, E> {
        Ok(Yaml::Float)
    }

    fn visit_str<E>(self, value: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Yaml, E> {
        Ok(Yaml::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Yaml, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Yaml::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Yaml, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Yaml::Table(entries))
    }
}

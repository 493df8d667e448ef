//! The tree into types, through serde.
//!
//! The types derive `Deserialize`, so the schema and the reader come from one definition. This deserializer adds
//! what serde lacks: where each value stands ([`Located`]), numbers as they were written ([`Literal`]), unknown
//! keys that are all told at once, and the short form of a table.

mod access;
mod error;
mod marker;
mod readable;

use std::borrow::Cow;
use std::cell::RefCell;

use serde::de::value::StrDeserializer;
use serde::de::{self, Deserialize, DeserializeOwned, IntoDeserializer as _, Visitor};

pub use error::{DecodeError, type_of};
pub use marker::{Literal, Located};
pub use readable::unreadable;

use crate::limits::MOST_READINGS;
use crate::tree::{Node, Value};

/// Reads a `T` out of a node; every mistake that was found, when there is one.
pub fn decode<T: DeserializeOwned>(node: &Node, path: &str) -> Result<T, Vec<DecodeError>> {
    match decode_readable(node, path) {
        (Some(value), errors) if errors.is_empty() => Ok(value),
        (_, errors) => Err(errors),
    }
}

/// Whether a table, by the name of its type, must have a key. serde names the first one alone that is missing.
pub type Requires = fn(&str, &str) -> bool;

/// Reads a `T` out of what can be read of a node, and every mistake in it, in the order of the file. There is no value
/// where the node itself is not what a `T` is read from.
pub fn decode_readable<T: DeserializeOwned>(node: &Node, path: &str) -> (Option<T>, Vec<DecodeError>) {
    decode_required(node, path, |_, _| false)
}

/// The same, which tells of every key of `requires` that a table lacks.
///
/// serde ends at the first value that it cannot read. So that value is left out, and the rest is read again.
pub fn decode_required<T: DeserializeOwned>(
    node: &Node,
    path: &str,
    requires: Requires,
) -> (Option<T>, Vec<DecodeError>) {
    let mut readable = Cow::Borrowed(node);
    let mut errors: Vec<DecodeError> = Vec::new();
    let mut value = None;
    for _ in 0..MOST_READINGS {
        let found = RefCell::new(Vec::new());
        let decoder = Decoder { node: &readable, path: path.to_owned(), found: &found };
        let result = T::deserialize(decoder).map_err(|error| error.at(node.span.clone(), path));
        for error in found.into_inner() {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        let error = match result {
            Ok(read) => {
                value = Some(read);
                break;
            }
            Err(error) => error,
        };
        let left_out = readable::leave_out(readable.to_mut(), path, &error);
        let others = error.others_missing(requires);
        if !left_out.follows {
            errors.push(error);
        }
        errors.extend(others);
        if !left_out.more {
            break;
        }
    }
    errors.sort_by_key(|error| error.place().map(|(span, _)| span.start));
    (value, errors)
}

/// Hands one node to serde.
#[derive(Clone)]
struct Decoder<'a> {
    node: &'a Node,
    path: String,
    found: &'a RefCell<Vec<DecodeError>>,
}

impl<'a> Decoder<'a> {
    fn child(&self, node: &'a Node, path: String) -> Self {
        Self { node, path, found: self.found }
    }

    /// The decoder of the value of `key`, with the path that messages call it by.
    fn member(&self, key: &str, node: &'a Node) -> Self {
        self.child(node, readable::member(&self.path, key))
    }

    fn element(&self, index: usize, node: &'a Node) -> Self {
        self.child(node, format!("{}[{index}]", self.path))
    }

    fn read<'de, S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, DecodeError> {
        let (span, path) = (self.node.span.clone(), self.path.clone());
        seed.deserialize(self).map_err(|error| error.at(span, &path))
    }
}

impl<'de> de::Deserializer<'de> for Decoder<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Boolean(boolean) => visitor.visit_bool(*boolean),
            Value::Integer { value: Some(value), .. } => visitor.visit_i64(*value),
            Value::Integer { value: None, .. } => {
                Err(DecodeError::invalid_type("an integer of that size", &visitor))
            }
            Value::Float { .. } => Err(DecodeError::invalid_type("a float", &visitor)),
            Value::Date { .. } => Err(DecodeError::invalid_type("a date", &visitor)),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(access::List::new(&self, items)),
            Value::Table(entries) => visitor.visit_map(access::Table::new(&self, entries, None)),
            Value::Unreadable => Err(DecodeError::invalid_type(error::type_of(&self.node.value), &visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match name {
            marker::LOCATED => visitor.visit_seq(access::Place::new(self)),
            marker::LITERAL => match &self.node.value {
                Value::Text(text) => visitor.visit_str(text),
                Value::Integer { literal, .. } | Value::Float { literal } | Value::Date { literal } => {
                    visitor.visit_str(literal)
                }
                _ => self.deserialize_any(visitor),
            },
            _ => visitor.visit_newtype_struct(self),
        }
    }

    /// Unknown keys are noted and passed over, so that one run tells all of them.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            // Else serde would take a list's items for the fields.
            Value::List(_) => Err(DecodeError::invalid_type("a list", &visitor)),
            Value::Table(entries) if name == marker::OPEN => {
                visitor.visit_map(access::Table::new(&self, entries, None))
            }
            Value::Table(entries) => visitor
                .visit_map(access::Table::new(&self, entries, Some(fields)))
                .map_err(|error| error.in_table(name, fields, entries)),
            _ => self.deserialize_any(visitor),
        }
    }

    /// An enumeration is a word, or, with the variants `short` and `table`, one value that stands for a table.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if variants == ["short", "table"] {
            return visitor.visit_enum(access::ShortOrTable(self));
        }
        match &self.node.value {
            Value::Text(text) => {
                let word: StrDeserializer<'_, DecodeError> = text.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            value => Err(DecodeError::invalid_type(error::type_of(value), &"a string")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier
    }
}

/// A value that is read as it is, without the tree around it.
impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(marker::LITERAL, marker::LiteralVisitor)
    }
}

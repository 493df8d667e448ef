//! What TOML and YAML have in common: values with the place where each stands.
//!
//! Both files are read into this one tree, so that one decoder, and one kind of message, serves both.

use std::ops::Range;

/// A value and the bytes of the file that it stands in.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The bytes of the file.
    pub span: Range<usize>,
    /// The value.
    pub value: Value,
}

/// A value. Numbers and dates keep the text they were written as: `3.10` is not `3.1`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, as YAML has it.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer {
        /// As it was written.
        literal: String,
        /// Its value; nothing where that is too large.
        value: Option<i64>,
    },
    /// Any other number.
    Float {
        /// As it was written.
        literal: String,
    },
    /// A date or a time.
    Date {
        /// As it was written.
        literal: String,
    },
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A table.
    Table(Vec<Entry>),
    /// What cannot be read: a mistake has been told of it, and whoever reads the rest passes it over.
    Unreadable,
}

/// A key of a table, itself a node of text, and what it is set to.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Node,
    /// What it is set to.
    pub value: Node,
}

impl Node {
    /// The value of `key`, where this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Value::Table(entries) = &self.value else { return None };
        entries.iter().find(|entry| entry.name() == key).map(|entry| &entry.value)
    }
}

impl Entry {
    /// The key's text.
    pub fn name(&self) -> &str {
        match &self.key.value {
            Value::Text(text) => text,
            Value::Integer { literal, .. } | Value::Float { literal } | Value::Date { literal } => literal,
            _ => "",
        }
    }
}

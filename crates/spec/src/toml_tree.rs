//! TOML into the tree.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Mistake, Problem};
use crate::source::Source;
use crate::tree::{Entry, Node, Value};

/// Reads a TOML document.
pub(crate) fn read(source: &Source) -> Result<Node, Problem> {
    let text = source.inner();
    match DeTable::parse(text) {
        Ok(table) => Ok(Node { span: table.span(), value: self::table(text, table.get_ref()) }),
        Err(error) => {
            let mistake = Mistake::Toml { message: error.message().replace('\n', "; ") };
            let span = error.span().unwrap_or(text.len()..text.len());
            Err(Problem::new(mistake).at(source, span, "here"))
        }
    }
}

fn table(text: &str, table: &DeTable<'_>) -> Value {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: Node { span: key.span(), value: Value::Text(key.get_ref().to_string()) },
            value: node(text, value),
        })
        .collect();
    // The map's own order depends on a feature that any crate of the build may switch on.
    entries.sort_by_key(|entry| entry.key.span.start);
    Value::Table(entries)
}

fn node(text: &str, value: &Spanned<DeValue<'_>>) -> Node {
    let span = value.span();
    let literal = || text.get(span.clone()).unwrap_or_default().to_owned();
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => Value::Integer {
            literal: literal(),
            value: i64::from_str_radix(integer.as_str(), integer.radix()).ok(),
        },
        DeValue::Float(_) => Value::Float { literal: literal() },
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(_) => Value::Date { literal: literal() },
        DeValue::Array(array) => Value::List(array.iter().map(|item| node(text, item)).collect()),
        DeValue::Table(inner) => table(text, inner),
    };
    Node { span, value }
}

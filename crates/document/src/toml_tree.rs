//! TOML into the tree.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use crate::mistake::Mistake;
use crate::problem::Problem;
use crate::source::Source;
use crate::tree::{Entry, Node, Value};

/// How many mistakes in the form of a document are looked at: each reads what follows it once more.
const MOST_MISTAKES: usize = 64;

/// What can be read of a TOML document, and what is wrong with its form, in the order of the file: its first mistake, and every
/// other one that is one whatever stands before it. What may only follow from an earlier mistake is not told; nor is a key that
/// is there twice, where something else is wrong.
///
/// A value that is written wrongly is left out, as one that is wrong is. There is no tree where the mistakes are not each
/// inside of one value: what stands after, say, a bracket that is not closed may have been meant otherwise.
pub fn read(source: &Source) -> (Option<Node>, Vec<Problem>) {
    let text = source.inner();
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut root = Node { span: table.span(), value: self::table(text, table.get_ref()) };
    let told = told(text, &errors);
    let mut is_readable = told.len() == errors.len();
    for error in &told {
        is_readable &= leave_out(&mut root, &place(text, error)) && root.value != Value::Unreadable;
    }
    // What the combinations are decides on everything else.
    is_readable &= told.is_empty() || root.get("matrix").is_none_or(is_whole);
    let problem = |error: &Error| {
        let mistake = Mistake::Toml { message: error.message().replace('\n', "; ") };
        Problem::new(mistake).at(source, place(text, error), "here")
    };
    (is_readable.then_some(root), told.into_iter().map(problem).collect())
}

/// The mistakes that are told, in the order of the file.
fn told<'a>(text: &str, errors: &'a [Error]) -> Vec<&'a Error> {
    // The library tells first what is wrong with brackets and lines, and then with values.
    let Some(first) = errors.first() else { return Vec::new() };
    if errors.len() > MOST_MISTAKES {
        return vec![first];
    }
    let mut told: Vec<&Error> = errors.iter().filter(|error| stands_alone(text, error)).collect();
    told.sort_by_key(|error| place(text, error).start);
    let start = |error: &Error| place(text, error).start;
    if told.first().is_none_or(|earliest| start(first) < start(earliest)) {
        told.insert(0, first);
    }
    told
}

fn place(text: &str, error: &Error) -> Range<usize> {
    error.span().unwrap_or(text.len()..text.len())
}

/// Whether a mistake is one whatever stands before its line: else it may come of an earlier one.
fn stands_alone(text: &str, error: &Error) -> bool {
    let start = place(text, error).start;
    let before = text.get(..start).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    let rest = text.get(line..).unwrap_or_default();
    if !begins_a_statement(rest) {
        return false;
    }
    let (_, errors) = DeTable::parse_recoverable(rest);
    let first = errors.iter().min_by_key(|error| place(rest, error).start);
    first.is_some_and(|first| (place(rest, first).start, first.message()) == (start - line, error.message()))
}

/// Whether a line says `KEY =`, or is the head of a table: what goes on with an earlier line looks otherwise.
fn begins_a_statement(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default().trim_start();
    let key = line.trim_start_matches(|it: char| it.is_ascii_alphanumeric() || "-_.\"' ".contains(it));
    line.starts_with('[') || (key.len() < line.len() && key.starts_with('='))
}

/// Leaves out the deepest value that a mistake is in; false where it is in none. The span of a table under a head is that
/// of the head.
fn leave_out(node: &mut Node, mistake: &Range<usize>) -> bool {
    let inside = match &mut node.value {
        Value::Table(entries) => entries.iter_mut().any(|entry| leave_out(&mut entry.value, mistake)),
        Value::List(items) => items.iter_mut().any(|item| leave_out(item, mistake)),
        _ => false,
    };
    let is_in = node.span.start <= mistake.end && mistake.start <= node.span.end;
    if is_in && !inside {
        node.value = Value::Unreadable;
    }
    is_in || inside
}

fn is_whole(node: &Node) -> bool {
    match &node.value {
        Value::Table(entries) => entries.iter().all(|entry| is_whole(&entry.value)),
        Value::List(items) => items.iter().all(is_whole),
        Value::Unreadable => false,
        _ => true,
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

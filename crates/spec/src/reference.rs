//! The reference page of the language, from the schema: what is written once at a type is read everywhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::schema::language;

/// The reference page, in Markdown: each key with its type, default, description and an example.
pub fn reference() -> String {
    let schema = language();
    let mut page = String::from(
        "<!-- Made from the types in `crates/spec`: change them, not this page. -->\n\n# The spec\n\n\
         A spec is a TOML file. `name` is the only key that it must have. A key that is not on this page is an error.\n\n\
         `{key}` in any string stands for the value of a `[matrix]` key; `{{` and `}}` stand for the braces themselves.\n",
    );
    let top = properties(&schema);
    let is_table =
        |property: &Value| table_of(property).is_some_and(|table| short_of(property, table).is_none());
    page.push_str("\n## Keys outside of tables\n");
    for (name, property) in top.iter().filter(|(_, property)| !is_table(property)) {
        key(&mut page, &[], name, property, required(&schema, name));
        if let Some(table) = table_of(property) {
            let _ = writeln!(page, "\nAs a table:");
            keys(&mut page, &[Part::Table(name)], table);
        }
    }
    for (name, property) in top.iter().filter(|(_, property)| is_table(property)) {
        let Some(table) = table_of(property) else { continue };
        let (part, title) = match property["type"] == "array" {
            true => (Part::Repeated(name), format!("[[{name}]]")),
            false => (Part::Table(name), format!("[{name}]")),
        };
        let _ = writeln!(page, "\n## `{title}`\n\n{}", text(property, "description"));
        if let Some(example) = property["examples"].get(0) {
            let _ = writeln!(page, "\n```toml\n[{name}]\n{}```", toml_lines(example));
        }
        keys(&mut page, &[part], table);
    }
    page
}

/// A table around a key.
#[derive(Clone, Copy)]
enum Part<'a> {
    Table(&'a str),
    Repeated(&'a str),
}

fn keys(page: &mut String, around: &[Part<'_>], table: &Value) {
    for (name, property) in &properties(table) {
        key(page, around, name, property, required(table, name));
    }
    if let Some(any) = table.get("additionalProperties").filter(|any| any.is_object()) {
        let _ = writeln!(page, "\n### Any other key\n\n* Type: {}, with at least one value", type_name(any));
    }
}

fn key(page: &mut String, around: &[Part<'_>], name: &str, property: &Value, required: bool) {
    let tables = around.iter().map(|part| match part {
        Part::Table(name) | Part::Repeated(name) => format!("{name}."),
    });
    let _ =
        writeln!(page, "\n### `{}{name}`\n\n{}\n", tables.collect::<String>(), text(property, "description"));
    let _ = writeln!(page, "* Type: {}", type_name(property));
    match property.get("default").filter(|default| !default.is_null()) {
        Some(default) => {
            let _ = writeln!(page, "* Default: `{}`", toml_value(default));
        }
        None if required => page.push_str("* Required\n"),
        None => page.push_str("* Default: not set\n"),
    }
    for (word, meaning) in words(property) {
        let _ = writeln!(page, "* `\"{word}\"`: {meaning}");
    }
    if let Some(example) = property["examples"].get(0) {
        let header = around.iter().map(|part| match part {
            Part::Table(name) => format!("[{name}]\n"),
            Part::Repeated(name) => format!("[[{name}]]\n"),
        });
        let line = format!("{name} = {}", toml_value(example));
        let _ = writeln!(page, "\n```toml\n{}{line}\n```", header.collect::<String>());
    }
    // A table of tables, whose names are the user's.
    if let Some(table) = property.get("additionalProperties").and_then(table_of) {
        let named = format!("{name}.NAME");
        let around: Vec<_> = around.iter().copied().chain([Part::Table(&named)]).collect();
        keys(page, &around, table);
    }
}

fn properties(table: &Value) -> BTreeMap<String, Value> {
    let map = table["properties"].as_object().cloned().unwrap_or_default();
    map.into_iter().collect()
}

fn required(table: &Value, name: &str) -> bool {
    table["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema[key].as_str().unwrap_or_default()
}

/// The alternatives of a schema, without the absence that an option adds.
fn alternatives(schema: &Value) -> Vec<&Value> {
    let of = |key: &str| schema[key].as_array().into_iter().flatten();
    let nested = of("anyOf").chain(of("oneOf")).filter(|inner| inner["type"] != "null");
    let nested: Vec<&Value> = nested.flat_map(alternatives).collect();
    if nested.is_empty() { vec![schema] } else { nested }
}

/// The table that a key is, may be, or is a list of. A map of names that the user chooses is none.
fn table_of(schema: &Value) -> Option<&Value> {
    let item = schema.get("items").filter(|items| items.get("properties").is_some());
    item.or_else(|| alternatives(schema).into_iter().find(|inner| inner.get("properties").is_some()))
}

/// What may stand for the table.
fn short_of<'a>(schema: &'a Value, table: &Value) -> Option<&'a Value> {
    alternatives(schema).into_iter().find(|inner| *inner != table && inner["type"] != "array")
}

fn words(schema: &Value) -> Vec<(String, String)> {
    let constants = alternatives(schema).into_iter().filter_map(|inner| {
        let word = inner["const"].as_str()?;
        Some((word.to_owned(), text(inner, "description").to_owned()))
    });
    constants.collect()
}

fn type_name(schema: &Value) -> String {
    let mut names: Vec<String> = Vec::new();
    for inner in alternatives(schema) {
        for name in own_types(inner) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.join(" or ")
}

fn own_types(schema: &Value) -> Vec<String> {
    let types = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let name = |name: &&str| match *name {
        "array" => format!("list of {}", plural(&type_name(&schema["items"]))),
        "object" if schema.get("properties").is_some() => "table".to_owned(),
        "object" => {
            let values = &schema["additionalProperties"];
            match values.is_object() {
                true => format!("table of {}", plural(&type_name(values))),
                false => "table".to_owned(),
            }
        }
        "integer" => match (&schema["minimum"], &schema["maximum"]) {
            (Value::Number(least), Value::Number(most)) => format!("whole number from {least} to {most}"),
            _ => "whole number".to_owned(),
        },
        other => other.to_owned(),
    };
    types.iter().filter(|name| **name != "null").map(name).collect()
}

fn plural(name: &str) -> String {
    for word in ["list", "table"] {
        if let Some(of) = name.strip_prefix(word).filter(|of| of.starts_with(" of ")) {
            return format!("{word}s{of}");
        }
    }
    let plurals = name.split(" or ").map(|one| format!("{one}s"));
    plurals.collect::<Vec<_>>().join(" or ")
}

fn toml_lines(table: &Value) -> String {
    let empty = Map::new();
    let lines = table
        .as_object()
        .unwrap_or(&empty)
        .iter()
        .map(|(key, value)| format!("{} = {}\n", toml_key(key), toml_value(value)));
    lines.collect()
}

fn toml_value(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml_value).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            let pairs =
                entries.iter().map(|(key, value)| format!("{} = {}", toml_key(key), toml_value(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        // JSON's strings, numbers and booleans are TOML's as well.
        other => other.to_string(),
    }
}

fn toml_key(key: &str) -> String {
    let bare = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if bare { key.to_owned() } else { Value::from(key).to_string() }
}

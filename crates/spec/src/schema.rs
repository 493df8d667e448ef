//! The JSON schema, from the types that the reader itself uses.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::language::Document;

/// The JSON schema (draft 2020-12) of a spec as it is written, before templates are expanded.
pub fn schema() -> Value {
    let mut schema = language();
    allow_templates(&mut schema);
    schema.sort_all_objects();
    schema
}

/// The schema of the language itself, where a word is one of its words.
pub(crate) fn language() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Document>().to_value();
    remove_null(&mut schema);
    // Whether maps keep the order of insertion is a feature of `serde_json`, which any dependency may switch on.
    schema.sort_all_objects();
    schema
}

/// Whether a table of the language, by the name of its type, must have a key.
pub(crate) fn requires(table: &str, key: &str) -> bool {
    static TABLES: LazyLock<Value> = LazyLock::new(|| {
        let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Document>();
        schema.remove("$defs").unwrap_or_default()
    });
    TABLES[table]["required"].as_array().is_some_and(|keys| keys.iter().any(|name| name == key))
}

fn inner(schema: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match schema {
        Value::Array(items) => Box::new(items.iter_mut()),
        Value::Object(entries) => Box::new(entries.values_mut()),
        _ => Box::new(std::iter::empty()),
    }
}

/// TOML has no null: a key that may be left out is not one that may be null.
fn remove_null(schema: &mut Value) {
    inner(schema).for_each(remove_null);
    let Some(entries) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = entries.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            entries.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(alternatives)) = entries.get_mut("anyOf") {
        alternatives.retain(|alternative| alternative["type"] != "null");
        if let [Value::Object(only)] = alternatives.as_slice() {
            let only = only.clone();
            entries.remove("anyOf");
            // What is said of the key stands before what is said of its type.
            for (key, value) in only {
                entries.entry(key).or_insert(value);
            }
        }
    }
}

/// Where one of a few words is asked for, a template may stand as well.
fn allow_templates(schema: &mut Value) {
    inner(schema).for_each(allow_templates);
    if let Some(Value::Array(words)) = schema.get_mut("oneOf")
        && words.iter().all(|word| word["const"].is_string())
    {
        words.push(json!({ "type": "string", "pattern": "\\{", "description": "A template." }));
    }
}

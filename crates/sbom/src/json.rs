//! Objects of which only what is known is written.

use serde_json::Value;

/// An object without the fields that hold nothing: `null`, and lists and objects that are empty.
pub(crate) fn known(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key, known(value)));
            Value::Object(fields.filter(|(_, value)| !is_nothing(value)).collect())
        }
        Value::Array(items) => {
            Value::Array(items.into_iter().map(known).filter(|it| !it.is_null()).collect())
        }
        other => other,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_holds_nothing_is_left_out() {
        let value = json!({"a": null, "b": [], "c": {"d": null}, "e": [{"f": null, "g": 1}, null], "h": false, "i": ""});
        assert_eq!(known(value), json!({"e": [{"g": 1}], "h": false, "i": ""}));
    }
}

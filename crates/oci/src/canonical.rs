//! Canonical JSON: one form for one value, so that the same image always has the same digest.
//!
//! Compact, the keys of every object sorted by their bytes, strings escaped only where JSON demands it. It does not
//! depend on the order of a struct's fields, nor on serde_json's feature `preserve_order`, which any dependency may
//! switch on. Numbers are integers: the image specification has no others, and fractions have many forms.

use serde::Serialize;
use serde_json::Value;

/// A value that has no canonical JSON.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// It cannot be written as JSON at all.
    #[error("the value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// It holds a number that is not an integer.
    #[error("`{0}` is not an integer, and so has no canonical form")]
    Number(serde_json::Number),
}

/// Writes `value` as canonical JSON.
///
/// # Errors
///
/// When the value holds a map with keys that are not text, or a number that is not an integer.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::new();
    write(&serde_json::to_value(value)?, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => serde_json::to_writer(out, value)?,
        Value::Number(number) if number.is_i64() || number.is_u64() => serde_json::to_writer(out, value)?,
        Value::Number(number) => return Err(CanonicalError::Number(number.clone())),
        Value::Array(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| key.as_bytes());
            out.push(b'{');
            for (place, (key, item)) in fields.into_iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                serde_json::to_writer(&mut *out, key)?;
                out.push(b':');
                write(item, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_by_their_bytes_and_nothing_is_escaped_without_need() {
        let value =
            json!({"é": 1, "z": [1, -2, u64::MAX], "a": {"b": null, "B": true}, "": "<&>\u{1}\"\\é\u{2028}"});
        let text = String::from_utf8(to_vec(&value).unwrap()).unwrap();
        let wanted = "{\"\":\"<&>\\u0001\\\"\\\\é\u{2028}\",\"a\":{\"B\":true,\"b\":null},\"z\":[1,-2,18446744073709551615],\"é\":1}";
        assert_eq!(text, wanted);
    }

    #[test]
    fn the_order_of_a_structs_fields_does_not_matter() {
        #[derive(Serialize)]
        struct Disordered {
            b: u8,
            a: u8,
        }
        assert_eq!(to_vec(&Disordered { b: 2, a: 1 }).unwrap(), br#"{"a":1,"b":2}"#);
    }

    #[test]
    fn fractions_are_refused() {
        assert_eq!(
            to_vec(&json!([0.5])).unwrap_err().to_string(),
            "`0.5` is not an integer, and so has no canonical form"
        );
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(map in prop::collection::btree_map(any::<String>(), any::<i64>(), 0..8)) {
            let bytes = to_vec(&map).unwrap();
            prop_assert_eq!(serde_json::from_slice::<std::collections::BTreeMap<_, _>>(&bytes).unwrap(), map);
        }
    }

    /// The characters of every text of a list, by Python's reader.
    fn read_by_python(bytes: &[u8]) -> String {
        let code = "import json, sys\nfor text in json.load(sys.stdin.buffer): print(*map(ord, text))";
        let mut python = Command::new("python3");
        let python = python.args(["-I", "-c", code]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut python = python.spawn().unwrap();
        python.stdin.take().unwrap().write_all(bytes).unwrap();
        let output = python.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
        #[test]
        fn others_read_what_was_written(
            texts in prop::collection::vec("(?s)['\"\\\\$`\r\n\t/ a-c]{0,16}|[\u{0}-\u{ff}]{0,8}|.{0,8}", 1..24),
        ) {
            let line = |text: &String| {
                let characters: Vec<String> = text.chars().map(|it| u32::from(it).to_string()).collect();
                characters.join(" ") + "\n"
            };
            prop_assert_eq!(read_by_python(&to_vec(&texts).unwrap()), texts.iter().map(line).collect::<String>());
        }
    }
}

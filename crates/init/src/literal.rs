//! Values as TOML writes them.

use std::fmt::Write as _;

/// A text. Braces are doubled: single ones would be keys of a matrix.
pub(crate) fn text(text: &str) -> String {
    let mut written = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\t' => written.push_str("\\t"),
            '{' => written.push_str("{{"),
            '}' => written.push_str("}}"),
            other if other.is_control() => drop(write!(written, "\\u{:04X}", u32::from(other))),
            other => written.push(other),
        }
    }
    written.push('"');
    written
}

/// A list of texts, in one line.
pub(crate) fn list<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<String> = texts.iter().map(|it| text(it.as_ref())).collect();
    format!("[{}]", texts.join(", "))
}

/// A key.
pub(crate) fn key(name: &str) -> String {
    let is_bare =
        !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it));
    if is_bare {
        return name.to_owned();
    }
    // Templates are in values alone.
    text(name).replace("{{", "{").replace("}}", "}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_what_toml_reads() {
        assert_eq!(text("a \"b\" \\ {c}\n\u{1}é"), "\"a \\\"b\\\" \\\\ {{c}}\\n\\u0001é\"");
        assert_eq!(
            (key("A_b-1"), key("org.x"), list(&["a", "b"])),
            ("A_b-1".into(), "\"org.x\"".into(), "[\"a\", \"b\"]".into())
        );
    }
}

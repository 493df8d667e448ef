//! Texts as YAML writes them.

use std::fmt::Write as _;

/// A text: as it is where every reader takes it for one, else in quotes.
pub fn yaml_text(text: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "_./:=+-".contains(it);
    let begins_so = text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '/');
    let is_word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .contains(&text.to_ascii_lowercase().as_str());
    // A colon at the end would make a key of it.
    if begins_so && !is_word && text.chars().all(is_plain) && !text.ends_with(':') {
        return text.to_owned();
    }
    let mut written = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            other if other.is_control() => drop(write!(written, "\\u{:04x}", u32::from(other))),
            other => written.push(other),
        }
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_stand_without_quotes() {
        for plain in ["numpy==1.26.4", "https://c.example/x/", "python=3.11.2=0_cpython"] {
            assert_eq!(yaml_text(plain), plain);
        }
        for quoted in ["1.0", "true", "a: b", "a #b", "", "- a", "a:", "é", "x; y"] {
            assert_eq!(yaml_text(quoted), format!("\"{quoted}\""));
        }
        assert_eq!(yaml_text("a\"\\\n\u{1}"), "\"a\\\"\\\\\\n\\u0001\"");
    }
}

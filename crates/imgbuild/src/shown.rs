//! What may reach a terminal: no secret, and nothing that moves its cursor or turns its text around.
//!
//! Names and texts of packages, indexes and files are others' and come to people in messages. Errors and lines are made of
//! many of them; so they are cleaned here, where they leave.

use std::io::{self, Write};

/// A text with stars over the secrets of its URLs, and with what a terminal would obey made visible, but for colours.
pub(crate) fn shown(text: &str) -> String {
    let text = imgbuild_secret::masked(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(character) = rest.chars().next() {
        let length = colour(rest).unwrap_or(character.len_utf8());
        let (part, after) = rest.split_at(length);
        if length > character.len_utf8() || !is_obeyed(character) {
            out.push_str(part);
        } else {
            out.extend(character.escape_default());
        }
        rest = after;
    }
    out
}

/// The same for the words of a message, which have no colours of their own yet, and no secrets even in part.
pub(crate) fn cleaned(text: &str) -> String {
    shown(&imgbuild_secret::public(text).replace('\u{1b}', "\\u{1b}"))
}

/// The length of a change of colour that a text begins with (SGR of ECMA-48).
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|it: char| !it.is_ascii_digit() && it != ';')?;
    parameters[end..].starts_with('m').then_some("\u{1b}[".len() + end + 1)
}

/// Whether a terminal does something else with a character than to show it: control characters, and those that change the
/// direction of what follows (Unicode's bidirectional formatting).
fn is_obeyed(character: char) -> bool {
    let direction =
        matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() && !matches!(character, '\n' | '\t') || direction
}

/// Standard error, for the lines of libraries' logs: each comes whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(shown(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_obey_nobody_else() {
        for (text, clean) in [
            ("a\tb\nc é 名", "a\tb\nc é 名"),
            ("\u{1b}[1;31mred\u{1b}[0m", "\u{1b}[1;31mred\u{1b}[0m"),
            ("\u{1b}[2Jx\u{1b}]0;title\u{7}\u{1b}", "\\u{1b}[2Jx\\u{1b}]0;title\\u{7}\\u{1b}"),
            ("\u{1b}[31", "\\u{1b}[31"),
            ("a\rb\u{8}\u{9b}2J\u{7f}", "a\\rb\\u{8}\\u{9b}2J\\u{7f}"),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
            ("GET https://u:p@h.example/x?k=1", "GET https://***@h.example/x?***"),
        ] {
            assert_eq!(shown(text), clean);
        }
        assert_eq!(
            cleaned("\u{1b}[31mred https://u:p@h.example/x?k=1"),
            "\\u{1b}[31mred https://h.example/x"
        );
    }
}

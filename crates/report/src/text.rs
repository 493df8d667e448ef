//! Texts of strangers and numbers, as pages show them. What is HTML in them is escaped where they are put into a page.

use imgbuild_diagnostic::Size;

/// A text without secrets, in which what a reader would not see is made visible: control characters, and those that turn what follows
/// around.
pub(crate) fn shown(text: &str) -> String {
    let text = imgbuild_secret::public(text);
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

fn is_unseen(character: char) -> bool {
    let direction =
        matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}');
    character.is_control() && !matches!(character, '\n' | '\t') || direction
}

/// A size with a decimal unit, as registries and disks count.
pub(crate) fn size(bytes: u64) -> String {
    Size(bytes).to_string()
}

/// A size that may not be known.
pub(crate) fn known_size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "?".to_owned(), size)
}

/// What a page of somebody's is linked to by: nothing but HTTP, so that a click never runs anything.
pub(crate) fn address(url: &str) -> Option<&str> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    (is_web && !url.contains(char::is_whitespace)).then_some(url)
}

/// The beginning of a text that has at most `width` characters.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A number and what is counted.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// Words as a shell reads them.
pub(crate) fn words(words: &[String]) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=@%+,".contains(it);
    let quoted = |word: &String| match word {
        word if !word.is_empty() && word.chars().all(plain) => word.clone(),
        word => format!("'{}'", word.replace('\'', "'\\''")),
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_would_see_is_seen() {
        assert_eq!(shown("a\u{202e}gpj.exe\u{7}\u{200b}"), "a\\u{202e}gpj.exe\\u{7}\\u{200b}");
        assert_eq!(shown("https://user:secret@h.example/x?token=1"), "https://h.example/x");
    }

    #[test]
    fn links_lead_to_the_web_alone() {
        assert_eq!(address("https://h.example/x"), Some("https://h.example/x"));
        for other in
            ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "//h.example", "http:// x"]
        {
            assert_eq!(address(other), None, "{other}");
        }
    }
}

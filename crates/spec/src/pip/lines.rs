//! The lines of a requirements file, and the words of an option (pip, "Requirements File Format").

use std::ops::Range;

use crate::values::ValueError;

/// A line without its comment, put together where `\` breaks it; and where its first part stands in the file.
pub(super) fn lines(text: &str) -> Vec<(String, Range<usize>)> {
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    let mut open: Option<(String, usize)> = None;
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    for raw in text[start..].split_inclusive('\n') {
        let line = raw.trim_end_matches(['\n', '\r']);
        let is_comment = line.trim_start().starts_with('#');
        let (mut whole, begin) = open.take().unwrap_or((String::new(), start));
        start += raw.len();
        match line.strip_suffix('\\').filter(|_| !is_comment) {
            Some(part) => {
                whole.push_str(part);
                open = Some((whole, begin));
            }
            None => {
                // A comment ends what was open.
                if is_comment {
                    whole.push(' ');
                }
                whole.push_str(line);
                found.extend(placed(&whole, begin, text));
            }
        }
    }
    found.extend(open.and_then(|(whole, begin)| placed(&whole, begin, text)));
    found
}

fn placed(whole: &str, begin: usize, text: &str) -> Option<(String, Range<usize>)> {
    let content = without_comment(whole).trim();
    if content.is_empty() {
        return None;
    }
    let blank = text[begin..].len() - text[begin..].trim_start_matches([' ', '\t', '\\', '\n', '\r']).len();
    let begin = begin + blank;
    let line = text[begin..].lines().next().unwrap_or_default();
    let shown = without_comment(line).trim_end().trim_end_matches('\\').trim_end();
    Some((content.to_owned(), begin..begin + shown.len()))
}

/// A comment begins at a `#` that is first, or behind a space: that of a URL is none.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, it) in line.char_indices() {
        if it == '#' && before.is_whitespace() {
            return &line[..at];
        }
        before = it;
    }
    line
}

/// A requirement, and the options behind it.
pub(super) fn split_options(line: &str) -> (&str, &str) {
    let mut before = ' ';
    for (at, it) in line.char_indices() {
        if it == '-' && before.is_whitespace() {
            return (line[..at].trim_end(), &line[at..]);
        }
        before = it;
    }
    (line, "")
}

/// The words of options; what stands in quotes is one.
pub(super) fn words(text: &str) -> Result<Vec<String>, ValueError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for it in text.chars() {
        match quote {
            Some(open) if it == open => quote = None,
            Some(_) => word.get_or_insert_default().push(it),
            None if it == '"' || it == '\'' => {
                quote = Some(it);
                word.get_or_insert_default();
            }
            None if it.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(it),
        }
    }
    words.extend(word);
    match quote {
        Some(quote) => Err(ValueError::new(format!("a {quote} without its partner"))),
        None => Ok(words),
    }
}

/// An option and the value that stands at it: `--name=value`, `-r value`, or `-rvalue`.
pub(super) fn option(word: &str) -> (&str, Option<&str>) {
    if word.starts_with("--") {
        return word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    }
    match word.char_indices().nth(2) {
        Some((at, _)) => (&word[..at], Some(&word[at..])),
        None => (word, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_and_comments_left_out() {
        let text = "\u{feff}# first\r\na==1 \\\r\n  --hash=sha256:ab \\\n  # end\n\n  b # why\nc @ https://h.example/c.whl#sha256=ab\n\\\nd \\";
        let found: Vec<(String, &str)> =
            lines(text).into_iter().map(|(line, span)| (line, &text[span])).collect();
        let expected = [
            ("a==1   --hash=sha256:ab", "a==1"),
            ("b", "b"),
            ("c @ https://h.example/c.whl#sha256=ab", "c @ https://h.example/c.whl#sha256=ab"),
            ("d", "d"),
        ];
        assert_eq!(found, expected.map(|(line, place)| (line.to_owned(), place)));
        assert!(lines("").is_empty() && lines("\\").is_empty() && lines(" # a").is_empty());
    }

    #[test]
    fn options_have_values_in_three_forms() {
        assert_eq!(
            option("--index-url=https://i.example/?a=b"),
            ("--index-url", Some("https://i.example/?a=b"))
        );
        assert_eq!(
            (option("-r"), option("-rx.txt"), option("--pre")),
            (("-r", None), ("-r", Some("x.txt")), ("--pre", None))
        );
        assert_eq!(option("-é"), ("-é", None));
        assert_eq!(words("-r 'my file.txt'  -c\"b\"c").unwrap(), ["-r", "my file.txt", "-cbc"]);
        assert!(words("-r 'x").is_err());
        assert_eq!(split_options("a-b >= 1 --hash=x --hash=y"), ("a-b >= 1", "--hash=x --hash=y"));
    }
}

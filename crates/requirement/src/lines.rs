//! The lines of a requirements file, and the words of an option (pip, "Requirements File Format").

use std::ops::Range;

use imgbuild_document::ValueError;
use imgbuild_document::files::Variables;

/// What ends a line, as Python's `splitlines` has it, but for what no editor shows as an end.
const ENDS: [char; 4] = ['\n', '\r', '\u{b}', '\u{c}'];

/// Lines with their ends.
fn raw_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let at = rest.find(ENDS).unwrap_or(rest.len());
        let end = if rest[at..].starts_with("\r\n") { at + 2 } else { (at + 1).min(rest.len()) };
        let (line, after) = rest.split_at(end);
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

/// A line without its comment, put together where `\` breaks it; and where its first part stands in the file.
pub(crate) fn lines(text: &str) -> Vec<(String, Range<usize>)> {
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    let mut open: Option<(String, usize)> = None;
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    for raw in raw_lines(&text[start..]) {
        let line = raw.trim_end_matches(ENDS);
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

/// A line with the variables (`${NAME}`) that stand outside of URLs in their places. Those of URLs stay as they are written:
/// they may be secrets.
pub(crate) fn expanded(line: &str, variables: &Variables<'_>) -> Result<String, ValueError> {
    let mut out = String::with_capacity(line.len());
    for part in line.split_inclusive(char::is_whitespace) {
        let mut rest = part;
        while let Some((before, name, after)) = variable(rest).filter(|_| !part.contains("://")) {
            let value = variables(name).ok_or_else(|| unset(name))?;
            out.push_str(before);
            out.push_str(&value);
            rest = after;
        }
        out.push_str(rest);
    }
    Ok(out)
}

/// The first variable of a text, what stands before it, and what behind it. pip's have capital letters.
fn variable(text: &str) -> Option<(&str, &str, &str)> {
    let known = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
    text.match_indices("${").find_map(|(at, open)| {
        let (name, after) = text[at + open.len()..].split_once('}')?;
        (!name.is_empty() && name.chars().all(known)).then_some((&text[..at], name, after))
    })
}

/// The error for a variable that is not set.
pub fn unset(name: &str) -> ValueError {
    ValueError::new(format!("the variable `{name}` is not set"))
        .hint(format!("set it, as by `export {name}=…`, or write what it stands for"))
}

/// A requirement, and the options behind it.
pub(crate) fn split_options(line: &str) -> (&str, &str) {
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
pub(crate) fn words(text: &str) -> Result<Vec<String>, ValueError> {
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
pub(crate) fn option(word: &str) -> (&str, Option<&str>) {
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
    fn every_end_of_a_line_is_one() {
        let found: Vec<String> = lines("a\rb\r\nc\u{c}d \\\r\n e").into_iter().map(|it| it.0).collect();
        assert_eq!(found, ["a", "b", "c", "d  e"]);
    }

    #[test]
    fn variables_outside_of_urls_are_put_in() {
        let variables = |name: &str| (name != "UNSET").then(|| format!("<{name}>"));
        for (line, expected) in [
            ("numpy==${VERSION}", "numpy==<VERSION>"),
            ("-r ${DIR}/${NAME_2}.txt", "-r <DIR>/<NAME_2>.txt"),
            ("-i https://${TOKEN}@i.example x${A}", "-i https://${TOKEN}@i.example x<A>"),
            ("$A ${a} ${} ${A", "$A ${a} ${} ${A"),
            ("${a}${B}", "${a}<B>"),
        ] {
            assert_eq!(expanded(line, &variables), Ok(expected.to_owned()));
        }
        assert_eq!(
            expanded("a${UNSET}", &variables).unwrap_err().to_string(),
            "the variable `UNSET` is not set"
        );
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

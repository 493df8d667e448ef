//! Texts that are expressions, or nearly.
//!
//! The form is SPDX's ("SPDX license expressions"): licences, `WITH` and an exception, `AND`, `OR`, parentheses. Operators may be
//! in lower case, as Debian writes them and SPDX 3 allows; a licence may be called by one of its names instead of its identifier.

use crate::names;

enum Word<'a> {
    Open,
    Close,
    And,
    Or,
    With,
    /// One word or several, with the spaces between them.
    Name(&'a str),
}

/// The expression that a text is, in SPDX's own form, where every licence of it is known.
pub(crate) fn expression(text: &str) -> Option<String> {
    if let Some(identifier) = licence(text) {
        return Some(identifier);
    }
    let mut parts = Vec::new();
    let mut is_exception = false;
    for word in words(text) {
        let part = match word {
            Word::Open => "(".to_owned(),
            Word::Close => ")".to_owned(),
            Word::And => "AND".to_owned(),
            Word::Or => "OR".to_owned(),
            Word::With => "WITH".to_owned(),
            Word::Name(name) if is_exception => exception(name)?,
            Word::Name(name) => licence(name)?,
        };
        is_exception = part == "WITH";
        parts.push(part);
    }
    Some(parts.join(" ").replace("( ", "(").replace(" )", ")"))
}

/// The expression that a text of Debian's is, whose form is sure: operators, and between them names, of which each document may have its
/// own (copyright-format/1.0, \"License specification\"). Those that nobody else knows get identifiers by `named`.
pub(crate) fn of_debian(text: &str, named: impl Fn(&str) -> String) -> Option<String> {
    // Before `and`, a comma binds less than `or`: nothing here does.
    if text.contains(',') {
        return None;
    }
    let mut parts: Vec<String> = Vec::new();
    let mut name: Option<(usize, usize)> = None;
    for (at, piece) in pieces(text) {
        let operator = match piece {
            "(" | ")" => Some(piece.to_owned()),
            "and" | "or" | "AND" | "OR" => Some(piece.to_uppercase()),
            _ => None,
        };
        let Some(operator) = operator else {
            name = Some((name.map_or(at, |(begin, _)| begin), at + piece.len()));
            continue;
        };
        parts.extend(name.take().map(|(begin, end)| debian_licence(&text[begin..end], &named)));
        parts.push(operator);
    }
    parts.extend(name.map(|(begin, end)| debian_licence(&text[begin..end], &named)));
    Some(without_repetitions(&parts.join(" ").replace("( ", "(").replace(" )", ")")))
}

/// An expression that names the same twice among those that apply together, which of several names for one licence comes.
fn without_repetitions(expression: &str) -> String {
    let mut depth = 0_usize;
    let mut parts: Vec<Vec<&str>> = vec![Vec::new()];
    for word in expression.split(' ') {
        if depth == 0 && word == "OR" {
            return expression.to_owned();
        }
        if depth == 0 && word == "AND" {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(word);
        }
        depth = (depth + word.matches('(').count()).saturating_sub(word.matches(')').count());
    }
    let mut told: Vec<String> = Vec::new();
    for part in parts.into_iter().map(|part| part.join(" ")) {
        if !told.contains(&part) {
            told.push(part);
        }
    }
    told.join(" AND ")
}

fn debian_licence(name: &str, named: &impl Fn(&str) -> String) -> String {
    expression(name).unwrap_or_else(|| named(name))
}

/// The identifier of one licence: as SPDX's list writes it, where it has it; as it is, where it is one of the package's own.
fn licence(name: &str) -> Option<String> {
    if let Some(own) = name.strip_prefix("LicenseRef-") {
        return is_own_identifier(own).then(|| name.to_owned());
    }
    let identifier = identifier(name).or_else(|| names::identifier(name).map(str::to_owned));
    identifier.or_else(|| identifier_of_short_version(name))
}

/// What may stand behind `LicenseRef-`.
pub(crate) fn is_own_identifier(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '.'))
}

/// An identifier of SPDX's list, whatever its case: they are not told apart by it. Where those of GNU's licences say neither `only`
/// nor `or-later`, the list itself says which of both they mean.
fn identifier(name: &str) -> Option<String> {
    let plain = name.strip_suffix('+').unwrap_or(name);
    let listed = spdx::identifiers::LICENSES.iter().find(|it| it.name.eq_ignore_ascii_case(plain))?;
    let is_later = plain.len() < name.len();
    let says_which = listed.name.ends_with("-only") || listed.name.ends_with("-or-later");
    if listed.flags & spdx::flags::IS_GNU == 0 || listed.name.contains("-with-") {
        return Some(format!("{}{}", listed.name, if is_later { "+" } else { "" }));
    }
    match (says_which, is_later) {
        (true, true) => None,
        (true, false) => Some(listed.name.to_owned()),
        (false, _) => {
            let which = format!("{}-{}", listed.name, if is_later { "or-later" } else { "only" });
            spdx::license_id(&which).map(|it| it.name.to_owned())
        }
    }
}

/// `GPL-2+` is `GPL-2.0+`: Debian leaves out zeroes at the end of a version (copyright-format/1.0, "Short name").
fn identifier_of_short_version(name: &str) -> Option<String> {
    let (plain, plus) = name.strip_suffix('+').map_or((name, ""), |plain| (plain, "+"));
    let (_, version) = plain.rsplit_once('-')?;
    let is_short = !version.is_empty() && version.bytes().all(|it| it.is_ascii_digit());
    is_short.then(|| identifier(&format!("{plain}.0{plus}"))).flatten()
}

fn exception(name: &str) -> Option<String> {
    let listed = spdx::identifiers::EXCEPTIONS.iter().find(|it| it.name.eq_ignore_ascii_case(name))?;
    Some(listed.name.to_owned())
}

/// A text as words: between operators and parentheses, all that stands there is one name.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for (at, piece) in pieces(text) {
        let operator = match piece {
            "(" => Some(Word::Open),
            ")" => Some(Word::Close),
            "AND" | "and" => Some(Word::And),
            "OR" | "or" => Some(Word::Or),
            "WITH" | "with" => Some(Word::With),
            _ => None,
        };
        match operator {
            Some(operator) => {
                if begin < end {
                    words.push(Word::Name(&text[begin..end]));
                }
                (begin, end) = (0, 0);
                words.push(operator);
            }
            None => {
                begin = if begin < end { begin } else { at };
                end = at + piece.len();
            }
        }
    }
    if begin < end {
        words.push(Word::Name(&text[begin..end]));
    }
    words
}

/// The parentheses of a text, and what stands between them and spaces, with where each begins.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let mut begin = None;
    for (at, sign) in text.char_indices() {
        let is_parenthesis = matches!(sign, '(' | ')');
        if is_parenthesis || sign.is_whitespace() {
            pieces.extend(begin.take().map(|begin| (begin, &text[begin..at])));
            pieces.extend(is_parenthesis.then(|| (at, &text[at..at + 1])));
        } else if begin.is_none() {
            begin = Some(at);
        }
    }
    pieces.extend(begin.map(|begin| (begin, &text[begin..])));
    pieces
}

//! Words: quotes taken off, variables put in.

use std::ops::Range;

use crate::limits::{LONGEST_WORD, MOST_NESTED};
use crate::mistake::DockerfileMistake;
use crate::variables::Variables;

/// What stands for the output of a command.
const OUTPUT: &str = "$(…)";

/// A word with its variables in their places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// Its text. A variable that is not known stays in it, as `${NAME}`.
    pub text: String,
    /// What of it is not known: names of variables, and `$(…)` for what a command prints.
    pub unknown: Vec<String>,
    /// Where it is written.
    pub range: Range<usize>,
}

/// The words of an instruction, as docker reads them: separated by spaces. `escape` is the character of the file.
///
/// # Errors
///
/// When a quote is opened and not closed.
pub fn words(text: &str, escape: char, variables: &Variables) -> Result<Vec<Word>, DockerfileMistake> {
    let mut reader = Reader { text, at: 0, escape, is_shell: false, variables };
    let mut words = Vec::new();
    loop {
        reader.pass(char::is_whitespace);
        if reader.at == text.len() {
            return Ok(words);
        }
        words.push(reader.word()?);
    }
}

/// Reads words of a text, one after the other.
pub(crate) struct Reader<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
    pub(crate) escape: char,
    /// Whether it is for a shell, in which words end at operators, and commands may be put in.
    pub(crate) is_shell: bool,
    pub(crate) variables: &'a Variables,
}

impl<'a> Reader<'a> {
    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Passes over characters.
    pub(crate) fn pass(&mut self, is: impl Fn(char) -> bool) {
        let length: usize = self.rest().chars().take_while(|it| is(*it)).map(char::len_utf8).sum();
        self.at += length;
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn ends(&self, next: char) -> bool {
        next.is_whitespace() || self.is_shell && ";&|<>()".contains(next)
    }

    /// The word that begins here.
    pub(crate) fn word(&mut self) -> Result<Word, DockerfileMistake> {
        let start = self.at;
        let mut word = Word::default();
        while let Some(next) = self.rest().chars().next().filter(|next| !self.ends(*next)) {
            self.at += next.len_utf8();
            match next {
                '\'' => self.literal(&mut word)?,
                '"' => self.quoted(&mut word)?,
                '$' => self.variable(&mut word),
                '`' if self.is_shell => self.output(&mut word, '`'),
                _ if next == self.escape => match self.next() {
                    Some('\n') if self.is_shell => {}
                    Some(escaped) => word.text.push(escaped),
                    None => {}
                },
                other => word.text.push(other),
            }
        }
        word.range = start..self.at;
        if word.text.len() > LONGEST_WORD {
            word.text = OUTPUT.to_owned();
            word.unknown.push(OUTPUT.to_owned());
        }
        Ok(word)
    }

    fn literal(&mut self, word: &mut Word) -> Result<(), DockerfileMistake> {
        let end = self.rest().find('\'').ok_or(DockerfileMistake::Quote)?;
        word.text.push_str(&self.text[self.at..self.at + end]);
        self.at += end + 1;
        Ok(())
    }

    fn quoted(&mut self, word: &mut Word) -> Result<(), DockerfileMistake> {
        loop {
            match self.next().ok_or(DockerfileMistake::Quote)? {
                '"' => return Ok(()),
                '$' => self.variable(word),
                '`' if self.is_shell => self.output(word, '`'),
                next if next == self.escape => match self.next().ok_or(DockerfileMistake::Quote)? {
                    '\n' if self.is_shell => {}
                    escaped if escaped == self.escape || ['"', '$', '`'].contains(&escaped) => {
                        word.text.push(escaped);
                    }
                    other => word.text.extend([next, other]),
                },
                other => word.text.push(other),
            }
        }
    }

    /// What stands behind a `$`.
    fn variable(&mut self, word: &mut Word) {
        let rest = self.rest();
        if self.is_shell && rest.starts_with('(') {
            self.at += 1;
            return self.output(word, ')');
        }
        if let Some(inside) = rest.strip_prefix('{') {
            let Some(length) = closing(inside) else { return word.text.push('$') };
            let expression = &inside[..length];
            self.at += length + 2;
            return match value(expression, self.variables, 0) {
                Some(value) => put(word, &value),
                None => {
                    let end = expression.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
                    unknown(word, &expression[..end.unwrap_or(expression.len())]);
                }
            };
        }
        let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(rest.len());
        // `$?` and its like.
        let special = rest.chars().next().filter(|it| self.is_shell && "?@*#!$-".contains(*it));
        let name = rest[..end].to_owned();
        self.at += end;
        match self.variables.get(&name) {
            _ if special.is_some() => {
                self.at += 1;
                word.unknown.push(OUTPUT.to_owned());
            }
            _ if name.is_empty() => word.text.push('$'),
            Some(value) => put(word, value),
            None => unknown(word, &name),
        }
    }

    /// Passes over what a command prints: to the end that belongs to it.
    fn output(&mut self, word: &mut Word, end: char) {
        let (mut depth, mut quote) = (1, None);
        while let Some(next) = self.next() {
            match (quote, next) {
                (_, '\\') => drop(self.next()),
                (Some(open), close) if open == close => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') if end == ')' => quote = Some(next),
                (None, '(') if end == ')' => depth += 1,
                (None, found) if found == end => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
        }
        word.text.push_str(OUTPUT);
        word.unknown.push(OUTPUT.to_owned());
    }
}

fn put(word: &mut Word, value: &str) {
    if word.text.len() + value.len() <= LONGEST_WORD {
        word.text.push_str(value);
    } else {
        word.unknown.push(OUTPUT.to_owned());
    }
}

fn unknown(word: &mut Word, name: &str) {
    word.text.push_str(&format!("${{{name}}}"));
    word.unknown.push(name.to_owned());
}

/// Where the brace closes that was opened before the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The value of what stands in `${…}`: a name, and what stands in for it, or for its being there. Nothing where it is not known.
fn value(expression: &str, variables: &Variables, depth: usize) -> Option<String> {
    let end =
        expression.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(expression.len());
    let (name, rest) = expression.split_at(end);
    let found = variables.get(name);
    if rest.is_empty() {
        return found.map(str::to_owned);
    }
    let word = |text: &str| {
        let is_deep = depth >= MOST_NESTED;
        text.split_once('$').map_or(Some(text.to_owned()), |(before, rest)| {
            let inside = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(rest);
            let value = if is_deep { None } else { value(inside, variables, depth + 1) };
            value.map(|value| format!("{before}{value}"))
        })
    };
    let filled = found.filter(|value| !value.is_empty());
    match (rest.strip_prefix(":-"), rest.strip_prefix('-'), rest.strip_prefix(":+"), rest.strip_prefix('+')) {
        (Some(other), ..) => filled.map(str::to_owned).or_else(|| word(other)),
        (_, Some(other), ..) => found.map(str::to_owned).or_else(|| word(other)),
        (_, _, Some(other), _) => filled.map_or(Some(String::new()), |_| word(other)),
        (_, _, _, Some(other)) => found.map_or(Some(String::new()), |_| word(other)),
        // Patterns are left to docker.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        let mut variables = Variables::default();
        variables.set("A", Some("one two".to_owned()));
        variables.set("E", Some(String::new()));
        variables.set("N", None);
        words(text, '\\', &variables).unwrap().into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_are_taken_off_and_variables_put_in() {
        assert_eq!(
            texts(r#"a "b c" 'd $A' e\ f "\"$A\"" $A/x"#),
            ["a", "b c", "d $A", "e f", "\"one two\"", "one two/x"]
        );
        assert_eq!(texts("${A}${E:-x}${E-y}${A:+z}${E:+z}${X:-${A}}"), ["one twoxzone two"]);
        assert_eq!(texts("a\\$A $"), ["a$A", "$"]);
        assert_eq!(words("'a", '\\', &Variables::default()), Err(DockerfileMistake::Quote));
    }

    #[test]
    fn what_is_not_known_stays_and_is_told() {
        let found = words("x$N/${OTHER} ${N%.*}", '\\', &Variables::default()).unwrap();
        assert_eq!((found[0].text.as_str(), found[1].text.as_str()), ("x${N}/${OTHER}", "${N}"));
        assert_eq!(found[0].unknown, ["N", "OTHER"]);
    }

    #[test]
    fn no_variable_grows_beyond_measure() {
        let mut variables = Variables::default();
        variables.set("A", Some("x".repeat(LONGEST_WORD)));
        let found = words("$A$A", '\\', &variables).unwrap();
        assert_eq!((found[0].text.len(), found[0].unknown.len()), (LONGEST_WORD, 1));
        let deep = format!("{}x{}", "${B:-".repeat(5000), "}".repeat(5000));
        assert_eq!(words(&deep, '\\', &variables).unwrap()[0].unknown, ["B"]);
    }
}

//! One instruction of a Dockerfile.

/// An instruction, with the lines that it is written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Its name, in upper case.
    pub keyword: String,
    /// Its flags, such as `--from=builder`.
    pub flags: Vec<Flag>,
    /// What stands behind the flags: its lines joined, without comments.
    pub text: String,
    /// The line that it begins in, counted from 1.
    pub line: usize,
    /// The documents that follow it (`<<EOF`), in their order.
    pub documents: Vec<Document>,
    /// Where in the text lines begin: the first byte of each, and its number.
    pub(crate) starts: Vec<(usize, usize)>,
}

/// A flag, such as `--chown=1000:100`; its value is empty where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Its name, without dashes.
    pub name: String,
    /// Its value, as it is written.
    pub value: String,
}

/// A heredoc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The word that ends it.
    pub name: String,
    /// Whether variables in it are put in: its word is not quoted.
    pub is_expanded: bool,
    /// Its text.
    pub text: String,
    /// The line that the text begins in, counted from 1.
    pub line: usize,
}

impl Instruction {
    /// The line, counted from 1, in which a byte of the text is written.
    pub fn line_at(&self, byte: usize) -> usize {
        self.starts.iter().rev().find(|(start, _)| *start <= byte).map_or(self.line, |(_, line)| *line)
    }

    /// The value of a flag.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|flag| flag.name == name).map(|flag| flag.value.as_str())
    }

    /// The values of a flag that may be there several times.
    pub fn flags<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.flags.iter().filter(move |flag| flag.name == name).map(|flag| flag.value.as_str())
    }

    /// The words of its JSON form, `["a", "b"]`; nothing where it has the shell's form. As docker does it, what is no JSON is for
    /// the shell.
    pub fn exec_form(&self) -> Option<Vec<String>> {
        json_list(self.text.trim())
    }
}

/// A list of texts in JSON.
fn json_list(text: &str) -> Option<Vec<String>> {
    let mut rest = text.strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut words = Vec::new();
    while !rest.is_empty() {
        let (word, behind) = json_text(rest)?;
        words.push(word);
        let behind = behind.trim_start();
        rest = match behind.strip_prefix(',') {
            Some(next) if !next.trim().is_empty() => next.trim_start(),
            None if behind.is_empty() => "",
            _ => return None,
        };
    }
    Some(words)
}

/// A text in JSON at the beginning, and what stands behind it.
fn json_text(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut word = String::new();
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((word, &inside[at + 1..])),
            '\\' => word.push(match characters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    let (at, _) = characters.next()?;
                    let code = u32::from_str_radix(inside.get(at..at + 4)?, 16).ok()?;
                    characters.nth(2)?;
                    char::from_u32(code)?
                }
                other @ ('"' | '\\' | '/') => other,
                _ => return None,
            }),
            other if other.is_control() => return None,
            other => word.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_list_is_json_or_the_shells() {
        let list = |text: &str| json_list(text);
        assert_eq!(list(r#"["a", "b \"c\" \u0041\n"]"#).unwrap(), ["a", "b \"c\" A\n"]);
        assert_eq!(list("[]").unwrap(), Vec::<String>::new());
        for other in ["a b", "['a']", "[\"a\",]", "[\"a\" \"b\"]", "[\"a]", "[\"\\u00\"]", "[ -f x ] && y"] {
            assert_eq!(list(other), None, "{other}");
        }
    }
}

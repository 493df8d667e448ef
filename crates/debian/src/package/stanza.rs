//! Control files: stanzas of fields (`deb822(5)`).

/// One stanza: its fields in their order, continuation lines and all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    fields: Vec<(String, String)>,
}

/// A line that is not part of a stanza.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not a field of a control file: `{}`", text.escape_default())]
pub struct StanzaError {
    /// The line, counted from one.
    pub line: usize,
    /// What it says.
    pub text: String,
}

impl Stanza {
    /// Reads all stanzas of a text. Lines that begin with `#` are comments.
    ///
    /// # Errors
    ///
    /// When a line is neither a field, nor the continuation of one, nor a comment.
    pub fn read_all(text: &str) -> Result<Vec<Self>, StanzaError> {
        let mut stanzas = Vec::new();
        let mut fields: Vec<(String, String)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let error = || StanzaError { line: index + 1, text: line.chars().take(80).collect() };
            if line.trim().is_empty() {
                if !fields.is_empty() {
                    stanzas.push(Self { fields: std::mem::take(&mut fields) });
                }
            } else if line.starts_with('#') {
            } else if line.starts_with([' ', '\t']) {
                let (_, value) = fields.last_mut().ok_or_else(error)?;
                value.push('\n');
                value.push_str(line);
            } else {
                let (name, value) = line.split_once(':').ok_or_else(error)?;
                if name.is_empty() || name.contains([' ', '\t']) {
                    return Err(error());
                }
                fields.push((name.to_owned(), value.trim_start().to_owned()));
            }
        }
        if !fields.is_empty() {
            stanzas.push(Self { fields });
        }
        Ok(stanzas)
    }

    /// The value of a field; its further lines follow with their first blank.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim_end())
    }

    /// The fields in their order, with the blanks at their ends, which dpkg keeps.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Parts an index into the texts of its stanzas, without reading their fields.
pub(crate) fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n").map(|it| it.trim_matches('\n')).filter(|it| !it.is_empty())
}

/// The value of a field that stands on one line of `paragraph`.
pub(crate) fn field<'a>(paragraph: &'a str, name: &str) -> Option<&'a str> {
    paragraph.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_are_read() {
        let text = "A: 1\nB:\n two\n .\n three\n\n\n# comment\nC: x: y\n";
        let stanzas = Stanza::read_all(text).unwrap();
        assert_eq!(stanzas.len(), 2);
        assert_eq!(stanzas[0].get("b"), Some("\n two\n .\n three"));
        assert_eq!(stanzas[1].get("C"), Some("x: y"));
        let error = Stanza::read_all("A: 1\nnonsense\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2 is not a field of a control file: `nonsense`");
    }
}

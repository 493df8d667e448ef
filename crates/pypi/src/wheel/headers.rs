//! Files of headers, as mails have them: `WHEEL` and `METADATA`.

/// The headers of a file, in order, until the first empty line.
#[derive(Debug, Clone, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Reads headers. A line that begins with white space continues the one before it; a line without a colon ends them,
    /// as it does for Python's `email`.
    pub fn read(text: &str) -> Self {
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in text.strip_prefix('\u{feff}').unwrap_or(text).lines() {
            if line.is_empty() {
                break;
            }
            if line.starts_with([' ', '\t']) {
                let Some((_, value)) = headers.last_mut() else { break };
                value.push('\n');
                value.push_str(line);
                continue;
            }
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Self(headers)
    }

    /// All values of a header; its name is compared as mails' are, without case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.0.iter().filter(move |(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The first value of a header.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_end_where_the_description_begins() {
        let text = "Name: a\r\nLicense: one\r\n  Name: not me\r\nrequires-dist: b\r\nRequires-Dist: c\r\n\r\nName: nor me\r\n";
        let headers = Headers::read(text);
        assert_eq!(headers.all("Name").collect::<Vec<_>>(), ["a"]);
        assert_eq!(headers.all("Requires-Dist").collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(headers.first("license"), Some("one\n  Name: not me"));
        assert_eq!(headers.first("Version"), None);
    }
}

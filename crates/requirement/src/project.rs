//! Projects and URLs, as pip takes them.

use std::fmt;

use imgbuild_document::{ValueError, printable, shown};
use imgbuild_secret::SecretText;

/// The name of a project on a package index, normalised: lower case, with a single `-` for each run of `-`, `_` and `.`
/// ("Names and normalization" of the PyPA specifications).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(String);

impl ProjectName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for ProjectName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let ends = |it: Option<char>| it.is_some_and(|it| it.is_ascii_alphanumeric());
        let known = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
        if !ends(text.chars().next()) || !ends(text.chars().last()) || !text.chars().all(known) {
            return Err(ValueError::new(format!("`{}` is not the name of a project", text.escape_default()))
                .hint("write the name alone, in letters, digits, `-`, `_` and `.`"));
        }
        let words = text.split(['-', '_', '.']).filter(|word| !word.is_empty());
        Ok(Self(words.collect::<Vec<_>>().join("-").to_ascii_lowercase()))
    }
}

imgbuild_document::as_text!(ProjectName, String);

/// A URL as it was written, which may name a user, a password and variables (`${TOKEN}`): neither `Display` nor `Debug`
/// shows a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PipUrl(SecretText);

impl PipUrl {
    /// `text` with what stands before the host, and with variables as they are written.
    pub fn read(text: &str, schemes: &[&str]) -> Result<Self, ValueError> {
        let error = |rule: String| {
            ValueError::new(format!("`{}` is not a URL that can be used: {rule}", shown(text)))
        };
        if !printable(text) || text.contains(char::is_whitespace) {
            return Err(error("it is empty, or holds spaces or control characters".to_owned()));
        }
        let url = url::Url::parse(text).map_err(|reason| {
            error(reason.to_string()).hint("write it like `https://index.example/simple`")
        })?;
        if !text.contains("://") || !schemes.contains(&url.scheme()) {
            let known: Vec<String> = schemes.iter().map(|scheme| format!("`{scheme}://`")).collect();
            return Err(error("it has another scheme".to_owned())
                .hint(format!("it can begin with {}", known.join(", "))));
        }
        Ok(Self(SecretText::new(text)))
    }

    /// The URL, with the secrets that it may hold. Variables (`${NAME}`) are not expanded.
    pub fn secret(&self) -> &SecretText {
        &self.0
    }
}

/// The URL of an index: `https://`, `http://` or `file://`.
impl std::str::FromStr for PipUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::read(text, &["https", "http", "file"])
    }
}

imgbuild_document::as_text!(PipUrl, String);

impl fmt::Debug for PipUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for PipUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        for (given, name) in [("Friendly-.-Bard", "friendly-bard"), ("zope.interface", "zope-interface")] {
            assert_eq!(given.parse::<ProjectName>().map(|it| it.to_string()), Ok(name.to_owned()));
        }
        for bad in ["", "-a", "a-", "a b", "a>=1", "é", "../a"] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn credentials_are_never_shown() {
        for (given, shown) in [
            ("https://u:p@i.example/simple?token=x#a", "https://i.example/simple#a"),
            ("https://${USER}:${PASSWORD}@i.example", "https://i.example"),
        ] {
            let url = given.parse::<PipUrl>().unwrap();
            assert_eq!((url.secret().whole(), url.to_string().as_str()), (given, shown));
            assert_eq!(format!("{url:?}"), format!("{shown:?}"));
        }
        for bad in
            ["", "i.example", "/simple", "ftp://i.example", "https:i.example", "https://u:p@ i.example"]
        {
            assert!(!format!("{:?}", bad.parse::<PipUrl>().unwrap_err()).contains("u:p"), "{bad}");
        }
    }
}

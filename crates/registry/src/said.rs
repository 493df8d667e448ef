//! What registries, and their servers of tokens, say of why they refuse something.

use std::fmt;

use reqwest::StatusCode;
use serde::Deserialize;

/// The most characters that are kept of what is said.
const LONGEST: usize = 300;
/// The most items that are kept of what is said.
const MOST: usize = 5;

/// An item of what a registry says (distribution specification, "Error Codes").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Such as `BLOB_UNKNOWN`.
    pub code: String,
    /// For people.
    pub message: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, " ({})", self.message) }
    }
}

/// What a server of tokens says that gives none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRefusal {
    /// The answer.
    pub status: StatusCode,
    /// What it says of it; nothing where that cannot be read.
    pub said: Option<String>,
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its server of tokens gives none ({})", self.status.as_u16())?;
        self.said.as_ref().map_or(Ok(()), |said| write!(f, ": {said}"))
    }
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<ErrorItem>,
}

#[derive(Deserialize)]
struct ErrorItem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: Option<String>,
}

/// What servers of tokens answer beside the registries' own form: docker's, and OAuth2's (RFC 6749, 5.2).
#[derive(Deserialize)]
struct OtherForms {
    details: Option<String>,
    message: Option<String>,
    error_description: Option<String>,
    error: Option<String>,
}

/// The errors that an answer lists; nothing where it is something else, such as a proxy's page.
pub(crate) fn said(bytes: &[u8]) -> Vec<Said> {
    let Ok(Errors { errors }) = serde_json::from_slice(bytes) else { return Vec::new() };
    let item =
        |it: ErrorItem| Said { code: short(&it.code), message: short(&it.message.unwrap_or_default()) };
    errors.into_iter().take(MOST).map(item).filter(|said| !said.code.is_empty()).collect()
}

/// What a server of tokens says in an answer without any; nothing where that cannot be read.
pub(crate) fn said_of_tokens(bytes: &[u8]) -> Option<String> {
    let listed: Vec<String> = said(bytes).iter().map(ToString::to_string).collect();
    if !listed.is_empty() {
        return Some(listed.join(", "));
    }
    let OtherForms { details, message, error_description, error } = serde_json::from_slice(bytes).ok()?;
    let said = [details, message, error_description, error].into_iter().flatten();
    said.map(|text| short(&text)).find(|text| !text.is_empty())
}

fn short(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_registries_say_is_read() {
        let text = br#"{"errors":[{"code":"DENIED","message":"requested access\n to the resource","detail":[{}]},{"code":"X"}]}"#;
        let shown: Vec<_> = said(text).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["DENIED (requested access to the resource)", "X"]);
        for text in ["", "<html>", "{}", "[]", "{\"errors\":null}", "{\"errors\":[{}]}"] {
            assert_eq!(said(text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn what_servers_of_tokens_say_is_read() {
        for (text, read) in [
            (r#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#, Some("UNAUTHORIZED (no)")),
            (r#"{"details":"incorrect username\n or password"}"#, Some("incorrect username or password")),
            (
                r#"{"error":"invalid_grant","error_description":"token has expired"}"#,
                Some("token has expired"),
            ),
            (r#"{"error":"invalid_grant"}"#, Some("invalid_grant")),
            ("{}", None),
            ("<html>", None),
            (r#"{"details":1}"#, None),
        ] {
            assert_eq!(said_of_tokens(text.as_bytes()).as_deref(), read, "{text}");
        }
    }
}

//! Secrets in texts.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};

/// A text with URLs in it that may hold secrets: none of its forms shows one but [`SecretText::whole`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretText(String);

impl SecretText {
    /// A text as it was written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// All of it: for whoever asks a server, and for nobody else.
    pub fn whole(&self) -> &str {
        &self.0
    }

    /// The text without its secrets.
    pub fn public(&self) -> String {
        public(&self.0)
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&String> for SecretText {
    fn from(text: &String) -> Self {
        Self::new(text.as_str())
    }
}

impl fmt::Display for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.public())
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.public(), f)
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text without the secrets of the URLs in it.
pub fn public(text: &str) -> String {
    let mut left = text.to_owned();
    // What is left when something is taken out of nonsense can look like a secret again.
    loop {
        let secrets = places(&left);
        if secrets.is_empty() {
            return left;
        }
        let mut out = String::with_capacity(left.len());
        let mut start = 0;
        for secret in secrets {
            out.push_str(&left[start..secret.start]);
            start = secret.end;
        }
        out.push_str(&left[start..]);
        left = out;
    }
}

/// A text with stars over the secrets of the URLs in it, each as long as what it covers: every place stays where it is.
pub fn masked(text: &str) -> String {
    let mut out = text.to_owned();
    for mut secret in places(text) {
        let removed = &text[secret.clone()];
        // What only says that there is a secret stays.
        let before = ["/t/", "?", ":"].into_iter().find(|mark| removed.starts_with(mark));
        secret.start += before.map_or(0, str::len);
        if removed.ends_with('@') && before != Some("?") {
            secret.end = (secret.end - 1).max(secret.start);
        }
        let stars = "*".repeat(secret.len());
        out.replace_range(secret, &stars);
    }
    out
}

/// A text with variables (`${NAME}`) in their places. One that is not set stays as it is written.
pub fn expanded(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        match after.split_once('}').map(|(name, after)| (variables.get(name), after)) {
            Some((Some(value), after)) => {
                expanded.push_str(value);
                rest = after;
            }
            _ => {
                expanded.push_str("${");
                rest = after;
            }
        }
    }
    expanded.push_str(rest);
    expanded
}

/// What ends a URL in a text.
fn ends(character: char) -> bool {
    "'\"`<>".contains(character) || character.is_whitespace() || character.is_control()
}

/// Where the URLs of a text are: from the scheme on.
pub(crate) fn urls(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    while let Some(at) = text[start..].find("://") {
        let colon = start + at;
        let in_scheme = |it: char| it.is_ascii_alphanumeric() || "+-.".contains(it);
        let scheme = text[start..colon].rfind(|it| !in_scheme(it));
        // The character before a scheme may have several bytes.
        let begin = scheme.map_or(start, |at| {
            let at = start + at;
            at + text[at..].chars().next().map_or(0, char::len_utf8)
        });
        let after = colon + "://".len();
        // A URL in a URL belongs to it: `…?next=https://…`.
        let end = text[after..].find(ends).map_or(text.len(), |end| after + end);
        found.push(begin..end);
        start = end;
    }
    found
}

/// What of a text is to be left out: users and passwords with the `@` behind them, tokens with the `/t/` before them, queries
/// with their `?`.
fn places(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for url in urls(text) {
        let Some((scheme, rest)) = text[url.clone()].split_once("://") else { continue };
        let scheme = scheme.rsplit('+').next().unwrap_or(scheme).to_ascii_lowercase();
        let authority = url.end - rest.len();
        let path = login(rest, &scheme, authority, &mut found);
        let query = text[path..url.end].find(['?', '#']).map_or(url.end, |at| path + at);
        if scheme != "file" {
            tokens(&text[path..query], path, &mut found);
        }
        if text[query..url.end].starts_with('?') {
            let end = text[query..url.end].find('#').map_or(url.end, |at| query + at);
            found.push(query..end);
        }
    }
    private_keys(text, &mut found);
    found
}

/// Finds what stands between the first and the last line of private keys (RFC 7468), line by line. One without an end ends with the
/// text.
fn private_keys(text: &str, found: &mut Vec<Range<usize>>) {
    const BEGIN: &str = "PRIVATE KEY-----";
    let mut at = 0;
    while let Some(begin) = text[at..].find(BEGIN) {
        let start = at + begin + BEGIN.len();
        let end = text[start..].find("-----END ").map_or(text.len(), |end| start + end);
        let mut line = start;
        for part in text[start..end].split_inclusive('\n') {
            let shown = part.trim_end_matches(['\n', '\r']);
            if !shown.is_empty() {
                found.push(line..line + shown.len());
            }
            line += part.len();
        }
        // Its last line names a private key too.
        at = text[end..].find(BEGIN).map_or(text.len(), |next| end + next + BEGIN.len());
    }
    found.sort_by_key(|range| range.start);
    found.dedup_by(|next, before| next.start < before.end);
}

/// Finds user and password in what stands behind `://`, which is at `start` of the text, and says where the path begins.
fn login(rest: &str, scheme: &str, start: usize, found: &mut Vec<Range<usize>>) -> usize {
    let mut end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    // In a password that was not escaped there may be what ends an authority: then what stands before is no host with a port.
    let broken = !rest[..end].contains('@')
        && rest[..end].split_once(':').is_some_and(|(host, port)| {
            !host.starts_with('[') && !port.bytes().all(|it| it.is_ascii_digit())
        });
    if broken && let Some(at) = rest.rfind('@') {
        end = rest[at..].find(['/', '?', '#', '\\']).map_or(rest.len(), |end| at + end);
    }
    if let Some(at) = rest[..end].rfind('@') {
        let user = &rest[..at];
        // A user is no secret where a program is asked to log in as such: `git` of `ssh://git@…`.
        match user.split_once(':') {
            _ if user == "git" => {}
            None if scheme == "ssh" => {}
            Some((name, _)) if scheme == "ssh" => found.push(start + name.len()..start + at),
            _ => found.push(start..start + at + 1),
        }
    }
    start + end
}

/// Finds conda's tokens in a path that is at `start` of the text.
fn tokens(path: &str, start: usize, found: &mut Vec<Range<usize>>) {
    let mut at = 0;
    while let Some(next) = path[at..].find("/t/") {
        let begin = at + next;
        let token = begin + "/t/".len();
        let end = path[token..].find('/').map_or(path.len(), |end| token + end);
        if end == token {
            at = token - 1;
            continue;
        }
        found.push(start + begin..start + end);
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_lose_their_secrets_and_nothing_else() {
        for (text, left) in [
            ("https://h.example/conda/noarch/x.conda", "https://h.example/conda/noarch/x.conda"),
            ("https://me:pass@h.example:8080/x", "https://h.example:8080/x"),
            ("https://token@h.example/x", "https://h.example/x"),
            ("https://:pass@h.example/x", "https://h.example/x"),
            ("https://u:p@x@h.example/simple/?token=x#a", "https://h.example/simple/#a"),
            ("https://u:p%40ss@h.example", "https://h.example"),
            ("https://u:a/b@h.example/x", "https://h.example/x"),
            ("https://u:a#b?c@h.example/x", "https://h.example/x"),
            ("https://${USER}:${PASSWORD}@h.example", "https://h.example"),
            ("HTTPS://u:p@h.example", "HTTPS://h.example"),
            ("https://h.example/a@1.0", "https://h.example/a@1.0"),
            ("https://h.example:80/a@1.0", "https://h.example:80/a@1.0"),
            ("https://[::1]:8/x@y", "https://[::1]:8/x@y"),
            ("https://h.example/t/ab-12/chan/x", "https://h.example/chan/x"),
            ("https://h.example/conda/t/ab-12/chan/x", "https://h.example/conda/chan/x"),
            ("https://h.example/t/ab-12", "https://h.example"),
            ("https://h.example/t/a/t/b/x", "https://h.example/x"),
            ("https://h.example/t//x", "https://h.example/t//x"),
            ("https://h.example/t", "https://h.example/t"),
            ("oci://u:p@h.example/t/ab/chan", "oci://h.example/chan"),
            ("file:///srv/t/x/noarch", "file:///srv/t/x/noarch"),
            ("https://s3.example/x?X-Amz-Signature=abc&plain", "https://s3.example/x"),
            ("https://h.example/x?next=https://u:p@i.example/", "https://h.example/x"),
            ("git+ssh://git@h.example/b", "git+ssh://git@h.example/b"),
            ("git+ssh://me:pass@h.example/b", "git+ssh://me@h.example/b"),
            ("git+https://git@h.example/b", "git+https://git@h.example/b"),
            (
                "a @ https://u:p@h.example/a b @ https://t@h.example/b",
                "a @ https://h.example/a b @ https://h.example/b",
            ),
            ("numpy[channel='https://u:p@h.example/c']", "numpy[channel='https://h.example/c']"),
            ("data:secret, http:/x, é://u:p@h", "data:secret, http:/x, é://h"),
        ] {
            assert_eq!(public(text), left, "{text}");
        }
    }

    #[test]
    fn masked_texts_keep_their_places() {
        for (text, shown) in [
            ("a = 'https://u:p@h.example/x?token=1' # é", "a = 'https://***@h.example/x?*******' # é"),
            ("https://h.example/t/ab-12/x", "https://h.example/t/*****/x"),
            ("ssh://me:pass@h.example/x", "ssh://me:****@h.example/x"),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\nbnNz\n-----END OPENSSH PRIVATE KEY-----\nx",
                "-----BEGIN OPENSSH PRIVATE KEY-----\n****\n****\n-----END OPENSSH PRIVATE KEY-----\nx",
            ),
            ("k = \"-----BEGIN PRIVATE KEY-----\\nMIIE", "k = \"-----BEGIN PRIVATE KEY-----******"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn variables_come_into_their_places() {
        let variables = [("A".to_owned(), "x".to_owned()), ("B".to_owned(), "${A}".to_owned())].into();
        assert_eq!(expanded("${A}-${B}-${C}-$A-${", &variables), "x-${A}-${C}-$A-${");
    }

    proptest! {
        #[test]
        fn no_text_shows_what_is_secret(
            before in "[ -~é]{0,12}",
            user in "[a-z]{0,4}",
            secret in "CANARY[A-Za-z0-9.%_~!$&*+,;=:/#?-]{0,6}",
            host in "[a-z]{1,6}\\.example",
            after in "[ -~é]{0,12}",
        ) {
            for url in [
                format!("https://{user}:{secret}@{host}/x"),
                format!("https://{}@{host}/x", secret.replace([':', '/', '#', '?'], "")),
                format!("https://{host}/t/{}/x", secret.replace(['/', '#', '?'], "")),
                format!("https://{host}/x?k={}", secret.replace('#', "")),
            ] {
                let text = format!("{before} {url} {after}");
                prop_assert!(!public(&text).contains("CANARY"), "{text}: {}", public(&text));
                prop_assert!(!masked(&text).contains("CANARY"), "{text}: {}", masked(&text));
            }
        }

        #[test]
        fn what_is_public_stays(text in "([a-z]{1,5}://)?([ -~é]|/t/|//|:|@|\\?){0,30}") {
            let once = public(&text);
            prop_assert_eq!(public(&once), once.clone());
            prop_assert_eq!(masked(&text).len(), text.len());
        }
    }
}

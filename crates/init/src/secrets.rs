//! What must not be repeated: a first spec is read, kept and shared.

use imgbuild_secret::masked;

/// What stands in the place of a secret.
const HIDDEN: &str = "…";

/// Words of a variable's name that say that its value is secret.
const WORDS: [&str; 15] = [
    "APIKEY",
    "AUTH",
    "CREDENTIAL",
    "CREDENTIALS",
    "KEY",
    "PASS",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PAT",
    "PWD",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "TOKENS",
];

/// Last words of names of what is no secret: where it is, how long it is.
const PLAIN: [&str; 8] = ["DIR", "FILE", "ID", "LENGTH", "NAME", "PATH", "URL", "TYPE"];

/// What tokens of well-known services begin with.
const TOKENS: [&str; 17] = [
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "hf_",
    "sk-",
    "AKIA",
    "ASIA",
    "xoxb-",
    "xoxp-",
    "pypi-AgE",
    "npm_",
    "dckr_pat_",
    "AIza",
    "eyJhbGciOi",
    "ya29.",
];

/// The fewest characters that a token has behind what it begins with.
const SHORTEST_TOKEN: usize = 12;

/// Whether a variable is secret, by its name.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words: Vec<&str> = name.split(['_', '-', '.']).filter(|word| !word.is_empty()).collect();
    let Some(last) = words.last() else { return false };
    // The words before say more: a token's file is none.
    !PLAIN.contains(last) && words.iter().any(|word| WORDS.contains(word))
}

/// Whether a text holds what is secret whatever it is called: a password in a URL, or a token. A variable in its place is none.
pub(crate) fn holds_secret(text: &str) -> bool {
    let mut known = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        known.push_str(before);
        rest = behind.split_once('}').map_or("", |(_, behind)| behind);
    }
    known.push_str(rest);
    // What stands around variables alone is no login.
    let known = known.replace("://:@", "://").replace("://@", "://");
    masked(&known) != known || tokens(&known).next().is_some()
}

/// The texts of tokens in a text, by how they begin.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |it: char| it.is_ascii_alphanumeric() || "_-.".contains(it);
    let is_token = move |word: &&str| {
        let behind =
            |begin: &&str| word.strip_prefix(*begin).is_some_and(|rest| rest.len() >= SHORTEST_TOKEN);
        TOKENS.iter().any(behind)
    };
    text.split(move |it| !is_part(it)).filter(is_token)
}

/// Options whose value is secret.
const OPTIONS: [&str; 7] =
    ["--password", "--token", "--secret", "--api-key", "--apikey", "--auth-token", "--passphrase"];

/// A text without the secrets in it, and without the values `known`, to be repeated where people read.
pub(crate) fn without_secrets(text: &str, known: &[String]) -> String {
    let mut shown = masked(text);
    for value in known.iter().filter(|value| value.len() > 3) {
        shown = shown.replace(value.as_str(), HIDDEN);
    }
    for token in tokens(&shown.clone()) {
        shown = shown.replace(token, HIDDEN);
    }
    let mut words: Vec<String> = Vec::new();
    let mut hides_next = false;
    for word in shown.split_inclusive(char::is_whitespace) {
        let (bare, space) = word.split_at(word.trim_end().len());
        words.push(match bare.split_once('=') {
            _ if hides_next && !bare.is_empty() => format!("{HIDDEN}{space}"),
            Some((name, value))
                if !value.is_empty() && (is_secret_option(name) || is_secret_name(last_word(name))) =>
            {
                format!("{name}={HIDDEN}{space}")
            }
            _ => word.to_owned(),
        });
        hides_next = is_secret_option(bare)
            || (hides_next && bare.is_empty())
            || bare.ends_with("Bearer")
            || bare.ends_with("Basic");
    }
    words.concat()
}

fn is_secret_option(word: &str) -> bool {
    OPTIONS.contains(&word)
}

/// The name in `"NAME`, `-eNAME` or `x;NAME`.
fn last_word(text: &str) -> &str {
    text.rsplit(|it: char| !it.is_ascii_alphanumeric() && it != '_').next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_secret() {
        for name in [
            "API_KEY",
            "OPENAI_API_KEY",
            "GITHUB_TOKEN",
            "db_password",
            "AWS_SECRET_ACCESS_KEY",
            "NPM_AUTH",
            "HF_TOKEN",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "TOKENIZERS_PARALLELISM",
            "PATH",
            "PYTHONPATH",
            "KEYBOARD",
            "TOKEN_FILE",
            "SSH_KEY_PATH",
            "PASSENGER",
            "AWS_ACCESS_KEY_ID",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn what_is_repeated_holds_no_secret() {
        let token = format!("ghp_{}", "a1".repeat(18));
        let text = format!(
            "pip install https://me:s3cret@x.example/y && curl -H \"Authorization: Bearer abc\" --token tok_1 -e API_KEY=val1 {token} hunter2x"
        );
        assert_eq!(
            without_secrets(&text, &["hunter2x".to_owned()]),
            "pip install https://*********@x.example/y && curl -H \"Authorization: Bearer … --token … -e API_KEY=… … …"
        );
        assert!(
            holds_secret(&token)
                && holds_secret("https://a:b@c")
                && !holds_secret("https://c/d ghp_ sk-learn")
        );
        assert!(
            holds_secret("https://${USER}:b@c/${X}") && !holds_secret("git+https://${USER}:${TOKEN}@c/d")
        );
    }
}

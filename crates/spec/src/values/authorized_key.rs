//! Public keys that log in by SSH.

use imgbuild_document::{ValueError, checked_text};
use ssh_key::{Algorithm, PublicKey};

checked_text!(
    /// A line of `authorized_keys` (sshd(8)): options, where there are any, the kind of the key, the key, and a comment.
    AuthorizedKey, check, String
);

fn check(text: &str) -> Result<(), ValueError> {
    // What is wrong with a private key is that it is here: no message holds any of it.
    if text.contains("PRIVATE KEY") {
        let error = ValueError::new("this is a private key, which nobody but its owner may have");
        return Err(error.hint("write the public one, which `ssh-keygen` puts beside it in a file that ends in `.pub`; and make a new pair if this file was given to anybody"));
    }
    let error = |rule: &str| {
        ValueError::new(format!("`{}` is not a public key of SSH: {rule}", shortened(text)))
            .hint("write one line of a file that ends in `.pub`, such as `ssh-ed25519 AAAA… ada@example`")
    };
    if text.lines().count() != 1 || text.chars().any(char::is_control) {
        return Err(error("it is not one line"));
    }
    // A line begins with the key, or with options.
    let key = PublicKey::from_openssh(text);
    let key = key.or_else(|found| PublicKey::from_openssh(without_options(text).ok_or(found)?));
    let key = key.map_err(|found| error(&found.to_string()))?;
    if key.algorithm() == Algorithm::Dsa {
        return Err(error("OpenSSH does not take keys of DSA any more"));
    }
    Ok(())
}

/// What stands behind the options of a line: these end with the first blank that is not in quotes, in which a backslash keeps a
/// quote from ending them.
fn without_options(text: &str) -> Option<&str> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            '"' if !escaped => quoted = !quoted,
            ' ' | '\t' if !quoted => return Some(text[at..].trim_start()),
            _ => {}
        }
        escaped = quoted && character == '\\' && !escaped;
    }
    None
}

/// The beginning of a text, as messages show it.
fn shortened(text: &str) -> String {
    let end = text.char_indices().nth(40).map_or(text.len(), |(at, _)| at);
    let dots = if end < text.len() { "…" } else { "" };
    format!("{}{dots}", text[..end].escape_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk37YtvcaiaTm67TPe/o+SUFFTDsLh+A/dqFIkD2bCN";

    #[test]
    fn keys_may_have_options_and_comments() {
        for good in [
            KEY.to_owned(),
            format!("{KEY} ada@example"),
            format!("from=\"10.0.0.0/8\",command=\"echo \\\"hello\\\"\",no-pty {KEY} ada"),
            format!("restrict {KEY}"),
        ] {
            assert!(good.parse::<AuthorizedKey>().is_ok(), "{good}");
        }
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        for bad in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            "AAAAC3NzaC1lZDI1NTE5AAAAIGk37YtvcaiaTm67TPe/o+SUFFTDsLh+A/dqFIkD2bCN",
            &KEY.replace("ssh-ed25519", "ssh-rsa"),
            &format!("{KEY}\n{KEY}"),
        ] {
            assert!(bad.parse::<AuthorizedKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn of_a_private_key_nothing_is_told() {
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----";
        let error = key.parse::<AuthorizedKey>().unwrap_err();
        assert!(!error.with_hint().contains("b3Blbn"), "{error}");
    }
}

//! Names: of Debian packages and labels.

use imgbuild_document::{ValueError, checked_text, printable};
use imgbuild_secret::SecretText;

checked_text!(
    /// The name of a Debian package (Debian policy 5.6.1).
    DebianPackageName, check_debian, String
);

impl From<&DebianPackageName> for SecretText {
    fn from(name: &DebianPackageName) -> Self {
        Self::new(name.as_str())
    }
}

checked_text!(
    /// The key of a label of the image.
    LabelKey, check_label, String
);

fn check_debian(text: &str) -> Result<(), ValueError> {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good = text.len() >= 2
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || b"+-.".contains(&byte));
    if !good {
        return Err(ValueError::new(format!("`{text}` is not the name of a Debian package"))
            .hint("write the name alone, in lower-case letters, digits, `+`, `-` and `.`"));
    }
    Ok(())
}

fn check_label(text: &str) -> Result<(), ValueError> {
    if !printable(text) || text.contains(char::is_whitespace) {
        return Err(ValueError::new(format!("`{}` is not the key of a label", text.escape_default()))
            .hint("write it like `org.opencontainers.image.source`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_their_worlds() {
        for good in ["git", "g++", "libc6", "python3.11"] {
            assert!(good.parse::<DebianPackageName>().is_ok(), "{good}");
        }
        for bad in ["", "a", "Git", "git=1:2", "-git", "git tmux"] {
            assert!(bad.parse::<DebianPackageName>().is_err(), "{bad}");
        }
    }
}

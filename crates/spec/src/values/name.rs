//! Names: of packages, channels, environment variables and labels.

use secret::SecretText;

use super::{ValueError, checked_text, printable, secret_text, shown};
use crate::decode::Literal;

checked_text!(
    /// The name of a conda package.
    PackageName, check_package, String
);

checked_text!(
    /// The name of a Debian package (Debian policy 5.6.1).
    DebianPackageName, check_debian, String
);

impl From<&DebianPackageName> for SecretText {
    fn from(name: &DebianPackageName) -> Self {
        Self::new(name.as_str())
    }
}

secret_text!(
    /// A conda channel: a name, a URL, or a path written as `file://`.
    ChannelName, check_channel
);

checked_text!(
    /// The name of an environment variable (POSIX: letters, digits and `_`, no digit first).
    VariableName, check_variable, String
);

checked_text!(
    /// The key of a label of the image.
    LabelKey, check_label, String
);

checked_text!(
    /// The name of a conda environment: what `conda run -n` and the prompt call it.
    EnvironmentName, check_environment, Literal
);

fn check_environment(text: &str) -> Result<(), ValueError> {
    // conda's own list of what such a name must not hold.
    if !printable(text) || text.contains(['/', '\\', ' ', ':', '#']) || matches!(text, "." | "..") {
        return Err(ValueError::new(format!(
            "`{}` is not the name of an environment",
            text.escape_default()
        ))
        .hint("use no spaces, slashes, `:` or `#`"));
    }
    Ok(())
}

fn check_package(text: &str) -> Result<(), ValueError> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if text.is_empty() || !text.bytes().all(known) {
        return Err(ValueError::new(format!("`{text}` is not the name of a conda package"))
            .hint("write the name alone, in lower-case letters, digits, `.`, `_` and `-`"));
    }
    Ok(())
}

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

fn check_channel(text: &str) -> Result<(), ValueError> {
    if !printable(text) || text.contains(char::is_whitespace) || text.contains("::") {
        return Err(ValueError::new(format!("`{}` is not a conda channel", shown(text)))
            .hint("write its name, like `conda-forge`, or its URL"));
    }
    Ok(())
}

fn check_variable(text: &str) -> Result<(), ValueError> {
    let good = !text.is_empty()
        && !text.as_bytes()[0].is_ascii_digit()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !good {
        let message = format!("`{}` is not the name of an environment variable", text.escape_default());
        return Err(ValueError::new(message).hint("use letters, digits and `_`, with no digit first"));
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
        for good in ["numpy", "libstdcxx-ng", "ruamel.yaml", "_libgcc_mutex", "7zip"] {
            assert!(good.parse::<PackageName>().is_ok(), "{good}");
        }
        assert!("numpy >=1".parse::<PackageName>().is_err());
        for good in ["git", "g++", "libc6", "python3.11"] {
            assert!(good.parse::<DebianPackageName>().is_ok(), "{good}");
        }
        for bad in ["", "a", "Git", "git=1:2", "-git", "git tmux"] {
            assert!(bad.parse::<DebianPackageName>().is_err(), "{bad}");
        }
        for bad in ["", "conda forge", "conda-forge::numpy", "a\nb"] {
            assert!(bad.parse::<ChannelName>().is_err(), "{bad}");
        }
        for bad in ["", "1A", "A B", "A=B", "é"] {
            assert!(bad.parse::<VariableName>().is_err(), "{bad}");
        }
    }
}

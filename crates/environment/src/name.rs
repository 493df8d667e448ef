//! Names that conda has: of packages, channels and environments; and match specs.

use imgbuild_document::{Literal, ValueError, checked_text, printable, secret_text, shown};

checked_text!(
    /// The name of a conda package.
    PackageName, check_package, String
);

secret_text!(
    /// A conda channel: a name, a URL, or a path written as `file://`.
    ChannelName, check_channel
);

checked_text!(
    /// The name of a conda environment: what `conda run -n` and the prompt call it.
    EnvironmentName, check_environment, Literal
);

impl EnvironmentName {
    /// What conda calls the environment in the prefix itself.
    pub fn base() -> Self {
        Self("base".to_owned())
    }

    /// Whether it is that name.
    pub fn is_base(&self) -> bool {
        *self == Self::base()
    }
}

secret_text!(
    /// A conda match spec as it is written. The solver reads it; here it is only known to be one line.
    MatchSpecText, check_match_spec
);

fn check_package(text: &str) -> Result<(), ValueError> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if text.is_empty() || !text.bytes().all(known) {
        return Err(ValueError::new(format!("`{text}` is not the name of a conda package"))
            .hint("write the name alone, in lower-case letters, digits, `.`, `_` and `-`"));
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

fn check_match_spec(text: &str) -> Result<(), ValueError> {
    if !printable(text) || text.trim() != text {
        return Err(ValueError::new(format!("`{}` is not a requirement", shown(text)))
            .hint("write a package and, if need be, its version, like `numpy >=1.26`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_condas_rules() {
        for good in ["numpy", "libstdcxx-ng", "ruamel.yaml", "_libgcc_mutex", "7zip"] {
            assert!(good.parse::<PackageName>().is_ok(), "{good}");
        }
        assert!("numpy >=1".parse::<PackageName>().is_err());
        for bad in ["", "conda forge", "conda-forge::numpy", "a\nb"] {
            assert!(bad.parse::<ChannelName>().is_err(), "{bad}");
        }
    }
}

//! What Debian packages are held to.

use imgbuild_document::{ValueError, checked_text, printable};

checked_text!(
    /// A Debian version, or how it begins and then `*`.
    VersionPattern, check_version, String
);

checked_text!(
    /// What a source of Debian packages is called: Debian's own archives as well.
    SourceName, check_source, String
);

impl VersionPattern {
    /// Whether a version is the one, or begins so, as in apt's own pins (`apt_preferences(5)`).
    pub fn fits(&self, version: &str) -> bool {
        match self.as_str().strip_suffix('*') {
            Some(beginning) => version.starts_with(beginning),
            // `1.0` and `1.0-0` are one version to dpkg, but two archives.
            None => version == self.as_str(),
        }
    }
}

fn check_version(text: &str) -> Result<(), ValueError> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".+-~:".contains(&byte);
    let version = text.strip_suffix('*').unwrap_or(text);
    if version.starts_with(|first: char| first.is_ascii_digit()) && version.bytes().all(known) {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` is not a Debian version", text.escape_default()))
        .hint("write it whole, like `1:2.39.5-0+deb12u2`, or how it begins and then `*`, like `1:2.39.*`"))
}

fn check_source(text: &str) -> Result<(), ValueError> {
    if printable(text) {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` is not the name of a source", text.escape_default()))
        .hint("it is `debian`, `debian-security`, or a name of `[base.sources]`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_at_the_end_only() {
        for good in ["1", "1:2.39.*", "2*", "1:2.39.5-0+deb12u2", "1.0~rc1-1"] {
            assert!(good.parse::<VersionPattern>().is_ok(), "{good}");
        }
        for bad in ["", "*", "1.*.2", "1.**", ">=1", "1 2", "latest", "1\n"] {
            assert!(bad.parse::<VersionPattern>().is_err(), "{bad}");
        }
    }
}

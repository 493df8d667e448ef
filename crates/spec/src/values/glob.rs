//! Paths of packages by globs, as dpkg has them.

use imgbuild_document::{ValueError, checked_text, printable};

checked_text!(
    /// A glob over absolute paths: `*` and `?` stand for any characters, `[a-z]` for one of a set.
    PathGlob, check_glob, String
);

checked_text!(
    /// What of packages is left out: `documentation`, `locales`, or what a glob over absolute paths matches.
    ExcludedPart, check_part, String
);

/// The words that stand for many globs.
const PARTS: [&str; 2] = ["documentation", "locales"];

fn is_glob(text: &str) -> bool {
    let brackets = text.split('[').skip(1).all(|rest| {
        let set = rest.split(']').next().unwrap_or_default().trim_start_matches('!');
        rest.contains(']') && !set.is_empty() && !set.starts_with(':')
    });
    text.starts_with('/')
        && text.len() > 1
        && printable(text)
        && !text.contains(['\\', '{', '}', ' '])
        && !text.contains("**")
        && brackets
}

fn check_glob(text: &str) -> Result<(), ValueError> {
    if is_glob(text) {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` is not a glob over absolute paths", text.escape_default()))
        .hint("write it like `/usr/share/icons/*`: `*` stands for slashes as well, and `?` and `[a-z]` for one character"))
}

fn check_part(text: &str) -> Result<(), ValueError> {
    if PARTS.contains(&text) || is_glob(text) {
        return Ok(());
    }
    let message = format!("`{}` is nothing that can be left out", text.escape_default());
    Err(ValueError::new(message)
        .hint("it can be `documentation`, `locales`, or a glob like `/usr/share/icons/*`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_are_dpkgs_without_what_others_read_differently() {
        for good in ["/usr/*", "/usr/share/man/man[1-9]/?s*", "/etc/a[!b]c", "/a+b.c"] {
            assert!(good.parse::<PathGlob>().is_ok(), "{good}");
        }
        for bad in
            ["", "/", "usr/*", "/a/**/b", "/a\\*", "/{a,b}", "/a[", "/a[]", "/a[[:alpha:]]", "/a b", "/a\n"]
        {
            assert!(bad.parse::<PathGlob>().is_err(), "{bad}");
        }
    }
}

//! What a repository of Debian packages is called, and what is in it.

use imgbuild_document::{ValueError, checked_text};

checked_text!(
    /// A component of a suite, such as `main` or `non-free`.
    Component, check_component, String
);

checked_text!(
    /// The name of a further repository: what the lock and apt's list of sources in the image call it.
    RepositoryName, check_name, String
);

checked_text!(
    /// The suite of a repository, or, with a slash at its end, the folder of a flat one (`sources.list(5)`).
    RepositorySuite, check_suite, String
);

impl RepositorySuite {
    /// Whether the repository is flat: its index stands in that folder, and not below `dists`.
    pub fn is_flat(&self) -> bool {
        self.as_str().ends_with('/')
    }
}

fn words(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._~".contains(&byte);
    text.split('/').all(|word| !word.is_empty() && word != "." && word != ".." && word.bytes().all(known))
}

fn check_component(text: &str) -> Result<(), ValueError> {
    if words(text) {
        return Ok(());
    }
    let message = format!("`{}` is not the name of a component", text.escape_default());
    Err(ValueError::new(message).hint("Debian's are `main`, `contrib`, `non-free` and `non-free-firmware`"))
}

fn check_name(text: &str) -> Result<(), ValueError> {
    // apt passes over files whose names hold anything else.
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let error = |message: String, hint: &str| Err(ValueError::new(message).hint(hint));
    if matches!(text, "debian" | "debian-security") {
        let message =
            format!("`{text}` is the name of Debian's own archive, and no further source can have it");
        return error(message, "give it another name; the mirror of Debian's own is `[base] mirror`");
    }
    if !text.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        || !text.bytes().all(known)
    {
        let message = format!("`{}` is not the name of a source", text.escape_default());
        return error(message, "use lower-case letters, digits, `-`, `_` and `.`, a letter or digit first");
    }
    Ok(())
}

fn check_suite(text: &str) -> Result<(), ValueError> {
    let folder = text.strip_suffix('/');
    let good = match folder {
        Some(folder) => matches!(folder, "" | ".") || words(folder.trim_start_matches("./")),
        None => words(text),
    };
    if good {
        return Ok(());
    }
    let message = format!("`{}` is not the name of a suite", text.escape_default());
    Err(ValueError::new(message)
        .hint("write it like `bookworm`; the folder of a flat repository ends with a slash, like `./`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_apts() {
        for good in ["nvidia", "my-company", "node_20.x", "7z"] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        for bad in ["", "debian", "debian-security", "NVIDIA", "a b", "../x", "a/b", "-a"] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad}");
        }
        for good in ["bookworm", "bookworm/updates", "./", "/", "debian12/x86_64/"] {
            assert!(good.parse::<RepositorySuite>().is_ok(), "{good}");
        }
        for bad in ["", "..", "../", "a//b", "/a", "a b", "a/../b/"] {
            assert!(bad.parse::<RepositorySuite>().is_err(), "{bad}");
        }
        for bad in ["", "..", "main/../x", "main contrib", "/main"] {
            assert!(bad.parse::<Component>().is_err(), "{bad}");
        }
    }
}

//! What editors add.

use imgbuild_document::{ValueError, checked_text};

checked_text!(
    /// An extension of VS Code, such as `ms-python.python`.
    ExtensionId, check, String
);

fn check(text: &str) -> Result<(), ValueError> {
    let word = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if text.split_once('.').is_some_and(|(publisher, name)| word(publisher) && word(name)) {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` is not an extension of VS Code", text.escape_default()))
        .hint("write its publisher and its name, like `ms-python.python`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_have_a_publisher_and_a_name() {
        assert!("ms-python.python".parse::<ExtensionId>().is_ok());
        for bad in ["", "python", "a.b.c", "a.", ".b", "a b.c", "a.b\"", "a.b@1.2"] {
            assert!(bad.parse::<ExtensionId>().is_err(), "{bad}");
        }
    }
}

//! Names and values that programs are given.

use crate::checked_text;
use crate::value::ValueError;

checked_text!(
    /// An argument of a program, the value of a variable of the image, or of a label.
    ProgramText, check, String
);

checked_text!(
    /// The name of an environment variable (POSIX: letters, digits and `_`, no digit first).
    VariableName, check_variable, String
);

fn check(text: &str) -> Result<(), ValueError> {
    if !text.contains('\0') {
        return Ok(());
    }
    Err(ValueError::new(format!("`{}` holds a NUL, and no program can be given that", text.escape_default()))
        .hint("a NUL ends the text for whoever reads it: leave it out"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_variables_are_what_shells_take() {
        for bad in ["", "1A", "A B", "A=B", "é"] {
            assert!(bad.parse::<VariableName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_nul_cannot_be_given() {
        for good in ["", " ", "a\nb", "'\"\\$`", "é\u{1b}[31m"] {
            assert!(good.parse::<ProgramText>().is_ok(), "{good:?}");
        }
        for bad in ["\0", "a\0", "a\0b"] {
            assert!(bad.parse::<ProgramText>().is_err(), "{bad:?}");
        }
    }
}

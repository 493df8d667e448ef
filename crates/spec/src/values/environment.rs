//! The values of the image's environment variables.

use imgbuild_document::{ValueError, checked_text};

checked_text!(
    /// The value of an environment variable of an image's configuration.
    EnvironmentValue, check, String
);

/// What a value must not hold: Apptainer gives each to a shell in double quotes, which evaluates it anew at every start.
const EVALUATED: [char; 4] = ['$', '`', '"', '\''];

/// The rule of these values, for those that stand in other tools' files.
pub(crate) fn check(text: &str) -> Result<(), ValueError> {
    if text.contains('\0') {
        let error = format!("`{}` holds a NUL, and no program can be given that", text.escape_default());
        return Err(ValueError::new(error).hint("a NUL ends the text for whoever reads it: leave it out"));
    }
    let Some(found) = text.chars().find(|it| EVALUATED.contains(it)) else { return Ok(()) };
    let what = match found {
        '$' => "a `$`",
        '`' => "a backtick",
        _ => "a quote",
    };
    let error = format!(
        "`{}` cannot be a variable of an image: it holds {what}, which some platforms give to a shell",
        text.escape_default()
    );
    Err(ValueError::new(error).hint("write the value itself, such as `/home/user/cache`; what a shell has to work out belongs into a script that the image starts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_are_in_every_shell() {
        for good in ["", "a b", "/opt/x:/usr/y", "a\\b", "é", "cuda>=12.0"] {
            assert!(good.parse::<EnvironmentValue>().is_ok(), "{good}");
        }
        for bad in ["$HOME", "a`id`", "\"a\"", "it's", "a\0b"] {
            assert!(bad.parse::<EnvironmentValue>().is_err(), "{bad}");
        }
    }
}

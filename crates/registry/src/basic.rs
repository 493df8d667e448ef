//! A user and a password in one text, as files keep them and registries are shown them (RFC 7617).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A user and a password in base64.
pub(crate) fn encoded(user: &str, password: &str) -> String {
    STANDARD.encode(format!("{user}:{password}"))
}

/// What [`encoded`] was made of; nothing where it was made of something else.
pub(crate) fn decoded(text: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':').filter(|(user, _)| !user.is_empty())?;
    // Old programs filled it up (docker's `DecodeAuth`).
    Some((user.to_owned(), password.trim_matches('\0').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_keep() {
        let some = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(decoded(&encoded("me", "p:ü")), some("me", "p:ü"));
        assert_eq!(decoded(&STANDARD.encode("me:pass\0\0\0")), some("me", "pass"));
        assert_eq!(decoded(&STANDARD.encode("me:")), some("me", ""));
        for wrong in ["me:pass", "bWU", &STANDARD.encode("me"), &STANDARD.encode(":p"), ""] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }
}

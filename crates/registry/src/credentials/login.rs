//! What somebody logs in with.

use std::fmt;

use super::error::CredentialError;
use crate::credential::Credential;

/// A user and a password that a registry can be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    user: String,
    password: String,
}

impl fmt::Debug for Login {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Login {
    /// Checks what was asked for.
    ///
    /// # Errors
    ///
    /// When no header can hold it.
    pub fn new(user: String, password: String) -> Result<Self, CredentialError> {
        if user.is_empty() || user.contains(':') || user.contains(char::is_control) {
            return Err(CredentialError::User(user));
        }
        // It may have several lines: Google's registries take a whole JSON file.
        if password.is_empty() { Err(CredentialError::NoPassword(user)) } else { Ok(Self { user, password }) }
    }

    /// The user.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// What a registry is shown.
    pub fn credential(&self) -> Credential {
        Credential::Basic { user: self.user.clone(), password: self.password.clone() }
    }
}

#[cfg(test)]
mod tests {
    use imgbuild_diagnostic::told;
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn what_can_be_shown() {
        let login = Login::new("_json_key".to_owned(), "{\n  \"p:ü\"\n}".to_owned()).unwrap();
        assert_eq!(format!("{login:?}"), "Login { user: \"_json_key\", .. }");
        assert!(login.credential().header().is_some());
        let wrong =
            |user: &str, password: &str| told(&Login::new(user.to_owned(), password.to_owned()).unwrap_err());
        let all = [wrong("", "p"), wrong("a:b", "p"), wrong("a\nb", "p"), wrong("me", "")];
        assert_snapshot!(all.join("\n\n"), @r"
        `` can be no user of a registry
        hint: a user's name is not empty, and has no `:` and no control characters

        `a:b` can be no user of a registry
        hint: a user's name is not empty, and has no `:` and no control characters

        `a
        b` can be no user of a registry
        hint: a user's name is not empty, and has no `:` and no control characters

        the password for `me` is empty
        ");
    }
}

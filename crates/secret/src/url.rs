//! URLs with their secrets.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde::{Serialize, Serializer};
use url::{ParseError, Url};

use crate::text::public;

/// A URL that may hold secrets: none of its forms shows one but [`SecretUrl::whole`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretUrl(Url);

impl SecretUrl {
    /// All of it: for whoever asks a server, and for nobody else.
    pub fn whole(&self) -> &Url {
        &self.0
    }

    /// The URL without its secrets: what names the same thing in locks, images, caches and messages.
    pub fn public(&self) -> Url {
        let shown = public(self.0.as_str());
        if shown == self.0.as_str() {
            return self.0.clone();
        }
        Url::parse(&shown).unwrap_or_else(|_| {
            // Nothing is left that is a URL: better one that leads nowhere than one that tells.
            let mut url = self.0.clone();
            url.set_query(None);
            url.set_path("");
            let _no_host = url.set_username("").and_then(|()| url.set_password(None));
            url
        })
    }

    /// The user and the password in it, as a server is told them.
    pub fn login(&self) -> Option<Login> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = (self.0.username(), self.0.password());
        let there = !user.is_empty() || password.is_some();
        there.then(|| Login { user: decoded(user), password: decoded(password.unwrap_or_default()) })
    }

    /// The URL without user and password; where it is reached by `ssh`, with the user, who is no secret there.
    pub fn without_login(&self) -> Self {
        let mut url = self.0.clone();
        // What has no host has neither.
        let _no_host = url.set_password(None);
        if !url.scheme().ends_with("ssh") {
            let _no_host = url.set_username("");
        }
        Self(url)
    }

    /// Whether there is a secret in it.
    pub fn is_secret(&self) -> bool {
        public(self.0.as_str()) != self.0.as_str()
    }

    /// The URL of `path` below this one, as a folder has files: what is secret here is secret there.
    ///
    /// # Errors
    ///
    /// When that is no URL, or one that is not below this one.
    pub fn below(&self, path: &str) -> Result<Self, ParseError> {
        let mut folder = self.0.clone();
        folder.set_query(None);
        folder.set_fragment(None);
        if !folder.path().ends_with('/') {
            folder.set_path(&format!("{}/", folder.path()));
        }
        let mut joined = folder.join(path)?;
        // A path that climbs out, or is a URL itself, is nobody's path.
        if !joined.as_str().starts_with(folder.as_str()) {
            return Err(ParseError::RelativeUrlWithoutBase);
        }
        if joined.query().is_none() {
            joined.set_query(self.0.query());
        }
        Ok(Self(joined))
    }
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user; empty where there is only a password.
    pub user: String,
    /// The password: for whoever asks a server, and for nobody else.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

impl From<Url> for SecretUrl {
    fn from(url: Url) -> Self {
        Self(url)
    }
}

impl From<&Url> for SecretUrl {
    fn from(url: &Url) -> Self {
        Self(url.clone())
    }
}

impl FromStr for SecretUrl {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Url::parse(text).map(Self)
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&public(self.0.as_str()))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&public(self.0.as_str()), f)
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_but_the_whole_shows_a_secret() {
        let url: SecretUrl = "https://u:CANARY@h.example/t/CANARY/c?k=CANARY#f".parse().unwrap();
        let json = serde_json::to_string(&url).unwrap();
        for shown in
            [url.to_string(), format!("{url:?}"), format!("{:#?}", [&url]), json, url.public().to_string()]
        {
            assert!(shown.contains("https://h.example/c#f") && !shown.contains("CANARY"), "{shown}");
        }
        assert!(url.whole().as_str().contains("CANARY"));
    }

    #[test]
    fn logins_are_decoded() {
        let login = |url: &str| url.parse::<SecretUrl>().unwrap().login().map(|it| (it.user, it.password));
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(login("https://h.example"), None);
        assert_eq!(login("https://token@h.example"), pair("token", ""));
        assert_eq!(login("https://a%40b:p%3Aq%C3%A9@h.example"), pair("a@b", "p:qé"));
        let without = |url: &str| url.parse::<SecretUrl>().unwrap().without_login().whole().to_string();
        assert_eq!(without("https://u:p@h.example/t/x?y"), "https://h.example/t/x?y");
        assert_eq!(without("ssh://u:p@h.example/x"), "ssh://u@h.example/x");
    }

    #[test]
    fn paths_are_joined_below() {
        let below = |url: &str, path: &str| {
            url.parse::<SecretUrl>().unwrap().below(path).map(|url| url.whole().to_string())
        };
        assert_eq!(below("https://h.example/d?k=1", "a/b").unwrap(), "https://h.example/d/a/b?k=1");
        assert_eq!(below("file:///srv/d/", "a").unwrap(), "file:///srv/d/a");
        for path in ["../x", "/x", "https://evil.example/x", "//evil.example/x"] {
            assert!(below("https://h.example/d", path).is_err(), "{path}");
        }
    }
}

//! Credentials of indexes: each is sent to the server that it is for, and to no other.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Extensions;
use http::header::{AUTHORIZATION, HeaderValue};
use imgbuild_secret::SecretUrl;
use netrc_rs::Netrc;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next};
use url::Url;

use crate::index::settings_files::{SettingsError, Variables, text};

/// A user and a password, and where they are sent to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// The URL without path and user; only the host where nothing else is known.
    scheme: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
    user: String,
    password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Login {
    /// The credentials of a server.
    pub(crate) fn new(url: &Url, user: String, password: String) -> Option<Self> {
        Some(Self {
            scheme: Some(url.scheme().to_owned()),
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default(),
            path: url.path().to_owned(),
            user,
            password,
        })
    }

    /// The credentials in a URL.
    pub(crate) fn of_url(url: &Url) -> Option<Self> {
        let login = SecretUrl::from(url).login()?;
        Self::new(url, login.user, login.password)
    }

    fn is_for(&self, url: &Url) -> bool {
        url.host_str() == Some(self.host.as_str())
            && self
                .scheme
                .as_ref()
                .is_none_or(|scheme| url.scheme() == scheme && url.port_or_known_default() == self.port)
    }

    /// How many parts of its path the URL shares: where a server has several indexes, that of the nearest counts.
    fn nearness(&self, url: &Url) -> usize {
        self.path.split('/').zip(url.path().split('/')).take_while(|(own, other)| own == other).count()
    }

    fn header(&self) -> Option<HeaderValue> {
        let encoded = STANDARD.encode(format!("{}:{}", self.user, self.password));
        let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// All credentials that are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials(Vec<Login>);

impl Credentials {
    /// The credentials of indexes, and behind them those of the file that `NETRC` names, or of `~/.netrc`.
    pub(crate) fn new(mut logins: Vec<Login>, variables: &Variables) -> Result<Self, SettingsError> {
        if let Some((_, netrc)) = netrc(variables)? {
            for machine in netrc.machines {
                // What is for every machine is sent to none: it would go to servers that nobody thought of.
                let Some(host) = machine.name else { continue };
                logins.push(Login {
                    scheme: None,
                    host,
                    port: None,
                    path: String::new(),
                    user: machine.login.unwrap_or_default(),
                    password: machine.password.unwrap_or_default(),
                });
            }
        }
        Ok(Self(logins))
    }

    fn of(&self, url: &Url) -> Option<&Login> {
        let fitting = self.0.iter().filter(|login| login.is_for(url));
        // The first of those that are equally near.
        fitting.reduce(|best, login| if login.nearness(url) > best.nearness(url) { login } else { best })
    }

    /// Whether something is shown for this URL.
    pub(crate) fn knows(&self, url: &Url) -> bool {
        self.of(url).is_some()
    }

    /// A text without passwords. Short ones would make every text unreadable, and are nobody's secret.
    pub(crate) fn redacted(&self, text: &str) -> String {
        let secrets = self.0.iter().map(|login| login.password.as_str()).filter(|it| it.len() > 3);
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

/// The file that `NETRC` names, or `~/.netrc`, where it is there.
fn netrc(variables: &Variables) -> Result<Option<(PathBuf, Netrc)>, SettingsError> {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    let home = set("HOME").map(|home| Path::new(home).join(".netrc"));
    let Some(path) = set("NETRC").map(PathBuf::from).or(home) else { return Ok(None) };
    let Some(text) = text(&path)? else { return Ok(None) };
    match Netrc::parse(text, true) {
        Ok(netrc) => Ok(Some((path, netrc))),
        Err(_) => Err(SettingsError::Damaged { path }),
    }
}

/// The file that `NETRC` names, or `~/.netrc`, and the servers that it has users and passwords for; nothing where it is not there.
///
/// # Errors
///
/// When it cannot be read.
pub fn netrc_servers(variables: &Variables) -> Result<Option<(PathBuf, Vec<String>)>, SettingsError> {
    let found = netrc(variables)?;
    Ok(found.map(|(path, netrc)| (path, netrc.machines.into_iter().filter_map(|it| it.name).collect())))
}

#[async_trait::async_trait]
impl Middleware for Credentials {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        let login = self.of(request.url()).filter(|_| !request.headers().contains_key(AUTHORIZATION));
        if let Some(value) = login.and_then(Login::header) {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        next.run(request, extensions).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_gets_its_own() {
        let url = |text: &str| Url::parse(text).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let netrc = folder.path().join("netrc");
        std::fs::write(&netrc, "machine n.example login net password rc\ndefault login all password all\n")
            .unwrap();
        let variables = [("NETRC".to_owned(), netrc.display().to_string())].into();
        let logins = ["https://one:1234@a.example/one/simple", "https://two:p%40ss@a.example/two/simple"];
        let logins = logins.iter().filter_map(|text| Login::of_url(&url(text))).collect();
        let credentials = Credentials::new(logins, &variables).unwrap();
        let user =
            |text: &str| credentials.of(&url(text)).map(|login| format!("{}:{}", login.user, login.password));
        assert_eq!(user("https://a.example/two/files/x.whl").as_deref(), Some("two:p@ss"));
        assert_eq!(user("https://a.example/one/files/x.whl").as_deref(), Some("one:1234"));
        assert_eq!(user("https://a.example/files/x.whl").as_deref(), Some("one:1234"));
        assert_eq!(user("http://n.example:8080/x").as_deref(), Some("net:rc"));
        for other in [
            "http://a.example/one/",
            "https://a.example:444/one/",
            "https://b.a.example/",
            "https://b.example/",
        ] {
            assert_eq!(user(other), None, "{other}");
        }
        assert_eq!(credentials.redacted("user one with p@ss and 1234"), "user one with *** and ***");
        assert!(!format!("{credentials:?}").contains("1234"));
    }
}

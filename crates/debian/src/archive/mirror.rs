//! Where packages come from: the mirror given, else the build host's own. No mirror is built in.

use std::path::{Path, PathBuf};

use imgbuild_secret::{SecretText, SecretUrl};
use url::Url;

use crate::package::stanza::{Stanza, StanzaError};

/// The roots of Debian's two archives, as URLs without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The main archive: suites `X` and `X-updates`.
    pub main: SecretUrl,
    /// The security archive: suite `X-security`.
    pub security: SecretUrl,
}

/// A mirror that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum MirrorError {
    /// It is not a URL.
    #[error("`{text}` is not the URL of a Debian mirror")]
    #[diagnostic(help("name the folder that holds `dists` and `pool`"))]
    Url {
        /// What was given.
        text: String,
        /// What is wrong with it.
        #[source]
        error: url::ParseError,
    },
    /// Neither the spec nor the build host names one.
    #[error("no Debian mirror for `{suite}` is known: the apt sources of this machine name none")]
    #[diagnostic(help("set `[base] mirror` to the folder of a mirror that holds `dists` and `pool`"))]
    Unknown {
        /// The suite.
        suite: String,
    },
    /// A list of apt's sources could not be read.
    #[error("cannot read the build host's apt sources `{}`", path.display())]
    Sources {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
}

impl Mirror {
    /// The mirror whose main archive is `text`. The security archive stands beside it, with `-security` behind its
    /// name, as it does on Debian's own mirrors (`…/debian` and `…/debian-security`).
    ///
    /// # Errors
    ///
    /// When it is not a URL.
    pub fn new(text: &SecretText) -> Result<Self, MirrorError> {
        let failed = |error| MirrorError::Url { text: text.public(), error };
        let mut main = Url::parse(text.whole()).map_err(failed)?;
        main.set_path(main.path().trim_end_matches('/').to_owned().as_str());
        let mut security = main.clone();
        security.set_path(&format!("{}-security", main.path()));
        Ok(Self { main: main.into(), security: security.into() })
    }

    /// The mirror for `suite`: the one that is `given`, else what the apt sources below `apt` (`/etc/apt`) say.
    ///
    /// # Errors
    ///
    /// When the given one is not a URL, a list of sources cannot be read, or neither names a mirror.
    pub fn choose(given: Option<&SecretText>, apt: &Path, suite: &str) -> Result<Self, MirrorError> {
        if let Some(given) = given {
            return Self::new(given);
        }
        let sources = sources(apt)?;
        let security_suites = [format!("{suite}-security"), format!("{suite}/updates")];
        let main = find(&sources, |source| source == suite)
            .or_else(|| find(&sources, |name| is_debian_suite(name) && !is_security(name)));
        let security = find(&sources, |source| security_suites.iter().any(|it| it == source))
            .or_else(|| find(&sources, |name| is_debian_suite(name) && is_security(name)));
        let main = main.ok_or_else(|| MirrorError::Unknown { suite: suite.to_owned() })?;
        let mirror = Self::new(main)?;
        match security {
            Some(security) => Ok(Self { security: Self::new(security)?.main, ..mirror }),
            None => Ok(mirror),
        }
    }

    /// The root of the archive that is called `debian` or `debian-security` in the lock.
    pub fn archive(&self, archive: &str) -> &SecretUrl {
        if archive == crate::SECURITY_ARCHIVE { &self.security } else { &self.main }
    }
}

struct Source {
    uri: SecretText,
    suites: Vec<String>,
}

fn find(sources: &[Source], matches: impl Fn(&str) -> bool) -> Option<&SecretText> {
    sources.iter().find(|it| it.suites.iter().any(|suite| matches(suite))).map(|it| &it.uri)
}

fn is_security(suite: &str) -> bool {
    suite.ends_with("-security") || suite.ends_with("/updates")
}

/// Whether a suite of this name is Debian's: a mirror of one suite has the others as well.
fn is_debian_suite(suite: &str) -> bool {
    const CODE_NAMES: [&str; 9] =
        ["bullseye", "bookworm", "trixie", "forky", "sid", "stable", "oldstable", "testing", "unstable"];
    let name = suite.split(['-', '/']).next().unwrap_or(suite);
    CODE_NAMES.contains(&name)
}

/// Every source of binary packages that apt would use over HTTP, in apt's order of files.
fn sources(apt: &Path) -> Result<Vec<Source>, MirrorError> {
    let mut files = vec![apt.join("sources.list")];
    let parts = apt.join("sources.list.d");
    match std::fs::read_dir(&parts) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(MirrorError::Sources { path: parts, error }),
        Ok(entries) => {
            let mut names = Vec::new();
            for entry in entries {
                let entry = entry.map_err(|error| MirrorError::Sources { path: parts.clone(), error })?;
                names.push(entry.path());
            }
            names.sort();
            files.append(&mut names);
        }
    }
    let mut sources = Vec::new();
    for path in files {
        let deb822 = path.extension().is_some_and(|it| it == "sources");
        if !deb822 && path.extension().is_none_or(|it| it != "list") {
            continue;
        }
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(MirrorError::Sources { path, error }),
            // apt refuses such a file as well; passing it over would look like a machine without mirrors.
            Ok(text) if deb822 => {
                let found = deb822_sources(&text).map_err(std::io::Error::other);
                sources.extend(found.map_err(|error| MirrorError::Sources { path, error })?);
            }
            Ok(text) => sources.extend(text.lines().filter_map(one_line)),
        }
    }
    let by_http = |uri: &str| uri.starts_with("http://") || uri.starts_with("https://");
    sources.retain(|source| by_http(source.uri.whole()));
    Ok(sources)
}

/// `deb [option=value …] URI suite component…`, see `sources.list(5)`.
fn one_line(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    let mut words = rest.split_whitespace();
    Some(Source { uri: SecretText::new(words.next()?), suites: vec![words.next()?.to_owned()] })
}

fn deb822_sources(text: &str) -> Result<Vec<Source>, StanzaError> {
    let mut sources = Vec::new();
    for stanza in Stanza::read_all(text)? {
        let words = |name: &str| {
            stanza.get(name).unwrap_or("").split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let disabled = stanza.get("Enabled").is_some_and(|it| it.eq_ignore_ascii_case("no"));
        if disabled || !words("Types").iter().any(|it| it == "deb") {
            continue;
        }
        sources.extend(
            words("URIs")
                .into_iter()
                .map(|uri| Source { uri: SecretText::new(uri), suites: words("Suites") }),
        );
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use imgbuild_diagnostic::told;

    use super::*;

    fn chosen(files: &[(&str, &str)], suite: &str) -> (String, String) {
        let apt = tempfile::tempdir().unwrap();
        std::fs::create_dir(apt.path().join("sources.list.d")).unwrap();
        for (name, text) in files {
            std::fs::write(apt.path().join(name), text).unwrap();
        }
        let mirror = Mirror::choose(None, apt.path(), suite).unwrap();
        (mirror.main.to_string(), mirror.security.to_string())
    }

    #[test]
    fn the_hosts_own_mirror_is_found() {
        let list = "# deb http://no.example/ bookworm main\n\
            deb-src http://src.example/debian bookworm main\n\
            deb [arch=amd64 signed-by=/x.gpg] http://a.example/debian/ bookworm main contrib # one\n";
        let sources = "Types: deb\nURIs: http://b.example/debian-security\nSuites: bookworm-security\nComponents: main\n\n\
            Types: deb\nEnabled: no\nURIs: http://c.example/debian\nSuites: trixie\n";
        let files = [("sources.list", list), ("sources.list.d/x.sources", sources)];
        let expected = ("http://a.example/debian".to_owned(), "http://b.example/debian-security".to_owned());
        assert_eq!(chosen(&files, "bookworm"), expected);
        assert_eq!(chosen(&files, "trixie"), expected, "a mirror has every suite");
    }

    #[test]
    fn foreign_sources_are_passed_over() {
        let other = ("sources.list", "deb https://packages.example/apt tool-bookworm main\n");
        let apt = tempfile::tempdir().unwrap();
        std::fs::write(apt.path().join(other.0), other.1).unwrap();
        insta::assert_snapshot!(told(&Mirror::choose(None, apt.path(), "bookworm").unwrap_err()), @r"
        no Debian mirror for `bookworm` is known: the apt sources of this machine name none
        hint: set `[base] mirror` to the folder of a mirror that holds `dists` and `pool`
        ");
    }

    #[test]
    fn sources_that_cannot_be_read_are_told() {
        let apt = tempfile::tempdir().unwrap();
        std::fs::create_dir(apt.path().join("sources.list.d")).unwrap();
        std::fs::write(apt.path().join("sources.list.d/x.sources"), "Types: deb\nno field\n").unwrap();
        let error = Mirror::choose(None, apt.path(), "bookworm").unwrap_err();
        let MirrorError::Sources { path, error } = error else { panic!("{error}") };
        assert!(path.ends_with("sources.list.d/x.sources"));
        insta::assert_snapshot!(error, @"line 2 is not a field of a control file: `no field`");
    }

    #[test]
    fn a_given_mirror_has_its_security_archive_beside_it() {
        let mirror = Mirror::new(&SecretText::new("http://127.0.0.1:8000/debian/")).unwrap();
        assert_eq!(mirror.security.to_string(), "http://127.0.0.1:8000/debian-security");
        insta::assert_snapshot!(told(&Mirror::new(&SecretText::new("nowhere")).unwrap_err()), @r"
        `nowhere` is not the URL of a Debian mirror
        relative URL without a base
        hint: name the folder that holds `dists` and `pool`
        ");
    }
}

//! Packages that another tool has locked.

use std::collections::BTreeMap;
use std::fmt;

use imgbuild_document::{Origin, Problem, Source, suggest};
use imgbuild_oci::{Digest, Platform};
use imgbuild_secret::SecretUrl;

use crate::listed_package::{ListedPackage, ListedPackages};
use crate::lock_format::LockFormat;
use crate::md5::Md5;
use crate::mistake::EnvironmentMistake;
use crate::subdir::subdir;

/// The packages of an environment as another tool has locked them: they are taken as they are, without solving.
#[derive(Debug, Clone)]
pub struct LockedPackages {
    /// What the file is.
    pub format: LockFormat,
    /// The packages.
    pub packages: LockedList,
    /// The file, or the place where it was asked for.
    pub origin: Origin,
    /// The file, as messages call it.
    pub file: String,
}

/// The packages of a lock.
#[derive(Debug, Clone)]
pub enum LockedList {
    /// Archives, by URL.
    Archives(Vec<LockedArchive>),
    /// Names with version and build, which are to be found on the channels.
    Builds(Vec<LockedBuild>),
}

/// An archive that another tool has locked.
#[derive(Debug, Clone)]
pub struct LockedArchive {
    /// Where it is.
    pub url: ArchiveUrl,
    /// Its sha256, where the file has it.
    pub sha256: Option<Digest>,
    /// Its MD5, where the file has it. It finds an archive, but it does not prove one.
    pub md5: Option<Md5>,
    /// Its size in bytes, where the file has it.
    pub size: Option<u64>,
    /// Where it is listed.
    pub origin: Origin,
}

/// A package of `conda env export`: all of it but where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedBuild {
    /// The channel, where the entry names one.
    pub channel: Option<String>,
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The build string.
    pub build: String,
}

/// The URL of a conda archive: `https://`, `http://`, `oci://` or `file://`, and a name that ends in `.conda` or `.tar.bz2`. It
/// may hold secrets, which only [`ArchiveUrl::secret`] gives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveUrl(SecretUrl);

/// A file of locked packages, before it is known for which platform they are wanted.
#[derive(Debug, Clone)]
pub struct OtherLock {
    /// What the file is.
    pub format: LockFormat,
    /// The file, as messages call it.
    pub file: String,
    /// The file, or the place where it was asked for.
    pub origin: Origin,
    pub(crate) platforms: Platforms,
}

#[derive(Debug, Clone)]
pub(crate) enum Platforms {
    /// The file does not say what it is for.
    Any(Content),
    /// What it holds for each platform that images can be made for, and all platforms that it is for, by their names in
    /// it. What is wrong with one that nobody asks for is nobody's mistake.
    Of(BTreeMap<Platform, Result<Content, Problem>>, Vec<String>),
}

/// What a file holds for one platform.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) packages: LockedList,
    /// The packages of PyPI.
    pub(crate) pypi: Vec<ListedPackage>,
    /// Those of PyPI that are nowhere where anything can be taken from: names and places.
    pub(crate) unknown: Vec<(String, Origin)>,
    /// What is built from source, or is a file of the machine that locked: names and places.
    pub(crate) sources: Vec<(String, Origin)>,
}

impl OtherLock {
    /// The packages for one platform, and those of PyPI beside them.
    pub fn on(&self, platform: Platform) -> Result<(LockedPackages, Option<ListedPackages>), Problem> {
        let content = match &self.platforms {
            Platforms::Any(content) => content,
            Platforms::Of(contents, listed) => {
                let content = contents.get(&platform).ok_or_else(|| self.other_platform(listed, platform))?;
                content.as_ref().map_err(Problem::clone)?
            }
        };
        let listing =
            |found: &[(String, Origin)], mistake: fn(String, String) -> EnvironmentMistake, hint: &str| {
                let (_, origin) = found.first()?;
                let problem = Problem::new(mistake(self.file.clone(), names(found)));
                Some(problem.at(origin.source(), origin.span(), "the first of them").hint(hint))
            };
        let pypi = listing(
            &content.unknown,
            |file, packages| EnvironmentMistake::PypiPackages { file, packages },
            "a wheel or an archive of sources is at a URL of `https` or at a path, a repository at a URL of git, a project in a folder",
        );
        let sources = listing(
            &content.sources,
            |file, packages| EnvironmentMistake::SourcePackages { file, packages },
            "build them into a channel, and lock the environment with that",
        );
        if let Some(problem) = pypi.or(sources) {
            return Err(problem);
        }
        let (format, file) = (self.format, self.file.clone());
        let packages = content.pypi.clone();
        let listed = (!packages.is_empty()).then(|| ListedPackages { format, file: file.clone(), packages });
        let (packages, origin) = (content.packages.clone(), self.origin.clone());
        Ok((LockedPackages { format, packages, origin, file }, listed))
    }

    fn other_platform(&self, listed: &[String], wanted: Platform) -> Problem {
        let hint = match self.format {
            LockFormat::Explicit | LockFormat::Export | LockFormat::List => {
                "a list holds for one platform: set `platforms`, or write one list for each".to_owned()
            }
            LockFormat::Pixi => {
                let subdir = subdir(wanted);
                format!(
                    "add `{subdir}` to the platforms of pixi's manifest and run `pixi lock`, or set `platforms`"
                )
            }
            LockFormat::CondaLock => {
                format!("lock for `--platform {}` too, or set `platforms`", subdir(wanted))
            }
        };
        let listed = if listed.is_empty() { "no platform".to_owned() } else { suggest::list(listed) };
        let problem =
            Problem::new(EnvironmentMistake::LockPlatform { file: self.file.clone(), listed, wanted });
        let is_list = matches!(self.format, LockFormat::Explicit | LockFormat::List);
        let label = if is_list { "this list" } else { "asked for here" };
        problem.at(self.origin.source(), self.origin.span(), label).hint(hint)
    }
}

/// The first names, and how many there are beyond them.
fn names(found: &[(String, Origin)]) -> String {
    const SHOWN: usize = 8;
    let mut names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let text = suggest::list(&names);
    if more == 0 { text } else { format!("{text} and {more} more") }
}

impl LockedPackages {
    /// The version of a package, by the name of its archive; nothing where it is not there.
    pub fn version(&self, name: &str) -> Option<&str> {
        match &self.packages {
            LockedList::Archives(archives) => {
                let mut parts = archives.iter().filter_map(|archive| archive.url.package());
                parts.find(|package| package.0 == name).map(|package| package.1)
            }
            LockedList::Builds(builds) => {
                builds.iter().find(|build| build.name == name).map(|build| build.version.as_str())
            }
        }
    }
}

impl ArchiveUrl {
    /// Reads it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut url = url::Url::parse(text)
            .map_err(|error| format!("`{}` is not a URL: {error}", imgbuild_secret::public(text)))?;
        if !matches!(url.scheme(), "http" | "https" | "file" | "oci") {
            return Err(format!("`{}` is no scheme that packages are fetched by", url.scheme()));
        }
        if !url.path().ends_with(".conda") && !url.path().ends_with(".tar.bz2") {
            return Err("its name ends neither in `.conda` nor in `.tar.bz2`".to_owned());
        }
        url.set_fragment(None);
        let path = unescaped(url.path());
        url.set_path(&path);
        Ok(Self(url.into()))
    }

    /// The URL without what is secret in it: what it is locked by.
    pub fn public(&self) -> url::Url {
        self.0.public()
    }

    /// The URL, with the secrets that it may hold.
    pub fn secret(&self) -> &SecretUrl {
        &self.0
    }

    /// Name, version and build, which make the name of the file.
    pub fn package(&self) -> Option<(&str, &str, &str)> {
        let file = self.0.whole().path().rsplit('/').next()?;
        let stem = file.strip_suffix(".conda").or_else(|| file.strip_suffix(".tar.bz2"))?;
        let mut parts = stem.rsplitn(3, '-');
        let (build, version, name) = (parts.next()?, parts.next()?, parts.next()?);
        Some((name, version, build))
    }
}

impl fmt::Display for ArchiveUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A path without the escapes that it does not need, as channels write it: conda escapes the `!` of an epoch, and the index
/// does not.
fn unescaped(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(byte);
        rest = match byte.filter(known) {
            Some(byte) => {
                plain.push(char::from(byte));
                &after[2..]
            }
            None => {
                plain.push('%');
                after
            }
        };
    }
    plain.push_str(rest);
    plain
}

/// A mistake at one place of such a file.
pub(crate) fn problem(source: &Source, span: std::ops::Range<usize>, message: String) -> Problem {
    Problem::new(EnvironmentMistake::Lock { file: source.name().to_owned(), message })
        .at(source, span, "here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_their_credentials_and_nothing_else() {
        for (given, kept) in [
            ("https://u:p@c.example/x/noarch/a-1-0.conda", "https://c.example/x/noarch/a-1-0.conda"),
            ("https://c.example/t/SECRET/x/noarch/a-1-0.conda", "https://c.example/x/noarch/a-1-0.conda"),
            ("https://c.example/x/noarch/a-1-0.tar.bz2?k=SECRET", "https://c.example/x/noarch/a-1-0.tar.bz2"),
            ("file:///t/x/noarch/a-1-0.conda", "file:///t/x/noarch/a-1-0.conda"),
            ("https://c.example/noarch/x-1%212.3-0.conda", "https://c.example/noarch/x-1!2.3-0.conda"),
            ("https://c.example/noarch/x-1.0%2bcu1-0.conda", "https://c.example/noarch/x-1.0+cu1-0.conda"),
            (
                "https://c.example/a%2Fb%20c%25/%7Ex%/x-1-0.conda",
                "https://c.example/a%2Fb%20c%25/~x%/x-1-0.conda",
            ),
        ] {
            assert_eq!(ArchiveUrl::read(given).unwrap().to_string(), kept);
        }
        let url = ArchiveUrl::read("https://c.example/x/noarch/ca-certificates-1.0-h_0.conda").unwrap();
        assert_eq!(url.package(), Some(("ca-certificates", "1.0", "h_0")));
        let url = ArchiveUrl::read("https://c.example/noarch/x-1%212.3-0.conda").unwrap();
        assert_eq!(url.package(), Some(("x", "1!2.3", "0")));
    }
}

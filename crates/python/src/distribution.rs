//! What is installed in a folder `site-packages`, by the names of what describes it ("Recording installed projects").

use std::fmt;
use std::str::FromStr;

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

/// A project's name as indexes compare it: lower case, with single hyphens ("Names and normalization").
pub fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// Whether a text is a project's name at all: letters and digits, with `.`, `-` and `_` inside.
pub fn is_name(name: &str) -> bool {
    let inner = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_');
    let ends = |it: &str| it.starts_with(|it: char| it.is_ascii_alphanumeric());
    name.chars().all(inner) && ends(name) && name.ends_with(|it: char| it.is_ascii_alphanumeric())
}

/// An installed distribution, as far as the path of its metadata says it. It is shown as `NAME VERSION`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Distribution {
    /// The normalised name of the project.
    pub name: String,
    /// Its version, normalised where it is one by PEP 440; nothing where only the metadata says it.
    pub version: Option<String>,
}

impl Distribution {
    /// The distribution whose metadata is at `path`, below `site-packages`: `NAME-VERSION.dist-info/METADATA`,
    /// `NAME-VERSION-py3.11.egg-info/PKG-INFO`, or a file `NAME-VERSION-py3.11.egg-info`. What stands deeper is not
    /// installed: some projects carry others with them.
    pub fn described_by(path: &str) -> Option<Self> {
        let (folder, file) = path.split_once('/').map_or((path, None), |(folder, file)| (folder, Some(file)));
        match (folder.strip_suffix(".dist-info"), folder.strip_suffix(".egg-info"), file) {
            (Some(stem), _, Some("METADATA")) => Self::from_stem(stem, false),
            (_, Some(stem), None | Some("PKG-INFO")) => Self::from_stem(stem, true),
            _ => None,
        }
    }

    /// Takes `NAME-VERSION` apart. Hyphens in either should have become underscores, but older tools left some, so the
    /// version begins behind the first hyphen from which on there is one.
    fn from_stem(stem: &str, is_egg: bool) -> Option<Self> {
        let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_' | '+' | '!');
        if !stem.chars().all(plain) {
            return None;
        }
        let splits =
            || stem.match_indices('-').map(|(at, _)| (&stem[..at], version(&stem[at + 1..], is_egg)));
        let parsed = splits().find_map(|(name, version)| Some((name, Version::from_str(version).ok()?)));
        let (name, version) = match parsed {
            Some((name, version)) => (name, Some(version.to_string())),
            None => match splits().find(|(_, version)| version.starts_with(|it: char| it.is_ascii_digit())) {
                Some((name, version)) => (name, Some(version.to_owned())),
                None => (stem, None),
            },
        };
        is_name(name).then(|| Self { name: normalized(name), version })
    }
}

/// The version at the begin of what follows a name. That of an egg is followed by the Python and the platform that it is
/// for.
fn version(rest: &str, is_egg: bool) -> &str {
    let python = rest
        .match_indices("-py")
        .find(|(at, mark)| rest[at + mark.len()..].starts_with(|it: char| it.is_ascii_digit()));
    match python {
        Some((at, _)) if is_egg => &rest[..at],
        _ => rest,
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.version.iter().try_for_each(|version| write!(f, " {version}"))
    }
}

/// What [`Distribution`] is shown as.
impl FromStr for Distribution {
    type Err = NotADistribution;

    fn from_str(text: &str) -> Result<Self, NotADistribution> {
        let (name, version) =
            text.split_once(' ').map_or((text, None), |(name, version)| (name, Some(version)));
        if name != normalized(name)
            || !is_name(name)
            || version.is_some_and(|it| it.contains(' ') || it.is_empty())
        {
            return Err(NotADistribution(text.to_owned()));
        }
        Ok(Self { name: name.to_owned(), version: version.map(str::to_owned) })
    }
}

impl From<Distribution> for String {
    fn from(distribution: Distribution) -> Self {
        distribution.to_string()
    }
}

impl TryFrom<String> for Distribution {
    type Error = NotADistribution;

    fn try_from(text: String) -> Result<Self, NotADistribution> {
        text.parse()
    }
}

/// A text that names no distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not the normalised name of a project and a version", .0.escape_default())]
pub struct NotADistribution(String);

#[cfg(test)]
mod tests {
    use super::*;

    /// What is at a path.
    fn at(path: &str) -> String {
        Distribution::described_by(path).map_or_else(|| "nothing".to_owned(), |it| it.to_string())
    }

    #[test]
    fn metadata_is_found_in_each_of_its_places() {
        assert_eq!(at("numpy-1.26.4.dist-info/METADATA"), "numpy 1.26.4");
        assert_eq!(at("PyYAML-6.0.1-py3.11.egg-info"), "pyyaml 6.0.1");
        assert_eq!(at("PyYAML-6.0.1-py3.11-linux-x86_64.egg-info"), "pyyaml 6.0.1");
        assert_eq!(at("wheel-0.44.0-py3.11.egg-info/PKG-INFO"), "wheel 0.44.0");
        assert_eq!(at("wheel-0.44.0.egg-info/PKG-INFO"), "wheel 0.44.0");
        assert_eq!(at("wheel.egg-info/PKG-INFO"), "wheel");
    }

    #[test]
    fn names_and_versions_are_normalised() {
        assert_eq!(at("ruamel.yaml_Clib-0.2.8.dist-info/METADATA"), "ruamel-yaml-clib 0.2.8");
        assert_eq!(at("torch-2.4.1+cu118.dist-info/METADATA"), "torch 2.4.1+cu118");
        assert_eq!(at("a-1.0_post2.dist-info/METADATA"), "a 1.0.post2");
        assert_eq!(at("a-1.0-rc1.dist-info/METADATA"), "a 1.0rc1");
        assert_eq!(at("a-2004d.dist-info/METADATA"), "a 2004d");
        assert_eq!(at("my-old-name-1.0.dist-info/METADATA"), "my-old-name 1.0");
        assert_eq!(at("my-name-py3-1.0-py3.9.egg-info"), "my-name-py3 1.0");
    }

    #[test]
    fn everything_else_is_none() {
        for path in [
            "numpy/__init__.py",
            "numpy-1.26.4.dist-info/RECORD",
            "numpy-1.26.4.dist-info/licenses/METADATA",
            "numpy-1.26.4.dist-info",
            "setuptools/_vendor/wheel-0.43.0.dist-info/METADATA",
            "wheel.egg-info/SOURCES.txt",
            "wheel.egg-link",
            // What pip leaves behind when it is killed.
            "~umpy-1.26.4.dist-info/METADATA",
            "-1.0.dist-info/METADATA",
            ".dist-info/METADATA",
            ".egg-info",
            "a-1 b.dist-info/METADATA",
            "a-1\n.dist-info/METADATA",
            "",
        ] {
            assert_eq!(at(path), "nothing", "{path}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for path in ["numpy-1.26.4.dist-info/METADATA", "wheel.egg-info/PKG-INFO"] {
            let found = Distribution::described_by(path).unwrap();
            assert_eq!(found.to_string().parse(), Ok(found));
        }
        for text in ["", "Numpy 1", "numpy 1 2", "numpy ", "../x 1", "num_py"] {
            let error = text.parse::<Distribution>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{text}` is not the normalised name of a project and a version")
            );
        }
    }
}

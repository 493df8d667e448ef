//! The name of a wheel's file, which says more than its metadata does: for which platforms it is.

use std::fmt;
use std::str::FromStr;

pub(crate) use imgbuild_python::is_name;
pub use imgbuild_python::normalized;
use pep440_rs::Version;

/// The name of a wheel's file: `NAME-VERSION(-BUILD)-PYTHON-ABI-PLATFORM.whl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFilename {
    text: String,
    /// The normalised name of the project.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The build number, where there is one: of two wheels that are alike the one with the higher number is newer.
    pub build: Option<(u64, String)>,
    /// The Pythons that it is for, such as `cp311` or `py3`.
    pub pythons: Vec<String>,
    /// The interfaces that it needs, such as `cp311`, `abi3` or `none`.
    pub abis: Vec<String>,
    /// The platforms that it runs on, such as `manylinux_2_17_x86_64` or `any`.
    pub platforms: Vec<String>,
}

/// A name that no wheel has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("`{}` is not the name of a wheel: {rule}", name.escape_default())]
pub struct FilenameError {
    /// The name.
    pub name: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl WheelFilename {
    /// Whether it is that of a project, and of a version where one is named that can be compared. As with `==` of
    /// requirements, a version without a local part is that of any local part.
    pub fn is_of(&self, project: &str, version: Option<&str>) -> bool {
        let is_own = |version: Version| {
            let own = self.version.clone();
            version == if version.is_local() { own } else { own.without_local() }
        };
        let version = version.and_then(|version| version.parse::<Version>().ok());
        self.name == normalized(project) && version.is_none_or(is_own)
    }

    /// The project and its version.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

impl FromStr for WheelFilename {
    type Err = FilenameError;

    fn from_str(text: &str) -> Result<Self, FilenameError> {
        let refused = |rule| FilenameError { name: text.to_owned(), rule };
        let stem = text.strip_suffix(".whl").ok_or_else(|| refused("it does not end in `.whl`"))?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, tags) = match parts.as_slice() {
            [name, version, python, abi, platform] => (name, version, None, [python, abi, platform]),
            [name, version, build, python, abi, platform] => {
                (name, version, Some(build), [python, abi, platform])
            }
            _ => return Err(refused("it has not five or six parts between hyphens")),
        };
        if !is_name(name) {
            return Err(refused("its first part is not the name of a project"));
        }
        let version =
            Version::from_str(version).map_err(|_| refused("its second part is not a version by PEP 440"))?;
        let build = match build {
            None => None,
            Some(build) => {
                let digits = build.len() - build.trim_start_matches(|it: char| it.is_ascii_digit()).len();
                let (number, rest) = build.split_at(digits);
                let number = number.parse().map_err(|_| refused("its build does not begin with a number"))?;
                Some((number, rest.to_owned()))
            }
        };
        let tag = |it: &str| !it.is_empty() && it.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
        if !tags.iter().all(|tags| tags.split('.').all(tag)) {
            return Err(refused("its tags are not letters, digits and underscores"));
        }
        let [pythons, abis, platforms] = tags.map(|tags| tags.split('.').map(str::to_owned).collect());
        Ok(Self { text: text.to_owned(), name: normalized(name), version, build, pythons, abis, platforms })
    }
}

impl fmt::Display for WheelFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The name of the project in the name of a wheel, in a line that has its URL or path.
pub(crate) fn wheel_name(text: &str) -> Option<String> {
    let mut words =
        text.split([' ', ';', '?', '#', '[']).map(|word| word.rsplit('/').next().unwrap_or_default());
    words.find_map(|word| Some(word.replace("%2B", "+").parse::<WheelFilename>().ok()?.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_is_of_its_project_and_version() {
        let wheel: WheelFilename = "Typing_Extensions-2.0+cu1-py3-none-any.whl".parse().unwrap();
        for (project, version) in [
            ("typing-extensions", None),
            ("Typing.Extensions", Some("2.0.0")),
            ("typing_extensions", Some("2.0+cu1")),
            ("typing_extensions", Some("no version")),
        ] {
            assert!(wheel.is_of(project, version), "{project} {version:?}");
        }
        for (project, version) in
            [("typing", None), ("typing-extensions", Some("2.1")), ("typing-extensions", Some("2.0+cu2"))]
        {
            assert!(!wheel.is_of(project, version), "{project} {version:?}");
        }
    }

    #[test]
    fn a_name_says_what_it_is_for() {
        let name =
            "Foo.Bar_baz-1.0.post1+cu118-2b-py2.py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl";
        let read: WheelFilename = name.parse().unwrap();
        assert_eq!(
            (read.name.as_str(), read.version.to_string().as_str()),
            ("foo-bar-baz", "1.0.post1+cu118")
        );
        assert_eq!(read.build, Some((2, "b".to_owned())));
        assert_eq!(read.pythons, ["py2", "py3"]);
        assert_eq!(read.abis, ["none"]);
        assert_eq!(read.platforms, ["manylinux_2_17_x86_64", "manylinux2014_x86_64"]);
        assert_eq!(read.to_string(), name);
    }

    #[test]
    fn other_names_are_refused_with_the_rule() {
        let refused = |name: &str| name.parse::<WheelFilename>().unwrap_err().rule;
        assert_eq!(refused("a-1-py3-none-any.zip"), "it does not end in `.whl`");
        assert_eq!(refused("a-1-any.whl"), "it has not five or six parts between hyphens");
        assert_eq!(refused("../a-1-py3-none-any.whl"), "its first part is not the name of a project");
        assert_eq!(refused("a-one-py3-none-any.whl"), "its second part is not a version by PEP 440");
        assert_eq!(refused("a-1-x-py3-none-any.whl"), "its build does not begin with a number");
        assert_eq!(refused("a-1-py3.-none-any.whl"), "its tags are not letters, digits and underscores");
    }
}

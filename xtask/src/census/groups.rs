//! The list of the census, and the specs that it becomes.

use std::path::Path;

use serde::Deserialize;

/// The list.
const GROUPS: &str = include_str!("groups.toml");

/// A list that is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupsError {
    /// It is no TOML, or has other keys.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// A line is not `name==version`.
    #[error("`{line}` of the group `{group}` is not `name==version`")]
    Line {
        /// The group.
        group: String,
        /// The line.
        line: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    group: Vec<Group>,
}

/// A Python that wheels can be tried with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Python {
    /// The one of the tests' channel: no release of Debian that is still kept has it.
    #[serde(rename = "3.9")]
    Conda39,
    /// bookworm's.
    #[serde(rename = "3.11")]
    Bookworm,
    /// trixie's.
    #[serde(rename = "3.13")]
    Trixie,
}

impl Python {
    fn version(self) -> &'static str {
        match self {
            Self::Conda39 => "3.9",
            Self::Bookworm => "3.11",
            Self::Trixie => "3.13",
        }
    }

    /// The lines of a spec that ask for it; `channel` is the folder of the tests' channel.
    fn lines(self, channel: &Path) -> String {
        let channel = list(std::iter::once(channel.display().to_string().as_str()));
        match self {
            Self::Conda39 => format!(
                "python = \"3.9\"\nbase.debian = \"bookworm\"\nconda = {{ channels = {channel}, pip = false }}\n"
            ),
            Self::Bookworm => {
                "python = { version = \"3.11\", from = \"debian\" }\nbase.debian = \"bookworm\"\n".to_owned()
            }
            Self::Trixie => {
                "python = { version = \"3.13\", from = \"debian\" }\nbase.debian = \"trixie\"\n".to_owned()
            }
        }
    }
}

/// Packages that are tried together.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// What the command calls it.
    pub(crate) name: String,
    /// The Python.
    python: Python,
    /// Whether each line is an image of its own.
    #[serde(default)]
    each: bool,
    /// Debian packages that the wheels take from the system.
    #[serde(default)]
    debian: Vec<String>,
    /// Requirements beside the packages: what wheels of that time need and do not say, such as `numpy<2`.
    #[serde(default)]
    beside: Vec<String>,
    /// A line for each: `name==version`.
    packages: String,
}

/// An image of the census.
pub(crate) struct Image {
    /// Its name, which is also that of its files.
    pub(crate) name: String,
    python: Python,
    debian: Vec<String>,
    beside: Vec<String>,
    packages: Vec<String>,
}

/// Reads the list.
pub(crate) fn read() -> Result<Vec<Group>, GroupsError> {
    let groups = toml::from_str::<Document>(GROUPS)?.group;
    for group in &groups {
        if let Some(line) = group.lines().find(|line| line.split("==").count() != 2) {
            return Err(GroupsError::Line { group: group.name.clone(), line: line.to_owned() });
        }
    }
    Ok(groups)
}

impl Group {
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.packages.lines().map(str::trim).filter(|line| !line.is_empty())
    }

    /// The images that it becomes.
    pub(crate) fn images(&self) -> Vec<Image> {
        let image = |name: String, packages: Vec<String>| Image {
            name,
            python: self.python,
            debian: self.debian.clone(),
            beside: self.beside.clone(),
            packages,
        };
        if !self.each {
            return vec![image(self.name.clone(), self.lines().map(str::to_owned).collect())];
        }
        let one = |line: &str| {
            let name = format!("{}-py{}", line.replace("==", "-").to_lowercase(), self.python.version());
            image(name, vec![line.to_owned()])
        };
        self.lines().map(one).collect()
    }
}

impl Image {
    /// Whether it needs the tests' channel.
    pub(crate) fn needs_channel(&self) -> bool {
        self.python == Python::Conda39
    }

    /// The spec, with a check that runs the file `script` beside it with the names of the packages; `channel` is the folder
    /// of the tests' channel.
    pub(crate) fn spec(&self, script: &str, timeout: u32, channel: &Path) -> String {
        let names = self.packages.iter().filter_map(|line| line.split("==").next());
        // The check reads requirements with it.
        let packages = self.packages.iter().chain(&self.beside).map(String::as_str).chain(["packaging"]);
        let place = format!("/census/{script}");
        let run = ["python", &place].into_iter().chain(names);
        format!(
            "name = {name:?}\n{python}base.packages = {debian}\n\
             [pip]\npackages = {packages}\n\
             [[copy]]\nfrom = {script:?}\nto = {place:?}\n\
             [[check]]\nrun = {run}\ntimeout = {timeout}\n",
            name = self.name,
            python = self.python.lines(channel),
            debian = list(self.debian.iter().map(String::as_str)),
            packages = list(packages),
            run = list(run),
        )
    }
}

/// A TOML array of texts.
fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    toml::Value::Array(texts.map(toml::Value::from).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_one_version_and_every_image_a_spec() {
        let groups = read().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for image in groups.iter().flat_map(Group::images) {
            fs_err::write(folder.path().join("check.py"), "").unwrap();
            let path = folder.path().join(format!("{}.toml", image.name));
            fs_err::write(&path, image.spec("check.py", 60, Path::new("/channel"))).unwrap();
            let variants = imgbuild_spec::Spec::load(&path)
                .and_then(|spec| spec.variants(imgbuild_oci::Platform::LinuxAmd64))
                .unwrap_or_else(|error| panic!("{}: {error:?}", image.name));
            assert_eq!(variants.len(), 1, "{}", image.name);
        }
        assert!(groups.iter().flat_map(Group::lines).count() >= 200);
    }
}

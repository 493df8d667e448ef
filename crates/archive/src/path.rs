//! Paths inside an image.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::{LONGEST_COMPONENT, LONGEST_PATH, MOST_COMPONENTS};

/// The path of an entry inside an image: relative to the root, without `.`, `..`, or empty components.
///
/// A value of this type cannot name anything outside the image, which is why archives' names become one
/// before anything else is done with them. Names are UTF-8, as Debian's policy (10.10) and conda's JSON
/// demand. The limits are Linux's `NAME_MAX` and `PATH_MAX`, and 128 components.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImagePath(Box<str>);

/// A folder that a path is in: a path too, which is a part of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folder<'a>(&'a str);

/// A name that cannot be the path of an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path `{}` {rule}", path.escape_default())]
pub struct PathError {
    /// The name, as it was found.
    pub path: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl ImagePath {
    /// Reads a path that is relative to the root of the image, such as `opt/conda/bin/python`.
    ///
    /// # Errors
    ///
    /// When it is empty, absolute, not normalised, too long, or leaves the image.
    pub fn new(text: &str) -> Result<Self, PathError> {
        let error = |rule| Err(PathError { path: text.to_owned(), rule });
        if text.is_empty() {
            return error("is empty");
        }
        if text.starts_with('/') {
            return error("is absolute");
        }
        if text.len() > LONGEST_PATH {
            return error("is longer than 4095 bytes");
        }
        if text.bytes().filter(|byte| *byte == b'/').count() >= MOST_COMPONENTS {
            return error("has more than 128 components");
        }
        for component in text.split('/') {
            match component {
                "" => return error("has an empty component"),
                "." => return error("has a component `.`"),
                ".." => return error("has a component `..`"),
                long if long.len() > LONGEST_COMPONENT => {
                    return error("has a component that is longer than 255 bytes");
                }
                nul if nul.contains('\0') => return error("has a NUL byte"),
                _ => {}
            }
        }
        Ok(Self(text.into()))
    }

    /// Reads an absolute path of the image, such as `/opt/conda`.
    ///
    /// # Errors
    ///
    /// When it does not begin with `/`, is the root itself, or [`ImagePath::new`] refuses the rest.
    pub fn from_absolute(text: &str) -> Result<Self, PathError> {
        match text.strip_prefix('/') {
            None => Err(PathError { path: text.to_owned(), rule: "is not absolute" }),
            Some("") => Err(PathError { path: text.to_owned(), rule: "is the root" }),
            Some(rest) => Self::new(rest).map_err(|error| PathError { path: text.to_owned(), ..error }),
        }
    }

    /// Reads the name of an archive's member, which need not be in its shortest form: `./a//b/` is `a/b`, for every system.
    /// Nothing for the archive's root itself.
    ///
    /// # Errors
    ///
    /// When the name is not UTF-8, or [`ImagePath::new`] refuses it.
    pub fn from_archive(name: &[u8]) -> Result<Option<Self>, PathError> {
        let text = std::str::from_utf8(name).map_err(|_| PathError {
            path: String::from_utf8_lossy(name).into_owned(),
            rule: "is not valid UTF-8",
        })?;
        let refused = |error: PathError| PathError { path: text.to_owned(), ..error };
        if text.is_empty() || text.starts_with('/') {
            return Self::new(text).map(Some);
        }
        let components: Vec<&str> = text.split('/').filter(|it| !matches!(*it, "" | ".")).collect();
        if components.is_empty() {
            return Ok(None);
        }
        Self::new(&components.join("/")).map(Some).map_err(refused)
    }

    /// This path and `rest` behind it.
    ///
    /// # Errors
    ///
    /// As for [`ImagePath::new`].
    pub fn join(&self, rest: &str) -> Result<Self, PathError> {
        Self::new(rest)?;
        Self::new(&format!("{}/{rest}", self.0))
    }

    /// This path and the path `rest` behind it. Only the whole length can be wrong.
    ///
    /// # Errors
    ///
    /// When the two together are too long.
    pub fn join_path(&self, rest: &Self) -> Result<Self, PathError> {
        Self::new(&format!("{}/{}", self.0, rest.0))
    }

    /// The path as text, without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that it is in; nothing where that is the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.into()))
    }

    /// The folders that it is in, from the outermost to the innermost.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + '_ {
        self.0.match_indices('/').map(|(at, _)| Self(self.0[..at].into()))
    }

    /// The same from the innermost to the outermost, and none of them copied. Who looks for what is not there yet stops at
    /// the first that is.
    pub fn folders(&self) -> impl Iterator<Item = Folder<'_>> {
        self.0.rmatch_indices('/').map(|(at, _)| Folder(&self.0[..at]))
    }

    /// Its last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// What comes behind `prefix`; nothing where it is not below it.
    pub fn strip_prefix(&self, prefix: &Self) -> Option<&str> {
        self.0.strip_prefix(&*prefix.0)?.strip_prefix('/')
    }
}

impl<'a> Folder<'a> {
    /// The path as text, without a leading slash.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The path for itself.
    pub fn to_path(self) -> ImagePath {
        ImagePath(self.0.into())
    }
}

impl Borrow<str> for ImagePath {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ImagePath {
    /// As a user sees it inside the image: with a leading slash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

impl FromStr for ImagePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::new(text)
    }
}

impl TryFrom<String> for ImagePath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::new(&text)
    }
}

impl From<ImagePath> for String {
    fn from(path: ImagePath) -> Self {
        path.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_leave_the_image_is_refused() {
        for (name, rule) in [
            ("", "is empty"),
            ("/etc/passwd", "is absolute"),
            ("../x", "has a component `..`"),
            ("a/../../x", "has a component `..`"),
            ("a//b", "has an empty component"),
            ("a/./b", "has a component `.`"),
            ("a\0b", "has a NUL byte"),
        ] {
            let error = ImagePath::new(name).unwrap_err();
            assert_eq!((error.path.as_str(), error.rule), (name, rule));
        }
        assert_eq!(ImagePath::new(&"a/".repeat(2048)).unwrap_err().rule, "is longer than 4095 bytes");
        assert_eq!(
            ImagePath::new(&format!("{}a", "a/".repeat(128))).unwrap_err().rule,
            "has more than 128 components"
        );
        assert!(ImagePath::new(&format!("{}a", "a/".repeat(127))).is_ok());
        assert!(ImagePath::new(&"a".repeat(256)).is_err());
        assert!(ImagePath::from_archive(b"\xff").is_err());
    }

    #[test]
    fn the_names_that_tar_writes_are_read() {
        let read = |name: &[u8]| ImagePath::from_archive(name).unwrap().map(String::from);
        assert_eq!(read(b"./usr/bin/"), Some("usr/bin".into()));
        assert_eq!(read(b"usr/bin"), Some("usr/bin".into()));
        assert_eq!(read(b"./"), None);
        assert_eq!(read(b"."), None);
        assert_eq!(read(b".//usr/./share//x//"), Some("usr/share/x".into()));
        for refused in ["", "/usr", "//usr", "a/../b", "./..", "a//.."] {
            let error = ImagePath::from_archive(refused.as_bytes()).unwrap_err();
            assert_eq!(error.path, refused);
        }
    }

    #[test]
    fn ancestors_go_from_the_outside_in() {
        let path = ImagePath::from_absolute("/opt/conda/bin/python").unwrap();
        let ancestors: Vec<_> = path.ancestors().map(String::from).collect();
        assert_eq!(ancestors, ["opt", "opt/conda", "opt/conda/bin"]);
        assert_eq!(
            path.folders().map(|it| it.to_path().into()).collect::<Vec<String>>(),
            ["opt/conda/bin", "opt/conda", "opt"]
        );
        assert_eq!(path.file_name(), "python");
        assert_eq!(path.to_string(), "/opt/conda/bin/python");
        assert_eq!(path.strip_prefix(&ImagePath::new("opt/conda").unwrap()), Some("bin/python"));
        assert_eq!(path.strip_prefix(&ImagePath::new("opt/con").unwrap()), None);
    }
}

//! Where the parts of a wheel go.

use imgbuild_archive::{ImagePath, PathError};
use imgbuild_layer::PartId;

/// An installation of Python that wheels are put into: a conda prefix, or a virtual environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Its root, such as `/opt/venv`: what `.data/data` is put into.
    pub prefix: ImagePath,
    /// The name of the conda environment that it is, where the image may have others.
    pub environment: Option<String>,
    /// The minor version of Python 3.
    pub minor: u8,
    /// Where modules are. Pure ones and those for one platform share a folder: Debian's and conda's Pythons have no other.
    pub site_packages: ImagePath,
    /// Where header files are; each project has a folder of its own below it.
    pub headers: ImagePath,
    /// The interpreter, as the scripts name it.
    pub interpreter: ImagePath,
}

impl Layout {
    /// The layout of a conda environment, or of a virtual one, for Python 3.`minor`.
    ///
    /// # Errors
    ///
    /// As for the two.
    pub fn of(
        prefix: ImagePath,
        is_conda: bool,
        minor: u8,
        site_packages: Option<&str>,
    ) -> Result<Self, PathError> {
        if is_conda {
            Self::conda(prefix, minor, site_packages)
        } else {
            Self::virtual_environment(prefix, minor)
        }
    }

    /// The layout of a virtual environment for Python 3.`minor`.
    ///
    /// # Errors
    ///
    /// When the prefix is too long.
    pub fn virtual_environment(prefix: ImagePath, minor: u8) -> Result<Self, PathError> {
        Ok(Self {
            site_packages: prefix.join(&format!("lib/python3.{minor}/site-packages"))?,
            headers: prefix.join(&format!("include/site/python3.{minor}"))?,
            interpreter: prefix.join("bin/python")?,
            prefix,
            environment: None,
            minor,
        })
    }

    /// The same, as an environment of that name.
    #[must_use]
    pub fn of_environment(self, name: Option<&str>) -> Self {
        Self { environment: name.map(str::to_owned), ..self }
    }

    /// The layout of a conda environment with Python 3.`minor`, whose modules are in `site_packages` below the prefix
    /// (the record's `python_site_packages_path`), such as `lib/python3.13t/site-packages`; nothing where the record
    /// does not say it.
    ///
    /// # Errors
    ///
    /// When `site_packages` leaves the prefix, or the prefix is too long.
    pub fn conda(prefix: ImagePath, minor: u8, site_packages: Option<&str>) -> Result<Self, PathError> {
        let usual = format!("lib/python3.{minor}/site-packages");
        Ok(Self {
            site_packages: prefix.join(site_packages.unwrap_or(&usual))?,
            headers: prefix.join(&format!("include/python3.{minor}"))?,
            interpreter: prefix.join("bin/python")?,
            prefix,
            environment: None,
            minor,
        })
    }

    /// What a wheel in it is called among the parts of an image.
    pub fn part(&self, name: &str) -> PartId {
        PartId::in_scope("pypi", self.environment.as_deref(), name)
    }

    /// Where the command `name` stands.
    ///
    /// # Errors
    ///
    /// When the name is more than one component.
    pub fn script(&self, name: &str) -> Result<ImagePath, PathError> {
        if name.contains('/') {
            return Err(PathError { path: name.to_owned(), rule: "is not the name of a script" });
        }
        self.prefix.join(&format!("bin/{name}"))
    }

    /// How `RECORD` names a path: relative to `site-packages`.
    pub fn recorded(&self, path: &ImagePath) -> String {
        let mut base: Vec<&str> = self.site_packages.as_str().split('/').collect();
        let mut parts: Vec<&str> = path.as_str().split('/').collect();
        let common = base.iter().zip(&parts).take_while(|(a, b)| a == b).count();
        let up = base.split_off(common).len();
        [vec![".."; up], parts.split_off(common)].concat().join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_recorded_relative_to_site_packages() {
        let prefix = ImagePath::new("opt/venv").unwrap();
        let layout = Layout::virtual_environment(prefix, 11).unwrap();
        let recorded = |path: &str| layout.recorded(&ImagePath::new(path).unwrap());
        assert_eq!(recorded("opt/venv/lib/python3.11/site-packages/a/b.py"), "a/b.py");
        assert_eq!(recorded("opt/venv/bin/a"), "../../../bin/a");
        assert_eq!(recorded("opt/venv/lib/x"), "../../x");
    }

    #[test]
    fn nothing_leaves_the_prefix() {
        let prefix = || ImagePath::new("opt/conda").unwrap();
        assert!(Layout::conda(prefix(), 11, Some("../../etc")).is_err());
        let layout = Layout::conda(prefix(), 13, Some("lib/python3.13t/site-packages")).unwrap();
        assert_eq!(layout.site_packages.to_string(), "/opt/conda/lib/python3.13t/site-packages");
        assert!(layout.script("../x").is_err());
    }
}

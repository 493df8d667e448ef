//! Reading and writing the lock's text.

use std::collections::BTreeSet;

use crate::{FORMAT_VERSION, Lock};

/// A lock that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It was written by another version of imgbuild.
    #[error("the lock has format version {found}, and this imgbuild reads version {FORMAT_VERSION}")]
    Version {
        /// Its version.
        found: i64,
    },
    /// It is not TOML, or lacks something.
    #[error("the lock cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A variant names a package that the lock does not list.
    #[error("the lock does not list `{package}`, which the variant `{variant}` needs")]
    Missing {
        /// The package.
        package: String,
        /// The first tag of the variant.
        variant: String,
    },
    /// A conda record lacks a field.
    #[error("the record of `{url}` has no `{field}`")]
    Field {
        /// The package.
        url: String,
        /// The field.
        field: &'static str,
    },
    /// It cannot be written as TOML.
    #[error("the lock cannot be written: {0}")]
    Write(#[from] toml::ser::Error),
}

const HEAD: &str = "# Made by `imgbuild lock`. Images are built from this file: keep it beside the spec, under version control.\n\n";

impl Lock {
    /// Reads a lock.
    ///
    /// # Errors
    ///
    /// When it is of another version, is not well-formed, or names packages that it does not list.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let table: toml::Table = text.parse()?;
        match table.get("version").and_then(toml::Value::as_integer) {
            Some(version) if version == i64::from(FORMAT_VERSION) => {}
            Some(found) => return Err(LockError::Version { found }),
            None => {} // The missing field is reported with all the others.
        }
        let lock: Self = toml::from_str(text)?;
        lock.check()?;
        Ok(lock)
    }

    /// Writes a lock: the same lock always has the same text.
    ///
    /// # Errors
    ///
    /// When a record holds what TOML cannot.
    pub fn to_text(&self) -> Result<String, LockError> {
        Ok(format!("{HEAD}{}", toml::to_string_pretty(self)?))
    }

    fn check(&self) -> Result<(), LockError> {
        for package in &self.conda {
            for field in ["name", "version", "build", "subdir"] {
                if package.text(field).is_none() {
                    return Err(LockError::Field { url: package.url.clone(), field });
                }
            }
        }
        let conda: BTreeSet<&str> = self.conda.iter().map(|package| package.url.as_str()).collect();
        let debian: BTreeSet<String> = self.debian.iter().map(crate::DebianPackage::id).collect();
        for variant in &self.variants {
            let missing = |package: &String| LockError::Missing {
                package: package.clone(),
                variant: variant.tags.first().map(ToString::to_string).unwrap_or_default(),
            };
            if let Some(set) = &variant.conda {
                let compilers = set.compilers.iter().flat_map(|compiler| &compiler.packages);
                if let Some(package) =
                    set.packages.iter().chain(compilers).find(|it| !conda.contains(it.as_str()))
                {
                    return Err(missing(package));
                }
            }
            if let Some(set) = &variant.debian {
                let compilers = set.compilers.iter().flat_map(|compiler| &compiler.packages);
                if let Some(package) = set.packages.iter().chain(compilers).find(|it| !debian.contains(*it)) {
                    return Err(missing(package));
                }
            }
        }
        Ok(())
    }
}

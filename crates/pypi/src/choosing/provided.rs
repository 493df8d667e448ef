//! What is there before any wheel is: what conda provides, or the image that they are put over.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use futures::future::BoxFuture;
use pep440_rs::Version;

use crate::wheel::metadata::Metadata;

/// A distribution that is there before any wheel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvidedPackage {
    /// Its normalised name.
    pub name: String,
    /// Its version; where that is not known, its metadata is read for it.
    pub version: Option<String>,
    /// What holds it.
    pub holder: Holder,
}

/// What holds a distribution that is there before any wheel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A conda package, for people: `numpy 1.26.4 py311h64a7726_0`.
    Conda(String),
    /// The existing image that the wheels are put over, as the spec calls it.
    Base(String),
}

impl Holder {
    /// What to do where it contradicts something.
    pub(crate) fn hint(&self, what: &str) -> String {
        match self {
            Self::Conda(_) => format!("let conda install another version of it, or change the {what}"),
            Self::Base(_) => format!("build on an image with another version of it, or change the {what}"),
        }
    }

    /// How one begins that has something and requires more.
    pub(crate) fn owning(&self, name: &str) -> String {
        match self {
            Self::Conda(_) => format!("conda's `{name}`"),
            Self::Base(_) => format!("the base's `{name}`"),
        }
    }

    /// The same with what it provides: name and version.
    pub(crate) fn providing(&self, provided: &str) -> String {
        match self {
            Self::Conda(package) => format!("conda's package `{package}`, which provides `{provided}`"),
            Self::Base(base) => format!("the base `{base}`, whose Python has `{provided}`"),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conda(package) => write!(f, "conda's package `{package}`"),
            Self::Base(base) => write!(f, "the base `{base}`"),
        }
    }
}

impl ProvidedPackage {
    /// Its version: known, or as its metadata says it; nothing where that is none by PEP 440.
    pub(crate) fn known_version(&self, metadata: &BTreeMap<String, Metadata>) -> Option<Version> {
        let read = || metadata.get(&self.name).map(|metadata| metadata.version.as_str());
        Version::from_str(self.version.as_deref().or_else(read)?).ok()
    }
}

/// Metadata of a provided distribution that cannot be had: the error of whoever provides.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error(transparent)]
#[diagnostic(transparent)]
pub struct ProvidedError(pub Box<dyn miette::Diagnostic + Send + Sync>);

/// Reads what provided distributions say of themselves. Whoever knows their archives implements it.
pub trait Provided: Send + Sync {
    /// The text of a distribution's `METADATA`, by its normalised name.
    fn metadata<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, ProvidedError>>;
}

/// Provides nothing.
#[derive(Debug, Clone, Copy)]
pub struct NothingProvided;

impl Provided for NothingProvided {
    fn metadata<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, ProvidedError>> {
        let error = ProvidedError(format!("nothing provides `{name}`").into());
        Box::pin(std::future::ready(Err(error)))
    }
}

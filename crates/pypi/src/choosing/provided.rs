//! What is there before any wheel is: what conda provides.

use std::collections::BTreeMap;
use std::str::FromStr;

use futures::future::BoxFuture;
use pep440_rs::Version;

use crate::wheel::metadata::Metadata;

/// A distribution that is there before any wheel is: a conda package holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvidedPackage {
    /// Its normalised name.
    pub name: String,
    /// Its version; where that is not known, its metadata is read for it.
    pub version: Option<String>,
    /// What holds it, for people: `numpy 1.26.4 py311h64a7726_0`.
    pub package: String,
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

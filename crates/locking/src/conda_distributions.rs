//! The Python distributions that conda packages hold, as what wheels find.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use imgbuild_conda::{Archive, ArchiveFormat, Metadata};
use imgbuild_lock::CondaPackage;
use imgbuild_pypi::{Holder, Provided, ProvidedError, ProvidedPackage};

/// The Python distributions that conda packages hold.
pub(crate) struct CondaDistributions<'a> {
    found: BTreeMap<String, (Option<String>, &'a CondaPackage)>,
    metadata: Option<&'a Metadata<'a>>,
}

impl<'a> CondaDistributions<'a> {
    /// Those of conda packages, which `metadata` reads.
    pub(crate) fn new(packages: &[&'a CondaPackage], metadata: Option<&'a Metadata<'a>>) -> Self {
        let mut found = BTreeMap::new();
        for package in packages {
            for distribution in &package.facts.distributions {
                let (name, version) = match distribution.split_once(' ') {
                    Some((name, version)) => (name, Some(version.to_owned())),
                    None => (distribution.as_str(), None),
                };
                found.insert(name.to_owned(), (version, *package));
            }
        }
        Self { found, metadata }
    }

    /// What is there, for whoever chooses wheels.
    pub(crate) fn packages(&self) -> Vec<ProvidedPackage> {
        let provided =
            |(name, (version, package)): (&String, &(Option<String>, &CondaPackage))| ProvidedPackage {
                name: name.clone(),
                version: version.clone(),
                holder: Holder::Conda(format!(
                    "{} {} {}",
                    package.name(),
                    package.version(),
                    package.build()
                )),
            };
        self.found.iter().map(provided).collect()
    }

    async fn read(&self, name: &str) -> Result<String, Box<dyn miette::Diagnostic + Send + Sync>> {
        let missing = || format!("no conda package holds `{name}`");
        let (_, package) = self.found.get(name).ok_or_else(missing)?;
        let metadata = self.metadata.ok_or_else(missing)?;
        let (_, path) = metadata.archive(&imgbuild_conda::record(package)?).await?;
        let (format, name) = (ArchiveFormat::of(package.file_name())?, name.to_owned());
        let read = move || imgbuild_conda::distribution_metadata(&Archive::new(&path, format), &name);
        Ok(tokio::task::spawn_blocking(read)
            .await
            .map_err(imgbuild_diagnostic::plain)??
            .ok_or_else(missing)?)
    }
}

impl Provided for CondaDistributions<'_> {
    fn metadata<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, ProvidedError>> {
        async move { self.read(name).await.map_err(ProvidedError) }.boxed()
    }
}

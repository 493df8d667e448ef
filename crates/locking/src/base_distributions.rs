//! The Python distributions of an existing image, as what wheels find that are put over it.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use imgbuild_archive::ImagePath;
use imgbuild_base::{LockedImage, PythonBeneath};
use imgbuild_fetch::Context;
use imgbuild_image::VIRTUAL_ENVIRONMENT;
use imgbuild_oci::Platform;
use imgbuild_pypi::{Holder, Provided, ProvidedError, ProvidedPackage};
use imgbuild_spec::{PythonFrom, Variant};
use imgbuild_store::LayerCaches;

use crate::error::LockSpecError;

/// An existing image whose Python a variant uses.
#[derive(Clone)]
pub(crate) struct BaseDistributions {
    image: Arc<LockedImage>,
    /// Its Python.
    pub(crate) python: PythonBeneath,
    layers: LayerCaches,
    platform: Platform,
}

impl BaseDistributions {
    /// The image that a variant stands on, where it uses that one's Python: it says so, or has wheels and nothing of conda.
    ///
    /// # Errors
    ///
    /// When the image has no Python, another one than the spec says, or nothing that wheels run on.
    pub(crate) fn of(
        variant: &Variant,
        image: Option<&Arc<LockedImage>>,
        context: &Context,
    ) -> Result<Option<Self>, LockSpecError> {
        let Some(image) = image else { return Ok(None) };
        let named = variant.python.as_ref().filter(|python| python.from == PythonFrom::Base);
        let wheels = variant.pip.as_ref().filter(|_| named.is_some() || variant.conda.is_none());
        let asked = named.map(|it| it.origin.snippet("it was asked for here", "this version"));
        let for_wheels =
            || wheels.map(|pip| pip.origin.snippet("wheels were asked for here", "these are for a Python"));
        let Some(asked) = asked.or_else(for_wheels) else { return Ok(None) };
        let python = image.python(asked)?;
        if let Some(wanted) = named {
            image.check_python(&python, wanted)?;
        }
        if let Some(asked) = for_wheels() {
            image.check_wheels(asked)?;
        }
        let (layers, platform) = (context.layers.clone(), variant.platform);
        Ok(Some(Self { image: Arc::clone(image), python, layers, platform }))
    }

    /// Where the wheels go. What stands in the image already has its own packages.
    ///
    /// # Errors
    ///
    /// When no folder is left.
    pub(crate) fn prefix(&self) -> Result<ImagePath, LockSpecError> {
        Ok(self.image.free_folder(&ImagePath::from_absolute(VIRTUAL_ENVIRONMENT)?)?)
    }

    /// What is there, for whoever chooses wheels.
    pub(crate) fn packages(&self) -> Vec<ProvidedPackage> {
        let holder = Holder::Base(self.image.name().to_owned());
        let distributions = self.python.distributions.iter().cloned();
        let provided = distributions.map(|it| ProvidedPackage {
            name: it.name,
            version: it.version,
            holder: holder.clone(),
        });
        provided.collect()
    }
}

impl Provided for BaseDistributions {
    fn metadata<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, ProvidedError>> {
        let (own, name) = (self.clone(), name.to_owned());
        async move {
            let read = move || own.image.metadata(&own.python, &name, &own.layers, own.platform);
            let read = tokio::task::spawn_blocking(read).await;
            let read = read.map_err(|error| ProvidedError(imgbuild_diagnostic::plain(error)))?;
            let text = read.map_err(|error| ProvidedError(Box::new(error)))?;
            text.ok_or_else(|| ProvidedError("no layer of it holds its metadata".into()))
        }
        .boxed()
    }
}

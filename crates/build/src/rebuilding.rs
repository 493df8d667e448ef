//! Building the image of a lock once more, to hold another one against it.

use std::path::Path;

use imgbuild_fetch::Context;
use imgbuild_image::{Built, Format, ImagePlan, make};
use imgbuild_locking::{LockSpecError, fitting_lock};
use imgbuild_oci::MediaType;
use imgbuild_spec::Spec;

use crate::error::BuildError;
use crate::pipeline::{assembled, planned};
use crate::verify_error::VerifyError;
use crate::verifying::Verification;

/// An image that was built once more.
pub struct Rebuilt {
    /// The image.
    pub built: Built,
    /// What it was made of.
    pub plan: ImagePlan,
}

/// The annotation that says the first tag of an image.
const VERSION: &str = "org.opencontainers.image.version";

/// Builds what an image's own lock makes with the spec that it was made from: into the store of `context`, which should know no layer, so
/// that all are made.
///
/// # Errors
///
/// When the spec is another one, or the image cannot be made.
pub async fn rebuilt(
    reference: &str,
    verification: &Verification,
    spec_path: &Path,
    context: &Context,
) -> Result<Rebuilt, BuildError> {
    let lock = verification.lock.as_ref().ok_or_else(|| VerifyError::NoLock(reference.to_owned()))?;
    let spec = Spec::load(spec_path).map_err(LockSpecError::from)?;
    let all = spec.variants(context.host).map_err(LockSpecError::from)?;
    let locked = fitting_lock(&all, &lock.text).map_err(VerifyError::Lock)?;
    let other = || VerifyError::OtherSpec { reference: reference.to_owned(), spec: spec_path.to_owned() };
    let locked = locked.ok_or_else(other)?;
    let config = &verification.config;
    let tag = verification.manifest.annotations.get(VERSION).cloned();
    let is_it = |variant: &imgbuild_spec::Variant| {
        let platform = (variant.platform.os(), variant.platform.architecture());
        let is_named = tag.is_some() && variant.tags.first().map(|it| it.as_str()) == tag.as_deref();
        platform == (config.os.as_str(), config.architecture.as_str()) && (is_named || all.len() == 1)
    };
    let index = all.iter().position(is_it).ok_or_else(|| VerifyError::NoVariant {
        spec: spec_path.to_owned(),
        platform: format!("{}/{}", config.os, config.architecture),
        tag: tag.clone(),
    })?;
    // Docker's form has other layers: gzip, whatever the spec says.
    let format = match verification.manifest.media_type {
        Some(MediaType::DockerManifest) => Format::Docker,
        _ => Format::Oci,
    };
    let mut plans = planned(&spec, &all, &[index], &locked, format, context)?;
    plans.iter().try_for_each(|plan| plan.keep_base(&context.store))?;
    let made = make(&plans, None, context).await?;
    let mut built = assembled(&all, &[index], &plans, made, &locked)?;
    match (built.pop(), plans.pop()) {
        (Some(mut built), Some(plan)) => {
            if format == Format::Docker {
                built.image = built.image.to_docker().map_err(imgbuild_image::MakeError::from)?;
            }
            Ok(Rebuilt { built, plan })
        }
        _ => Err(other().into()),
    }
}

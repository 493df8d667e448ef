//! The attestations that channels offer for what a variant names.

use imgbuild_attestation::Offered;
use imgbuild_conda::{OfferError, channel_attestations};
use imgbuild_lock::CondaPackage;
use imgbuild_spec::Variant;

use crate::context::Context;
use crate::error::ArchiveFailure;
use crate::package_archives::served_channels;

/// What the channels of a variant, or their mirrors, offer for some packages, in their order.
///
/// # Errors
///
/// When a channel is none, or conda's own settings cannot be used. What cannot be had has its error in the place of the package.
pub async fn conda_attestations(
    packages: &[&CondaPackage],
    variant: &Variant,
    context: &Context,
) -> Result<Vec<Result<Vec<Offered>, OfferError>>, ArchiveFailure> {
    let (served, fetcher) = served_channels(variant, context)?;
    Ok(channel_attestations(packages, &served, fetcher.client(), &context.store).await)
}

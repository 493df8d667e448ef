//! The attestations that channels offer for what a variant names.

use imgbuild_attestation::Offered;
use imgbuild_conda::{Asking, OfferError, channel_attestations};
use imgbuild_lock::CondaPackage;
use imgbuild_net::DownServers;
use imgbuild_spec::Variant;

use crate::context::Context;
use crate::error::ArchiveFailure;
use crate::package_archives::served_channels;

/// What the channels of a variant, or their mirrors, offer for some packages: `take` gets it with the place of the package, as it comes.
///
/// # Errors
///
/// When a channel is none, or conda's own settings cannot be used. What cannot be had has its error in the place of the package.
pub async fn conda_attestations(
    packages: &[&CondaPackage],
    variant: &Variant,
    context: &Context,
    down: &DownServers,
    take: impl FnMut(usize, Result<Vec<Offered>, OfferError>) + Send,
) -> Result<(), ArchiveFailure> {
    let (channels, fetcher) = served_channels(variant, context)?;
    let (channels, client, store) = (&channels[..], fetcher.client(), &context.store);
    channel_attestations(packages, &Asking { channels, client, store, down }, take).await;
    Ok(())
}

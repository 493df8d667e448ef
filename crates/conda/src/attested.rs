//! The attestations that channels offer for their packages (CEP 50): beside each, under the hash that the index has of them.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use imgbuild_attestation::{OFFER_LIMIT, Offered, Refusal, of_conda};
use imgbuild_layer::KeyHasher;
use imgbuild_lock::CondaPackage;
use imgbuild_net::{Client, Locations, NetError};
use imgbuild_oci::Digest;
use imgbuild_store::Store;
use url::Url;

use crate::channel::{ServedChannel, locations};

/// What the store keeps of channels: the attestations of packages.
const DOCUMENTS: &str = "conda-attestations-v1";
/// How many are asked for at once.
const AT_ONCE: usize = 8;

/// Attestations that a channel offers, and that cannot be had.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum OfferError {
    /// It does not answer, or no longer has them.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Net(#[from] NetError),
    /// Its index names something that is no hash.
    #[error("the index of the channel says that they have the hash `{}`, which is none", .0.escape_default())]
    NoHash(String),
    /// The package has no URL.
    #[error("nobody knows where the package is")]
    Nowhere,
    /// They are others than the index says.
    #[error(
        "the channel has others than its index says: they have the hash `{found}`, and must have `{wanted}`"
    )]
    Other {
        /// What they have.
        found: Digest,
        /// What they must have.
        wanted: Digest,
    },
    /// Another one could not be had, and so this one was not asked for.
    #[error("they were not asked for, because others could not be had")]
    NotAsked,
    /// They are something else.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Refused(#[from] Refusal),
}

/// What channels offer for these packages, in their order: as their records say it, which the lock has. Nobody is asked for what no
/// record names, for what the store has, or offline. Once one cannot be had, nothing more is asked for that was not on its way: each would
/// be waited for.
pub async fn channel_attestations(
    packages: &[&CondaPackage],
    channels: &[ServedChannel],
    client: &Client,
    store: &Store,
) -> Vec<Result<Vec<Offered>, OfferError>> {
    let is_down = AtomicBool::new(false);
    let asked = packages.iter().map(|package| async {
        let offered = of_package(package, channels, client, store, &is_down).await;
        if matches!(&offered, Err(OfferError::Net(error)) if !matches!(error, NetError::NotFound { .. } | NetError::TooLarge { .. })) {
            is_down.store(true, Ordering::Relaxed);
        }
        offered
    });
    futures::stream::iter(asked).buffered(AT_ONCE).collect().await
}

async fn of_package(
    package: &CondaPackage,
    channels: &[ServedChannel],
    client: &Client,
    store: &Store,
    is_down: &AtomicBool,
) -> Result<Vec<Offered>, OfferError> {
    let Some(stated) = package.text("attestations_sha256") else { return Ok(Vec::new()) };
    let wanted = hash(stated).ok_or_else(|| OfferError::NoHash(stated.to_owned()))?;
    let documents = store.documents(DOCUMENTS);
    let key = KeyHasher::new("attestations of channels").field("sha256", wanted.as_bytes()).finish();
    if let Some(known) = documents.get(&key) {
        return Ok(known);
    }
    if client.is_offline() {
        return Ok(Vec::new());
    }
    if is_down.load(Ordering::Relaxed) {
        return Err(OfferError::NotAsked);
    }
    let url = format!("{}.sigs.{stated}", package.url);
    let alone = || Url::parse(&url).ok().map(Locations::from);
    let from = locations(channels, &url).or_else(alone).ok_or(OfferError::Nowhere)?;
    let bytes = client.get_bytes(from, OFFER_LIMIT).await?;
    let found = Digest::of(&bytes);
    if found != wanted {
        return Err(OfferError::Other { found, wanted });
    }
    let offered = of_conda(&bytes)?;
    documents.put(&key, &offered);
    Ok(offered)
}

/// The hash in the only form that may become part of a URL (CEP 50).
fn hash(text: &str) -> Option<Digest> {
    let is_lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == 64 && text.bytes().all(is_lower)).then(|| Digest::from_hex(text).ok()).flatten()
}

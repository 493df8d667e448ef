//! The attestations that channels offer for their packages (CEP 50): beside each, under the hash that the index has of them.

use futures::StreamExt;
use imgbuild_attestation::{OFFER_LIMIT, Offered, Refusal, of_conda};
use imgbuild_layer::KeyHasher;
use imgbuild_lock::CondaPackage;
use imgbuild_net::{Client, DownServers, Locations, NetError};
use imgbuild_oci::Digest;
use imgbuild_store::Store;
use url::Url;

use crate::channel::{ServedChannel, locations, serving};

/// What the store keeps of channels: the attestations of packages.
const DOCUMENTS: &str = "conda-attestations-v2";
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
    /// Another one could not be had from there, and so this one was not asked for.
    #[error("they were not asked for, because the server did not answer")]
    NotAsked,
    /// They are something else.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Refused(#[from] Refusal),
}

/// Who is asked, and by what.
pub struct Asking<'a> {
    /// The channels, and who serves them.
    pub channels: &'a [ServedChannel],
    /// What asks.
    pub client: &'a Client,
    /// What remembers.
    pub store: &'a Store,
    /// The servers that are not waited for again.
    pub down: &'a DownServers,
}

/// What channels offer for these packages: as their records say it, which the lock has. `take` gets it with the place of the package, as it
/// comes, and once for each. Nobody is asked for what no record names, for what the store has, or offline; and no server again that
/// is down.
pub async fn channel_attestations(
    packages: &[&CondaPackage],
    asking: &Asking<'_>,
    mut take: impl FnMut(usize, Result<Vec<Offered>, OfferError>) + Send,
) {
    let all = packages.iter().enumerate();
    let asked = all.map(|(place, package)| async move { (place, of_package(package, asking).await) });
    let mut answers = std::pin::pin!(futures::stream::iter(asked).buffer_unordered(AT_ONCE));
    while let Some((place, offered)) = answers.next().await {
        take(place, offered);
    }
}

async fn of_package(package: &CondaPackage, asking: &Asking<'_>) -> Result<Vec<Offered>, OfferError> {
    let Some(stated) = package.text("attestations_sha256") else { return Ok(Vec::new()) };
    let wanted = hash(stated).ok_or_else(|| OfferError::NoHash(stated.to_owned()))?;
    let documents = asking.store.documents(DOCUMENTS);
    let key = KeyHasher::new("attestations of channels").field("sha256", wanted.as_bytes()).finish();
    // Several channels may offer the same: of which one this package is, its lock says.
    let channel = channel(package, asking.channels);
    if let Some(mut known) = documents.get::<Vec<Offered>>(&key) {
        known.iter_mut().for_each(|offered| offered.from.clone_from(&channel));
        return Ok(known);
    }
    if asking.client.is_offline() {
        return Ok(Vec::new());
    }
    let url = format!("{}.sigs.{stated}", package.url);
    let alone = || Url::parse(&url).ok().map(Locations::from);
    let from = locations(asking.channels, &url).or_else(alone).ok_or(OfferError::Nowhere)?;
    let servers: Vec<Url> = from.iter().map(|url| url.whole().clone()).collect();
    if servers.iter().all(|server| asking.down.has(server)) {
        return Err(OfferError::NotAsked);
    }
    // Of several mirrors, none has answered then.
    let failed = |error: &NetError| servers.iter().for_each(|server| asking.down.note(server, error));
    let bytes = asking.client.get_bytes(from, OFFER_LIMIT).await.inspect_err(failed)?;
    let found = Digest::of(&bytes);
    if found != wanted {
        return Err(OfferError::Other { found, wanted });
    }
    let offered = of_conda(&bytes, &channel)?;
    documents.put(&key, &offered);
    Ok(offered)
}

/// The public URL of the channel of a package.
fn channel(package: &CondaPackage, channels: &[ServedChannel]) -> String {
    let served = serving(channels, &package.url).map(|(served, _)| served.url().as_str());
    imgbuild_secret::public(served.unwrap_or(&package.channel)).trim_end_matches('/').to_owned()
}

/// The hash in the only form that may become part of a URL (CEP 50).
fn hash(text: &str) -> Option<Digest> {
    let is_lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == 64 && text.bytes().all(is_lower)).then(|| Digest::from_hex(text).ok()).flatten()
}

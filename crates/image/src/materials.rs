//! What bills of materials say of an image, beside its packages.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use imgbuild_inventory::{Inventory, PackageId};
use imgbuild_lock::LockedVariant;
use imgbuild_oci::{Digest, Timestamp};
use imgbuild_sbom::{Completeness, Contact, ImageFacts, Sha512};
use imgbuild_spec::Variant;
use imgbuild_store::Store;
use miette::Diagnostic;
use sha2::{Digest as _, Sha512 as Hasher};

use crate::error::MakeError;
use crate::opening::Opened;

/// What images say of themselves, in their labels or their manifest.
const WORDS: &str = "org.opencontainers.image.";

/// How much of an archive is read at once.
const PIECE: usize = 1 << 20;

/// Why a bill of materials cannot be written.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum MaterialsError {
    /// A package's archive is not here.
    #[error("the SHA-512 of `{package}` is not known: its archive `{archive}` is not in the store")]
    #[diagnostic(help(
        "build the spec without what is cached elsewhere, or leave out `--sha512`: archives that are not used are pruned"
    ))]
    NoArchive {
        /// The package.
        package: PackageId,
        /// The name of its archive's file.
        archive: String,
    },
    /// It cannot be read.
    #[error("the archive `{}` cannot be read", path.display())]
    Read {
        /// The archive.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// What is needed of the image or the store.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] MakeError),
}

/// What is known of an image that is there. `called` is what the user called it.
///
/// # Errors
///
/// None that an image can cause.
pub fn image_facts(
    opened: &Opened,
    called: &str,
    completeness: Completeness,
) -> Result<ImageFacts, MakeError> {
    let said = |word: &str| {
        let key = format!("{WORDS}{word}");
        opened.annotations.get(&key).or_else(|| opened.config.labels.get(&key)).cloned()
    };
    let reference: Option<imgbuild_oci::Reference> = called.parse().ok();
    let in_registry = reference.as_ref().filter(|it| it.registry().is_some());
    let named = |it: &imgbuild_oci::Reference| match it.registry() {
        Some(host) => format!("{host}/{}", it.name()),
        None => it.name().to_string(),
    };
    let name = in_registry.map(named).or_else(|| said("title")).or_else(|| reference.as_ref().map(named));
    let tag = reference.as_ref().and_then(|it| it.tag()).map(ToString::to_string);
    let created = opened.created.map_or_else(|| Timestamp::from_seconds(0), Ok)?;
    Ok(ImageFacts {
        name: name.unwrap_or_else(|| "image".to_owned()),
        tag: said("version").or(tag),
        digest: Some(opened.digest),
        identity: opened.digest,
        created,
        creator: creator(said),
        tool_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        completeness,
        sha512: Sha512::new(),
    })
}

/// What is known of an image that a lock says, and that need not be there.
///
/// # Errors
///
/// When the lock's time is none.
pub fn lock_facts(
    locked: &LockedVariant<'_>,
    variant: &Variant,
    lock: &str,
) -> Result<ImageFacts, MakeError> {
    let said = |word: &str| {
        let key = format!("{WORDS}{word}");
        let labels = &variant.image.labels;
        labels.iter().find(|(it, _)| it.as_str() == key).map(|(_, value)| value.to_string())
    };
    let tag = variant.tags.first().map(ToString::to_string);
    let shown = tag.as_deref().unwrap_or_default();
    let identity = Digest::of(format!("{lock}\n{} {} {shown}", variant.name, variant.platform));
    let is_whole = locked.variant.existing().is_none();
    Ok(ImageFacts {
        name: variant.name.to_string(),
        tag,
        digest: None,
        identity,
        created: Timestamp::from_seconds(locked.variant.timestamp)?,
        creator: creator(said),
        tool_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        completeness: if is_whole { Completeness::Complete } else { Completeness::Unknown },
        sha512: Sha512::new(),
    })
}

/// Who answers for an image, by its own words (OCI's annotations `authors`, `vendor` and `url`).
fn creator(said: impl Fn(&str) -> Option<String>) -> Contact {
    let mut creator = said("authors").map(|it| Contact::read(&it)).unwrap_or_default();
    creator.name = creator.name.or_else(|| said("vendor"));
    creator.url = creator.url.or_else(|| said("url"));
    creator
}

/// The SHA-512 of the archives of an inventory's packages, by their SHA-256. What has no archive, because nobody says which it was, has
/// none of it.
///
/// # Errors
///
/// When an archive is not in the store.
pub fn archives_sha512(inventory: &Inventory, store: &Store) -> Result<Sha512, MaterialsError> {
    let mut hashes = BTreeMap::new();
    for package in inventory.packages() {
        let Some(archive) = &package.archive else { continue };
        let Some(sha256) = archive.sha256 else { continue };
        let path = store.archive(&sha256).map_err(MakeError::from)?;
        let path = path.ok_or_else(|| MaterialsError::NoArchive {
            package: package.id.clone(),
            archive: archive.name.clone(),
        })?;
        let hash = hash(&path).map_err(|error| MaterialsError::Read { path, error })?;
        hashes.insert(sha256, hash);
    }
    Ok(hashes)
}

fn hash(path: &std::path::Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let (mut hasher, mut piece) = (Hasher::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => hasher.update(&piece[..read]),
        }
    }
}

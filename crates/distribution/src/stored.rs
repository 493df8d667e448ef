//! Images that are here, as they are pushed: those of a layout or a tarball, and those that were built.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use imgbuild_oci::layout::{SPARSE, Sparse};
use imgbuild_oci::{
    BlobError, Blobs, Choice, Descriptor, Digest, Platform, Reference, StoredContents, WriteError,
    platform_index,
};
use imgbuild_registry::{Pushable, RemoteManifest};

use crate::error::DistributionError;

/// The most bytes of a manifest.
const MANIFEST_LIMIT: u64 = 4 << 20;
/// How deep lists of lists go.
const DEEPEST: usize = 4;

/// The image of a layout or a tarball. `wanted` is its name, its tag or its digest, where there are several.
///
/// # Errors
///
/// When it cannot be read, or it is not clear which one is meant.
pub fn pushable(
    path: &Path,
    wanted: Option<&str>,
    platform: Platform,
) -> Result<Pushable, DistributionError> {
    let StoredContents { item, blobs } = StoredContents::open(path, &Choice { platform, reference: wanted })?;
    let tags = item.names.iter().filter(|name| name.parse::<imgbuild_oci::Tag>().is_ok()).cloned().collect();
    tree(path, item.digest, blobs, tags)
}

/// The images of registries that have the layers of a sparse layout; none of what has its layers itself.
///
/// # Errors
///
/// When what the layout says of them cannot be read.
pub fn elsewhere(path: &Path) -> Result<Option<Sparse>, DistributionError> {
    if !path.is_dir() {
        return Ok(None);
    }
    let sparse = Sparse::read(path);
    let sparse =
        sparse.map_err(|error| unfit(path, format!("has a `{SPARSE}` that cannot be read: {error}")))?;
    for text in sparse.iter().flat_map(|sparse| &sparse.repositories) {
        text.parse::<Reference>()
            .map_err(|error| unfit(path, format!("has a `{SPARSE}` that names no image: {error}")))?;
    }
    Ok(sparse)
}

/// The image of manifests of the store, which differ in their platforms.
///
/// # Errors
///
/// When there is none, or it cannot be read.
pub fn pushable_of(
    manifests: &[Descriptor],
    tags: Vec<String>,
    blobs: Arc<dyn Blobs>,
) -> Result<Pushable, DistributionError> {
    let read = |descriptor: &Descriptor| manifest(Path::new("the store"), descriptor.digest, &*blobs);
    let mut children = manifests.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let top = if children.len() > 1 {
        let index = platform_index(manifests.to_vec()).map_err(WriteError::from)?;
        let stated = index.descriptor.media_type.as_str();
        RemoteManifest::parse(index.bytes, Some(stated))
            .map_err(|reason| unfit(Path::new("the index"), reason))?
    } else {
        children.pop().ok_or(WriteError::NoImage)?
    };
    Ok(Pushable::new(children, top, blobs, tags))
}

fn tree(
    path: &Path,
    digest: Digest,
    blobs: Arc<dyn Blobs>,
    tags: Vec<String>,
) -> Result<Pushable, DistributionError> {
    let top = manifest(path, digest, &*blobs)?;
    let mut children = Vec::new();
    below(path, &top, &*blobs, &mut children, 0)?;
    Ok(Pushable::new(children, top, blobs, tags))
}

/// The manifests that a list names, each before the list.
fn below(
    path: &Path,
    list: &RemoteManifest,
    blobs: &dyn Blobs,
    found: &mut Vec<RemoteManifest>,
    depth: usize,
) -> Result<(), DistributionError> {
    if depth > DEEPEST {
        return Err(unfit(path, "has lists of images that are nested too deeply".to_owned()));
    }
    for child in list.manifests() {
        if found.iter().any(|known| known.digest == child.digest) {
            continue;
        }
        let child = manifest(path, child.digest, blobs)?;
        below(path, &child, blobs, found, depth + 1)?;
        found.push(child);
    }
    Ok(())
}

fn manifest(path: &Path, digest: Digest, blobs: &dyn Blobs) -> Result<RemoteManifest, DistributionError> {
    let mut bytes = Vec::new();
    let blob = blobs.open(&digest).map_err(WriteError::from)?;
    let read = blob.take(MANIFEST_LIMIT).read_to_end(&mut bytes);
    read.map_err(|error| WriteError::from(BlobError::Read { digest, error }))?;
    let found = Digest::of(&bytes);
    if found != digest {
        return Err(WriteError::from(BlobError::Digest { wanted: digest, found }).into());
    }
    RemoteManifest::parse(bytes, None)
        .map_err(|reason| unfit(path, format!("has a manifest, `{digest}`, that {reason}")))
}

fn unfit(path: &Path, reason: String) -> DistributionError {
    DistributionError::Unfit { file: path.to_owned(), reason }
}

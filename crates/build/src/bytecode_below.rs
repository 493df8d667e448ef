//! The bytecode that finished layers hold: what lies over its sources must know of it.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::Path;

use archive::{ImagePath, LayerKind, LayerReader};
use layer::{KeyHasher, SourceError};
use oci::{BlobError, Blobs, uncompressed, unpacked_limit};
use python::{Cached, Overriding, Target};
use store::{LayerRecord, Store};

use crate::BuildError;

/// Where the store keeps what was found in layers: each is read once.
const FOLDER: &str = "bytecode-of-layers-v1";

/// The bytecode of every Python that some layers hold, whether others hide it or not.
///
/// # Errors
///
/// When a layer is not there or is damaged.
fn bytecode_of(layers: &[LayerRecord], store: &Store) -> Result<BTreeSet<ImagePath>, BuildError> {
    let mut all = BTreeSet::new();
    for layer in layers {
        all.extend(of_layer(layer, store)?);
    }
    Ok(all)
}

/// Has a layer written that lies over others: `write` gets what must be known of the bytecode of these.
pub(crate) fn over<T>(
    lower: &[LayerRecord],
    targets: &[Target],
    store: &Store,
    write: impl FnOnce(&Overriding<'_>) -> T,
) -> T {
    let lower = || bytecode_of(lower, store).map_err(SourceError::archive);
    write(&Overriding { targets, lower: &lower })
}

/// Adds the Pythons of a layer to its key.
pub(crate) fn keyed(hasher: KeyHasher, targets: &[Target]) -> KeyHasher {
    targets.iter().fold(hasher, |hasher, target| target.key(hasher))
}

fn of_layer(layer: &LayerRecord, store: &Store) -> Result<Vec<ImagePath>, BuildError> {
    let key = KeyHasher::new("bytecode of a layer").field("diff id", layer.diff_id.to_string()).finish();
    let kept = store.repodata_folder().join(FOLDER).join(format!("{}.json", key.hex()));
    // What cannot be read is found once more.
    if let Some(found) = std::fs::read(&kept).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return Ok(found);
    }
    let digest = layer.descriptor.digest;
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| BuildError::Unpack { digest, error };
    let blob = store.open(&digest).map_err(|error| failed(Box::new(error)))?;
    let size = layer.descriptor.size;
    let tar = uncompressed(layer.descriptor.media_type, blob.take(size));
    let tar = tar.map_err(|error| failed(Box::new(BlobError::Read { digest, error })))?;
    let mut reader = LayerReader::new(tar, unpacked_limit(size));
    let mut found = Vec::new();
    while let Some(head) = reader.next_entry().map_err(|error| failed(Box::new(error)))? {
        let path = head.path.filter(|_| !matches!(head.kind, LayerKind::Whiteout(_) | LayerKind::Directory));
        found.extend(path.filter(|path| Cached::of(path).is_some()));
    }
    keep(&kept, &found).map_err(|error| BuildError::File { path: kept, what: "written", error })?;
    Ok(found)
}

fn keep(path: &Path, found: &[ImagePath]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".imgbuild-").tempfile_in(folder)?;
    file.write_all(&serde_json::to_vec(found)?)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

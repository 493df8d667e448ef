//! The bytecode that finished layers hold: what lies over its sources must know of it.

use std::collections::BTreeSet;
use std::io::{self, Read};

use imgbuild_archive::{ImagePath, LayerKind, LayerReader};
use imgbuild_diagnostic::plain;
use imgbuild_fetch::Context;
use imgbuild_layer::{KeyHasher, SourceError};
use imgbuild_oci::{BlobError, Blobs, DiffId, HashReader, uncompressed, unpacked_limit};
use imgbuild_python::{Cached, Overriding, Target};
use imgbuild_store::LayerRecord;

use crate::error::{MakeError, MakeFailure};
use crate::unpacked::WrongDiffId;

/// What the store keeps of layers: the paths of their bytecode.
const DOCUMENTS: &str = "bytecode-of-layers-v2";

/// The bytecode of every Python that some layers hold, whether others hide it or not.
///
/// # Errors
///
/// When a layer is not there or is damaged.
fn bytecode_of(layers: &[LayerRecord], context: &Context) -> Result<BTreeSet<ImagePath>, MakeError> {
    let mut all = BTreeSet::new();
    for layer in layers {
        all.extend(of_layer(layer, context)?);
    }
    Ok(all)
}

/// Has a layer written that lies over others: `write` gets what must be known of the bytecode of these.
pub(crate) fn over<T>(
    lower: &[LayerRecord],
    targets: &[Target],
    context: &Context,
    write: impl FnOnce(&Overriding<'_>) -> T,
) -> T {
    let lower = || bytecode_of(lower, context).map_err(SourceError::archive);
    write(&Overriding { targets, lower: &lower })
}

/// Adds the Pythons of a layer to its key.
pub(crate) fn keyed(hasher: KeyHasher, targets: &[Target]) -> KeyHasher {
    targets.iter().fold(hasher, |hasher, target| target.key(hasher))
}

fn of_layer(layer: &LayerRecord, context: &Context) -> Result<Vec<ImagePath>, MakeError> {
    let key = KeyHasher::new("bytecode of a layer").field("diff id", layer.diff_id.to_string()).finish();
    let documents = context.store.documents(DOCUMENTS);
    if let Some(found) = documents.get(&key) {
        return Ok(found);
    }
    let digest = layer.descriptor.digest;
    let failed = |error: Box<dyn miette::Diagnostic + Send + Sync>| MakeFailure::Unpack { digest, error };
    let blob = context.layers.open(&digest).map_err(|error| failed(Box::new(error)))?;
    let size = layer.descriptor.size;
    let tar = uncompressed(layer.descriptor.media_type, blob.take(size));
    let tar = tar.map_err(|error| failed(Box::new(BlobError::Read { digest, error })))?;
    let mut tar = HashReader::new(tar);
    let mut reader = LayerReader::new(&mut tar, unpacked_limit(size));
    let mut found = Vec::new();
    while let Some(head) = reader.next_entry().map_err(|error| failed(plain(error)))? {
        let path = head.path.filter(|_| !matches!(head.kind, LayerKind::Whiteout(_) | LayerKind::Directory));
        found.extend(path.filter(|path| Cached::of(path).is_some()));
    }
    let unread = |error| failed(Box::new(BlobError::Read { digest, error }));
    io::copy(&mut (&mut tar).take(unpacked_limit(size)), &mut io::sink()).map_err(unread)?;
    let (read, _) = tar.finish();
    if DiffId(read) != layer.diff_id {
        return Err(failed(Box::new(WrongDiffId { wanted: layer.diff_id, found: DiffId(read) })).into());
    }
    documents.put(&key, &found);
    Ok(found)
}

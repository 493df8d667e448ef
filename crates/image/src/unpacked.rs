//! Layers as folders that the sandbox stacks.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use imgbuild_layer::KeyHasher;
use imgbuild_oci::{Blobs, Descriptor, DiffId, HashReader, uncompressed, unpacked_limit};
use imgbuild_sandbox::Machine;
use imgbuild_store::{Kind, Remove, Store};
use miette::Diagnostic;

use crate::error::{MakeError, MakeFailure};

/// A layer as a manifest and a configuration name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedLayer {
    /// The blob.
    pub descriptor: Descriptor,
    /// The digest of the uncompressed tar.
    pub diff_id: DiffId,
}

/// The folders of unpacked layers, in their order. Those that the store does not have are unpacked into it.
///
/// # Errors
///
/// When a layer is not there, is damaged or hostile, or is not what its diffID says.
pub(crate) fn unpacked_layers(
    store: &Store,
    machine: &Machine,
    blobs: &dyn Blobs,
    layers: &[NamedLayer],
) -> Result<Vec<PathBuf>, MakeError> {
    let queue = Mutex::new(layers.iter().enumerate());
    let done = Mutex::new(vec![None; layers.len()]);
    let work = || -> Result<(), MakeError> {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, layer)) = next else { return Ok(()) };
            let folder = unpacked_layer(store, machine, blobs, layer)?;
            done.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(folder);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(layers.len());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().map_err(|_| MakeError::Died("unpacking a layer".to_owned()))?
        })
    })?;
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(done.into_iter().flatten().collect())
}

fn unpacked_layer(
    store: &Store,
    machine: &Machine,
    blobs: &dyn Blobs,
    layer: &NamedLayer,
) -> Result<PathBuf, MakeError> {
    let key = KeyHasher::new("unpacked layer")
        .field("mapping", machine.mapping())
        .field("diff id", layer.diff_id.to_string())
        .finish();
    if let Some(folder) = store.unpacked(&key)? {
        return Ok(folder);
    }
    let _exclusive = store.exclusive(Kind::Unpacked, &key)?;
    if let Some(folder) = store.unpacked(&key)? {
        return Ok(folder);
    }
    let remove = remover();
    let writer = store.unpacked_writer(&key, &*remove)?;
    let unpack = |tar: &mut (dyn Read + Send)| -> Result<(), Box<dyn Diagnostic + Send + Sync>> {
        Ok(machine.unpack(tar, &writer.path())?)
    };
    match read_layer(blobs, layer, unpack) {
        Ok(bytes) => Ok(writer.commit(bytes)?),
        Err(error) => {
            if let Err(error) = remove(&writer.path()) {
                tracing::warn!("`{}` cannot be removed: {error}", writer.path().display());
            }
            Err(error.into())
        }
    }
}

/// Has the uncompressed tar of a layer read; gives how many bytes it has.
///
/// # Errors
///
/// When the layer is not there or is damaged, when reading fails, or it is not what its diffID says.
pub(crate) fn read_layer(
    blobs: &dyn Blobs,
    layer: &NamedLayer,
    read: impl FnOnce(&mut (dyn Read + Send)) -> Result<(), Box<dyn Diagnostic + Send + Sync>>,
) -> Result<u64, MakeFailure> {
    let Descriptor { digest, size, media_type, .. } = layer.descriptor;
    let failed = |error| MakeFailure::Unpack { digest, error };
    let unreadable = |error| failed(Box::new(imgbuild_oci::BlobError::Read { digest, error }));
    let blob = blobs.open(&digest).map_err(|error| failed(Box::new(error)))?;
    let limit = unpacked_limit(size);
    let tar = uncompressed(media_type, blob.take(size)).map_err(unreadable)?;
    let mut tar = HashReader::new(tar.take(limit));
    let outcome = read(&mut tar);
    // A wrong digest says more than what became of it.
    io::copy(&mut tar, &mut io::sink()).map_err(unreadable)?;
    let (found, bytes) = tar.finish();
    if bytes == limit {
        return Err(failed(Box::new(Bomb(limit))));
    }
    if DiffId(found) != layer.diff_id {
        return Err(failed(Box::new(WrongDiffId { wanted: layer.diff_id, found: DiffId(found) })));
    }
    outcome.map_err(failed)?;
    Ok(bytes)
}

/// A layer that is another than its image says.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("its diffID is `{found}`, and the image says `{wanted}`")]
pub(crate) struct WrongDiffId {
    pub(crate) wanted: DiffId,
    pub(crate) found: DiffId,
}

/// A layer that fills the disk.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("it unpacks to more than {0} bytes, far more than a layer of its size does")]
struct Bomb(u64);

/// What removes folders whose files belong to ids that only a user namespace has.
pub fn remover() -> Arc<Remove> {
    Arc::new(imgbuild_sandbox::remove_folder)
}

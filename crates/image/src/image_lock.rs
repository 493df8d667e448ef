//! The lock that is in an image.

use std::io::Read;

use imgbuild_archive::{ImagePath, LayerKind, LayerReader, TarError};
use imgbuild_oci::{Blobs, Descriptor, History, uncompressed, unpacked_limit};

use crate::error::{MakeError, OpenFailure};
use crate::image::WRITER;
use crate::limits::{DOCUMENT_LIMIT, LOCK_LAYER_LIMIT};

/// Where the lock stands in an image.
pub(crate) const LOCK_PATH: &str = "usr/share/imgbuild/spec.lock";

/// Whether nothing was laid over what imgbuild made of an image of so many layers: whoever builds on an image of ours takes over its labels.
pub fn is_as_we_made_it(history: &[History], layers: usize) -> bool {
    let made: Vec<&History> = history.iter().filter(|item| !item.empty_layer).collect();
    made.len() == layers && made.last().is_some_and(|last| last.created_by == WRITER)
}

/// The text of the lock that an image holds, whose layers are these; nothing where it holds none. It stands in the last of its layers, so
/// that of an image in a registry no more than that one comes.
///
/// # Errors
///
/// When a layer cannot be read.
pub fn lock_text(layers: &[Descriptor], blobs: &dyn Blobs) -> Result<Option<String>, MakeError> {
    for layer in layers.iter().rev().filter(|layer| layer.size <= LOCK_LAYER_LIMIT) {
        let unreadable = |error: TarError| OpenFailure::Layer { digest: layer.digest, error };
        let io = |error| unreadable(TarError::Read(error));
        let blob = blobs.open(&layer.digest).map_err(|error| io(std::io::Error::other(error)))?;
        let tar = uncompressed(layer.media_type, blob).map_err(io)?;
        let mut reader = LayerReader::new(tar, unpacked_limit(layer.size));
        while let Some(head) = reader.next_entry().map_err(unreadable)? {
            let is_lock = head.path.as_ref().is_some_and(|path: &ImagePath| path.as_str() == LOCK_PATH);
            if is_lock && head.kind == LayerKind::File && head.size <= DOCUMENT_LIMIT {
                let mut text = String::new();
                reader.body().read_to_string(&mut text).map_err(io)?;
                return Ok(Some(text));
            }
        }
    }
    Ok(None)
}

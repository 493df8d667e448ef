//! What one layer holds, without its files' bytes: the head of every entry, and what its files say of packages.

use std::collections::BTreeMap;
use std::io::Read;

use imgbuild_archive::{ImagePath, LayerHead, LayerKind, LayerReader, TarError};
use serde::{Deserialize, Serialize};

use crate::limits::{METADATA_BYTES, METADATA_FILE};
use crate::metadata::{Owned, Told, is_lock, reader};

/// The index of a layer. It follows from the layer's bytes alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerIndex {
    /// Its entries, in their order.
    pub entries: Vec<LayerHead>,
    /// What its files say of packages, by their paths.
    pub told: BTreeMap<ImagePath, Told>,
}

impl LayerIndex {
    /// The text of the lock of an image that imgbuild made, where it stands in this layer.
    pub fn lock(&self) -> Option<&str> {
        self.told.iter().find_map(|(path, told)| match told {
            Told::Text(text) if is_lock(path) => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Whose the files of a layer are, as its files say it: by the paths of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerOwners(pub BTreeMap<ImagePath, Vec<Owned>>);

/// Reads a layer, an uncompressed tar.
///
/// # Errors
///
/// When it is damaged, or a reader of another system would read it in another way.
pub fn index(tar: &mut dyn Read) -> Result<(LayerIndex, LayerOwners), TarError> {
    // How much it may unpack to is seen to where it is decompressed.
    let mut layer = LayerReader::new(tar, u64::MAX);
    let (mut index, mut owners) = (LayerIndex::default(), LayerOwners::default());
    let mut kept: u64 = 0;
    while let Some(head) = layer.next_entry()? {
        let path = head.path.as_ref().filter(|_| head.kind == LayerKind::File && head.size <= METADATA_FILE);
        if let Some((path, reader)) = path.and_then(|path| Some((path, reader(path)?)))
            && kept + head.size <= METADATA_BYTES
        {
            kept += head.size;
            let mut bytes = Vec::new();
            layer.body().read_to_end(&mut bytes)?;
            let metadata = reader(path, &String::from_utf8_lossy(&bytes)).unwrap_or_default();
            index.told.extend(metadata.told.map(|told| (path.clone(), told)));
            if !metadata.owned.is_empty() {
                owners.0.insert(path.clone(), metadata.owned);
            }
        }
        index.entries.push(head);
    }
    Ok((index, owners))
}

//! What one layer holds, without its files' bytes: the head of every entry, and what its files say of packages.

use std::collections::BTreeMap;
use std::io::Read;

use imgbuild_archive::{ImagePath, LayerHead, LayerKind, LayerReader, TarError};
use serde::{Deserialize, Serialize};

use crate::limits::{LAYER_PACKAGES, LISTED_PATHS, METADATA_BYTES, METADATA_FILE};
use crate::metadata::{FileMetadata, Owned, Told, is_lock, reader};

/// The index of a layer. It follows from the layer's bytes alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerIndex {
    /// Its entries, in their order.
    pub entries: Vec<LayerHead>,
    /// What its files say of packages, by their paths.
    pub told: BTreeMap<ImagePath, Told>,
}

impl LayerIndex {
    /// The texts of its files that are where the lock of an image stands that imgbuild made.
    pub fn locks(&self) -> impl Iterator<Item = &str> {
        self.told.iter().filter_map(|(path, told)| match told {
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
    let mut indexing = Indexing::default();
    while let Some(head) = layer.next_entry()? {
        if let Some(path) = &head.path {
            indexing.forget(path);
            match &head.kind {
                LayerKind::File if reader(path).is_some() => {
                    indexing.file(path, head.size, &mut layer.body())?;
                }
                LayerKind::Hardlink(target) => indexing.link(path, target),
                _ => {}
            }
        }
        indexing.index.entries.push(head);
    }
    Ok((indexing.index, indexing.owners))
}

/// An index in the making.
#[derive(Default)]
struct Indexing {
    index: LayerIndex,
    owners: LayerOwners,
    /// The texts of files that say nothing where they stand: uv's cache, of which environments have links.
    unplaced: BTreeMap<ImagePath, String>,
    bytes: u64,
    paths: usize,
    packages: usize,
}

impl Indexing {
    /// What came before under a path is not there any more.
    fn forget(&mut self, path: &ImagePath) {
        self.index.told.remove(path);
        self.owners.0.remove(path);
        self.unplaced.remove(path);
    }

    fn file(&mut self, path: &ImagePath, size: u64, body: &mut dyn Read) -> Result<(), TarError> {
        if size > METADATA_FILE || self.bytes + size > METADATA_BYTES {
            self.unreadable(path, "it is larger than what is read of a layer");
            return Ok(());
        }
        self.bytes += size;
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if !self.say(path, &text) {
            self.unplaced.insert(path.clone(), text);
        }
        Ok(())
    }

    fn link(&mut self, path: &ImagePath, target: &ImagePath) {
        if let Some(text) = self.unplaced.get(target).cloned() {
            self.say(path, &text);
        }
    }

    /// Takes what the text of a file says; gives whether it says something.
    fn say(&mut self, path: &ImagePath, text: &str) -> bool {
        let Some(FileMetadata { told, owned }) = reader(path).and_then(|read| read(path, text)) else {
            return false;
        };
        let packages = match &told {
            Some(Told::Packages(packages)) => packages.len(),
            _ => 0,
        };
        let paths: usize = owned.iter().map(|owned| owned.files.len()).sum();
        if self.packages + packages > LAYER_PACKAGES || self.paths + paths > LISTED_PATHS {
            self.unreadable(path, "it lists more than any package has");
            return true;
        }
        (self.packages, self.paths) = (self.packages + packages, self.paths + paths);
        self.index.told.extend(told.map(|told| (path.clone(), told)));
        if !owned.is_empty() {
            self.owners.0.insert(path.clone(), owned);
        }
        true
    }

    fn unreadable(&mut self, path: &ImagePath, why: &str) {
        self.index.told.insert(path.clone(), Told::Unreadable(why.to_owned()));
    }
}

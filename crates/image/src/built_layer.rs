//! Layers that are there.

use imgbuild_layer::Key;
use imgbuild_oci::Descriptor;
use imgbuild_store::LayerRecord;

/// A layer that is there.
#[derive(Debug, Clone)]
pub struct BuiltLayer {
    /// What the store knows of it.
    pub record: LayerRecord,
    /// Its key; nothing for a layer that others made.
    pub key: Option<Key>,
    /// What is in it, for people.
    pub title: String,
    /// The installed size of its parts in bytes.
    pub weight: u64,
    /// Whether the store had it.
    pub reused: bool,
}

impl BuiltLayer {
    /// What points to it in a manifest: it says the key, so that whoever has the manifest knows it.
    pub(crate) fn descriptor(&self) -> Descriptor {
        match &self.key {
            Some(key) => self.record.annotated(key),
            None => self.record.descriptor.clone(),
        }
    }

    /// A layer of what an image stands on.
    pub(crate) fn of_base((title, record): (String, LayerRecord)) -> Self {
        Self { title, weight: record.size, reused: true, key: None, record }
    }
}

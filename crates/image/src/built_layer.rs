//! Layers that are there.

use imgbuild_store::LayerRecord;

/// A layer that is there.
#[derive(Debug, Clone)]
pub struct BuiltLayer {
    /// What the store knows of it.
    pub record: LayerRecord,
    /// What is in it, for people.
    pub title: String,
    /// The installed size of its parts in bytes.
    pub weight: u64,
    /// Whether the store had it.
    pub reused: bool,
}

impl BuiltLayer {
    /// A layer of what an image stands on.
    pub(crate) fn of_base((title, record): (String, LayerRecord)) -> Self {
        Self { title, weight: record.size, reused: true, record }
    }
}

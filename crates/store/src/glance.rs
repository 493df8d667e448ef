//! A quick look at what a store holds: it hashes nothing.

use std::time::SystemTime;

use crate::{Entry, Kind, Store, StoreError};

/// What a quick look at a store saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glance {
    /// How many things it holds.
    pub entries: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// When the newest of them was used.
    pub newest: Option<SystemTime>,
    /// How many records were read: of each kind the one that was used last.
    pub records: usize,
    /// Those of them that are not as they were written, or whose blob is not there with the size that they state.
    pub damaged: Vec<Entry>,
}

impl Store {
    /// Lists what the store holds, and reads of each kind of records the one that was used last.
    ///
    /// # Errors
    ///
    /// When a folder or a record cannot be read.
    pub fn glance(&self) -> Result<Glance, StoreError> {
        let all = self.ls()?;
        let mut glance = Glance {
            entries: all.len(),
            bytes: all.iter().map(|entry| entry.size).sum(),
            newest: all.iter().map(|entry| entry.used).max(),
            ..Glance::default()
        };
        for kind in [Kind::Layer, Kind::Bytecode, Kind::Image] {
            let of_kind = all.iter().filter(|entry| entry.kind == kind);
            let Some(last) = of_kind.max_by_key(|entry| entry.used) else { continue };
            glance.records += 1;
            if self.lacks_blob(last)? {
                glance.damaged.push(last.clone());
            }
        }
        Ok(glance)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use imgbuild_layer::Key;
    use imgbuild_oci::{Descriptor, DiffId, Digest, MediaType};

    use super::*;
    use crate::LayerRecord;

    fn put(store: &Store, text: &[u8]) -> Key {
        use std::io::Write as _;
        let digest = Digest::of(text);
        let mut writer = store.blob_writer().unwrap();
        writer.write_all(text).unwrap();
        let descriptor = Descriptor::new(MediaType::LayerZstd, digest, text.len() as u64);
        writer.commit(&descriptor).unwrap();
        let record = LayerRecord {
            descriptor,
            diff_id: DiffId(digest),
            size: 1,
            archives: Vec::new(),
            messages: String::new(),
            notes: Vec::new(),
        };
        let key = Key(digest);
        store.put_layer(&key, &record).unwrap();
        key
    }

    #[test]
    fn it_counts_and_reads_a_record_of_each_kind() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.glance().unwrap(), Glance::default());
        put(&store, b"layer");
        let glance = store.glance().unwrap();
        assert_eq!((glance.records, glance.damaged.len()), (1, 0));
        assert!(glance.newest.is_some() && glance.bytes > 5);
    }

    #[test]
    fn a_record_whose_blob_is_gone_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let key = put(&store, b"layer");
        fs::remove_file(folder.path().join("blobs/sha256").join(key.0.hex())).unwrap();
        let glance = store.glance().unwrap();
        assert_eq!((glance.records, glance.damaged.len()), (1, 1));
    }
}

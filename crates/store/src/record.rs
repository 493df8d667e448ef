//! Records: what is known of a layer or of bytecode by its key.

use std::io::Write;
use std::path::PathBuf;
use std::{fs, io};

use imgbuild_layer::{Key, KeyHasher};
use imgbuild_oci::{Descriptor, DiffId, Digest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Kind, Store, StoreError};

/// The name of a record's own hash in it.
const CHECK: &str = "check";

/// What is known of a layer by its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerRecord {
    /// The blob.
    pub descriptor: Descriptor,
    /// The digest of the uncompressed tar.
    pub diff_id: DiffId,
    /// The size of the uncompressed tar in bytes.
    pub size: u64,
    /// The archives that it was made from.
    pub archives: Vec<Digest>,
    /// What whoever installs its packages is to be told: text of the packages, as it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub messages: String,
    /// What a person should know of its sources, whoever made it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What is known of a source's bytecode by its key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BytecodeRecord {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

/// The text of a record, from its file; nothing where it is not what was written for this key. A record says which blob
/// stands for a key, and nothing in the blob could contradict it: so it is checked by a hash of its own.
pub(crate) fn read<T: DeserializeOwned>(kind: Kind, key: &str, file: &[u8]) -> Option<T> {
    let mut record: Map<String, Value> = serde_json::from_slice(file).ok()?;
    let stated = record.remove(CHECK)?;
    let whole = stated == check(kind, key, &record);
    whole.then(|| serde_json::from_value(Value::Object(record)).ok())?
}

fn check(kind: Kind, key: &str, record: &Map<String, Value>) -> String {
    let text = Value::Object(record.clone()).to_string();
    let hasher = KeyHasher::new("record of the store").field("kind", kind.folder()).field("key", key);
    hasher.field("record", text).finish().hex()
}

impl Store {
    /// The layer of a key, where its blob is in the store. A damaged record counts as none.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn layer(&self, key: &Key) -> Result<Option<LayerRecord>, StoreError> {
        let Some(record) = self.record::<LayerRecord>(Kind::Layer, &key.0)? else { return Ok(None) };
        let blob = self.sized_blob(&record.descriptor.digest, record.descriptor.size)?;
        Ok(blob.map(|_| record))
    }

    /// Records a layer. Its blob must be in the store first.
    ///
    /// # Errors
    ///
    /// When the record cannot be written.
    pub fn put_layer(&self, key: &Key, record: &LayerRecord) -> Result<(), StoreError> {
        self.put_record(Kind::Layer, &key.0, record)
    }

    /// The bytecode of a key, where it is in the store.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn bytecode(&self, key: &Digest) -> Result<Option<PathBuf>, StoreError> {
        let Some(record) = self.record::<BytecodeRecord>(Kind::Bytecode, key)? else { return Ok(None) };
        self.sized_blob(&record.digest, record.size)
    }

    pub(crate) fn record<T: DeserializeOwned>(
        &self,
        kind: Kind,
        key: &Digest,
    ) -> Result<Option<T>, StoreError> {
        let Some(path) = self.find(kind, &key.hex())? else { return Ok(None) };
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(|error| self.error(&path, "read", error))?,
        };
        let record = read(kind, &key.hex(), &text);
        if record.is_none() {
            tracing::warn!("the cache's record `{}` is damaged and is made anew", path.display());
        }
        Ok(record)
    }

    pub(crate) fn put_record<T: Serialize>(
        &self,
        kind: Kind,
        key: &Digest,
        record: &T,
    ) -> Result<(), StoreError> {
        let mut temporary = self.temporary_file()?;
        let written = serde_json::to_value(record).map_err(io::Error::from).and_then(|value| {
            let Value::Object(mut record) = value else { return Err(io::ErrorKind::InvalidData.into()) };
            let check = check(kind, &key.hex(), &record);
            record.insert(CHECK.to_owned(), Value::String(check));
            temporary.write_all(Value::Object(record).to_string().as_bytes())
        });
        written.map_err(|error| self.error(temporary.path(), "written", error))?;
        self.place(temporary, kind, key).map(|_| ())
    }

    /// A blob of exactly this size; one of another is damaged.
    pub(crate) fn sized_blob(&self, digest: &Digest, size: u64) -> Result<Option<PathBuf>, StoreError> {
        let Some(path) = self.find(Kind::Blob, &digest.hex())? else { return Ok(None) };
        match fs::metadata(&path) {
            Ok(found) if found.len() == size => Ok(Some(path)),
            Ok(found) => {
                let found = found.len();
                tracing::warn!(
                    "the cache's blob `{digest}` has {found} bytes instead of {size} and is made anew"
                );
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error(&path, "read", error)),
        }
    }
}

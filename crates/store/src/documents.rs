//! Documents: what was read of something once, kept so that it is not read again.

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use imgbuild_layer::KeyHasher;
use imgbuild_oci::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::file::open;
use crate::{Kind, Store};

/// How long the hash is that stands before each document.
const HASH: usize = 32;

/// Documents of one form. What one says follows from what its key names, so that one that is lost or damaged is read anew
/// from there, and one that cannot be kept is no error.
#[derive(Debug, Clone, Copy)]
pub struct Documents<'a> {
    store: &'a Store,
    form: &'static str,
}

impl Store {
    /// The documents of a form, such as `conda-info-v3`. Whoever changes what stands in them counts the version up.
    pub fn documents(&self, form: &'static str) -> Documents<'_> {
        Documents { store: self, form }
    }
}

impl Documents<'_> {
    /// The document of a key, where it is there and whole, and is one of the form's.
    pub fn get<T: DeserializeOwned>(&self, key: &Digest) -> Option<T> {
        let mut bytes = Vec::new();
        open(&self.path(key)).ok()?.read_to_end(&mut bytes).ok()?;
        let whole = bytes.split_first_chunk::<HASH>();
        let whole = whole.filter(|(hash, packed)| self.hash(key, packed).as_bytes() == *hash);
        let Some((_, packed)) = whole else {
            tracing::warn!("the cache's document `{}/{}` is damaged and is made anew", self.form, key.hex());
            return None;
        };
        serde_json::from_slice(&zstd::decode_all(packed).ok()?).ok()
    }

    /// Keeps a document.
    pub fn put<T: Serialize + ?Sized>(&self, key: &Digest, document: &T) {
        if let Err(error) = self.write(key, document) {
            tracing::debug!("the document `{}/{}` is not kept: {error}", self.form, key.hex());
        }
    }

    fn write<T: Serialize + ?Sized>(&self, key: &Digest, document: &T) -> io::Result<()> {
        let packed = zstd::encode_all(serde_json::to_vec(document)?.as_slice(), 3)?;
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(".imgbuild-").tempfile_in(folder)?;
        file.write_all(self.hash(key, &packed).as_bytes())?;
        file.write_all(&packed)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    fn path(&self, key: &Digest) -> PathBuf {
        self.store.folder(Kind::Repodata).join(self.form).join(key.hex())
    }

    /// Nothing but itself contradicts a document: so a hash binds it to its form and its key.
    fn hash(&self, key: &Digest, packed: &[u8]) -> Digest {
        let hasher = KeyHasher::new("document of the store").field("form", self.form);
        hasher.field("key", key.as_bytes()).field("document", packed).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_as_it_was_written_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let documents = store.documents("form-v1");
        let (key, other) = (Digest::of(b"one"), Digest::of(b"other"));
        assert_eq!(documents.get::<Vec<String>>(&key), None);
        documents.put(&key, &["a", "b"]);
        let written = fs::read(documents.path(&key)).unwrap();
        let get = || documents.get::<Vec<String>>(&key);
        let whole = Some(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(get(), whole);
        // One of another form of the same version of the program, such as an older one's.
        assert_eq!(documents.get::<Vec<u32>>(&key), None);
        for at in 0..written.len() {
            let mut damaged = written.clone();
            damaged[at] ^= 1;
            fs::write(documents.path(&key), damaged).unwrap();
            assert_eq!(get(), None, "a bit of byte {at} is another");
            fs::write(documents.path(&key), &written[..at]).unwrap();
            assert_eq!(get(), None, "{at} bytes are left");
        }
        documents.put(&key, &["a", "b"]);
        assert_eq!(get(), whole);
        // Under another key or form it is another document.
        fs::copy(documents.path(&key), documents.path(&other)).unwrap();
        assert_eq!(documents.get::<Vec<String>>(&other), None);
        let newer = store.documents("form-v2");
        fs::create_dir(newer.path(&key).parent().unwrap()).unwrap();
        fs::copy(documents.path(&key), newer.path(&key)).unwrap();
        assert_eq!(newer.get::<Vec<String>>(&key), None);
        // Nothing is waited for, and nothing followed.
        fs::remove_file(documents.path(&key)).unwrap();
        std::os::unix::fs::symlink(documents.path(&other), documents.path(&key)).unwrap();
        assert_eq!(get(), None);
    }
}

//! Images as others make them, to build on.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;

use imgbuild_oci::{
    BlobError, Blobs, ContainerConfig, Descriptor, DiffId, Digest, History, Image, ImageHead, MediaType,
    Platform, Timestamp,
};
use tar::{Builder, EntryType, Header};

/// A layer that is made by hand, entry by entry.
pub struct HandmadeLayer(Builder<Vec<u8>>);

impl Default for HandmadeLayer {
    fn default() -> Self {
        Self::new()
    }
}

/// Names stand in the layer as they are given, also those that nobody should write.
impl HandmadeLayer {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    fn put(mut self, name: &str, kind: EntryType, mode: u32, link: &str, body: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(body.len() as u64);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_600_000_000);
        header.set_cksum();
        self.0.append(&header, body).unwrap();
        self
    }

    /// With a file.
    pub fn file(self, name: &str, body: impl AsRef<[u8]>) -> Self {
        self.put(name, EntryType::Regular, 0o644, "", body.as_ref())
    }

    /// With a program.
    pub fn program(self, name: &str) -> Self {
        self.put(name, EntryType::Regular, 0o755, "", b"\x7fELF")
    }

    /// With a folder.
    pub fn folder(self, name: &str, mode: u32) -> Self {
        self.put(name, EntryType::Directory, mode, "", b"")
    }

    /// With a symbolic link.
    pub fn link(self, name: &str, target: &str) -> Self {
        self.put(name, EntryType::Symlink, 0o777, target, b"")
    }

    /// The tar.
    ///
    /// # Panics
    ///
    /// Never: it is in memory.
    pub fn tar(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

struct Memory(BTreeMap<Digest, Vec<u8>>);

impl Blobs for Memory {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let bytes = self.0.get(digest).ok_or(BlobError::Absent(*digest))?;
        Ok(Box::new(Cursor::new(bytes.clone())))
    }
}

/// Writes an image of uncompressed layers as a layout, with a configuration.
///
/// # Panics
///
/// When it cannot be written.
pub fn write_layout(folder: &Path, platforms: &[Platform], layers: Vec<Vec<u8>>, config: &ContainerConfig) {
    let mut blobs = BTreeMap::new();
    let described: Vec<_> = layers
        .into_iter()
        .map(|tar| {
            let digest = Digest::of(&tar);
            let descriptor = Descriptor::new(MediaType::Layer, digest, tar.len() as u64);
            blobs.insert(digest, tar);
            (descriptor, DiffId(digest), History { created_by: "by hand".to_owned(), ..History::default() })
        })
        .collect();
    let image = |platform: &Platform| {
        let created = Timestamp::from_seconds(1_600_000_000).unwrap();
        let head =
            ImageHead { platform: *platform, created, config: config.clone(), annotations: BTreeMap::new() };
        Image::new(head, described.clone()).unwrap()
    };
    let images: Vec<Image> = platforms.iter().map(image).collect();
    let sink = imgbuild_oci::layout::LayoutWriter::new(folder).unwrap();
    imgbuild_oci::deliver(&images, &[], &Memory(blobs), Box::new(sink)).unwrap();
}

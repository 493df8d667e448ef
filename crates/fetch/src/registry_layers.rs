//! The layers of images of registries: they come when they are read, and are in the store from then on.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use imgbuild_layer::Key;
use imgbuild_oci::{BlobError, Blobs, Descriptor, Digest, MediaType, Reference};
use imgbuild_registry::{Registries, RegistryError, RemoteBlobs, RemoteRepository, Sought};
use imgbuild_store::{BlobWriter, CacheError, LayerCache, LayerRecord, Store};
use tokio::runtime::Handle;

use crate::events::{Event, Reporter};

/// The blobs of images of registries that a run knows of. Nothing is asked before one of them is read.
#[derive(Clone)]
pub(crate) struct RegistryLayers {
    store: Store,
    reporter: Arc<dyn Reporter>,
    /// Nothing where nobody waits for a network: then nothing can be had.
    runtime: Option<Handle>,
    known: Arc<Mutex<BTreeMap<Digest, Place>>>,
}

/// Where a blob is.
#[derive(Clone)]
struct Place {
    registries: Registries,
    image: Reference,
    size: u64,
}

impl RegistryLayers {
    /// What keeps blobs in a store. It must be made where futures run, if something is to be had.
    pub(crate) fn new(store: Store, reporter: Arc<dyn Reporter>) -> Self {
        Self { store, reporter, runtime: Handle::try_current().ok(), known: Arc::default() }
    }

    /// Takes note of blobs of an image, by their digests and sizes.
    pub(crate) fn know(
        &self,
        registries: &Registries,
        image: &Reference,
        blobs: impl IntoIterator<Item = (Digest, u64)>,
    ) {
        let place = |size| Place { registries: registries.clone(), image: image.clone(), size };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(blobs.into_iter().map(|(digest, size)| (digest, place(size))));
    }

    fn place(&self, digest: &Digest) -> Option<Place> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// Waits for a repository: whoever reads blobs does not wait for futures.
    fn opened(
        &self,
        place: &Place,
        digest: Digest,
        runtime: &Handle,
    ) -> Option<Result<RemoteRepository, RegistryError>> {
        let Place { registries, image, .. } = place.clone();
        let (sender, opened) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            // Who waits for it waits until it is there.
            let _received = sender.send(registries.open_for_reading(&image, &Sought::Blob(digest)).await);
        });
        opened.recv().ok()
    }
}

impl Blobs for RegistryLayers {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let Some(place) = self.place(digest) else { return Err(BlobError::Absent(*digest)) };
        let failed = |error: io::Error| BlobError::Read { digest: *digest, error };
        let ended = || failed(io::Error::other("the program is ending"));
        let runtime = self.runtime.as_ref().ok_or_else(ended)?;
        let opened = self.opened(&place, *digest, runtime).ok_or_else(ended)?;
        let remote =
            opened.map_err(|error| failed(imgbuild_diagnostic::io_error(io::ErrorKind::Other, error)))?;
        let blob = RemoteBlobs::new(remote, [(*digest, place.size)], runtime.clone()).open(digest)?;
        let writer = self.store.blob_writer().map_err(|error| failed(io::Error::other(error)))?;
        let name = format!("{} of {}", &digest.hex()[..12], place.image);
        self.reporter.event(Event::DownloadStarted { name: name.clone(), size: Some(place.size) });
        let kept = (writer, Descriptor::new(MediaType::Layer, *digest, place.size));
        Ok(Box::new(Kept { blob, kept: Some(kept), bytes: 0, name, reporter: Arc::clone(&self.reporter) }))
    }
}

impl LayerCache for RegistryLayers {
    /// They have no keys.
    fn layer(&self, _: &Key) -> Result<Option<LayerRecord>, CacheError> {
        Ok(None)
    }

    /// Nothing is kept in a registry from which images are taken.
    fn put_layer(&self, _: &Key, _: &LayerRecord, _: &dyn Blobs) -> Result<(), CacheError> {
        Ok(())
    }
}

/// A blob that is kept once it was read to its end.
struct Kept {
    /// It fails where its end is not the right one.
    blob: Box<dyn Read + Send>,
    kept: Option<(BlobWriter, Descriptor)>,
    bytes: u64,
    name: String,
    reporter: Arc<dyn Reporter>,
}

impl Read for Kept {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.blob.read(buffer).inspect_err(|_| {
            // Whoever reads on after a failure comes to an end that is none.
            self.kept = None;
        })?;
        let Some((writer, _)) = &mut self.kept else { return Ok(read) };
        if read > 0 {
            writer.write_all(&buffer[..read])?;
            self.bytes += read as u64;
            self.reporter.event(Event::DownloadProgressed { name: self.name.clone(), bytes: self.bytes });
        } else if !buffer.is_empty()
            && let Some((writer, descriptor)) = self.kept.take()
        {
            writer.commit(&descriptor).map_err(io::Error::other)?;
            self.reporter.event(Event::DownloadFinished { name: self.name.clone(), size: self.bytes });
        }
        Ok(read)
    }
}

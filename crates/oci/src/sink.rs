//! Where images are put: a folder, a tarball, a registry.

use std::io::{self, Read, Write};
use std::path::Path;

use crate::contents::{Contents, WriteError};
use crate::image::Document;
use crate::{BlobError, Blobs, Descriptor, HashReader, Image, Reference};

/// How much of a layer is copied at once, in bytes.
const PIECE: usize = 256 << 10;

/// What a sink is given first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The documents and the names: whoever reads the image as a stream knows what comes.
    DocumentsFirst,
    /// The layers: whoever sees a document finds what it points to.
    LayersFirst,
}

/// What takes images. It may be given layers by several threads at once. What was given is an image for others when
/// [`Sink::finish`] has returned; of a sink that is dropped before, others see what was there.
pub trait Sink: Send + Sync {
    /// What it must be given first.
    fn order(&self) -> Order;

    /// Whether it has the whole of a layer already, so that it need not be given.
    ///
    /// # Errors
    ///
    /// When that cannot be found out.
    fn has(&self, layer: &Descriptor) -> Result<bool, WriteError>;

    /// Takes a layer as the whole of a file, in one step and without reading it where that is possible; says no where it is not.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or it cannot be written.
    fn put_file(&self, _layer: &Descriptor, _file: &Path) -> Result<bool, WriteError> {
        Ok(false)
    }

    /// Takes a layer. Reading `body` to its end checks it.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written.
    fn put_layer(&self, layer: &Descriptor, body: &mut dyn Read) -> Result<(), WriteError>;

    /// Takes a configuration, a manifest, or an index of manifests, after what it points to.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn put_document(&self, document: &Document) -> Result<(), WriteError>;

    /// Says what a manifest or index is called; there may be no names.
    ///
    /// # Errors
    ///
    /// When that cannot be written.
    fn name(&self, top: &Descriptor, references: &[Reference]) -> Result<(), WriteError>;

    /// Everything has been given.
    ///
    /// # Errors
    ///
    /// When it cannot be made available.
    fn finish(self: Box<Self>) -> Result<(), WriteError>;
}

/// Puts images into a sink. Several are one image for several platforms: an index of them is what is named. Layers that the
/// sink does not have come from `blobs`, and are checked on the way, but for those of which `blobs` knows that they are whole: what was
/// whole when it was written may have been damaged since.
///
/// # Errors
///
/// When there is no image, a layer cannot be read or is not what its descriptor says, or the sink fails.
pub fn deliver(
    images: &[Image],
    references: &[Reference],
    blobs: &dyn Blobs,
    sink: Box<dyn Sink>,
) -> Result<(), WriteError> {
    let contents = Contents::new(images)?;
    let layers = || contents.layers.values().try_for_each(|layer| put_layer(layer, blobs, &*sink));
    let documents = || {
        contents.documents.iter().try_for_each(|document| sink.put_document(document))?;
        sink.name(&contents.top, references)
    };
    match sink.order() {
        Order::DocumentsFirst => documents().and_then(|()| layers())?,
        Order::LayersFirst => layers().and_then(|()| documents())?,
    }
    sink.finish()
}

fn put_layer(layer: &Descriptor, blobs: &dyn Blobs, sink: &dyn Sink) -> Result<(), WriteError> {
    if let Some(file) = blobs.whole_file(&layer.digest)
        && sink.put_file(layer, &file)?
    {
        return Ok(());
    }
    if sink.has(layer)? {
        return Ok(());
    }
    let inner = HashReader::new(blobs.open(&layer.digest)?.take(layer.size + 1));
    let mut body = LayerBytes { layer, inner };
    sink.put_layer(layer, &mut body)?;
    // A sink that stops before the end would leave the rest unchecked.
    Ok(body.check()?)
}

/// The bytes of a layer, which end with an error where they are not what its descriptor says. What fails while reading is
/// marked as that, so that it is not taken for a failure to write.
struct LayerBytes<'a> {
    layer: &'a Descriptor,
    inner: HashReader<io::Take<Box<dyn Read + Send>>>,
}

impl LayerBytes<'_> {
    /// Whether what was read until now is the layer.
    fn check(&self) -> Result<(), BlobError> {
        let Descriptor { digest, size, .. } = *self.layer;
        let (found, read) = self.inner.so_far();
        match () {
            () if read != size => Err(BlobError::Size { digest, wanted: size, found: read }),
            () if found != digest => Err(BlobError::Digest { wanted: digest, found }),
            () => Ok(()),
        }
    }
}

impl Read for LayerBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let digest = self.layer.digest;
        let read = self.inner.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, BlobError::Read { digest, error }),
        })?;
        if read == 0 && !buffer.is_empty() {
            self.check().map_err(io::Error::other)?;
        }
        Ok(read)
    }
}

/// Copies a layer to where `out` stands. Errors name `target`.
///
/// As [`io::copy`], in pieces that are large enough for the time to go into hashing and copying.
pub(crate) fn copy_layer(body: &mut dyn Read, out: &mut dyn Write, target: &Path) -> Result<(), WriteError> {
    let mut buffer = vec![0; PIECE];
    let mut copy = || loop {
        match body.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => out.write_all(&buffer[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    };
    copy().map_err(|error: io::Error| match error.downcast::<BlobError>() {
        Ok(error) => WriteError::Blob(error),
        Err(error) => WriteError::File { path: target.to_owned(), error },
    })
}

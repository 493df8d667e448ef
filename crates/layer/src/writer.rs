//! One layer: entries in, a blob and its two digests out.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::num::NonZero;

use imgbuild_oci::{Descriptor, DiffId, Digest, HashWriter};

use crate::compression::Encoder;
use crate::linking::{LinkingSink, SharedFiles};
use crate::tree::{Admitted, Tree};
use crate::{
    Codec, EntryHead, EntrySink, Exclusions, FormatVersion, Key, KeyHasher, Parents, Part, PartId, Piece,
    SinkError, Source, SourceError, TarWriter, WriteOptions,
};
use imgbuild_archive::ImagePath;

/// A finished layer. Its bytes may be elsewhere: in the store, or only in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The blob.
    pub descriptor: Descriptor,
    /// The digest of the uncompressed tar.
    pub diff_id: DiffId,
    /// The size of the uncompressed tar in bytes.
    pub size: u64,
    /// What a person should know of its sources and that did not hinder.
    pub notes: Vec<String>,
}

/// Writes the entries of one layer: checks them, adds the folders that they stand in, and computes both digests.
pub struct LayerWriter<'a, W: Write> {
    tar: TarWriter<HashWriter<Encoder<HashWriter<W>>>>,
    tree: Tree<'a>,
    codec: Codec,
    options: WriteOptions,
    notes: Vec<String>,
}

impl<'a, W: Write> LayerWriter<'a, W> {
    /// Starts a layer. The bytes do not depend on the number of threads.
    ///
    /// # Errors
    ///
    /// When the compressor cannot be made.
    pub fn new(inner: W, codec: Codec, threads: NonZero<u32>, parents: &'a Parents) -> io::Result<Self> {
        let encoder = codec.encoder(HashWriter::new(inner), threads)?;
        let tar = TarWriter::new(HashWriter::new(encoder));
        Ok(Self { tar, tree: Tree::new(parents), codec, options: threads.into(), notes: Vec::new() })
    }

    /// Ends the layer.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(self) -> io::Result<(Layer, W)> {
        let (encoder, diff_id, size) = self.tar.finish()?.finish();
        let (inner, digest, compressed) = encoder.finish()?.finish();
        let descriptor = Descriptor::new(self.codec.media_type(), digest, compressed);
        Ok((Layer { descriptor, diff_id: DiffId(diff_id), size, notes: self.notes }, inner))
    }
}

impl<W: Write> EntrySink for LayerWriter<'_, W> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let Admitted { folders, entry } = self.tree.admit(head)?;
        for folder in &folders {
            self.tar.append(folder, &mut io::empty())?;
        }
        entry.map_or(Ok(()), |entry| self.tar.append(&entry, body))
    }

    fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    fn options(&self) -> WriteOptions {
        self.options
    }
}

/// The key of the layer that holds these parts, in this order, or of one piece of them.
pub fn layer_key(
    format: FormatVersion,
    parts: &[(&Part, &Exclusions)],
    piece: Option<&Piece>,
    parents: &Parents,
    codec: Codec,
) -> Key {
    let mut hasher = KeyHasher::new("layer")
        .field("format version", format.of_layers().to_string())
        .field("codec", codec.recipe());
    for (part, exclusions) in parts {
        hasher = hasher
            .field("part", part.id.as_str())
            .field("recipe", part.recipe.0.as_bytes())
            .list("excluded", exclusions.iter().map(ImagePath::as_str));
        hasher = parents.key(hasher, part.root.as_ref());
    }
    if let Some(piece) = piece {
        // Where the others are cut changes nothing in it.
        hasher = hasher
            .list("from", piece.from().map(ImagePath::as_str))
            .list("until", piece.until().map(ImagePath::as_str));
    }
    Key(hasher.finish())
}

/// A layer that could not be written, and the part at which it failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LayerError {
    /// A part could not be read or was refused.
    #[error("cannot put `{part}` into a layer")]
    Part {
        /// The part.
        part: PartId,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: SourceError,
    },
    /// The blob could not be written.
    #[error("cannot write the layer")]
    Write(#[source] io::Error),
}

imgbuild_diagnostic::boxed_sources!(LayerError);

impl LayerError {
    /// Whether the layer has to be written anew: [`SourceError::Restart`].
    pub fn is_restart(&self) -> bool {
        matches!(self, Self::Part { error: SourceError::Restart, .. })
    }
}

/// Writes a whole layer from its sources, in order. What several of one archive have alike is written once.
///
/// # Errors
///
/// When a source fails or has to be written anew, two of them write the same path, or the blob cannot be written.
pub fn write_layer<W: Write>(
    sources: &[(&dyn Source, &Exclusions)],
    parents: &Parents,
    codec: Codec,
    options: impl Into<WriteOptions>,
    out: W,
) -> Result<(Layer, W), LayerError> {
    let options = options.into();
    let mut writer = LayerWriter::new(out, codec, options.threads, parents).map_err(LayerError::Write)?;
    writer.options = options;
    write_sources(sources, &mut writer, |_, _| {})?;
    writer.finish().map_err(LayerError::Write)
}

/// Writes sources into what takes them; `begin` tells it of which part the entries that follow are.
pub(crate) fn write_sources<S: EntrySink>(
    sources: &[(&dyn Source, &Exclusions)],
    sink: &mut S,
    begin: impl Fn(&mut S, &Part),
) -> Result<(), LayerError> {
    let mut shared: BTreeMap<Digest, SharedFiles> = BTreeMap::new();
    let archives: Vec<Digest> = sources.iter().filter_map(|(source, _)| source.part().archive).collect();
    for (source, exclusions) in sources {
        let part = source.part();
        begin(sink, part);
        let is_there_again = |archive: &Digest| archives.iter().filter(|other| *other == archive).count() > 1;
        let written = match (&part.root, part.archive.filter(is_there_again)) {
            (Some(root), Some(archive)) => {
                let shared = shared.entry(archive).or_default();
                source.write(exclusions, &mut LinkingSink { layer: sink, root, shared })
            }
            _ => source.write(exclusions, sink),
        };
        written.map_err(|error| LayerError::Part { part: part.id.clone(), error })?;
    }
    Ok(())
}

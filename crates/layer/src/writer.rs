//! One layer: entries in, a blob and its two digests out.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::num::NonZero;

use imgbuild_oci::{Descriptor, DiffId, Digest, HashWriter};

use crate::compression::Encoder;
use crate::key::FORMAT_VERSION;
use crate::limits::MOST_FOLDER_BYTES;
use crate::linking::{LinkingSink, SharedFiles};
use crate::{
    Codec, EntryHead, EntryKind, EntrySink, Exclusions, Key, KeyHasher, Parents, Part, PartId, SinkError,
    Source, SourceError, TarWriter,
};
use imgbuild_archive::{ImagePath, Owner, Whiteout};

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
    parents: &'a Parents,
    codec: Codec,
    seen: HashMap<ImagePath, PathState>,
    notes: Vec<String>,
    /// The bytes that the names of the folders have which no source stated.
    folder_bytes: u64,
}

/// What stands at a path so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PathState {
    Directory {
        mode: u32,
        owner: Owner,
    },
    /// A file, and what all of its names say of it.
    File {
        mode: u32,
        owner: Owner,
        mtime: i64,
    },
    Symlink,
    /// Nothing any more.
    Removed,
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
        Ok(Self { tar, parents, codec, seen: HashMap::new(), notes: Vec::new(), folder_bytes: 0 })
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

    /// Writes the folders above `path` that the layer does not have yet.
    fn put_parents(&mut self, path: &ImagePath) -> Result<(), SinkError> {
        let mut missing = Vec::new();
        // A folder of the layer has all its own folders in it.
        for folder in path.folders() {
            match self.seen.get(folder.as_str()) {
                Some(PathState::Directory { .. }) => break,
                Some(_) => {
                    let below = folder.to_path();
                    return Err(SinkError::BelowNonDirectory { path: path.clone(), below });
                }
                None => missing.push(folder.to_path()),
            }
        }
        for folder in missing.into_iter().rev() {
            self.folder_bytes += folder.as_str().len() as u64;
            if self.folder_bytes > MOST_FOLDER_BYTES {
                return Err(SinkError::TooDeep { path: path.clone() });
            }
            self.put_directory(&self.parents.head(folder))?;
        }
        Ok(())
    }

    fn put_directory(&mut self, head: &EntryHead) -> Result<(), SinkError> {
        self.seen.insert(head.path.clone(), PathState::Directory { mode: head.mode, owner: head.owner });
        self.tar.append(head, &mut io::empty())
    }
}

impl<W: Write> EntrySink for LayerWriter<'_, W> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        if Whiteout::is_reserved(&head.path) {
            return Err(SinkError::Reserved { path: head.path.clone() });
        }
        self.put_parents(&head.path)?;
        let before = self.seen.get(&head.path).copied();
        let twice = || Err(SinkError::Twice { path: head.path.clone() });
        let after = match &head.kind {
            EntryKind::Directory => {
                // Packages share folders: they are written once, with the time that all folders have.
                let now = PathState::Directory { mode: head.mode, owner: head.owner };
                return match before {
                    Some(before) if before == now => Ok(()),
                    None | Some(PathState::Directory { .. }) => {
                        self.put_directory(&EntryHead { mtime: 0, ..head.clone() })
                    }
                    Some(_) => twice(),
                };
            }
            EntryKind::File { .. } => {
                PathState::File { mode: head.mode, owner: head.owner, mtime: head.mtime }
            }
            EntryKind::Symlink { .. } => PathState::Symlink,
            EntryKind::Hardlink { target } => match self.seen.get(target).copied() {
                Some(file @ PathState::File { .. }) => file,
                _ => return Err(SinkError::Hardlink { path: head.path.clone(), target: target.clone() }),
            },
            EntryKind::Removed => PathState::Removed,
            // It says something of a folder, which is there or comes later.
            EntryKind::Emptied => return self.tar.append(head, body),
        };
        if before.is_some() {
            return twice();
        }
        self.seen.insert(head.path.clone(), after);
        match (&head.kind, after) {
            // Some engines set what a link's head says, and by that change the file; others do not.
            (EntryKind::Hardlink { .. }, PathState::File { mode, owner, mtime }) => {
                self.tar.append(&EntryHead { mode, owner, mtime, ..head.clone() }, body)
            }
            _ => self.tar.append(head, body),
        }
    }

    fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

/// The key of the layer that holds these parts, in this order.
pub fn layer_key(parts: &[(&Part, &Exclusions)], parents: &Parents, codec: Codec) -> Key {
    let mut hasher = KeyHasher::new("layer")
        .field("format version", FORMAT_VERSION.to_string())
        .field("codec", codec.recipe());
    for (part, exclusions) in parts {
        hasher = hasher
            .field("part", part.id.as_str())
            .field("recipe", part.recipe.0.as_bytes())
            .list("excluded", exclusions.iter().map(ImagePath::as_str));
        hasher = parents.key(hasher, part.root.as_ref());
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

/// Writes a whole layer from its sources, in order. What several of one archive have alike is written once.
///
/// # Errors
///
/// When a source fails, two of them write the same path, or the blob cannot be written.
pub fn write_layer<W: Write>(
    sources: &[(&dyn Source, &Exclusions)],
    parents: &Parents,
    codec: Codec,
    threads: NonZero<u32>,
    out: W,
) -> Result<(Layer, W), LayerError> {
    let mut writer = LayerWriter::new(out, codec, threads, parents).map_err(LayerError::Write)?;
    let mut shared: BTreeMap<Digest, SharedFiles> = BTreeMap::new();
    let archives: Vec<Digest> = sources.iter().filter_map(|(source, _)| source.part().archive).collect();
    for (source, exclusions) in sources {
        let part = source.part();
        let is_there_again = |archive: &Digest| archives.iter().filter(|other| *other == archive).count() > 1;
        let written = match (&part.root, part.archive.filter(is_there_again)) {
            (Some(root), Some(archive)) => {
                let shared = shared.entry(archive).or_default();
                source.write(exclusions, &mut LinkingSink { layer: &mut writer, root, shared })
            }
            _ => source.write(exclusions, &mut writer),
        };
        written.map_err(|error| LayerError::Part { part: part.id.clone(), error })?;
    }
    writer.finish().map_err(LayerError::Write)
}

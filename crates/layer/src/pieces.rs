//! Several layers at once: the pieces of one part, of which each entry goes into one.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::num::NonZero;

use imgbuild_archive::ImagePath;

use crate::tree::Tree;
use crate::writer::write_sources;
use crate::{
    Beside, Codec, EntryHead, EntryKind, EntrySink, Exclusions, Layer, LayerError, LayerWriter, Parents,
    Piece, SinkError, Source, WriteOptions,
};

/// Gives every entry to the layer of its piece. Those of pieces that are not wanted are read, and written nowhere.
struct PiecesSink<'a, W: Write> {
    /// Any of the pieces: it knows where the others are.
    piece: &'a Piece,
    beside: Beside,
    /// The folder below which the entries of the present source are.
    root: Option<ImagePath>,
    /// What is in all pieces together: it may no more contradict itself than what is in one layer.
    tree: Tree<'a>,
    /// The pieces of the files, because links stand where their files do.
    files: HashMap<ImagePath, usize>,
    layers: BTreeMap<usize, LayerWriter<'a, W>>,
    /// Those of all pieces together.
    options: WriteOptions,
}

impl<W: Write> PiecesSink<'_, W> {
    fn index(&mut self, head: &EntryHead) -> usize {
        let linked = match &head.kind {
            EntryKind::Hardlink { target } => self.files.get(target).copied(),
            _ => None,
        };
        let index = linked.unwrap_or_else(|| {
            let path = (self.beside)(&head.path).map_or(Cow::Borrowed(&head.path), Cow::Owned);
            let below = self.root.as_ref().and_then(|root| path.strip_prefix(root));
            self.piece.index_of(below.unwrap_or(path.as_str()))
        });
        if matches!(head.kind, EntryKind::File { .. } | EntryKind::Hardlink { .. }) {
            self.files.insert(head.path.clone(), index);
        }
        index
    }
}

impl<W: Write> EntrySink for PiecesSink<'_, W> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        self.tree.admit(head)?;
        let index = self.index(head);
        match self.layers.get_mut(&index) {
            Some(layer) => layer.put(head, body),
            None => pass_over(head, body),
        }
    }

    /// A note is of the whole: the first piece has it, whenever that is made.
    fn note(&mut self, note: String) {
        if let Some(first) = self.layers.get_mut(&0) {
            first.note(note);
        }
    }

    fn options(&self) -> WriteOptions {
        self.options
    }
}

/// Reads a body to its end: whoever gives it may compare a hash.
fn pass_over(head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
    let path = head.path.clone();
    match io::copy(body, &mut io::sink()) {
        Ok(found) if found == head.size() => Ok(()),
        Ok(found) => Err(SinkError::Size { path, declared: head.size(), more: found > head.size() }),
        Err(error) => Err(SinkError::Read { path, error }),
    }
}

/// Writes some of the pieces of a cut, side by side, so that what they are of is read once. `beside` says what stands in the piece of
/// another file. They come back in their order.
///
/// # Errors
///
/// As for [`crate::write_layer`].
pub fn write_pieces<W: Write>(
    sources: &[(&dyn Source, &Exclusions)],
    beside: Beside,
    parents: &Parents,
    codec: Codec,
    options: impl Into<WriteOptions>,
    pieces: Vec<(&Piece, W)>,
) -> Result<Vec<(Layer, W)>, LayerError> {
    let Some((piece, _)) = pieces.first() else { return Ok(Vec::new()) };
    let piece = *piece;
    // Each compresses beside the others: all together they get the threads.
    let count = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
    let options = options.into();
    let each = NonZero::new(options.threads.get() / count).unwrap_or(NonZero::<u32>::MIN);
    let layers = pieces.into_iter().map(|(piece, out)| {
        let layer = LayerWriter::new(out, codec, each, parents).map_err(LayerError::Write)?;
        Ok((piece.index(), layer))
    });
    let (layers, files) = (layers.collect::<Result<_, LayerError>>()?, HashMap::new());
    let mut sink = PiecesSink { piece, beside, root: None, tree: Tree::new(parents), files, layers, options };
    write_sources(sources, &mut sink, |sink, part| sink.root.clone_from(&part.root))?;
    sink.layers.into_values().map(|layer| layer.finish().map_err(LayerError::Write)).collect()
}

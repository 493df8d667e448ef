//! The small trait in which the ecosystems meet.

use std::io::{self, Read};
use std::num::NonZero;

use crate::limits::MOST_FOLDER_BYTES;
use crate::{Claim, EntryHead, Exclusions, Part};
use imgbuild_archive::{ImagePath, PathError};

/// A locked package that can be written into a layer.
pub trait Source: Send + Sync {
    /// The part that it is: all of it from the lock.
    fn part(&self) -> &Part;

    /// What it will write, from the archive's metadata only, without its directories.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read or is not one that may be written.
    fn claims(&self) -> Result<Vec<Claim>, SourceError>;

    /// Writes its entries, but for the excluded ones, in an order that depends on the archive alone.
    ///
    /// Parent directories need not be written: the layer adds them.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read, is hostile, does not hold what the lock says, or the sink fails.
    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError>;

    /// The files that it writes otherwise than they were when their bytecode was made, from the archive's metadata only; nothing where that is
    /// not known of any. Whatever it says decides only in which order things are found out.
    ///
    /// # Errors
    ///
    /// As for [`Source::claims`].
    fn rewritten(&self) -> Result<Option<Vec<ImagePath>>, SourceError> {
        Ok(None)
    }
}

/// What takes entries: a layer, a folder, a check.
pub trait EntrySink {
    /// Takes one entry. `body` gives exactly the bytes that the head promises: fewer or more is an error.
    ///
    /// # Errors
    ///
    /// When the body cannot be read or has another size, or the entry cannot be written.
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError>;

    /// Takes what a person should know of a source and that did not hinder. A layer keeps it; others need not.
    fn note(&mut self, _note: String) {}

    /// What a source may do while its entries are taken. It changes no byte.
    fn options(&self) -> WriteOptions;
}

/// What a source may do while its entries are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteOptions {
    /// How many threads may work for the layer: with more than one, a source may unpack on others.
    pub threads: NonZero<u32>,
    /// Whether everything is thrown away and written anew where a source says [`SourceError::Restart`]: it may then take for granted what it
    /// would have to read its archive twice for.
    pub can_restart: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        NonZero::<u32>::MIN.into()
    }
}

impl From<NonZero<u32>> for WriteOptions {
    fn from(threads: NonZero<u32>) -> Self {
        Self { threads, can_restart: false }
    }
}

/// What can go wrong while an entry is taken.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The bytes of a file could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: ImagePath,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file has fewer or more bytes than its head says.
    #[error("`{path}` has {} bytes than the {declared} that its header declares", if *.more { "more" } else { "fewer" })]
    Size {
        /// The file.
        path: ImagePath,
        /// The size in its head.
        declared: u64,
        /// Whether it has more.
        more: bool,
    },
    /// The same path was written twice.
    #[error("`{path}` is written twice")]
    Twice {
        /// The path.
        path: ImagePath,
    },
    /// A path lies below something that is not a folder.
    #[error("`{path}` lies below `{below}`, which is not a folder")]
    BelowNonDirectory {
        /// The path that was to be written.
        path: ImagePath,
        /// What stands in its way: a symbolic link or a file.
        below: ImagePath,
    },
    /// The folders of the layer's paths take more than those of any real layer.
    #[error(
        "`{path}` cannot be put into a layer: the folders that its paths stand in have names of more than {MOST_FOLDER_BYTES} bytes"
    )]
    TooDeep {
        /// The path.
        path: ImagePath,
    },
    /// A hard link points to something that does not stand before it in the same layer.
    #[error("the hard link `{path}` points to `{target}`, which is not a file before it in its package")]
    Hardlink {
        /// The link.
        path: ImagePath,
        /// What it points to.
        target: ImagePath,
    },
    /// A name by which engines know that a path of lower layers is taken away.
    #[error(
        "`{path}` cannot be put into a layer: engines delete files of other layers by names that begin with `.wh.`"
    )]
    Reserved {
        /// The path.
        path: ImagePath,
    },
    /// What was removed has a name that no whiteout can have.
    #[error("the removal of `{path}` cannot be put into a layer")]
    Removal {
        /// The path.
        path: ImagePath,
        /// Why.
        #[source]
        error: PathError,
    },
    /// The result could not be written.
    #[error("cannot write the layer")]
    Write(#[source] io::Error),
}

/// What can go wrong while a source is read. The ecosystems' own errors stand behind it as its source.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SourceError {
    /// The archive is damaged, hostile, or not what the lock says: the ecosystem's own error.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Archive(Box<dyn miette::Diagnostic + Send + Sync>),
    /// The entries could not be taken.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// What the source had taken for granted is not so. Only what may be written anew sees it: [`WriteOptions::can_restart`].
    #[error("what was written has to be written anew")]
    Restart,
}

imgbuild_diagnostic::boxed_sources!(SourceError);

impl SourceError {
    /// Wraps an ecosystem's error.
    pub fn archive(error: impl miette::Diagnostic + Send + Sync + 'static) -> Self {
        Self::Archive(Box::new(error))
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn part(&self) -> &Part {
        (**self).part()
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        (**self).claims()
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        (**self).write(exclusions, sink)
    }

    fn rewritten(&self) -> Result<Option<Vec<ImagePath>>, SourceError> {
        (**self).rewritten()
    }
}

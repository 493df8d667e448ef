//! What an image is made of: its parts, and how each comes to be.

use imgbuild_layer::{Part, Source};
use imgbuild_lock::Archive;

use crate::derived::Derived;

/// A part of an image: what writes it, and the archives that it is read from.
pub(crate) struct Ingredient {
    writer: Writer,
    archives: Vec<Archive>,
}

/// What writes a part.
enum Writer {
    /// Its archives alone.
    Source(Box<dyn Source>),
    /// What runs, or looks, in the layers below.
    Derived(Box<dyn Derived>),
}

impl Ingredient {
    /// A part that comes from archives alone.
    pub(crate) fn source(source: Box<dyn Source>, archives: Vec<Archive>) -> Self {
        Self { writer: Writer::Source(source), archives }
    }

    /// A part that is made when the layers below it are there.
    pub(crate) fn derived(derived: Box<dyn Derived>, archives: Vec<Archive>) -> Self {
        Self { writer: Writer::Derived(derived), archives }
    }

    /// The part that it is.
    pub(crate) fn part(&self) -> &Part {
        match &self.writer {
            Writer::Source(source) => source.part(),
            Writer::Derived(derived) => derived.part(),
        }
    }

    /// The archives that must be in the store when it is written.
    pub(crate) fn archives(&self) -> &[Archive] {
        &self.archives
    }

    /// What writes it from archives alone.
    pub(crate) fn as_source(&self) -> Option<&dyn Source> {
        match &self.writer {
            Writer::Source(source) => Some(&**source),
            Writer::Derived(_) => None,
        }
    }

    /// What writes it with the layers below.
    pub(crate) fn as_derived(&self) -> Option<&dyn Derived> {
        match &self.writer {
            Writer::Derived(derived) => Some(&**derived),
            Writer::Source(_) => None,
        }
    }
}

//! One Python of an image: which bytecode is its own, where its modules are, and what compiles them.

use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{EntryKind, KeyHasher};

use crate::cached::{CacheTag, FOLDER};
use crate::compiler::LazyCompiler;
use crate::compiler_error::CompilerError;

/// The version of how bytecode is made: of `compile.py`, of what is compiled, and of what stays.
const METHOD: &str = "3";

/// The folders whose sources are importable and so get bytecode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BytecodeFolders(pub Vec<ImagePath>);

impl BytecodeFolders {
    /// Whether a path lies in one of them.
    pub fn hold(&self, path: &ImagePath) -> bool {
        self.0.iter().any(|folder| path.strip_prefix(folder).is_some())
    }
}

/// A Python of an image, as far as bytecode is concerned.
#[derive(Clone)]
pub struct Target {
    /// What the names of its bytecode hold.
    pub tag: CacheTag,
    /// Where its modules are.
    pub folders: BytecodeFolders,
    /// What compiles for it; nothing where no bytecode is made.
    pub compiler: Option<Arc<LazyCompiler>>,
}

impl Target {
    /// Adds to a key what bytecode depends on beside its sources.
    #[must_use]
    pub fn key(&self, hasher: KeyHasher) -> KeyHasher {
        hasher
            .field("bytecode method", METHOD)
            .field("tag", self.tag.as_str())
            .list("python", self.compiler.iter().map(|compiler| compiler.version()))
            .list("folder", self.folders.0.iter().map(ImagePath::as_str))
    }

    /// Whether a path is the place of this Python's bytecode: then nothing but valid bytecode stands there, and nothing
    /// below it. In the folders of modules the folder of bytecode is nothing but a folder.
    pub(crate) fn is_place(&self, path: &ImagePath, kind: &EntryKind) -> bool {
        if !path.as_str().contains(FOLDER) {
            return false;
        }
        let own = |path: &ImagePath| self.tag.cached(path).is_some();
        own(path)
            || path.ancestors().any(|ancestor| own(&ancestor))
            || (*kind != EntryKind::Directory && path.file_name() == FOLDER && self.folders.hold(path))
    }

    /// The number with which its bytecode begins; nothing where that is not known, and so no bytecode is valid. Only an
    /// interpreter that is not known has to be started for it.
    pub(crate) fn magic(&self) -> Result<Option<[u8; 4]>, CompilerError> {
        match (self.tag.magic(), &self.compiler) {
            (None, Some(compiler)) => Ok(Some(compiler.get()?.magic())),
            (magic, _) => Ok(magic),
        }
    }
}

//! What one layer holds, checked so that all engines make the same of it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use imgbuild_archive::{Folder, ImagePath, LayerHead, LayerKind, TarError, Whiteout};

use crate::limits::{MOST_FOLDER_BYTES, MOST_KEPT_BYTES, MOST_PATHS};
use crate::node::{Node, NodeKind, below};

/// A layer that cannot be laid over those below it.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// It cannot be read.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// Engines would make different images of it.
    #[error("engines read `{path}` in different ways: {rule}")]
    Ambiguous {
        /// The path.
        path: ImagePath,
        /// Why.
        rule: &'static str,
    },
    /// A file that is to be read is too large.
    #[error("`{path}` has {size} bytes, which is more than anyone's")]
    TooLarge {
        /// The file.
        path: ImagePath,
        /// Its size.
        size: u64,
    },
    /// There are more paths than in any image.
    #[error("the layers hold more than {MOST_PATHS} paths")]
    TooMany,
    /// The folders of its paths take more than those of any image.
    #[error("the folders that the layers' paths stand in have names of more than {MOST_FOLDER_BYTES} bytes")]
    TooDeep,
    /// The files that are to be read are too large together.
    #[error("the files of the layers that say what is installed have more than {MOST_KEPT_BYTES} bytes")]
    TooMuch,
}

/// What one layer holds.
#[derive(Default)]
pub(crate) struct LayerContent {
    pub(crate) nodes: BTreeMap<ImagePath, Node>,
    pub(crate) bodies: BTreeMap<ImagePath, Arc<[u8]>>,
    pub(crate) removed: BTreeSet<ImagePath>,
    /// The folders that are opaque, and whether the root is.
    pub(crate) opaque: BTreeSet<ImagePath>,
    pub(crate) opaque_root: bool,
    /// Folders that something came before, and that lower layers have to have, if anything: engines that unpack over
    /// these look there.
    early: BTreeSet<ImagePath>,
    /// Folders that were looked at when something in them came: what came of it does not change any more.
    pub(crate) noted: HashSet<ImagePath>,
    pub(crate) folder_bytes: u64,
}

impl LayerContent {
    pub(crate) fn put(
        &mut self,
        head: LayerHead,
        body: Option<Arc<[u8]>>,
        layer: usize,
    ) -> Result<(), MergeError> {
        let path = match head.kind {
            LayerKind::Whiteout(whiteout) => return self.whiteout(whiteout),
            _ => head.path,
        };
        // The root has nothing to say but its mode, which no folder of ours takes.
        let Some(path) = path else { return Ok(()) };
        self.note_folders(&path);
        let ambiguous = |rule| Err(MergeError::Ambiguous { path: path.clone(), rule });
        let mut node = Node { kind: NodeKind::Directory, mode: head.mode, owner: head.owner, layer };
        let mut bytes = body;
        node.kind = match head.kind {
            LayerKind::File => NodeKind::File { size: head.size },
            LayerKind::Symlink(target) => NodeKind::Symlink(target),
            LayerKind::Special(special) => NodeKind::Special(special),
            LayerKind::Hardlink(target) => match self.nodes.get(&target) {
                Some(found) if found.kind != NodeKind::Directory && target != path => {
                    // A link shares all with what it links to.
                    bytes = self.bodies.get(&target).cloned();
                    node = found.clone();
                    found.kind.clone()
                }
                _ => return ambiguous("it is a hard link to no file before it in its layer"),
            },
            LayerKind::Directory | LayerKind::Whiteout(_) => NodeKind::Directory,
        };
        if let Some(before) = self.nodes.get(&path)
            && (before.kind == NodeKind::Directory) != (node.kind == NodeKind::Directory)
        {
            return ambiguous("its layer has it as a folder and as something else");
        }
        self.bodies.remove(&path);
        if let Some(bytes) = bytes {
            self.bodies.insert(path.clone(), bytes);
        }
        self.nodes.insert(path, node);
        Ok(())
    }

    fn whiteout(&mut self, whiteout: Whiteout) -> Result<(), MergeError> {
        match whiteout {
            Whiteout::Opaque(None) => self.opaque_root = true,
            Whiteout::Opaque(Some(folder)) => {
                self.note_folders(&folder);
                self.note(folder.clone(), self.is_hidden(&folder));
                self.opaque.insert(folder);
            }
            Whiteout::Removes(path) => {
                if self.nodes.contains_key(&path) || below(&self.nodes, path.as_str()).next().is_some() {
                    let rule = "its layer holds it, and then takes it away";
                    return Err(MergeError::Ambiguous { path, rule });
                }
                self.note_folders(&path);
                self.removed.insert(path);
            }
        }
        Ok(())
    }

    /// Notes the folders that a path stands in and that the layer has not stated yet.
    fn note_folders(&mut self, path: &ImagePath) {
        // Those above one that was noted were noted with it.
        let mut new: Vec<Folder> =
            path.folders().take_while(|folder| !self.noted.contains(folder.as_str())).collect();
        let Some(outermost) = new.last() else { return };
        let mut hidden = self.is_hidden(&outermost.to_path());
        while let Some(folder) = new.pop() {
            hidden = self.note(folder.to_path(), hidden) || self.opaque.contains(folder.as_str());
        }
    }

    /// Notes one folder, that stands in a hidden one or not. Gives whether what lower layers have at its path is hidden.
    fn note(&mut self, folder: ImagePath, hidden: bool) -> bool {
        let hidden = hidden || self.removed.contains(&folder);
        if !self.noted.contains(&folder) {
            self.folder_bytes += folder.as_str().len() as u64;
            if !hidden && !self.nodes.contains_key(&folder) {
                self.early.insert(folder.clone());
            }
            self.noted.insert(folder);
        }
        hidden
    }

    /// Checks what depends on the layers below: engines that unpack a layer by itself make folders where those that
    /// unpack it over the others follow links.
    pub(crate) fn check(&self, lower: &BTreeMap<ImagePath, Node>) -> Result<(), MergeError> {
        let rule = "something of its layer stands below it, and it is a link or a file";
        let is_folder = |path: &str, nodes: &BTreeMap<ImagePath, Node>| {
            nodes.get(path).is_none_or(|node| node.kind == NodeKind::Directory)
        };
        if let Some(path) = self.early.iter().find(|path| !is_folder(path.as_str(), lower)) {
            return Err(MergeError::Ambiguous { path: path.clone(), rule });
        }
        let paths = self.nodes.keys().chain(&self.removed).chain(&self.opaque);
        // Those above one that was looked at were looked at with it.
        let mut seen: HashSet<Folder> = HashSet::new();
        for path in paths {
            for folder in path.folders().take_while(|folder| seen.insert(*folder)) {
                if !is_folder(folder.as_str(), &self.nodes) {
                    return Err(MergeError::Ambiguous { path: folder.to_path(), rule });
                }
            }
        }
        match self.opaque.iter().find(|path| !is_folder(path.as_str(), &self.nodes)) {
            Some(path) => Err(MergeError::Ambiguous { path: path.clone(), rule }),
            None => Ok(()),
        }
    }

    /// Whether what lower layers hold at a path is hidden by something above it.
    fn is_hidden(&self, path: &ImagePath) -> bool {
        let is_all_seen = self.removed.is_empty() && self.opaque.is_empty();
        self.opaque_root
            || !is_all_seen
                && path.folders().any(|folder| {
                    self.removed.contains(folder.as_str()) || self.opaque.contains(folder.as_str())
                })
    }
}

//! The file system that layers make together, without unpacking them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Read;
use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits::{FILE_LIMIT, MOST_FOLDER_BYTES, MOST_KEPT_BYTES, MOST_PATHS};
use imgbuild_archive::{
    Folder, ImagePath, LayerHead, LayerKind, LayerReader, Owner, Special, TarError, Whiteout,
};

/// As many links as Linux follows in one path.
const MOST_LINKS: u32 = 40;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// A file of so many bytes.
    File {
        /// Its size.
        size: u64,
    },
    /// A folder.
    Directory,
    /// A symbolic link and its target, as it is written into the link.
    Symlink(String),
    /// A device or a named pipe.
    Special,
}

/// What the layers hold at one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// The permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Whom it belongs to.
    pub owner: Owner,
    /// The number of the layer that it is from, the first being 0; a folder's is the last that states it.
    pub layer: usize,
}

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

/// A path that leads through too many links, as those do that go round in circles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Linux would follow no more.
    #[error("`{0}` leads through more than {MOST_LINKS} links")]
    Links(ImagePath),
    /// Something on the way is not a folder.
    #[error("`{path}` leads through `{through}`, which is not a folder")]
    NotADirectory {
        /// The path.
        path: ImagePath,
        /// What is in the way.
        through: ImagePath,
    },
    /// A link's target is no path that Linux could follow.
    #[error("`{0}` leads through a link whose target is too long")]
    Target(ImagePath),
}

/// The file system that layers make together: paths, and the content of those files that were asked for.
///
/// Whiteouts of a layer take away what layers below it hold, never anything of its own, wherever they stand in it. One
/// layer is in memory as a list of paths; of files' bodies, only those that were asked for are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    nodes: BTreeMap<ImagePath, Node>,
    #[serde(skip)]
    bodies: BTreeMap<ImagePath, Arc<[u8]>>,
    layers: usize,
    /// The bytes of all bodies that were ever kept, and of the names of all folders that no layer stated.
    #[serde(skip)]
    kept_bytes: u64,
    #[serde(skip)]
    folder_bytes: u64,
}

/// What one layer holds.
#[derive(Default)]
struct LayerContent {
    nodes: BTreeMap<ImagePath, Node>,
    bodies: BTreeMap<ImagePath, Arc<[u8]>>,
    removed: BTreeSet<ImagePath>,
    /// The folders that are opaque, and whether the root is.
    opaque: BTreeSet<ImagePath>,
    opaque_root: bool,
    /// Folders that something came before, and that lower layers have to have, if anything: engines that unpack over
    /// these look there.
    early: BTreeSet<ImagePath>,
    /// Folders that were looked at when something in them came: what came of it does not change any more.
    noted: HashSet<ImagePath>,
    folder_bytes: u64,
}

impl Merged {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lays a layer over those before it. `keep` says of which files the content is wanted.
    ///
    /// # Errors
    ///
    /// When the layer cannot be read, or engines would read it in different ways; then nothing of it was taken.
    pub fn add<R: Read>(
        &mut self,
        reader: &mut LayerReader<R>,
        keep: &dyn Fn(&ImagePath) -> bool,
    ) -> Result<(), MergeError> {
        let mut upper = LayerContent::default();
        while let Some(head) = reader.next_entry()? {
            if self.nodes.len() + upper.nodes.len() + upper.noted.len() >= MOST_PATHS {
                return Err(MergeError::TooMany);
            }
            let body = match (&head.path, &head.kind) {
                (Some(path), LayerKind::File) if keep(path) => Some(body(reader, path, head.size)?),
                _ => None,
            };
            self.kept_bytes += body.as_ref().map_or(0, |body| body.len() as u64);
            if self.kept_bytes > MOST_KEPT_BYTES {
                return Err(MergeError::TooMuch);
            }
            upper.put(head, body, self.layers)?;
            if self.folder_bytes + upper.folder_bytes > MOST_FOLDER_BYTES {
                return Err(MergeError::TooDeep);
            }
        }
        upper.check(self)?;
        self.take(upper);
        Ok(())
    }

    /// Takes a layer that was checked.
    fn take(&mut self, upper: LayerContent) {
        for path in &upper.removed {
            self.remove(path.as_str());
        }
        if upper.opaque_root {
            (self.nodes, self.bodies) = (BTreeMap::new(), BTreeMap::new());
        }
        for folder in &upper.opaque {
            self.empty_below(folder.as_str());
        }
        self.folder_bytes += upper.folder_bytes;
        for (path, node) in upper.nodes {
            // What is there has all its folders.
            let missing: Vec<ImagePath> = path
                .folders()
                .take_while(|folder| !self.nodes.contains_key(folder.as_str()))
                .map(Folder::to_path)
                .collect();
            for folder in missing {
                // Those that a layer leaves out, engines make as they like; most of them like this.
                let (kind, mode) = (NodeKind::Directory, 0o755);
                self.nodes.insert(folder, Node { kind, mode, owner: Owner::ROOT, layer: self.layers });
            }
            let folders = |before: &Node| (&before.kind, &node.kind) == (&NodeKind::Directory, &node.kind);
            let merges = node.kind == NodeKind::Directory && self.nodes.get(&path).is_some_and(folders);
            if !merges {
                self.remove(path.as_str());
            }
            self.bodies.remove(&path);
            self.nodes.insert(path, node);
        }
        self.bodies.extend(upper.bodies);
        self.layers += 1;
    }

    /// Removes a path with all below it.
    fn remove(&mut self, path: &str) {
        self.nodes.remove(path);
        self.bodies.remove(path);
        self.empty_below(path);
    }

    fn empty_below(&mut self, folder: &str) {
        let below: Vec<ImagePath> = below(&self.nodes, folder).map(|(path, _)| path.clone()).collect();
        for path in below {
            self.nodes.remove(&path);
            self.bodies.remove(&path);
        }
    }

    /// What is at a path, without following links.
    pub fn get(&self, path: &ImagePath) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Only those of its paths for which this is asked and holds, in their order; no content.
    #[must_use]
    pub fn filtered(&self, mut stays: impl FnMut(&ImagePath, &Node) -> bool) -> Self {
        let nodes = self.nodes.iter().filter(|(path, node)| stays(path, node));
        let nodes = nodes.map(|(path, node)| (path.clone(), node.clone())).collect();
        Self { nodes, layers: self.layers, ..Self::default() }
    }

    /// Every path, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, &Node)> {
        self.nodes.iter()
    }

    /// Every path below a folder, sorted.
    pub fn below(&self, folder: &ImagePath) -> impl Iterator<Item = (&ImagePath, &Node)> {
        below(&self.nodes, folder.as_str())
    }

    /// Where a path leads when every link in it is followed, inside the image; nothing for the root. What is not there
    /// stays as it is: it is where a file of that path would be made.
    ///
    /// # Errors
    ///
    /// When it leads through too many links, or through something that is not a folder.
    pub fn resolve(&self, path: &ImagePath) -> Result<Option<ImagePath>, ResolveError> {
        let mut left: Vec<String> = path.as_str().rsplit('/').map(str::to_owned).collect();
        let mut at: Option<ImagePath> = None;
        let mut links = 0;
        while let Some(name) = left.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    at = at.and_then(|at| at.parent());
                    continue;
                }
                _ => {}
            }
            let next = match &at {
                None => ImagePath::new(&name),
                Some(at) => at.join(&name),
            };
            let next = next.map_err(|_| ResolveError::Target(path.clone()))?;
            match self.nodes.get(&next).map(|node| &node.kind) {
                Some(NodeKind::Symlink(target)) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(ResolveError::Links(path.clone()));
                    }
                    if target.starts_with('/') {
                        at = None;
                    }
                    left.extend(target.rsplit('/').map(str::to_owned));
                }
                Some(NodeKind::File { .. } | NodeKind::Special) if !left.is_empty() => {
                    return Err(ResolveError::NotADirectory { path: path.clone(), through: next });
                }
                _ => at = Some(next),
            }
        }
        Ok(at)
    }

    /// What a path leads to when every link is followed; nothing where that is nothing, or the root.
    pub fn find(&self, path: &ImagePath) -> Option<(ImagePath, &Node)> {
        let path = self.resolve(path).ok()??;
        let node = self.nodes.get(&path)?;
        Some((path, node))
    }

    /// The content of a file that was asked for, links followed.
    pub fn content(&self, path: &ImagePath) -> Option<&[u8]> {
        let (path, _) = self.find(path)?;
        self.bodies.get(&path).map(AsRef::as_ref)
    }
}

impl LayerContent {
    fn put(&mut self, head: LayerHead, body: Option<Arc<[u8]>>, layer: usize) -> Result<(), MergeError> {
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
            LayerKind::Special(Special::Character { .. } | Special::Block { .. } | Special::Fifo) => {
                NodeKind::Special
            }
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
    fn check(&self, lower: &Merged) -> Result<(), MergeError> {
        let rule = "something of its layer stands below it, and it is a link or a file";
        let is_folder = |path: &str, nodes: &BTreeMap<ImagePath, Node>| {
            nodes.get(path).is_none_or(|node| node.kind == NodeKind::Directory)
        };
        if let Some(path) = self.early.iter().find(|path| !is_folder(path.as_str(), &lower.nodes)) {
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

fn body<R: Read>(reader: &mut LayerReader<R>, path: &ImagePath, size: u64) -> Result<Arc<[u8]>, MergeError> {
    if size > FILE_LIMIT {
        return Err(MergeError::TooLarge { path: path.clone(), size });
    }
    let mut bytes = Vec::new();
    reader.body().read_to_end(&mut bytes).map_err(TarError::from)?;
    Ok(bytes.into())
}

/// The paths below a folder: those that begin with its name and a slash.
fn below<'a>(
    nodes: &'a BTreeMap<ImagePath, Node>,
    folder: &str,
) -> impl Iterator<Item = (&'a ImagePath, &'a Node)> + use<'a> {
    let start = format!("{folder}/");
    let range = (Bound::Excluded(start.as_str()), Bound::<&str>::Unbounded);
    let nodes = nodes.range::<str, _>(range);
    nodes.take_while(move |(path, _)| path.as_str().starts_with(&start))
}

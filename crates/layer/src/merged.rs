//! The file system that layers make together, without unpacking them.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use imgbuild_archive::{Folder, ImagePath, LayerHead, LayerKind, LayerReader, Owner, TarError};
use serde::{Deserialize, Serialize};

use crate::layer_content::{LayerContent, MergeError};
use crate::limits::{FILE_LIMIT, MOST_FOLDER_BYTES, MOST_KEPT_BYTES, MOST_PATHS};
use crate::node::{Node, NodeKind, below};

/// As many links as Linux follows in one path.
const MOST_LINKS: u32 = 40;

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
            let body = match (&head.path, &head.kind) {
                (Some(path), LayerKind::File) if keep(path) => Some(body(reader, path, head.size)?),
                _ => None,
            };
            self.put(&mut upper, head, body)?;
        }
        upper.check(&self.nodes)?;
        self.take(upper);
        Ok(())
    }

    /// Lays a layer over those before it whose entries are known already. No content is kept.
    ///
    /// # Errors
    ///
    /// As [`Merged::add`], but for what cannot be read.
    pub fn lay<'a>(&mut self, entries: impl IntoIterator<Item = &'a LayerHead>) -> Result<(), MergeError> {
        let mut upper = LayerContent::default();
        for head in entries {
            self.put(&mut upper, head.clone(), None)?;
        }
        upper.check(&self.nodes)?;
        self.take(upper);
        Ok(())
    }

    /// The same with the content of these files, which was read elsewhere.
    #[must_use]
    pub fn with_contents(mut self, contents: BTreeMap<ImagePath, Arc<[u8]>>) -> Self {
        self.bodies.extend(contents);
        self
    }

    /// Puts one entry into the layer that comes next.
    fn put(
        &mut self,
        upper: &mut LayerContent,
        head: LayerHead,
        body: Option<Arc<[u8]>>,
    ) -> Result<(), MergeError> {
        if self.nodes.len() + upper.nodes.len() + upper.noted.len() >= MOST_PATHS {
            return Err(MergeError::TooMany);
        }
        self.kept_bytes += body.as_ref().map_or(0, |body| body.len() as u64);
        if self.kept_bytes > MOST_KEPT_BYTES {
            return Err(MergeError::TooMuch);
        }
        upper.put(head, body, self.layers)?;
        if self.folder_bytes + upper.folder_bytes > MOST_FOLDER_BYTES {
            return Err(MergeError::TooDeep);
        }
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
                Some(NodeKind::File { .. } | NodeKind::Special(_)) if !left.is_empty() => {
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

fn body<R: Read>(reader: &mut LayerReader<R>, path: &ImagePath, size: u64) -> Result<Arc<[u8]>, MergeError> {
    if size > FILE_LIMIT {
        return Err(MergeError::TooLarge { path: path.clone(), size });
    }
    let mut bytes = Vec::new();
    reader.body().read_to_end(&mut bytes).map_err(TarError::from)?;
    Ok(bytes.into())
}

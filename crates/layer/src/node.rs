//! What stands at the paths of a file system that layers make together.

use std::collections::BTreeMap;
use std::ops::Bound;

use imgbuild_archive::{ImagePath, Owner, Special};
use serde::{Deserialize, Serialize};

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
    Special(Special),
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

/// The paths below a folder: those that begin with its name and a slash.
pub(crate) fn below<'a>(
    nodes: &'a BTreeMap<ImagePath, Node>,
    folder: &str,
) -> impl Iterator<Item = (&'a ImagePath, &'a Node)> + use<'a> {
    let start = format!("{folder}/");
    let range = (Bound::Excluded(start.as_str()), Bound::<&str>::Unbounded);
    let nodes = nodes.range::<str, _>(range);
    nodes.take_while(move |(path, _)| path.as_str().starts_with(&start))
}

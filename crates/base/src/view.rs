//! The file system of a base, and what may be written into it.

use std::collections::BTreeSet;

use imgbuild_archive::{ImagePath, LayerReader, Owner};
use imgbuild_layer::{MergeError, Merged, Node, NodeKind};
use imgbuild_oci::{Platform, StoredImage};
use serde::{Deserialize, Serialize};

use crate::limits::MOST_ENVIRONMENTS;
use crate::{BaseError, Facts};

/// What hides that a process is the first one, where an image has it, with what parts its arguments from the command's.
const INITS: [&str; 6] = [
    "usr/bin/tini",
    "sbin/tini",
    "usr/sbin/tini",
    "usr/bin/dumb-init",
    "usr/bin/docker-init",
    "sbin/docker-init",
];

/// What to do where a prefix is taken.
const OTHER_PREFIX: &str = "set another `prefix` in `[conda]`";
/// The same, where the base has a Python there.
const OTHER_PREFIX_OR_NONE: &str = "set another `prefix` in `[conda]`; or name wheels in `[pip]` alone, without `[conda]`: they are put over the base's own Python and see its packages";

/// What the layers of an image hold, without the content of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseView {
    merged: Merged,
    /// What it says of itself.
    pub facts: Facts,
    /// The sizes of its uncompressed layers in bytes.
    pub sizes: Vec<u64>,
}

impl BaseView {
    /// Reads all layers of an image, once, and checks each.
    ///
    /// # Errors
    ///
    /// When a layer is not what it should be, is hostile, or would be read in different ways by engines.
    pub fn read(image: &StoredImage, platform: Platform) -> Result<Self, BaseError> {
        let (mut merged, mut sizes) = (Merged::new(), Vec::new());
        for number in 0..image.layers.len() {
            let add = |tar: &mut dyn std::io::Read| -> Result<(), MergeError> {
                // How much it may unpack to is seen to where it is decompressed.
                merged.add(&mut LayerReader::new(tar, u64::MAX), &Facts::needs)
            };
            let (added, size) = image.read_layer(number, add)?;
            added.map_err(|error| BaseError::Layer {
                file: image.file().to_owned(),
                number: number + 1,
                error: Box::new(error),
            })?;
            sizes.push(size);
        }
        let facts = Facts::read(&merged, platform, &image.config.config.env);
        Ok(Self { merged, facts, sizes })
    }

    /// The same without most of its files: what is asked of a base that a lock holds. What stays are the folders, the links, the
    /// programs, the files in the outermost folders, and so much that no folder seems to be empty that is not.
    #[must_use]
    pub fn outline(&self) -> Self {
        let mut filled = BTreeSet::new();
        let stays = |path: &ImagePath, node: &Node| {
            let folder = path.parent();
            let is_first = filled.insert(folder.clone());
            let is_program = folder.is_some_and(|it| ["bin", "sbin"].contains(&it.file_name()));
            let is_outermost = path.as_str().matches('/').count() <= 1;
            let is_asked_for = is_program || is_outermost || Facts::keeps(path);
            !matches!(node.kind, NodeKind::File { .. }) || is_first || is_asked_for
        };
        Self { merged: self.merged.filtered(stays), facts: self.facts.clone(), sizes: self.sizes.clone() }
    }

    /// The folders whose mode or owner is not 0755 and `root:root`.
    pub fn special_folders(&self) -> impl Iterator<Item = (&ImagePath, u32, Owner)> {
        let folders = self.merged.iter().filter(|(_, node)| node.kind == NodeKind::Directory);
        let all = folders.map(|(path, node)| (path, node.mode, node.owner));
        all.filter(|(_, mode, owner)| (*mode, *owner) != (0o755, Owner::ROOT))
    }

    /// Whether there is a program of that absolute path.
    pub fn has_program(&self, path: &str) -> bool {
        let found = ImagePath::from_absolute(path).ok().and_then(|path| self.merged.find(&path));
        found.is_some_and(|(_, node)| matches!(node.kind, NodeKind::File { .. }) && node.mode & 0o111 != 0)
    }

    /// Whether there is a file of that path, which begins below the root and has no link in it.
    pub fn has_file(&self, path: &str) -> bool {
        let node = ImagePath::new(path).ok().and_then(|path| self.merged.get(&path));
        node.is_some_and(|node| matches!(node.kind, NodeKind::File { .. }))
    }

    /// A program that reaps and forwards signals as process 1, where there is one.
    pub fn init(&self) -> Option<String> {
        INITS.iter().map(|path| format!("/{path}")).find(|path| self.has_program(path))
    }

    /// Checks that an environment can stand at a prefix: no link leads there, and nothing is there.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub fn check_prefix(&self, prefix: &ImagePath) -> Result<(), BaseError> {
        let target = self.merged.resolve(prefix)?;
        if target.as_ref() != Some(prefix) {
            let is_link = |path: &ImagePath| {
                self.merged.get(path).is_some_and(|node| matches!(node.kind, NodeKind::Symlink(_)))
            };
            let link = prefix.ancestors().find(is_link).unwrap_or_else(|| prefix.clone());
            let target = target.ok_or_else(|| self.taken(prefix, "a link to its root"))?;
            return Err(BaseError::PrefixLink { prefix: prefix.clone(), link, target });
        }
        match self.merged.get(prefix).map(|node| &node.kind) {
            None => Ok(()),
            Some(NodeKind::Directory) if self.merged.below(prefix).next().is_none() => Ok(()),
            Some(_) => Err(self.prefix_taken(prefix)),
        }
    }

    /// What is said of a prefix where something is. Nothing is added to a conda environment whose packages were chosen without ours;
    /// wheels need not be added to it.
    fn prefix_taken(&self, prefix: &ImagePath) -> BaseError {
        let conda = self.facts.pythons.conda_at(prefix);
        let python = conda.and_then(|conda| conda.version("python"));
        let count = conda.map(|conda| match conda.packages.len() {
            1 => "one conda package".to_owned(),
            count => format!("{count} conda packages"),
        });
        let words: Vec<String> =
            python.map(|version| format!("Python {version}")).into_iter().chain(count).collect();
        let (what, hint) = match (words.is_empty(), python) {
            (true, _) => ("files".to_owned(), OTHER_PREFIX),
            (false, None) => (words.join(" and "), OTHER_PREFIX),
            (false, Some(_)) => (words.join(" and "), OTHER_PREFIX_OR_NONE),
        };
        BaseError::PrefixTaken { prefix: prefix.clone(), what, hint }
    }

    /// The first folder for a virtual environment that is called so, or so with a number, and in which nothing is: where links lead
    /// to, if any do.
    ///
    /// # Errors
    ///
    /// When a path leads through too many links, or there is no such folder.
    pub fn free_folder(&self, name: &ImagePath) -> Result<ImagePath, BaseError> {
        for number in 1..=MOST_ENVIRONMENTS {
            let path = match number {
                1 => name.clone(),
                number => {
                    ImagePath::new(&format!("{}-{number}", name.as_str())).map_err(|_| no_folder(name))?
                }
            };
            let Some(found) = self.merged.resolve(&path)? else { continue };
            if self.check_prefix(&found).is_ok() {
                return Ok(found);
            }
        }
        Err(no_folder(name))
    }

    /// Where a file must be written so that it is found at `path`: in the folder that the path leads to.
    ///
    /// # Errors
    ///
    /// When the path leads nowhere, or the base has a folder or a link there.
    pub fn file_path(&self, path: &ImagePath) -> Result<ImagePath, BaseError> {
        let name = path.file_name();
        let folder = match path.parent() {
            None => None,
            Some(folder) => self.folder(&folder)?,
        };
        let error = |_| self.taken(path, "a link to a path that is too long");
        let path = match folder {
            None => path.clone(),
            Some(folder) => folder.join(name).map_err(error)?,
        };
        match self.merged.get(&path).map(|node| &node.kind) {
            None | Some(NodeKind::File { .. }) => Ok(path),
            Some(NodeKind::Directory) => Err(self.taken(&path, "a folder")),
            Some(NodeKind::Symlink(_)) => Err(self.taken(&path, "a link")),
            Some(NodeKind::Special(_)) => Err(self.taken(&path, "a device or a pipe")),
        }
    }

    /// Where a folder must be made so that it is found at `path`, and whether it is there; nothing for the root.
    ///
    /// # Errors
    ///
    /// When the path leads nowhere, or to something that is not a folder.
    pub fn folder_path(&self, path: &ImagePath) -> Result<Option<(ImagePath, bool)>, BaseError> {
        let Some(path) = self.folder(path)? else { return Ok(None) };
        let present = self.merged.get(&path).is_some();
        Ok(Some((path, present)))
    }

    fn folder(&self, path: &ImagePath) -> Result<Option<ImagePath>, BaseError> {
        let Some(found) = self.merged.resolve(path)? else { return Ok(None) };
        match self.merged.get(&found).map(|node| &node.kind) {
            None | Some(NodeKind::Directory) => Ok(Some(found)),
            Some(_) => Err(self.taken(&found, "something that is not a folder")),
        }
    }

    fn taken(&self, path: &ImagePath, what: &'static str) -> BaseError {
        BaseError::Taken { path: path.clone(), what }
    }
}

fn no_folder(name: &ImagePath) -> BaseError {
    BaseError::NoFolder { prefix: name.clone() }
}

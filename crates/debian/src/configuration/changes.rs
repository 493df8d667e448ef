//! What dpkg and the scripts changed, beside what the packages' own layers hold.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use imgbuild_archive::ImagePath;
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, SinkError, WriteOptions};

use super::cleaned::{MACHINE_ID, is_cleaned, is_cleaned_link};
use super::tree::Tree;

/// Whether a path is dpkg's list of a package's paths. dpkg lists what is left out as well, and would then miss it:
/// ours do not.
fn is_list(path: &ImagePath) -> bool {
    path.as_str().starts_with("var/lib/dpkg/info/") && path.as_str().ends_with(".list")
}

/// Passes on of a real tree what is not in the layers already.
pub(super) struct Changes<'a> {
    /// The root in which the packages were installed.
    pub(super) root: &'a Tree,
    /// What the layers of the installed packages hold.
    pub(super) expected: &'a Tree,
    /// What there really is, as far as it was written.
    pub(super) real: &'a Tree,
    pub(super) sink: &'a mut dyn EntrySink,
    /// Folders that are as expected: they are written where something below them is.
    pending: BTreeMap<ImagePath, EntryHead>,
}

impl<'a> Changes<'a> {
    pub(super) fn new(
        root: &'a Tree,
        expected: &'a Tree,
        real: &'a Tree,
        sink: &'a mut dyn EntrySink,
    ) -> Self {
        Self { root, expected, real, sink, pending: BTreeMap::new() }
    }

    fn pass(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let emptied = (head.kind == EntryKind::Emptied).then(|| head.path.clone());
        for ancestor in head.path.ancestors().chain(emptied) {
            if let Some(folder) = self.pending.remove(&ancestor) {
                self.sink.put(&folder, &mut io::empty())?;
            }
        }
        self.sink.put(head, body)
    }

    /// Hides what the packages' layers hold and the real tree does not: what scripts moved or removed.
    pub(super) fn finish(mut self) -> Result<(), SinkError> {
        let leaves = self.expected.leaves().filter(|path| !self.real.has_leaf(path));
        let gone =
            |path: &&ImagePath| self.real.directory(path).is_none() && self.root.directory(path).is_none();
        let directories = self.expected.directories().filter(gone);
        let missing: BTreeSet<ImagePath> =
            leaves.chain(directories).filter(|path| !is_cleaned(path)).cloned().collect();
        for path in &missing {
            let hidden = |ancestor: ImagePath| missing.contains(&ancestor) || self.real.has_leaf(&ancestor);
            // Something else that stands at the path hides it already.
            if path.ancestors().any(hidden) || self.real.directory(path).is_some() || self.real.has_leaf(path)
            {
                continue;
            }
            self.pass(&EntryHead::removed(path.clone()), &mut io::empty())?;
        }
        Ok(())
    }
}

impl EntrySink for Changes<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        match &head.kind {
            EntryKind::Directory => {
                let expected =
                    self.expected.directory(&head.path).or_else(|| self.root.directory(&head.path));
                if expected == Some((head.mode, head.owner)) {
                    self.pending.insert(head.path.clone(), head.clone());
                    return Ok(());
                }
            }
            EntryKind::Symlink { target } if is_cleaned_link(&head.path, target) => return Ok(()),
            _ if is_list(&head.path) && self.expected.has_leaf(&head.path) => return Ok(()),
            EntryKind::Emptied if !self.real.is_opaque(&head.path) => return Ok(()),
            _ if self.real.agrees(self.expected, &head.path) => return Ok(()),
            _ => {}
        }
        if head.path.as_str() == MACHINE_ID {
            let kind = EntryKind::File { size: 0 };
            return self.pass(&EntryHead { kind, ..head.clone() }, &mut io::empty());
        }
        self.pass(head, body)
    }

    fn options(&self) -> WriteOptions {
        WriteOptions::default()
    }
}

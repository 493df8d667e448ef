//! Whether there is room on the disk for what a build will write, before it writes.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use imgbuild_diagnostic::Size;
use imgbuild_fetch::Context;
use imgbuild_layer::Key;
use imgbuild_oci::Digest;
use imgbuild_store::{FreeSpace, LayerRecord};

use crate::delivery::{Format, Output};
use crate::error::{MakeError, MakeFailure};
use crate::plan::{ImagePlan, PlannedLayer};

/// What else makes room in the store.
const PRUNE: &str =
    "`imgbuild cache prune` removes what was not used for long, and `IMGBUILD_CACHE` names another folder";

/// The bytes that a build will have to write at least: archives that are not there, layers, and what it delivers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SpaceNeeded {
    /// Archives that have to be fetched.
    archives: u64,
    /// Layers that have to be made, of which it is only estimated that they are as large as their archives.
    layers: u64,
    /// What is written outside of the store.
    outputs: u64,
}

impl SpaceNeeded {
    /// What the layers of some images need, but for those that were found.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn of(
        plans: &[ImagePlan],
        found: &BTreeMap<Key, (LayerRecord, bool)>,
        outputs: Option<(&Output, Format)>,
        context: &Context,
    ) -> Result<Self, MakeError> {
        let mut needed = Self::default();
        let mut sizes: BTreeMap<Key, u64> = BTreeMap::new();
        let mut archives: HashSet<Digest> = HashSet::new();
        let outputs = outputs.filter(|(output, format)| is_copied(output, *format, context));
        for plan in plans {
            let of_base = plan.assembly.base.records().into_iter().map(|record| record.descriptor.size);
            let mut of_image: u64 = of_base.sum();
            for planned in &plan.planned {
                if let Entry::Vacant(size) = sizes.entry(planned.key) {
                    size.insert(match found.get(&planned.key) {
                        Some((record, _)) => record.descriptor.size,
                        None => {
                            needed.layers = needed.layers.saturating_add(planned.estimated_size());
                            let fetched = missing(planned, &mut archives, context)?;
                            needed.archives = needed.archives.saturating_add(fetched);
                            planned.estimated_size()
                        }
                    });
                }
                of_image = of_image.saturating_add(sizes.get(&planned.key).copied().unwrap_or_default());
            }
            if outputs.is_some() {
                needed.outputs = needed.outputs.saturating_add(of_image);
            }
        }
        Ok(needed)
    }

    /// Checks that there is so much room.
    ///
    /// # Errors
    ///
    /// When there is not, or nobody can say how much there is.
    pub(crate) fn check(&self, output: Option<&Output>, context: &Context) -> Result<(), MakeError> {
        let discards = context.discards_archives;
        let store = context.store.free_space()?;
        let all = self.archives.saturating_add(self.layers);
        let discarding = self.layers.max(self.archives);
        let in_store = if discards { discarding } else { all };
        let mut wanted = vec![(store, context.store.root().to_owned(), in_store)];
        if let Some(Output::Folder(folder)) = output
            && self.outputs > 0
        {
            let free = FreeSpace::at(folder).map_err(MakeError::file(folder, "read"))?;
            match wanted.first_mut() {
                Some((store, _, bytes)) if store.device == free.device => {
                    *bytes = bytes.saturating_add(self.outputs)
                }
                _ => wanted.push((free, folder.clone(), self.outputs)),
            }
        }
        for (free, place, needed) in wanted {
            if needed > free.bytes {
                let is_store = place == context.store.root();
                let saved = if is_store && !discards { all - discarding } else { 0 };
                return Err(no_room((&place, is_store), needed, free.bytes, saved).into());
            }
        }
        Ok(())
    }
}

/// Whether layers are written once more where they are delivered: a layout in the store's file system shares them.
fn is_copied(output: &Output, format: Format, context: &Context) -> bool {
    let Output::Folder(folder) = output else { return false };
    match format {
        Format::Oci | Format::Docker => true,
        Format::Sparse => false,
        Format::OciDir => {
            let place = FreeSpace::at(folder).map(|free| free.device).ok();
            place != context.store.free_space().map(|free| free.device).ok()
        }
    }
}

fn no_room((place, is_store): (&Path, bool), needed: u64, free: u64, saved: u64) -> MakeFailure {
    let place: PathBuf = std::path::absolute(place).unwrap_or_else(|_| place.to_owned());
    let remedy = match (is_store, saved) {
        (false, _) => "name another folder with `-o`".to_owned(),
        (true, 0) => PRUNE.to_owned(),
        (true, saved) => format!("`--discard-archives` needs {}; {PRUNE}", Size(needed - saved)),
    };
    MakeFailure::NoRoom { place, needed, free, remedy }
}

/// The bytes of the archives of a layer that have to be fetched and were not counted.
fn missing(
    planned: &PlannedLayer,
    counted: &mut HashSet<Digest>,
    context: &Context,
) -> Result<u64, MakeError> {
    let mut bytes: u64 = 0;
    for archive in planned.archives() {
        if counted.insert(archive.sha256) && context.store.archive(&archive.sha256)?.is_none() {
            // A lock may say any size; one that says none says nothing of room.
            bytes = bytes.saturating_add(archive.size.unwrap_or_default());
        }
    }
    Ok(bytes)
}

//! Which archives are still needed, where each goes as soon as it is not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use imgbuild_fetch::Context;
use imgbuild_oci::Digest;
use tokio::sync::Notify;

use crate::error::MakeError;
use crate::plan::PlannedLayer;

/// How much more of the disk archives and layers may take together than all layers have, in percent, where archives are discarded.
const MOST_MORE: u64 = 15;

/// How many of the layers that are to be made are read from each archive. Nothing where archives stay.
pub(crate) struct ArchiveUses(Option<Discarding>);

struct Discarding {
    uses: Mutex<HashMap<Digest, usize>>,
    taken: Mutex<Taken>,
    /// Something was given back.
    given_back: Notify,
    /// The most bytes that may be taken.
    most: u64,
}

/// What is taken of the disk, in bytes.
#[derive(Debug, Default)]
struct Taken {
    /// By layers that are made.
    made: u64,
    /// By layers that are being made and their archives.
    making: u64,
}

/// Room for the archives of a layer and for itself, while it is made.
pub(crate) struct Room<'a>(Option<(&'a Discarding, u64)>);

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Some((discarding, bytes)) = self.0 {
            let mut taken = discarding.taken.lock().unwrap_or_else(PoisonError::into_inner);
            taken.making = taken.making.saturating_sub(bytes.saturating_mul(2));
            taken.made = taken.made.saturating_add(bytes);
            drop(taken);
            discarding.given_back.notify_waiters();
        }
    }
}

impl ArchiveUses {
    pub(crate) fn new<'a>(layers: impl Iterator<Item = &'a PlannedLayer>, context: &Context) -> Self {
        if !context.discards_archives {
            return Self(None);
        }
        let (mut uses, mut bytes) = (HashMap::new(), 0_u64);
        for layer in layers {
            for archive in layer.archives() {
                *uses.entry(archive.sha256).or_default() += 1;
            }
            bytes = bytes.saturating_add(layer.estimated_size());
        }
        let most = bytes.saturating_add(bytes.saturating_mul(MOST_MORE) / 100);
        let (uses, taken) = (Mutex::new(uses), Mutex::default());
        Self(Some(Discarding { uses, taken, given_back: Notify::new(), most }))
    }

    /// Waits until there is room for layers that are made in one go and their archives. Where there never will be, nothing else is
    /// made beside them.
    pub(crate) async fn room(&self, layers: impl Iterator<Item = &PlannedLayer>) -> Room<'_> {
        let Some(discarding) = &self.0 else { return Room(None) };
        // A layer and its archives are one as large as the other.
        let layers = layers.map(PlannedLayer::estimated_size).fold(0, u64::saturating_add);
        let both = layers.saturating_mul(2);
        loop {
            // It hears what is given back from here on.
            let given_back = discarding.given_back.notified();
            {
                let mut taken = discarding.taken.lock().unwrap_or_else(PoisonError::into_inner);
                let all = taken.made.saturating_add(taken.making).saturating_add(both);
                if taken.making == 0 || all <= discarding.most {
                    taken.making = taken.making.saturating_add(both);
                    return Room(Some((discarding, layers)));
                }
            }
            given_back.await;
        }
    }

    /// Layers are there: the archives of which nothing else is made go.
    ///
    /// # Errors
    ///
    /// When one cannot be removed.
    pub(crate) fn used<'a>(
        &self,
        layers: impl Iterator<Item = &'a PlannedLayer>,
        context: &Context,
    ) -> Result<(), MakeError> {
        let Some(discarding) = &self.0 else { return Ok(()) };
        for archive in layers.flat_map(PlannedLayer::archives) {
            let is_last = {
                let mut uses = discarding.uses.lock().unwrap_or_else(PoisonError::into_inner);
                let left = uses.get_mut(&archive.sha256);
                left.is_some_and(|left| {
                    *left = left.saturating_sub(1);
                    *left == 0
                })
            };
            // Interpreters that run here are read from archives whenever the first source needs them.
            if is_last && !context.runs_from(&archive.sha256) {
                context.store.discard_archive(&archive.sha256)?;
            }
        }
        Ok(())
    }
}

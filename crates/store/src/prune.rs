//! Removing what is not used.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::file::{is_odd, remove_if_present};
use crate::lease::living;
use crate::{Entry, Kind, Remove, Store, StoreError, unpacked};

/// What to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    /// Everything.
    All,
    /// What no build has used for so long.
    UnusedFor(Duration),
    /// What was used longest ago, until the rest has at most so many bytes.
    MaxSize(u64),
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The things, by kind and name, or the one unused for longest first.
    pub removed: Vec<Entry>,
    /// How many bytes that freed.
    pub bytes: u64,
}

impl Store {
    /// Removes what the policy names, but nothing that a running build uses; waits while others look things up. Records
    /// whose blob is gone go as well, and what killed processes left. `foreign` removes folders of unpacked layers.
    ///
    /// # Errors
    ///
    /// When something cannot be read or removed.
    pub fn prune(&self, policy: Prune, now: SystemTime, foreign: &Remove) -> Result<Pruned, StoreError> {
        let gate = self.alone()?;
        self.remove_abandoned()?;
        self.remove_abandoned_scratch(foreign)?;
        let leases = self.root().join("leases");
        let (used, stores) = living(&leases).map_err(|error| self.error(&leases, "read", error))?;
        let mut entries = self.entries(&gate)?;
        let mut total: u64 = entries.iter().map(|entry| entry.size).sum();
        if let Prune::MaxSize(_) = policy {
            entries.sort_by_key(|entry| entry.used);
        }
        let mut pruned = Pruned::default();
        for entry in entries {
            let chosen = match policy {
                Prune::All => true,
                Prune::UnusedFor(time) => now.duration_since(entry.used).is_ok_and(|unused| unused > time),
                Prune::MaxSize(most) => total > most,
            };
            let kept = match entry.kind {
                // Its readers take no leases. This store is one of those that are open.
                Kind::Repodata => stores > 1,
                kind => used.contains(&format!("{}/{}", kind.folder(), entry.name)),
            };
            if chosen && !kept {
                total -= entry.size;
                self.remove(entry, &mut pruned, foreign)?;
            }
        }
        self.remove_seals_of_nothing()?;
        for entry in self.entries(&gate)? {
            let record = matches!(entry.kind, Kind::Layer | Kind::Bytecode | Kind::Image);
            if record && self.lacks_blob(&entry)? {
                self.remove(entry, &mut pruned, foreign)?;
            }
        }
        Ok(pruned)
    }

    pub(crate) fn remove(
        &self,
        entry: Entry,
        pruned: &mut Pruned,
        foreign: &Remove,
    ) -> Result<(), StoreError> {
        let removed = if entry.kind == Kind::Unpacked && !is_odd(&entry.path) {
            // It does not count as unpacked from the moment at which it loses its mark.
            unpacked::unmark(&entry.path).and_then(|()| foreign(&entry.path))
        } else {
            // A folder goes at once, by renaming: nobody may find half of it.
            let path = self.root().join("tmp").join(format!("removed-{}", entry.name));
            let unsealed = self.unseal(entry.kind, &entry.name);
            unsealed.and_then(|()| fs::rename(&entry.path, &path)).and_then(|()| remove_if_present(&path))
        };
        removed.map_err(|error| self.error(&entry.path, "removed", error))?;
        pruned.bytes += entry.size;
        pruned.removed.push(entry);
        Ok(())
    }
}

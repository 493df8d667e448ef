//! What of a channel's index is not seen: packages in a form that is newer than the program, and packages that are wheels.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rattler_repodata_gateway::{DownloadReporter, Reporter, UnsupportedRepodataRevision};

/// The revisions of indexes (CEP 48) that are newer than what is read: by channel and revision, how many packages each folder has of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewerRevisions(Arc<Mutex<Counts>>);

type Counts = BTreeMap<(String, String), BTreeMap<String, Option<u64>>>;

impl Reporter for NewerRevisions {
    fn download_reporter(&self) -> Option<&dyn DownloadReporter> {
        None
    }

    fn on_unsupported_repodata_revision(&self, found: &UnsupportedRepodataRevision) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let folders = counts.entry((found.channel.clone(), found.revision.to_string())).or_default();
        folders.insert(found.subdir.clone(), found.metadata.n_packages);
    }
}

impl NewerRevisions {
    /// What is to be said of them, a line each.
    pub(crate) fn notes(&self) -> Vec<String> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let note = |((channel, revision), folders): (&(String, String), &BTreeMap<String, Option<u64>>)| {
            let all: Option<u64> = folders.values().copied().sum();
            let packages = match all {
                Some(1) => "1 package".to_owned(),
                Some(count) => format!("{count} packages"),
                None => "packages".to_owned(),
            };
            format!(
                "the channel `{channel}` lists {packages} in a form of the index (`{revision}`) that is newer than this program: they are not seen"
            )
        };
        counts.iter().map(note).collect()
    }
}

/// Packages that the channels have as wheels alone (`v3.whl` of an index): a conda environment takes none. As text, a line for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WheelsAlone(pub(crate) Box<[String]>);

impl WheelsAlone {
    /// Their names.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for WheelsAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = self.0.iter();
        names.try_for_each(|name| writeln!(f, "the channels have `{name}` as a wheel alone, and a conda environment takes no wheels from channels"))
    }
}

//! An audit.

use std::collections::BTreeSet;
use std::path::PathBuf;

use imgbuild_inventory::{Inventory, PackageId};

use crate::advisory::{self, AdvisoryError};
use crate::finding::{Found, Report, folded};
use crate::subject::Subjects;

/// Holds an image's packages against the advisories of these files, folders and zips.
///
/// # Errors
///
/// When one of them cannot be read, or holds no advisory at all.
pub fn audit(inventory: &Inventory, places: &[PathBuf]) -> Result<Report, AdvisoryError> {
    let subjects = Subjects::new(inventory);
    let mut found = Found::default();
    for place in places {
        advisory::judge(place, &subjects, &mut found)?;
    }
    let unclear: BTreeSet<(String, PackageId)> = found.unclear.into_iter().collect();
    Ok(Report {
        findings: folded(found.matches),
        unclear: unclear.into_iter().collect(),
        judged: inventory.len() - subjects.nameless.len(),
        nameless: subjects.nameless,
        advisories: found.advisories,
    })
}

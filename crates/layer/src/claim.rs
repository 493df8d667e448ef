//! Who writes which path, decided over the whole image before anything is written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use imgbuild_archive::ImagePath;
use serde::{Deserialize, Serialize};

use crate::{Exclusions, PartId};

/// A path that a part will write. Directories are not claimed: any number of parts may share one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Claim {
    /// The path.
    pub path: ImagePath,
    /// What will stand there.
    pub kind: Kind,
}

/// What can be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file, or another name of one.
    File,
    /// A symbolic link.
    Symlink,
}

/// A path that one part does not write, because another part has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exclusion {
    /// Who loses the path.
    pub part: PartId,
    /// The path.
    pub path: ImagePath,
    /// Who has it, or has something above or below it.
    pub winner: PartId,
}

/// Who writes what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Every path that is left out, sorted.
    pub excluded: Vec<Exclusion>,
}

impl Resolution {
    /// The paths that `part` leaves out.
    pub fn exclusions(&self, part: &PartId) -> Exclusions {
        self.excluded.iter().filter(|exclusion| exclusion.part == *part).map(|it| it.path.clone()).collect()
    }
}

/// A part that cannot be written by itself, whatever the others claim.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum Conflict {
    /// It claims a path twice.
    #[error("`{part}` holds the path `{path}` twice")]
    Twice {
        /// The part.
        part: PartId,
        /// The path.
        path: ImagePath,
    },
    /// It claims a path below a file or a symbolic link of its own.
    #[error("`{part}` holds the path `{path}` below `{below}`, which is not a folder")]
    BelowNonDirectory {
        /// The part.
        part: PartId,
        /// The path.
        path: ImagePath,
        /// The file or link above it.
        below: ImagePath,
    },
}

/// Decides who writes each path: of two parts that claim the same one, the later in `claims` wins.
///
/// Where one part claims a path and others claim paths below it, the last of all of these parts decides whether a
/// file or a folder stands there. This is what rattler's installer leaves on the disk when the parts are in
/// topological order.
///
/// # Errors
///
/// When a single part contradicts itself.
pub fn resolve(claims: &[(PartId, Vec<Claim>)]) -> Result<Resolution, Conflict> {
    resolve_owners(claims).map(|(resolution, _)| resolution)
}

/// Who has each path in the end, by the places of the parts: its last claimant, or whoever has something above or below it.
pub type Owners<'a> = BTreeMap<&'a ImagePath, usize>;

/// The same as [`resolve`], with who has each path.
///
/// # Errors
///
/// As for [`resolve`].
pub fn resolve_owners(claims: &[(PartId, Vec<Claim>)]) -> Result<(Resolution, Owners<'_>), Conflict> {
    let mut claimants: BTreeMap<&ImagePath, Vec<usize>> = BTreeMap::new();
    for (index, (part, claims)) in claims.iter().enumerate() {
        for claim in claims {
            let ranks = claimants.entry(&claim.path).or_default();
            if ranks.last() == Some(&index) {
                return Err(Conflict::Twice { part: part.clone(), path: claim.path.clone() });
            }
            ranks.push(index);
        }
    }
    let part = |index: usize| claims[index].0.clone();
    let mut owners = Owners::new();
    let mut excluded = BTreeSet::new();
    let mut exclude = |loser: usize, path: &ImagePath, winner: usize| {
        excluded.insert(Exclusion { part: part(loser), path: path.clone(), winner: part(winner) });
    };
    for (path, ranks) in &claimants {
        if let Some((winner, losers)) = ranks.split_last() {
            losers.iter().for_each(|loser| exclude(*loser, path, *winner));
            owners.insert(path, *winner);
        }
    }
    for (path, below) in shadowing(&claimants) {
        for rank in &claimants[path] {
            if let Some((_, inner)) = below.iter().find(|(inner_rank, _)| inner_rank == rank) {
                return Err(Conflict::BelowNonDirectory {
                    part: part(*rank),
                    path: (*inner).clone(),
                    below: path.clone(),
                });
            }
        }
        let (Some(file), Some((folder, _))) = (claimants[path].iter().max(), below.iter().max()) else {
            continue;
        };
        if file > folder {
            below.iter().for_each(|(rank, inner)| exclude(*rank, inner, *file));
            owners.extend(below.iter().map(|(_, inner)| (*inner, *file)));
        } else {
            claimants[path].iter().for_each(|rank| exclude(*rank, path, *folder));
            owners.insert(path, *folder);
        }
    }
    Ok((Resolution { excluded: excluded.into_iter().collect() }, owners))
}

/// The claimed paths that have other claimed paths below them, and these.
fn shadowing<'a>(
    claimants: &BTreeMap<&'a ImagePath, Vec<usize>>,
) -> BTreeMap<&'a ImagePath, Vec<(usize, &'a ImagePath)>> {
    let by_text: HashMap<&str, &ImagePath> = claimants.keys().map(|path| (path.as_str(), *path)).collect();
    let mut shadowing: BTreeMap<&ImagePath, Vec<(usize, &ImagePath)>> = BTreeMap::new();
    for (path, ranks) in claimants {
        for above in path.folders().filter_map(|folder| by_text.get(folder.as_str())) {
            shadowing.entry(above).or_default().extend(ranks.iter().map(|rank| (*rank, *path)));
        }
    }
    shadowing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, paths: &[&str]) -> (PartId, Vec<Claim>) {
        let claim = |path: &&str| Claim { path: ImagePath::new(path).unwrap(), kind: Kind::File };
        (PartId::new("conda", name), paths.iter().map(claim).collect())
    }

    fn excluded(parts: &[(PartId, Vec<Claim>)]) -> Vec<String> {
        let resolution = resolve(parts).unwrap();
        resolution.excluded.iter().map(|it| format!("{} {} <- {}", it.part, it.path, it.winner)).collect()
    }

    #[test]
    fn the_last_part_wins_a_path() {
        let parts = [part("a", &["x", "y"]), part("b", &["y", "z"]), part("c", &["y"])];
        assert_eq!(excluded(&parts), ["conda/a /y <- conda/c", "conda/b /y <- conda/c"]);
    }

    #[test]
    fn the_last_part_decides_between_a_file_and_a_folder() {
        let file_last = [part("a", &["d/x", "d/y"]), part("b", &["d"])];
        assert_eq!(excluded(&file_last), ["conda/a /d/x <- conda/b", "conda/a /d/y <- conda/b"]);
        let folder_last = [part("a", &["d"]), part("b", &["d/x"])];
        assert_eq!(excluded(&folder_last), ["conda/a /d <- conda/b"]);
        for (parts, owners) in [(file_last, "/d 1, /d/x 1, /d/y 1"), (folder_last, "/d 1, /d/x 1")] {
            let found = resolve_owners(&parts).unwrap().1;
            let found: Vec<String> = found.iter().map(|(path, part)| format!("{path} {part}")).collect();
            assert_eq!(found.join(", "), owners);
        }
    }

    #[test]
    fn a_part_that_contradicts_itself_is_refused() {
        let twice = resolve(&[part("a", &["x", "x"])]).unwrap_err();
        assert_eq!(twice.to_string(), "`conda/a` holds the path `/x` twice");
        let below = resolve(&[part("a", &["lib", "lib/x"])]).unwrap_err();
        assert_eq!(
            below.to_string(),
            "`conda/a` holds the path `/lib/x` below `/lib`, which is not a folder"
        );
    }
}

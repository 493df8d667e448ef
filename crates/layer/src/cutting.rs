//! Which parts of an image are cut, within its budget.

use std::collections::{BTreeMap, BTreeSet};

use crate::threshold::{Homes, Room};
use crate::{Cut, FileSizes, OverBudget, Part, PartId, Policy};

/// Cuts the parts that have a layer of their own and more than `most` bytes into pieces of at most so many, as far as whole files allow.
/// `files` has the sizes of the files of those that may be cut.
///
/// Where there are more pieces than the budget has room for, `most` is doubled, as often as it has to be: a package keeps its own layer
/// before another one has several. How a package is cut depends on it and on `most` alone.
///
/// # Errors
///
/// When there is no room for the layers without any cut.
pub fn cuts(
    parts: &[Part],
    policy: &Policy<'_>,
    most: u64,
    files: &BTreeMap<PartId, FileSizes>,
) -> Result<Vec<Cut>, OverBudget> {
    let Policy { budget, reserved, threshold, roles, format: _, cuts: _ } = *policy;
    let (room, homes) = (Room::new(parts, roles, budget, reserved)?, Homes::new(parts));
    let Some(left) = room.left(parts, &homes, threshold) else { return Ok(Vec::new()) };
    let large = parts.iter().filter(|part| threshold.is_reached_by(part)).map(|part| homes.of(part));
    let large: BTreeSet<&PartId> = large.collect();
    let mut doubled = std::iter::successors(Some(most.max(1)), |most| most.checked_mul(2)).map(|most| {
        let cut = |id: &&PartId| files.get(*id).and_then(|files| Cut::new(id, files, most));
        large.iter().filter_map(cut).collect::<Vec<Cut>>()
    });
    let fitting = doubled.find(|cuts| cuts.iter().map(|cut| cut.count() - 1).sum::<usize>() <= left);
    Ok(fitting.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use imgbuild_archive::ImagePath;
    use imgbuild_oci::Digest;

    use super::*;
    use crate::{FormatVersion, LayerPlan, RecipeHash, Role, plan, threshold};

    const ROLES: [Role; 3] = [Role::INTERPRETER, Role::PACKAGE, Role::METADATA];
    const MOST: u64 = 100 << 20;

    fn part(id: PartId, role: Role, weight: u64) -> Part {
        let (archive, recipe) = (Some(Digest::of(id.name())), RecipeHash(Digest::of(id.as_str())));
        Part { title: id.to_string(), id, recipe, archive, role, weight, root: None }
    }

    /// Packages, each of files of ten megabytes, and all that is known of their files.
    fn packages(weights: &[(&str, u64)]) -> (Vec<Part>, BTreeMap<PartId, FileSizes>) {
        let parts: Vec<Part> = weights
            .iter()
            .map(|(name, weight)| part(PartId::new("conda", name), Role::PACKAGE, weight << 20))
            .collect();
        let file = |number: u64| (ImagePath::new(&format!("lib/{number:04}")).unwrap(), 10 << 20);
        let files = parts.iter().map(|it| (it.id.clone(), (0..it.weight / (10 << 20)).map(file).collect()));
        (parts.clone(), files.collect())
    }

    /// The layers of an image: the packages of each, and which piece it is.
    fn planned(parts: &[Part], files: &BTreeMap<PartId, FileSizes>, budget: u32) -> Vec<String> {
        let threshold = threshold(parts, &ROLES, budget, 0).unwrap();
        let policy = Policy {
            format: FormatVersion::LATEST,
            budget,
            reserved: 0,
            threshold,
            cuts: &[],
            roles: &ROLES,
        };
        let cuts = cuts(parts, &policy, MOST, files).unwrap();
        let layers = plan(parts, &Policy { cuts: &cuts, ..policy }).unwrap();
        let shown = |LayerPlan { parts: indexes, piece, .. }: &LayerPlan| {
            let names: Vec<&str> = indexes.iter().map(|index| parts[*index].id.name()).collect();
            let piece =
                piece.as_ref().map(|it| format!(" {}/{}: {}", it.number(), it.count(), it.size() >> 20));
            names.join(" and ") + &piece.unwrap_or_default()
        };
        layers.iter().map(shown).collect()
    }

    #[test]
    fn a_large_package_has_several_layers_and_the_others_stay_as_they_are() {
        let (parts, files) = packages(&[("a", 50), ("b", 250), ("c", 90), ("d", 1)]);
        assert_eq!(planned(&parts, &files, 40), ["b 1/3: 80", "b 2/3: 80", "b 3/3: 90", "c", "a", "d"]);
        // What is not known to be files is one layer.
        assert_eq!(planned(&parts, &BTreeMap::new(), 40), ["b", "c", "a", "d"]);
    }

    #[test]
    fn how_a_package_is_cut_depends_on_no_other() {
        let (parts, files) = packages(&[("a", 50), ("b", 250), ("c", 90)]);
        let alone = planned(&parts[1..2], &files, 40);
        let all = planned(&parts, &files, 40);
        assert!(alone.iter().all(|layer| all.contains(layer)), "{alone:?} {all:?}");
    }

    #[test]
    fn where_the_budget_is_short_pieces_are_larger_and_packages_keep_their_layers() {
        let (parts, files) = packages(&[("a", 50), ("b", 1000), ("c", 400), ("d", 90)]);
        let sizes = |budget| planned(&parts, &files, budget);
        let pieces =
            |budget, name: &str| sizes(budget).iter().filter(|layer| layer.starts_with(name)).count();
        // Six groups are kept free.
        assert_eq!((pieces(40, "b"), pieces(40, "c")), (11, 5));
        assert_eq!((pieces(20, "b"), pieces(20, "c")), (6, 3));
        assert_eq!((pieces(15, "b"), pieces(15, "c")), (3, 1));
        assert_eq!(sizes(10), ["b", "c", "d", "a"]);
        // One layer for each role: nothing has one of its own that could be cut.
        assert_eq!(sizes(3), ["a and b and c and d"]);
    }

    #[test]
    fn what_several_environments_have_of_one_archive_is_cut_once() {
        let scoped = |scope: &str| part(PartId::scoped("conda", scope, "b"), Role::PACKAGE, 250 << 20);
        let parts = [scoped("x"), scoped("y")];
        let (_, files) = packages(&[("b", 250)]);
        let files: FileSizes = files.into_values().next().unwrap();
        let files = parts.iter().map(|it| (it.id.clone(), files.clone())).collect();
        assert_eq!(planned(&parts, &files, 40), ["b and b 1/3: 80", "b and b 2/3: 80", "b and b 3/3: 90"]);
    }
}

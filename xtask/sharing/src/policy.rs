//! Ways to lay what an image holds into layers.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use imgbuild_image::ROLES;
use imgbuild_layer::{
    FormatVersion, Grouping, OverBudget, Part, Policy as Planned, RecipeHash, Role, Threshold, plan,
    threshold,
};
use imgbuild_oci::Digest;

use crate::year::Piece;

/// How layers are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// As imgbuild does: by its own plan.
    Own(Constants),
    /// As apko does by its strategy `origin`: packages of one origin together, the largest groups alone, so that there are `budget` of
    /// them, all others in one, and what is of no package on top.
    Largest {
        /// How many layers there may be, without that on top.
        budget: usize,
    },
    /// One layer for each package: more than engines take.
    Each,
    /// One layer for all.
    One,
}

/// What imgbuild's plan follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Constants {
    /// The size from which a package has a layer of its own.
    pub(crate) least: u64,
    /// Into how many groups the small packages of the environment fall.
    pub(crate) groups: u32,
    /// How many layers an image may have.
    pub(crate) budget: u32,
    /// In which order the layers stand.
    pub(crate) order: Order,
}

/// In which order layers stand. What a layer holds does not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// As images of format version 2 have them: by roles, then by names.
    Roles,
    /// By roles, then by size: a layer of twice the size of another comes before it. Those of about one size stand by names.
    SizesInRoles,
    /// As images have them: by size alone, in the same way, then groups, and what is of no package on top.
    Sizes,
}

impl Constants {
    /// Those that images have where nothing is said.
    pub(crate) const USUAL: Self =
        Self { least: Threshold::USUAL.0, groups: groups(Role::PACKAGE), budget: 40, order: Order::Sizes };
}

/// Into how many groups the small parts of a role fall.
const fn groups(role: Role) -> u32 {
    match role.grouping {
        Grouping::Share(groups) => groups,
        Grouping::Together | Grouping::Alone => 1,
    }
}

impl Policy {
    /// The layers of an image that holds `pieces`, each as indexes into them.
    ///
    /// # Errors
    ///
    /// When they do not fit the budget of imgbuild's plan.
    pub(crate) fn layers(self, pieces: &[Piece]) -> Result<Vec<Vec<usize>>, OverBudget> {
        match self {
            Self::Own(constants) => constants.layers(pieces),
            Self::Largest { budget } => Ok(largest(pieces, budget)),
            Self::Each => Ok((0..pieces.len()).map(|index| vec![index]).collect()),
            Self::One => Ok(vec![(0..pieces.len()).collect()]),
        }
    }
}

impl Constants {
    fn layers(self, pieces: &[Piece]) -> Result<Vec<Vec<usize>>, OverBudget> {
        let roles = ROLES.map(|role| self.role(role));
        let parts: Vec<Part> = pieces.iter().map(|piece| self.part(piece)).collect();
        let threshold = threshold(&parts, &roles, self.budget, 0)?;
        let format = match self.order {
            Order::Roles | Order::SizesInRoles => FormatVersion::Two,
            Order::Sizes => FormatVersion::LATEST,
        };
        let policy =
            Planned { format, budget: self.budget, reserved: 0, threshold, cuts: &[], roles: &roles };
        let mut layers: Vec<Vec<usize>> =
            plan(&parts, &policy)?.into_iter().map(|layer| layer.parts).collect();
        let role = |layer: &[usize]| layer.first().map(|index| pieces[*index].role);
        // Whether it is a group: those come after what stands alone, as small as that is.
        let class = |layer: &[usize]| match layer {
            [index] => Reverse(pieces[*index].weight.checked_ilog2()),
            _ => Reverse(None),
        };
        if self.order == Order::SizesInRoles {
            layers.sort_by_key(|layer| (role(layer), class(layer)));
        }
        Ok(layers)
    }

    fn role(self, role: Role) -> Role {
        if role == Role::PACKAGE { Role { grouping: Grouping::Share(self.groups), ..role } } else { role }
    }

    /// The plan's own size from which a part stands alone is a constant: instead of that, the parts are scaled.
    fn part(self, piece: &Piece) -> Part {
        let scaled =
            u128::from(piece.weight) * u128::from(Threshold::USUAL.0) / u128::from(self.least.max(1));
        Part {
            id: piece.id.clone(),
            title: piece.id.to_string(),
            recipe: RecipeHash(Digest::of(format!("{} {}", piece.id, piece.version))),
            archive: None,
            role: self.role(piece.role),
            weight: u64::try_from(scaled).unwrap_or(u64::MAX),
            root: None,
        }
    }
}

/// The groups of apko's `groupByOriginAndSize`, but for packages that replace each other: what says so in Debian mostly means older
/// versions.
fn largest(pieces: &[Piece], budget: usize) -> Vec<Vec<usize>> {
    // What is of no package, as dpkg's status and the lock, is on top.
    let (packages, top): (Vec<usize>, Vec<usize>) =
        (0..pieces.len()).partition(|index| matches!(pieces[*index].role.grouping, Grouping::Share(_)));
    let mut origins: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for index in packages {
        origins.entry(&pieces[index].origin).or_default().push(index);
    }
    let mut groups: Vec<Vec<usize>> = origins.into_values().collect();
    groups.sort_by_key(|group| {
        let weight: u64 = group.iter().map(|index| pieces[*index].weight).sum();
        (Reverse(weight), group.iter().map(|index| pieces[*index].id.name()).max())
    });
    if groups.len() > budget {
        let rest = groups.split_off(budget.saturating_sub(1)).into_iter().flatten().collect();
        groups.push(rest);
    }
    groups.push(top);
    groups.retain(|group| !group.is_empty());
    groups
}

#[cfg(test)]
mod tests {
    use imgbuild_debian::BASE;
    use imgbuild_layer::PartId;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn piece(name: &str, role: Role, origin: &str, mib: u64) -> Piece {
        let (id, version) = (PartId::new("pypi", name), "1".to_owned());
        Piece { id, version, role, origin: origin.to_owned(), weight: mib * MIB, size: mib * MIB }
    }

    fn image() -> Vec<Piece> {
        vec![
            piece("libc6", BASE, "glibc", 13),
            piece("libc-bin", BASE, "glibc", 2),
            piece("bash", BASE, "bash", 7),
            piece("numpy", Role::PACKAGE, "numpy", 60),
            piece("six", Role::PACKAGE, "six", 0),
            piece("lock", Role::METADATA, "lock", 0),
        ]
    }

    /// The names of what each layer holds.
    fn layers(policy: Policy, pieces: &[Piece]) -> Vec<String> {
        let name = |index: &usize| pieces[*index].id.name();
        let layers = policy.layers(pieces).unwrap();
        layers.iter().map(|layer| layer.iter().map(name).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn ours_is_the_plan_that_images_are_built_by() {
        let own = layers(Policy::Own(Constants::USUAL), &image());
        assert_eq!(own, ["numpy", "libc6", "bash libc-bin", "six", "lock"]);
    }

    #[test]
    fn another_size_or_number_of_groups_is_tried_with_the_same_plan() {
        let of = |least, groups| {
            let constants = Constants { least: least * MIB, groups, ..Constants::USUAL };
            layers(Policy::Own(constants), &image())
        };
        assert_eq!(of(2, 4), ["numpy", "libc6", "bash", "libc-bin", "six", "lock"]);
        assert_eq!(of(64, 1), ["bash libc-bin libc6", "numpy six", "lock"]);
    }

    #[test]
    fn layers_of_one_plan_stand_in_another_order() {
        let mut pieces = image();
        pieces.push(piece("torch", Role::PACKAGE, "torch", 1000));
        pieces.push(piece("pandas", Role::PACKAGE, "pandas", 50));
        let of = |order| layers(Policy::Own(Constants { order, ..Constants::USUAL }), &pieces);
        assert_eq!(of(Order::Roles), ["libc6", "bash libc-bin", "numpy", "pandas", "torch", "six", "lock"]);
        assert_eq!(
            of(Order::SizesInRoles),
            ["libc6", "bash libc-bin", "torch", "numpy", "pandas", "six", "lock"]
        );
        assert_eq!(of(Order::Sizes), ["torch", "numpy", "pandas", "libc6", "bash libc-bin", "six", "lock"]);
    }

    #[test]
    fn apko_keeps_an_origin_together_and_the_largest_apart() {
        let of = |budget| layers(Policy::Largest { budget }, &image());
        assert_eq!(of(10), ["numpy", "libc6 libc-bin", "bash", "six", "lock"]);
        assert_eq!(of(3), ["numpy", "libc6 libc-bin", "bash six", "lock"]);
        assert_eq!(of(1), ["numpy libc6 libc-bin bash six", "lock"]);
    }

    #[test]
    fn each_package_has_a_layer_or_all_have_one() {
        assert_eq!(layers(Policy::Each, &image()).len(), 6);
        assert_eq!(layers(Policy::One, &image()), ["libc6 libc-bin bash numpy six lock"]);
    }
}

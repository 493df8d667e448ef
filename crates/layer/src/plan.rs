//! Which parts stand together in which layer.
//!
//! Each role is planned by itself, by rules that are the same for every image; the rule for a part depends on that part alone. So the
//! same packages are the same layers wherever they are, and a change in one package changes one layer; see `docs/layering.md` for the
//! reasons and the alternatives.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use imgbuild_oci::Digest;

use crate::threshold::{Homes, OverBudget, Room, Threshold, groups};
use crate::{Cut, FormatVersion, Grouping, Part, PartId, Piece, Role};

/// How many layers there may be, which parts have one of their own, and in which order they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy<'a> {
    /// By which rules.
    pub format: FormatVersion,
    /// The most layers that an image may have, those of its base included.
    pub budget: u32,
    /// Layers that the image has before any of ours.
    pub reserved: u32,
    /// From which size a part of a role that yields has a layer of its own.
    pub threshold: Threshold,
    /// How those of them that have one of their own are cut into several.
    pub cuts: &'a [Cut],
    /// The roles that parts may have: groups are kept free for those of packages that may come.
    pub roles: &'a [Role],
}

/// What a layer is for: a role, and either one large part, which may be in several environments, or a group of small ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerRole {
    /// One part that has a layer of its own, and those of the same archive in other environments.
    Single(Role, PartId),
    /// The small parts of a role whose names fall into one bucket.
    Bucket(Role, u32),
}

impl LayerRole {
    /// The role of all its parts.
    pub fn role(&self) -> Role {
        match self {
            Self::Single(role, _) | Self::Bucket(role, _) => *role,
        }
    }
}

/// One layer: its parts, as indexes into the list that was planned, in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerPlan {
    /// What the layer is for.
    pub role: LayerRole,
    /// Its parts.
    pub parts: Vec<usize>,
    /// Which of several layers with these parts it is, where their files are cut.
    pub piece: Option<Piece>,
}

/// The layer in which a part stands.
fn layer_of(part: &Part, homes: &Homes<'_>, threshold: Threshold) -> LayerRole {
    match part.role.grouping {
        Grouping::Alone => LayerRole::Single(part.role, part.id.clone()),
        _ if threshold.is_reached_by(part) => LayerRole::Single(part.role, homes.of(part).clone()),
        _ => LayerRole::Bucket(part.role, bucket(&part.id.unscoped(), groups(part.role, threshold))),
    }
}

/// Where in its image a layer stands. Engines know an unpacked layer only together with all that are below it: what takes long to move
/// and unpack stands where little is below it that may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// A part that has a layer of its own: the higher the power of two in its size, the lower it stands. By powers of two, so that one
    /// that grows a little moves nothing.
    Large(Reverse<Option<u32>>),
    /// Small parts.
    Group,
    /// What lies over parts, or says something of all of them.
    Over,
}

impl Place {
    fn of(layer: &LayerRole, weight: u64) -> Self {
        match (layer, layer.role().grouping) {
            (_, Grouping::Together | Grouping::Alone) => Self::Over,
            (LayerRole::Single(..), Grouping::Share(_)) => Self::Large(Reverse(weight.checked_ilog2())),
            (LayerRole::Bucket(..), Grouping::Share(_)) => Self::Group,
        }
    }
}

/// Groups parts into layers, in the order in which the image has them.
///
/// # Errors
///
/// When there are more layers than the budget allows, which a threshold that [`crate::threshold`] chose never leads to.
pub fn plan(parts: &[Part], policy: &Policy<'_>) -> Result<Vec<LayerPlan>, OverBudget> {
    Room::new(parts, policy.roles, policy.budget, policy.reserved)?;
    let homes = Homes::new(parts);
    let mut layers: BTreeMap<LayerRole, Vec<usize>> = BTreeMap::new();
    for (index, part) in parts.iter().enumerate() {
        layers.entry(layer_of(part, &homes, policy.threshold)).or_default().push(index);
    }
    let mut layers: Vec<(LayerRole, Vec<usize>)> = layers.into_iter().collect();
    for (_, layer) in &mut layers {
        layer.sort_by(|a, b| parts[*a].id.cmp(&parts[*b].id));
    }
    let place = |(role, layer): &(LayerRole, Vec<usize>)| {
        let largest = layer.iter().map(|index| parts[*index].weight).max();
        policy.format.has_large_layers_first().then(|| Place::of(role, largest.unwrap_or(0)))
    };
    layers.sort_by(|a, b| (place(a), a.0.role(), &a.0).cmp(&(place(b), b.0.role(), &b.0)));
    let layers: Vec<LayerPlan> =
        layers.into_iter().flat_map(|(role, parts)| in_pieces(role, parts, policy.cuts)).collect();
    let needed = u32::try_from(layers.len()).unwrap_or(u32::MAX).saturating_add(policy.reserved);
    if needed > policy.budget {
        return Err(OverBudget { needed, budget: policy.budget });
    }
    Ok(layers)
}

/// The layers of some parts: one, or as many as these are cut into.
fn in_pieces(role: LayerRole, parts: Vec<usize>, cuts: &[Cut]) -> Vec<LayerPlan> {
    let cut = match &role {
        LayerRole::Single(_, home) => cuts.iter().find(|cut| cut.part() == home),
        LayerRole::Bucket(..) => None,
    };
    let layer = |piece| LayerPlan { role: role.clone(), parts: parts.clone(), piece };
    cut.map_or_else(|| vec![layer(None)], |cut| cut.pieces().into_iter().map(|it| layer(Some(it))).collect())
}

/// The bucket of a part: a hash of its name, so that no other part can move it. It is the same in all environments.
fn bucket(id: &PartId, count: u32) -> u32 {
    let digest = Digest::of(id.as_str());
    let [a, b, c, d, ..] = *digest.as_bytes();
    u32::from_be_bytes([a, b, c, d]) % count
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::threshold::may_be_grouped;
    use crate::{RecipeHash, threshold};

    const BASE: Role = Role { of_base: true, ..Role::package("base", 10, 2) };
    const BASE_STATE: Role = Role { grouping: Grouping::Together, name: "base-state", order: 20, ..BASE };
    const BASE_CONFIGURATION: Role =
        Role { grouping: Grouping::Alone, name: "base-configuration", order: 30, ..BASE };
    const CONFIGURATION: Role =
        Role { grouping: Grouping::Alone, ..Role::package("package-configuration", 70, 1) };
    const ROLES: [Role; 7] =
        [BASE, BASE_STATE, Role::INTERPRETER, Role::CUDA, Role::PACKAGE, Role::METADATA, Role::COPY];

    fn part(name: &str, role: Role, weight: u64) -> Part {
        let id = PartId::new("conda", name);
        let recipe = RecipeHash(Digest::of(name));
        Part { title: name.to_owned(), id, recipe, archive: None, role, weight, root: None }
    }

    fn policy(budget: u32, reserved: u32, threshold: Threshold) -> Policy<'static> {
        Policy { format: FormatVersion::LATEST, budget, reserved, threshold, cuts: &[], roles: &ROLES }
    }

    fn shown(parts: &[Part], policy: &Policy<'_>) -> Vec<String> {
        let names =
            |layer: &LayerPlan| layer.parts.iter().map(|index| parts[*index].id.name()).collect::<Vec<_>>();
        plan(parts, policy).unwrap().iter().map(|layer| names(layer).join(" ")).collect()
    }

    fn environment() -> Vec<Part> {
        let mut parts: Vec<_> =
            (0..60).map(|n| part(&format!("small-{n}"), Role::PACKAGE, 100_000)).collect();
        parts.extend((0..30).map(|n| part(&format!("large-{n}"), Role::PACKAGE, 8_000_000 << (n % 5))));
        parts.push(part("history", Role::METADATA, 0));
        parts.push(part("python", Role::INTERPRETER, 200_000_000));
        parts
    }

    #[test]
    fn any_budget_from_eight_on_is_kept() {
        let parts = environment();
        for budget in 8..=127 {
            let threshold = threshold(&parts, &ROLES, budget, 0).unwrap();
            let layers = plan(&parts, &policy(budget, 0, threshold)).unwrap();
            assert!(layers.len() <= budget as usize, "{budget}: {}", layers.len());
            let mut planned: Vec<_> = layers.into_iter().flat_map(|layer| layer.parts).collect();
            planned.sort_unstable();
            assert_eq!(planned, (0..parts.len()).collect::<Vec<_>>());
        }
        let error = threshold(&parts, &ROLES, 8, 100).unwrap_err();
        assert_eq!(error.to_string(), "the image needs at least 103 layers, and its budget is 8");
    }

    #[test]
    fn what_running_something_changed_has_a_layer_of_its_own() {
        let mut parts = environment();
        // Two environments may have scripts that run.
        let alone = [
            part("configuration", BASE_CONFIGURATION, 1 << 30),
            part("scripts", CONFIGURATION, 0),
            part("scripts-of-tools", CONFIGURATION, 0),
        ];
        parts.extend(alone);
        for budget in 8..=127 {
            let threshold = threshold(&parts, &ROLES, budget, 0).unwrap();
            let layers = plan(&parts, &policy(budget, 0, threshold)).unwrap();
            assert!(layers.len() <= budget as usize, "{budget}: {}", layers.len());
            for index in parts.len() - 3..parts.len() {
                let of = layers.iter().filter(|layer| layer.parts.contains(&index));
                assert_eq!(of.map(|layer| layer.parts.as_slice()).collect::<Vec<_>>(), [[index]]);
            }
        }
    }

    /// The names of the layers that a package joins on a base of `reserved` layers, each with the number of its parts.
    fn on_base(budget: u32, reserved: u32, parts: &[Part]) -> Vec<String> {
        let threshold = threshold(parts, &ROLES, budget, reserved).unwrap();
        let planned = plan(parts, &policy(budget, reserved, threshold)).unwrap();
        let named = |layer: LayerPlan| match layer.role {
            LayerRole::Single(_, id) => id.name().to_owned(),
            LayerRole::Bucket(role, _) => format!("{} of {role:?}", layer.parts.len()),
        };
        planned.into_iter().map(named).collect()
    }

    #[test]
    fn on_a_base_of_many_layers_only_what_is_there_counts() {
        let mut parts = vec![
            part("python", Role::INTERPRETER, 200_000_000),
            part("six", Role::PACKAGE, 30_000),
            part("history", Role::METADATA, 0),
        ];
        assert_eq!(on_base(40, 21, &parts), ["python", "1 of package", "1 of metadata"]);
        // Each role has one layer then.
        assert_eq!(on_base(40, 37, &parts), ["1 of interpreter", "1 of package", "1 of metadata"]);
        parts.extend((0..20).map(|n| part(&format!("large-{n}"), Role::PACKAGE, 50_000_000)));
        assert_eq!(on_base(40, 37, &parts), ["1 of interpreter", "21 of package", "1 of metadata"]);
        let error = threshold(&parts, &ROLES, 40, 38).unwrap_err();
        assert_eq!(error.to_string(), "the image needs at least 41 layers, and its budget is 40");
    }

    fn any_part() -> impl Strategy<Value = Part> {
        let roles = ROLES.into_iter().chain([BASE_CONFIGURATION, CONFIGURATION]);
        let roles = proptest::sample::select(roles.collect::<Vec<_>>());
        (roles, 0u32..500, prop_oneof![0u64..4 << 20, 0u64..1 << 40, Just(u64::MAX)])
            .prop_map(|(role, name, weight)| part(&format!("{role:?}-{name}"), role, weight))
    }

    fn any_parts() -> impl Strategy<Value = Vec<Part>> {
        proptest::collection::btree_map("[a-z]{3}", any_part(), 0..120).prop_map(|parts| {
            let by_id: BTreeMap<PartId, Part> = parts.into_values().map(|it| (it.id.clone(), it)).collect();
            by_id.into_values().collect()
        })
    }

    proptest! {
        #[test]
        fn planning_fails_only_where_one_layer_for_each_role_does_not_fit(
            parts in any_parts(),
            budget in 8u32..=120,
            reserved in 0u32..=130,
        ) {
            let further = parts.iter().filter(|part| !may_be_grouped(part.role)).count();
            let roles: BTreeSet<Role> = parts.iter().map(|part| part.role).filter(|it| may_be_grouped(*it)).collect();
            let least = reserved as usize + further + roles.len();
            match threshold(&parts, &ROLES, budget, reserved) {
                Err(error) => {
                    prop_assert!(least > budget as usize);
                    prop_assert_eq!(error.needed as usize, least);
                }
                Ok(threshold) => {
                    prop_assert!(least <= budget as usize);
                    let planned = plan(&parts, &policy(budget, reserved, threshold)).unwrap();
                    prop_assert!(planned.len() + reserved as usize <= budget as usize);
                }
            }
        }

        #[test]
        fn a_part_of_what_does_not_yield_has_the_same_place_in_every_image(
            parts in any_parts(),
            others in any_parts(),
            budgets in (40u32..=120, 40u32..=120),
        ) {
            let place = |parts: &[Part], budget: u32| {
                let threshold = threshold(parts, &ROLES, budget, 0).ok()?;
                let planned = plan(parts, &policy(budget, 0, threshold)).unwrap();
                let of = |layer: &LayerPlan| {
                    let fixed = layer.parts.iter().filter(|it| !parts[**it].role.yields).copied();
                    fixed.map(|it| (parts[it].id.clone(), layer.role.clone())).collect::<Vec<_>>()
                };
                (threshold != Threshold::NONE).then(|| planned.iter().flat_map(of).collect::<BTreeMap<_, _>>())
            };
            let both: Vec<Part> = parts.iter().chain(&others).map(|it| (it.id.clone(), it.clone())).collect::<BTreeMap<_, _>>().into_values().collect();
            let same = |it: &&Part| both.contains(it);
            let (Some(one), Some(all)) = (place(&parts, budgets.0), place(&both, budgets.1)) else { return Ok(()) };
            for part in parts.iter().filter(same) {
                prop_assert_eq!(one.get(&part.id), all.get(&part.id));
            }
        }

        #[test]
        fn one_package_more_moves_no_other(
            parts in any_parts(),
            another in any_part(),
            budget in 8u32..=120,
            reserved in 0u32..=110,
        ) {
            // What running something changes is not a package.
            prop_assume!(may_be_grouped(another.role) && !(another.role.of_base && reserved > 0));
            prop_assume!(parts.iter().all(|part| part.id != another.id));
            let Ok(threshold) = threshold(&parts, &ROLES, budget, reserved) else { return Ok(()) };
            let policy = policy(budget, reserved, threshold);
            let before = plan(&parts, &policy).unwrap();
            let more: Vec<Part> = parts.iter().cloned().chain([another]).collect();
            // Where the budget has no room for it, a new threshold is chosen, and that moves others.
            let Ok(after) = plan(&more, &policy) else { return Ok(()) };
            let place = |layers: &[LayerPlan], index: usize| {
                layers.iter().find(|layer| layer.parts.contains(&index)).map(|layer| layer.role.clone())
            };
            for index in 0..parts.len() {
                prop_assert_eq!(place(&before, index), place(&after, index));
            }
        }
    }

    #[test]
    fn a_new_package_changes_one_layer() {
        let mut parts = environment();
        let threshold = threshold(&parts, &ROLES, 40, 0).unwrap();
        let policy = policy(40, 0, threshold);
        let before = shown(&parts, &policy);
        parts.insert(0, part("another", Role::PACKAGE, 1000));
        let after = shown(&parts, &policy);
        let changed: Vec<_> = after.iter().filter(|layer| !before.contains(layer)).collect();
        assert_eq!(changed.len(), 1);
        assert_eq!(crate::threshold(&parts, &ROLES, 40, 0).unwrap(), policy.threshold);
    }

    #[test]
    fn what_is_large_stands_below_what_is_small() {
        let mut parts = vec![
            part("status", BASE_STATE, 1 << 30),
            part("configuration", BASE_CONFIGURATION, 1 << 30),
            part("libc", BASE, 13 << 20),
            part("bash", BASE, 7 << 20),
            part("python", Role::INTERPRETER, 60 << 20),
            part("cublas", Role::CUDA, 600 << 20),
            part("numpy", Role::PACKAGE, 33 << 20),
            part("pandas", Role::PACKAGE, 63 << 20),
            part("torch", Role::PACKAGE, 1 << 30),
            part("six", Role::PACKAGE, 1 << 10),
            part("scripts", CONFIGURATION, 1 << 30),
            part("history", Role::METADATA, 1 << 30),
            part("sources", Role::COPY, 1 << 30),
        ];
        let of = |parts: &[Part], format| {
            let (budget, reserved, threshold) = (40, 0, Threshold::USUAL);
            shown(parts, &Policy { format, budget, reserved, threshold, cuts: &[], roles: &ROLES })
        };
        // Three are of one class: those stand by roles and names.
        let large = ["torch", "cublas", "python", "numpy", "pandas", "libc"];
        let over = ["status", "configuration", "scripts", "history", "sources"];
        let all = [&large[..], &["bash", "six"], &over].concat();
        assert_eq!(of(&parts, FormatVersion::Three), all);
        // A version that is a bit larger moves nothing.
        parts[6].weight = 62 << 20;
        assert_eq!(of(&parts, FormatVersion::Three), all);
        parts[6].weight = 65 << 20;
        assert_eq!(of(&parts, FormatVersion::Three)[2..4], ["numpy", "python"]);
        let by_roles = ["libc", "bash", "status", "configuration", "python", "cublas"];
        let packages = ["numpy", "pandas", "torch", "six", "scripts", "history", "sources"];
        assert_eq!(of(&parts, FormatVersion::Two), [&by_roles[..], &packages].concat());
    }

    #[test]
    fn the_order_of_the_parts_does_not_matter() {
        let mut parts = environment();
        let policy = policy(40, 0, Threshold(8 << 20));
        let one = shown(&parts, &policy);
        parts.reverse();
        assert_eq!(shown(&parts, &policy), one);
    }
}

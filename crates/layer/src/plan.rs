//! Which parts stand together in which layer.
//!
//! Each role is planned by itself, by rules that are the same for every image; the rule for a part depends on that part alone. So the
//! same packages are the same layers wherever they are, and a change in one package changes one layer; see `docs/layering.md` for the
//! reasons and the alternatives.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{Cut, Grouping, Part, PartId, Piece, Role};

/// The size, in bytes installed, from which a part of a role that yields has a layer of its own, where the budget is too short for
/// [`Threshold::USUAL`]. It is chosen while locking and kept by the lock, because it is the one thing that depends on all parts
/// together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Threshold(pub u64);

impl Threshold {
    /// The size from which a part has a layer of its own, in every image whose budget allows it: a layer costs a request, a record and
    /// a mount, which is more than a smaller package saves.
    pub const USUAL: Self = Self(8 << 20);
    /// With it every role has one layer.
    const NONE: Self = Self(u64::MAX);

    /// Whether a part has a layer of its own.
    pub(crate) fn is_reached_by(self, part: &Part) -> bool {
        let least = if part.role.yields { self.max(Self::USUAL) } else { Self::USUAL };
        matches!(part.role.grouping, Grouping::Share(_)) && part.weight >= least.0 && self != Self::NONE
    }
}

/// How many layers there may be, and which parts have one of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy<'a> {
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

/// More layers than the budget allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the image needs at least {needed} layers, and its budget is {budget}")]
pub struct OverBudget {
    /// How many layers are needed at least.
    pub needed: u32,
    /// How many are allowed.
    pub budget: u32,
}

/// What a layer is for: a role, and either one large part, which may be in several environments, or a group of small ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerRole {
    /// One part of at least the threshold's size, and those of the same archive in other environments.
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

/// Whether parts of this role may stand together.
fn may_be_grouped(role: Role) -> bool {
    role.grouping != Grouping::Alone
}

/// Under which part's name each part has a layer of its own, where it has one: parts of one archive, in several environments, have
/// one layer, which is called after the first.
pub(crate) struct Homes<'a>(BTreeMap<(Role, PartId, Digest), &'a PartId>);

impl<'a> Homes<'a> {
    pub(crate) fn new(parts: &'a [Part]) -> Self {
        let mut homes: BTreeMap<_, &PartId> = BTreeMap::new();
        for (key, part) in parts.iter().filter_map(|part| Some((Self::key(part)?, part))) {
            let home = homes.entry(key).or_insert(&part.id);
            *home = (*home).min(&part.id);
        }
        Self(homes)
    }

    fn key(part: &Part) -> Option<(Role, PartId, Digest)> {
        Some((part.role, part.id.unscoped(), part.archive?))
    }

    pub(crate) fn of<'b>(&self, part: &'b Part) -> &'b PartId
    where
        'a: 'b,
    {
        Self::key(part).and_then(|key| self.0.get(&key).copied()).unwrap_or(&part.id)
    }
}

/// How many layers there may be, and how many of these are kept free for groups.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// How many layers there may be beside those of the base and those of what running something changed.
    layers: u32,
    /// How many groups there may come to be, whether or not any part falls into them.
    groups: u32,
}

impl Room {
    pub(crate) fn new(
        parts: &[Part],
        roles: &[Role],
        budget: u32,
        reserved: u32,
    ) -> Result<Self, OverBudget> {
        let is_there = |role: &Role| parts.iter().any(|part| part.role == *role);
        let roles: Vec<Role> = roles.iter().copied().filter(|role| may_be_grouped(*role)).collect();
        let further = parts.iter().filter(|part| !may_be_grouped(part.role)).count();
        let outside = reserved.saturating_add(u32::try_from(further).unwrap_or(u32::MAX));
        let least = u32::try_from(roles.iter().filter(|role| is_there(role)).count()).unwrap_or(u32::MAX);
        let needed = outside.saturating_add(least);
        if needed > budget {
            return Err(OverBudget { needed, budget });
        }
        // On an image that is there stands no Debian of ours.
        let wanted = |role: &&Role| reserved == 0 || !role.of_base || is_there(role);
        let groups = roles.iter().filter(wanted).map(|role| groups(*role, Threshold::USUAL)).sum();
        Ok(Self { layers: budget - outside, groups })
    }

    /// How many layers more fit with this threshold, now and after packages were added that are smaller than it; nothing where there
    /// are too many already.
    pub(crate) fn left(self, parts: &[Part], homes: &Homes<'_>, threshold: Threshold) -> Option<usize> {
        let singles = parts.iter().filter(|part| threshold.is_reached_by(part));
        let singles = singles.map(|part| (part.role, homes.of(part))).collect::<BTreeSet<_>>().len();
        (self.layers as usize).checked_sub(singles + self.groups as usize)
    }
}

/// Into how many groups the small parts of a role fall.
fn groups(role: Role, threshold: Threshold) -> u32 {
    match role.grouping {
        Grouping::Share(groups) if threshold != Threshold::NONE => groups.max(1),
        Grouping::Share(_) | Grouping::Together | Grouping::Alone => 1,
    }
}

/// The layer in which a part stands.
fn layer_of(part: &Part, homes: &Homes<'_>, threshold: Threshold) -> LayerRole {
    if threshold.is_reached_by(part) {
        LayerRole::Single(part.role, homes.of(part).clone())
    } else {
        LayerRole::Bucket(part.role, bucket(&part.id.unscoped(), groups(part.role, threshold)))
    }
}

/// Chooses the threshold for `parts`, which are all that the image will have: the smallest with which the layers fit the budget, which
/// is the usual one, doubled as often as it has to be. Where that is of no help, each role has one layer.
///
/// # Errors
///
/// When one layer for each role that has parts is more than the budget allows.
pub fn threshold(
    parts: &[Part],
    roles: &[Role],
    budget: u32,
    reserved: u32,
) -> Result<Threshold, OverBudget> {
    let (room, homes) = (Room::new(parts, roles, budget, reserved)?, Homes::new(parts));
    let mut doubled = std::iter::successors(Some(Threshold::USUAL), |it| it.0.checked_mul(2).map(Threshold));
    let fitting = doubled.find(|threshold| room.left(parts, &homes, *threshold).is_some());
    Ok(fitting.unwrap_or(Threshold::NONE))
}

/// Groups parts into layers, in the order in which the image has them: what changes least comes first.
///
/// # Errors
///
/// When there are more layers than the budget allows, which a threshold that [`threshold`] chose never leads to.
pub fn plan(parts: &[Part], policy: &Policy<'_>) -> Result<Vec<LayerPlan>, OverBudget> {
    Room::new(parts, policy.roles, policy.budget, policy.reserved)?;
    let homes = Homes::new(parts);
    let mut layers: BTreeMap<LayerRole, Vec<usize>> = BTreeMap::new();
    for (index, part) in parts.iter().enumerate() {
        layers.entry(layer_of(part, &homes, policy.threshold)).or_default().push(index);
    }
    let mut layers: Vec<(LayerRole, Vec<usize>)> = layers.into_iter().collect();
    layers.sort_by(|a, b| (a.0.role(), &a.0).cmp(&(b.0.role(), &b.0)));
    for (_, layer) in &mut layers {
        layer.sort_by(|a, b| parts[*a].id.cmp(&parts[*b].id));
    }
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
    use proptest::prelude::*;

    use super::*;
    use crate::RecipeHash;

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
            let layers =
                plan(&parts, &Policy { budget, reserved: 0, threshold, cuts: &[], roles: &ROLES }).unwrap();
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
        parts.push(part("configuration", BASE_CONFIGURATION, 1 << 30));
        for budget in 8..=127 {
            let threshold = threshold(&parts, &ROLES, budget, 0).unwrap();
            let layers =
                plan(&parts, &Policy { budget, reserved: 0, threshold, cuts: &[], roles: &ROLES }).unwrap();
            assert!(layers.len() <= budget as usize, "{budget}: {}", layers.len());
            assert_eq!(layers[0].parts, [parts.len() - 1]);
        }
    }

    /// The names of the layers that a package joins on a base of `reserved` layers, each with the number of its parts.
    fn on_base(budget: u32, reserved: u32, parts: &[Part]) -> Vec<String> {
        let threshold = threshold(parts, &ROLES, budget, reserved).unwrap();
        let planned = plan(parts, &Policy { budget, reserved, threshold, cuts: &[], roles: &ROLES }).unwrap();
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
                    let planned = plan(&parts, &Policy { budget, reserved, threshold, cuts: &[], roles: &ROLES }).unwrap();
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
                let planned = plan(parts, &Policy { budget, reserved: 0, threshold, cuts: &[], roles: &ROLES }).unwrap();
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
            let policy = Policy { budget, reserved, threshold, cuts: &[], roles: &ROLES };
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
        let threshold = super::threshold(&parts, &ROLES, 40, 0).unwrap();
        let policy = Policy { budget: 40, reserved: 0, threshold, cuts: &[], roles: &ROLES };
        let before = shown(&parts, &policy);
        parts.insert(0, part("another", Role::PACKAGE, 1000));
        let after = shown(&parts, &policy);
        let changed: Vec<_> = after.iter().filter(|layer| !before.contains(layer)).collect();
        assert_eq!(changed.len(), 1);
        assert_eq!(super::threshold(&parts, &ROLES, 40, 0).unwrap(), policy.threshold);
    }

    #[test]
    fn the_order_of_the_parts_does_not_matter() {
        let mut parts = environment();
        let policy =
            Policy { budget: 40, reserved: 0, threshold: Threshold(8 << 20), cuts: &[], roles: &ROLES };
        let one = shown(&parts, &policy);
        parts.reverse();
        assert_eq!(shown(&parts, &policy), one);
    }
}

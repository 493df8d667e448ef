//! Which parts stand together in which layer.
//!
//! The rule for a part depends on that part alone, so that a change in one package changes one layer; see
//! `docs/layering.md` for the reasons and the alternatives.

use std::collections::BTreeMap;

use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{Part, PartId, Role};

/// The size, in bytes installed, from which a part has a layer of its own. It is chosen while locking and kept by the
/// lock, because it is the one thing that depends on all parts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Threshold(pub u64);

impl Threshold {
    /// The smallest: a layer costs a request and a record, which is more than a smaller package saves.
    const SMALLEST: Self = Self(1 << 20);
}

/// How many layers there may be, and how small parts are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The most layers that an image may have, those of its base included.
    pub budget: u32,
    /// Layers that the image has before any of ours.
    pub reserved: u32,
    /// From which size a part has a layer of its own.
    pub threshold: Threshold,
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

/// What a layer is for: a role, and either one large part or a group of small ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerRole {
    /// One part of at least the threshold's size.
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
}

/// Into how many groups the small parts of a role fall: it follows from the budget alone.
fn buckets(role: Role, budget: u32) -> u32 {
    match role {
        Role::Base => (budget / 10).max(1),
        Role::Interpreter | Role::Cuda => (budget / 20).max(1),
        Role::Package => (budget / 4).max(1),
        Role::BaseState
        | Role::BaseConfiguration
        | Role::PackageConfiguration
        | Role::Metadata
        | Role::Copy => 1,
    }
}

/// The roles that every budget has room for.
const ROLES: [Role; 7] =
    [Role::Base, Role::BaseState, Role::Interpreter, Role::Cuda, Role::Package, Role::Metadata, Role::Copy];

/// Whether a part of this role may have a layer of its own.
fn divisible(role: Role) -> bool {
    matches!(role, Role::Base | Role::Interpreter | Role::Cuda | Role::Package)
}

/// How many parts may have a layer of their own beside the groups, and beside the layers that few images have: what
/// running something changed.
fn singles(parts: &[Part], budget: u32, reserved: u32) -> Result<u32, OverBudget> {
    let grouped: u32 = ROLES.into_iter().map(|role| buckets(role, budget)).sum();
    let further = parts.iter().filter(|part| !ROLES.contains(&part.role)).count();
    let needed = grouped + reserved + u32::try_from(further).unwrap_or(u32::MAX / 2);
    budget.checked_sub(needed).ok_or(OverBudget { needed, budget })
}

/// Chooses the threshold for `parts`: the one of an earlier lock while it still fits, else the smallest power of two
/// with which the layers fit the budget.
///
/// # Errors
///
/// When the groups alone are more layers than the budget allows.
pub fn threshold(
    parts: &[Part],
    budget: u32,
    reserved: u32,
    earlier: Option<Threshold>,
) -> Result<Threshold, OverBudget> {
    let allowed = singles(parts, budget, reserved)? as usize;
    let fits = |threshold: Threshold| {
        parts.iter().filter(|part| divisible(part.role) && part.weight >= threshold.0).count() <= allowed
    };
    if let Some(earlier) = earlier.filter(|earlier| fits(*earlier)) {
        return Ok(earlier);
    }
    let mut threshold = Threshold::SMALLEST;
    while !fits(threshold) {
        match threshold.0.checked_mul(2) {
            Some(next) => threshold = Threshold(next),
            // No part is that large: everything is grouped.
            None => return Ok(Threshold(u64::MAX)),
        }
    }
    Ok(threshold)
}

/// Groups parts into layers, in the order in which the image has them: what changes least comes first.
///
/// # Errors
///
/// When there are more layers than the budget allows, which a threshold that [`threshold`] chose never leads to.
pub fn plan(parts: &[Part], policy: &Policy) -> Result<Vec<LayerPlan>, OverBudget> {
    let mut layers: BTreeMap<LayerRole, Vec<usize>> = BTreeMap::new();
    for (index, part) in parts.iter().enumerate() {
        let role = if divisible(part.role) && part.weight >= policy.threshold.0 {
            LayerRole::Single(part.role, part.id.clone())
        } else {
            LayerRole::Bucket(part.role, bucket(&part.id, buckets(part.role, policy.budget)))
        };
        layers.entry(role).or_default().push(index);
    }
    let mut layers: Vec<_> = layers.into_iter().map(|(role, parts)| LayerPlan { role, parts }).collect();
    layers.sort_by(|a, b| (a.role.role(), &a.role).cmp(&(b.role.role(), &b.role)));
    for layer in &mut layers {
        layer.parts.sort_by(|a, b| parts[*a].id.cmp(&parts[*b].id));
    }
    let needed = u32::try_from(layers.len()).unwrap_or(u32::MAX).saturating_add(policy.reserved);
    if needed > policy.budget {
        return Err(OverBudget { needed, budget: policy.budget });
    }
    Ok(layers)
}

/// The bucket of a part: a hash of its name, so that no other part can move it.
fn bucket(id: &PartId, count: u32) -> u32 {
    let digest = Digest::of(id.as_str());
    let [a, b, c, d, ..] = *digest.as_bytes();
    u32::from_be_bytes([a, b, c, d]) % count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RecipeHash;

    fn part(name: &str, role: Role, weight: u64) -> Part {
        let id = PartId::new("conda", name);
        let recipe = RecipeHash(Digest::of(name));
        Part { title: name.to_owned(), id, recipe, role, weight, root: None }
    }

    fn shown(parts: &[Part], policy: &Policy) -> Vec<String> {
        let names =
            |layer: &LayerPlan| layer.parts.iter().map(|index| parts[*index].id.name()).collect::<Vec<_>>();
        plan(parts, policy).unwrap().iter().map(|layer| names(layer).join(" ")).collect()
    }

    fn environment() -> Vec<Part> {
        let mut parts: Vec<_> =
            (0..60).map(|n| part(&format!("small-{n}"), Role::Package, 100_000)).collect();
        parts.extend((0..30).map(|n| part(&format!("large-{n}"), Role::Package, 2_000_000 << (n % 5))));
        parts.push(part("history", Role::Metadata, 0));
        parts.push(part("python", Role::Interpreter, 200_000_000));
        parts
    }

    #[test]
    fn any_budget_from_eight_on_is_kept() {
        let parts = environment();
        for budget in 8..=127 {
            let threshold = threshold(&parts, budget, 0, None).unwrap();
            let layers = plan(&parts, &Policy { budget, reserved: 0, threshold }).unwrap();
            assert!(layers.len() <= budget as usize, "{budget}: {}", layers.len());
            let mut planned: Vec<_> = layers.into_iter().flat_map(|layer| layer.parts).collect();
            planned.sort_unstable();
            assert_eq!(planned, (0..parts.len()).collect::<Vec<_>>());
        }
        let error = threshold(&parts, 8, 100, None).unwrap_err();
        assert_eq!(error.to_string(), "the image needs at least 108 layers, and its budget is 8");
    }

    #[test]
    fn what_running_something_changed_has_a_layer_of_its_own() {
        let mut parts = environment();
        parts.push(part("configuration", Role::BaseConfiguration, 1 << 30));
        let error = threshold(&parts, 8, 0, None).unwrap_err();
        assert_eq!(error.to_string(), "the image needs at least 9 layers, and its budget is 8");
        for budget in 9..=127 {
            let threshold = threshold(&parts, budget, 0, None).unwrap();
            let layers = plan(&parts, &Policy { budget, reserved: 0, threshold }).unwrap();
            assert!(layers.len() <= budget as usize, "{budget}: {}", layers.len());
            assert_eq!(layers[0].parts, [parts.len() - 1]);
        }
    }

    #[test]
    fn a_new_package_changes_one_layer() {
        let mut parts = environment();
        let policy = Policy { budget: 40, reserved: 0, threshold: threshold(&parts, 40, 0, None).unwrap() };
        let before = shown(&parts, &policy);
        parts.insert(0, part("another", Role::Package, 1000));
        let after = shown(&parts, &policy);
        let changed: Vec<_> = after.iter().filter(|layer| !before.contains(layer)).collect();
        assert_eq!(changed.len(), 1);
        assert_eq!(threshold(&parts, 40, 0, Some(policy.threshold)).unwrap(), policy.threshold);
    }

    #[test]
    fn the_order_of_the_parts_does_not_matter() {
        let mut parts = environment();
        let policy = Policy { budget: 40, reserved: 0, threshold: Threshold(8 << 20) };
        let one = shown(&parts, &policy);
        parts.reverse();
        assert_eq!(shown(&parts, &policy), one);
    }
}

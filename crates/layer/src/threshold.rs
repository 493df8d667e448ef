//! How many layers there may be, and from which size a part has one of its own.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{Grouping, Part, PartId, Role};

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
    pub(crate) const NONE: Self = Self(u64::MAX);

    /// Whether a part has a layer of its own.
    pub(crate) fn is_reached_by(self, part: &Part) -> bool {
        let least = if part.role.yields { self.max(Self::USUAL) } else { Self::USUAL };
        matches!(part.role.grouping, Grouping::Share(_)) && part.weight >= least.0 && self != Self::NONE
    }
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

/// Whether parts of this role may stand together.
pub(crate) fn may_be_grouped(role: Role) -> bool {
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
pub(crate) fn groups(role: Role, threshold: Threshold) -> u32 {
    match role.grouping {
        Grouping::Share(groups) if threshold != Threshold::NONE => groups.max(1),
        Grouping::Share(_) | Grouping::Together | Grouping::Alone => 1,
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

//! Which packages are there only because of which: the dominators of the graph of requirements, from all that is there for itself.
//!
//! Follows K. Cooper, T. Harvey and K. Kennedy, "A Simple, Fast Dominance Algorithm" (2001).

use std::collections::BTreeMap;

use crate::PackageId;

/// What a package requires.
type Successors<'s, 'a> = &'s dyn Fn(&PackageId) -> Vec<&'a PackageId>;

/// The tree of dominators: below each package stands what would go with it.
pub(crate) struct Dominators<'a> {
    /// Each package, behind that which it is there only because of, where that is one.
    above: Vec<(&'a PackageId, Option<&'a PackageId>)>,
}

/// A package that is reached, by its place in reverse postorder; the first place is that of what leads to all roots.
struct Reached<'a> {
    order: Vec<&'a PackageId>,
    places: BTreeMap<&'a PackageId, usize>,
    /// The places of what leads to each.
    before: Vec<Vec<usize>>,
}

impl<'a> Dominators<'a> {
    /// That of what these packages lead to.
    pub(crate) fn of(roots: &[&'a PackageId], successors: Successors<'_, 'a>) -> Self {
        let reached = Reached::of(roots, successors);
        let mut nearest: Vec<Option<usize>> = vec![None; reached.before.len()];
        nearest[0] = Some(0);
        let mut changed = true;
        while changed {
            changed = false;
            for place in 1..reached.before.len() {
                let known = reached.before[place].iter().copied().filter(|it| nearest[*it].is_some());
                let found = known.reduce(|one, other| meeting(&nearest, one, other));
                if nearest[place] != found {
                    (nearest[place], changed) = (found, true);
                }
            }
        }
        // The places of packages begin behind that of what leads to all roots.
        let above = |place: usize| reached.order.get(nearest[place + 1]?.checked_sub(1)?).copied();
        Self { above: reached.order.iter().enumerate().map(|(place, id)| (*id, above(place))).collect() }
    }

    /// How many packages are there only because of each, without itself, and the sum of what each counts.
    pub(crate) fn totals(&self, counts: impl Fn(&PackageId) -> u64) -> BTreeMap<&'a PackageId, (usize, u64)> {
        let mut totals: BTreeMap<&PackageId, (usize, u64)> = BTreeMap::new();
        // What is below a package comes behind it.
        for (id, above) in self.above.iter().rev() {
            let (own, sum) = totals.get(id).copied().unwrap_or_default();
            if let Some(above) = above {
                let (all, all_sum) = totals.entry(above).or_default();
                *all += own + 1;
                *all_sum = all_sum.saturating_add(sum).saturating_add(counts(id));
            }
        }
        totals
    }
}

/// Where the ways up from two places meet.
fn meeting(nearest: &[Option<usize>], mut one: usize, mut other: usize) -> usize {
    while one != other {
        while one > other {
            one = nearest[one].unwrap_or(0);
        }
        while other > one {
            other = nearest[other].unwrap_or(0);
        }
    }
    one
}

impl<'a> Reached<'a> {
    fn of(roots: &[&'a PackageId], successors: Successors<'_, 'a>) -> Self {
        let order = order(roots, successors);
        let places: BTreeMap<&PackageId, usize> =
            order.iter().enumerate().map(|(place, id)| (*id, place + 1)).collect();
        let mut reached = Self { before: vec![Vec::new(); order.len() + 1], order, places };
        roots.iter().for_each(|root| reached.follows(0, root));
        for id in reached.order.clone() {
            let place = reached.places.get(id).copied().unwrap_or_default();
            successors(id).into_iter().for_each(|next| reached.follows(place, next));
        }
        reached
    }

    fn follows(&mut self, before: usize, id: &PackageId) {
        if let Some(place) = self.places.get(id) {
            self.before[*place].push(before);
        }
    }
}

/// All that roots lead to, in reverse postorder.
fn order<'a>(roots: &[&'a PackageId], successors: Successors<'_, 'a>) -> Vec<&'a PackageId> {
    let mut seen: std::collections::BTreeSet<&PackageId> = std::collections::BTreeSet::new();
    let mut order = Vec::new();
    for root in roots {
        if !seen.insert(root) {
            continue;
        }
        let mut stack = vec![(*root, successors(root))];
        while let Some((id, left)) = stack.last_mut() {
            match left.pop() {
                Some(next) if seen.insert(next) => stack.push((next, successors(next))),
                Some(_) => {}
                None => {
                    order.push(*id);
                    stack.pop();
                }
            }
        }
    }
    order.reverse();
    order
}

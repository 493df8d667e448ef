//! Cutting a row of things into runs, so that the heaviest run is as light as can be.

/// Things in a row, each made of parts that weigh something, and of something that is its own. A part that several things of one run are
/// made of weighs there once.
pub(crate) struct Row<'a> {
    /// What each part weighs.
    pub(crate) weights: &'a [u64],
    /// Each thing: what is its own, and its parts as places in `weights`.
    pub(crate) things: Vec<(u64, &'a [usize])>,
}

/// What the runs of a row weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weight {
    /// The heaviest.
    pub(crate) heaviest: u64,
    /// All together.
    pub(crate) all: u64,
}

/// Runs of a row: each as the places of its things.
pub(crate) type Runs = Vec<std::ops::Range<usize>>;

impl Row<'_> {
    /// At most `most` runs, the heaviest of which is as light as runs of this row can be, or up to `slack` parts of a hundred heavier where
    /// they weigh less together.
    pub(crate) fn cut(&self, most: usize, slack: u64) -> Runs {
        let (mut too_light, mut enough) = (0, self.weight_of(0..self.things.len()));
        // Whatever fits below a weight fits below a greater one.
        while too_light < enough {
            let middle = too_light + (enough - too_light) / 2;
            if self.runs(middle).is_some_and(|runs| runs.len() <= most) {
                enough = middle;
            } else {
                too_light = middle + 1;
            }
        }
        let steps = (0..=slack).map(|more| enough.saturating_add(enough / 100 * more));
        let best = steps.filter_map(|weight| self.runs(weight)).min_by_key(|runs| {
            let weight = self.weight(runs);
            (weight.all, weight.heaviest)
        });
        best.unwrap_or_default()
    }

    /// What runs weigh.
    pub(crate) fn weight(&self, runs: &Runs) -> Weight {
        let weights: Vec<u64> = runs.iter().map(|run| self.weight_of(run.clone())).collect();
        Weight { heaviest: weights.iter().copied().max().unwrap_or(0), all: weights.iter().sum() }
    }

    fn weight_of(&self, run: std::ops::Range<usize>) -> u64 {
        let mut seen = Seen::new(self.weights.len());
        run.map(|thing| self.added(thing, &mut seen, 0)).sum()
    }

    /// Runs that each weigh at most so much, as few as there can be; nothing where a single thing is heavier.
    fn runs(&self, most: u64) -> Option<Runs> {
        let mut seen = Seen::new(self.weights.len());
        let (mut runs, mut start, mut weight) = (Runs::new(), 0, 0);
        for thing in 0..self.things.len() {
            weight += self.added(thing, &mut seen, runs.len());
            if weight > most {
                if start == thing {
                    return None;
                }
                runs.push(start..thing);
                start = thing;
                weight = self.added(thing, &mut seen, runs.len());
                if weight > most {
                    return None;
                }
            }
        }
        if start < self.things.len() {
            runs.push(start..self.things.len());
        }
        Some(runs)
    }

    /// What a thing adds to a run.
    fn added(&self, thing: usize, seen: &mut Seen, run: usize) -> u64 {
        let (own, parts) = self.things[thing];
        own + parts
            .iter()
            .filter(|part| seen.is_new(**part, run))
            .map(|part| self.weights[*part])
            .sum::<u64>()
    }
}

/// The parts that a run has.
struct Seen(Vec<usize>);

impl Seen {
    fn new(parts: usize) -> Self {
        Self(vec![usize::MAX; parts])
    }

    /// Whether a part is new to a run, which it is once.
    fn is_new(&mut self, part: usize, run: usize) -> bool {
        std::mem::replace(&mut self.0[part], run) != run
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every way to cut a row of so many things into at most so many runs.
    fn all(things: usize, most: usize) -> Vec<Runs> {
        let mut found = Vec::new();
        for cuts in 0..1_u32 << (things - 1) {
            let mut runs = Runs::new();
            let mut start = 0;
            for end in 1..=things {
                if end == things || cuts >> (end - 1) & 1 == 1 {
                    runs.push(start..end);
                    start = end;
                }
            }
            if runs.len() <= most {
                found.push(runs);
            }
        }
        found
    }

    proptest! {
        #[test]
        fn no_other_runs_have_a_lighter_heaviest(
            things in prop::collection::vec((0..9_u64, prop::collection::btree_set(0..6_usize, 0..6)), 1..8),
            weights in prop::collection::vec(0..50_u64, 6),
            most in 1..6_usize,
        ) {
            let parts: Vec<Vec<usize>> = things.iter().map(|(_, parts)| parts.iter().copied().collect()).collect();
            let things: Vec<(u64, &[usize])> =
                things.iter().zip(&parts).map(|((own, _), parts)| (*own, parts.as_slice())).collect();
            let row = Row { weights: &weights, things };
            let runs = row.cut(most, 0);
            let least = all(row.things.len(), most).iter().map(|runs| row.weight(runs).heaviest).min();
            prop_assert_eq!(Some(row.weight(&runs).heaviest), least);
            prop_assert!(runs.len() <= most);
            let covered: Vec<usize> = runs.into_iter().flatten().collect();
            prop_assert_eq!(covered, (0..row.things.len()).collect::<Vec<_>>());
        }
    }
}

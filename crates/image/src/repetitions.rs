//! Which parts several of the layers hold that are made: each is read once.

use std::collections::HashMap;
use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{Exclusions, KeyHasher, Part, Repetition};
use imgbuild_oci::Digest;

use crate::plan::{ImagePlan, PlannedLayer};

/// The parts that several of the layers hold which are made.
pub(crate) struct Repetitions(HashMap<Digest, Repetition>);

impl Repetitions {
    pub(crate) fn new<'a>(layers: impl Iterator<Item = (&'a ImagePlan, &'a Arc<PlannedLayer>)>) -> Self {
        let none = Exclusions::new();
        let mut counts: HashMap<Digest, usize> = HashMap::new();
        // The pieces of a large package are written side by side while it is read.
        for (plan, planned) in layers.filter(|(_, planned)| planned.piece.is_none()) {
            for part in planned.ingredients.iter().map(|ingredient| ingredient.part()) {
                // What is read from no archive is made as quickly as it is kept.
                if part.archive.is_some() {
                    let excluded = plan.assembly.exclusions.get(&part.id).unwrap_or(&none);
                    *counts.entry(Self::key(part, excluded)).or_default() += 1;
                }
            }
        }
        let several = counts.into_iter().filter(|(_, count)| *count > 1);
        Self(several.map(|(key, _)| (key, Repetition::default())).collect())
    }

    pub(crate) fn of(&self, part: &Part, exclusions: &Exclusions) -> Option<&Repetition> {
        if self.0.is_empty() { None } else { self.0.get(&Self::key(part, exclusions)) }
    }

    /// What the entries of a part depend on.
    fn key(part: &Part, exclusions: &Exclusions) -> Digest {
        KeyHasher::new("entries of a part")
            .field("part", part.id.as_str())
            .field("recipe", part.recipe.0.as_bytes())
            .list("excluded", exclusions.iter().map(ImagePath::as_str))
            .finish()
    }
}

//! Layers that are made when others are there already: by running something in these, or over what they hold.

use std::collections::BTreeMap;

use imgbuild_archive::ImagePath;
use imgbuild_ecosystem::Execution;
use imgbuild_fetch::Context;
use imgbuild_layer::{EntrySink, Exclusions, KeyHasher, Part, PartId, Role};
use imgbuild_python::Target;
use imgbuild_runtime::Variables;
use imgbuild_store::LayerRecord;

use crate::error::MakeError;

/// A layer that holds what a command changed, or what lies over others' files. Its part has a role that no source has, so that it stands alone.
pub(crate) trait Derived: Send + Sync {
    /// The part that it is. Its recipe covers everything that the layer depends on, known from the lock: the recipes of
    /// what it stands on as well, and not their layers' keys, because how packages are grouped changes nothing here.
    fn part(&self) -> &Part;

    /// Whether the layers of this role are there when it is made.
    fn stands_on(&self, role: Role) -> bool;

    /// What is run, for the build's report: the same whether the layer is made or comes from the store; nothing where
    /// nothing is.
    fn execution(&self) -> Option<Execution>;

    /// Runs it, and gives the entries of the layer. `below` are the layers that it stands on, the lowest first. It may
    /// block. What comes back is what was left to be shown to whoever installs; most leave nothing.
    ///
    /// # Errors
    ///
    /// When nothing can be run here, or what is run fails.
    fn write(
        &self,
        below: &[LayerRecord],
        context: &Context,
        sink: &mut dyn EntrySink,
    ) -> Result<String, MakeError>;
}

/// What a derived layer may stand on: all that an image has before it.
pub(crate) struct Foundation<'a> {
    /// The layers of the base.
    pub(crate) base: Vec<String>,
    /// The parts of the image.
    pub(crate) parts: Vec<Part>,
    /// What they leave out.
    pub(crate) exclusions: &'a BTreeMap<PartId, Exclusions>,
    /// The Pythons of the image.
    pub(crate) targets: &'a [Target],
    /// Its environment variables.
    pub(crate) variables: &'a Variables,
}

impl Foundation<'_> {
    /// Adds to a key everything that stands below a layer: the base, and the parts of some roles with what they leave out.
    pub(crate) fn key(&self, hasher: KeyHasher, stands_on: impl Fn(Role) -> bool) -> KeyHasher {
        let mut hasher = hasher.list("base", &self.base);
        for part in self.parts.iter().filter(|part| stands_on(part.role)) {
            let excluded = self.exclusions.get(&part.id).into_iter().flatten();
            hasher = hasher
                .field("part", part.id.as_str())
                .field("recipe", part.recipe.0.as_bytes())
                .list("excluded", excluded.map(ImagePath::as_str));
        }
        hasher
    }
}

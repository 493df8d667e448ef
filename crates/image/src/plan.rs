//! The layers that an image is planned to have.

use std::collections::BTreeMap;
use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_fetch::{Context, PackageArchives};
use imgbuild_layer::{Codec, Exclusions, Key, LayerError, Part, Piece, Policy, Role, layer_key};
use imgbuild_lock::{Archive, LockedVariant};
use imgbuild_oci::{Digest, Reference};
use imgbuild_spec::Variant;
use imgbuild_store::{LayerRecord, Store};

use crate::assembly::Assembly;
use crate::delivery::Format;
use crate::derived::Derived;
use crate::error::{MakeError, MakeFailure};
use crate::ingredient::Ingredient;
use crate::roles::ROLES;

/// How many times a package's archive is what it has installed, where nothing says its size: three times, as packages mostly have.
const INSTALLED_OF_ARCHIVE: u64 = 3;

/// A layer of a variant, before it is known whether the store has it.
pub(crate) struct PlannedLayer {
    pub(crate) key: Key,
    /// What is in it, for people: all its parts.
    pub(crate) title: String,
    /// The installed size of its parts in bytes.
    pub(crate) weight: u64,
    pub(crate) role: Role,
    pub(crate) ingredients: Vec<Arc<Ingredient>>,
    /// Which of several layers with these ingredients it is, where their files are cut.
    pub(crate) piece: Option<PlannedPiece>,
}

/// One of several layers with the same ingredients.
pub(crate) struct PlannedPiece {
    pub(crate) piece: Piece,
    /// The key of the layer that there would be if nothing were cut.
    pub(crate) whole: Key,
}

impl PlannedLayer {
    /// What makes it over the layers below; nothing for what comes from archives alone.
    pub(crate) fn derived(&self) -> Option<&dyn Derived> {
        match self.ingredients.as_slice() {
            [only] => only.as_derived(),
            _ => None,
        }
    }

    /// Whether it is another piece of the same.
    pub(crate) fn is_piece_with(&self, other: &Self) -> bool {
        let pieces = self.piece.as_ref().zip(other.piece.as_ref());
        pieces.is_some_and(|(one, other)| one.piece.is_of_same(&other.piece))
    }

    /// The bytes that it will have, roughly: what its archives have, which hold the same and are compressed as well, and of a piece its
    /// share of them.
    pub(crate) fn estimated_size(&self) -> u64 {
        let archives = self.archives().filter_map(|archive| archive.size).fold(0, u64::saturating_add);
        let weights = self.ingredients.iter().map(|ingredient| ingredient.part().weight);
        let parts = weights.fold(0, u64::saturating_add);
        let share = |all: u64| u128::from(all) * u128::from(self.weight) / u128::from(parts.max(1));
        match archives {
            0 => self.weight / INSTALLED_OF_ARCHIVE,
            all => u64::try_from(share(all)).unwrap_or(u64::MAX).min(self.weight),
        }
    }

    /// The archives that it is read from.
    pub(crate) fn archives(&self) -> impl Iterator<Item = &Archive> {
        self.ingredients.iter().flat_map(|ingredient| ingredient.archives())
    }
}

/// What is in a layer, for people: which piece of it, and in which environments, where these have names.
fn title<'a>(parts: impl Iterator<Item = &'a Part>, piece: Option<&Piece>) -> String {
    let piece = piece.map(|piece| format!(" ({} of {})", piece.number(), piece.count())).unwrap_or_default();
    let mut all: Vec<(&Part, Vec<&Part>)> = Vec::new();
    for part in parts {
        let is_same = |(first, _): &&mut (&Part, Vec<&Part>)| {
            part.archive.is_some() && (first.archive, &first.title) == (part.archive, &part.title)
        };
        match all.iter_mut().find(is_same) {
            Some((_, parts)) => parts.push(part),
            None => all.push((part, vec![part])),
        }
    }
    let titled = |(first, parts): &(&Part, Vec<&Part>)| {
        let is_alone = parts.len() == 1 && first.id.scope().is_none();
        if first.archive.is_none() || is_alone {
            return format!("{}{piece}", first.title);
        }
        let environments: Vec<&str> = parts.iter().map(|part| part.id.scope().unwrap_or("base")).collect();
        format!("{}{piece} in {}", first.title, environments.join(" and "))
    };
    all.iter().map(titled).collect::<Vec<_>>().join(", ")
}

/// The installed size of parts in bytes: what several environments have of one archive counts once.
fn weight<'a>(parts: impl Iterator<Item = &'a Part>) -> u64 {
    let weights: BTreeMap<_, u64> = parts.map(|part| (part.archive.ok_or(&part.id), part.weight)).collect();
    weights.values().sum()
}

/// Plans the layers of a variant and computes their keys.
///
/// # Errors
///
/// When there are more layers than the budget allows.
fn plan(assembly: &Assembly, policy: &Policy<'_>, codec: Codec) -> Result<Vec<Arc<PlannedLayer>>, MakeError> {
    let none = Exclusions::new();
    let exclusions = |part: &Part| assembly.exclusions.get(&part.id).unwrap_or(&none);
    let planned = imgbuild_layer::plan(&assembly.parts(), policy)?.into_iter().map(|plan| {
        let ingredients: Vec<_> =
            plan.parts.iter().map(|index| Arc::clone(&assembly.ingredients[*index])).collect();
        let parts = || ingredients.iter().map(|ingredient| ingredient.part());
        let keyed: Vec<_> = parts().map(|part| (part, exclusions(part))).collect();
        let key = |piece| layer_key(policy.format, &keyed, piece, &assembly.parents, codec);
        let (own, whole) = (key(plan.piece.as_ref()), plan.piece.as_ref().map(|_| key(None)));
        let title = title(parts(), plan.piece.as_ref());
        let weight = plan.piece.as_ref().map_or_else(|| weight(parts()), Piece::size);
        let piece = plan.piece.zip(whole).map(|(piece, whole)| PlannedPiece { piece, whole });
        Arc::new(PlannedLayer { key: own, title, weight, role: plan.role.role(), ingredients, piece })
    });
    Ok(planned.collect())
}

/// The layers of a variant, and what gets the archives that they are made of.
pub struct ImagePlan {
    pub(crate) assembly: Arc<Assembly>,
    pub(crate) planned: Vec<Arc<PlannedLayer>>,
    pub(crate) archives: PackageArchives,
    pub(crate) codec: Codec,
}

/// A layer as `check` shows it.
#[derive(Debug, Clone)]
pub struct LayerSummary {
    /// What is in it.
    pub title: String,
    /// The installed size of its parts in bytes.
    pub weight: u64,
    /// Whether a cache has it.
    pub present: bool,
    /// Whether it is one of an image of a registry, which has it.
    pub remote: bool,
}

impl ImagePlan {
    /// The plan of an assembly, with what gets its archives.
    ///
    /// # Errors
    ///
    /// When there are more layers than the budget allows.
    pub(crate) fn of_assembly(
        assembly: Assembly,
        locked: &LockedVariant<'_>,
        variant: &Variant,
        format: Format,
        archives: impl FnOnce() -> Result<PackageArchives, MakeError>,
    ) -> Result<Self, MakeError> {
        let budget = variant.layers.budget.get().into();
        let reserved = assembly.base.layers();
        let imgbuild_lock::Variant { threshold, cuts, .. } = locked.variant;
        let policy =
            Policy { format: locked.format, budget, reserved, threshold: *threshold, cuts, roles: &ROLES };
        let codec = format.codec(variant);
        let planned = plan(&assembly, &policy, codec)?;
        Ok(Self { assembly: Arc::new(assembly), planned, archives: archives()?, codec })
    }

    /// The layers that one that is derived stands on, of those that are there.
    pub(crate) fn below(
        &self,
        planned: &PlannedLayer,
        found: &BTreeMap<Key, (LayerRecord, bool)>,
    ) -> Vec<LayerRecord> {
        let Some(derived) = planned.derived() else { return Vec::new() };
        let before = self.planned.iter().take_while(|it| it.key != planned.key);
        let below = before.filter(|it| derived.stands_on(it.role));
        let below = below.filter_map(|it| found.get(&it.key)).map(|(record, _)| record.clone());
        self.assembly.base.records().into_iter().chain(below).collect()
    }

    /// The keys of the layers that are made, from the first to the last.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.planned.iter().map(|planned| planned.key)
    }

    /// The parts that write a path, for people: more than one where a folder is shared.
    ///
    /// # Errors
    ///
    /// When an archive cannot be read.
    pub fn writers(&self, path: &ImagePath) -> Result<Vec<String>, MakeError> {
        let mut found = Vec::new();
        for ingredient in &self.assembly.ingredients {
            let Some(source) = ingredient.as_source() else { continue };
            let unread = |error| LayerError::Part { part: source.part().id.clone(), error };
            let claims = source.claims().map_err(|error| MakeFailure::Layer(Box::new(unread(error))))?;
            if claims.iter().any(|claim| claim.path == *path) {
                found.push(source.part().title.clone());
            }
        }
        Ok(found)
    }

    /// Keeps what it stands on in the store: an image that is there may be gone when it is needed.
    ///
    /// # Errors
    ///
    /// When that cannot be read or written.
    pub fn keep_base(&self, store: &Store) -> Result<(), MakeError> {
        Ok(self.assembly.base.keep(store)?)
    }

    /// The image of a registry that it stands on, and the digests of its layers.
    pub fn base_in_registry(&self) -> Option<(Reference, Vec<Digest>)> {
        let base = &self.assembly.base;
        let layers = base.records().into_iter().map(|record| record.descriptor.digest).collect();
        Some((base.repository()?.clone(), layers))
    }

    /// Its layers, and which of them are there.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn layers(&self, context: &Context) -> Result<Vec<LayerSummary>, MakeError> {
        let remote = self.assembly.base.repository().is_some();
        let mut layers = Vec::new();
        for (title, it) in self.assembly.base.titled_records() {
            let present = !remote || context.store.blob(&it.descriptor.digest)?.is_some();
            layers.push(LayerSummary { title, weight: it.size, present, remote });
        }
        for planned in &self.planned {
            let present = context.layers.layer(&planned.key)?.is_some();
            let (title, weight) = (planned.title.clone(), planned.weight);
            layers.push(LayerSummary { title, weight, present, remote: false });
        }
        Ok(layers)
    }
}

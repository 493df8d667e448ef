//! The layers that a variant is planned to have.

use std::path::Path;
use std::sync::Arc;

use imgbuild_copies::Copies;
use imgbuild_fetch::Context;
use imgbuild_layer::Policy;
use imgbuild_lock::Lock;
use imgbuild_spec::Variant;
use imgbuild_store::Store;

use crate::assembly::{Assembly, Extras};
use crate::delivery::Format;
use crate::error::MakeError;
use crate::layers::{ImagePlan, plan};
use crate::roles::ROLES;
use crate::wheel_frontend::archives;

/// A layer as `check` shows it.
#[derive(Debug, Clone)]
pub struct LayerSummary {
    /// What is in it.
    pub title: String,
    /// The installed size of its parts in bytes.
    pub weight: u64,
    /// Whether the store has it.
    pub present: bool,
}

impl ImagePlan {
    /// The plan of a variant of a lock, whose text is in the image. `folder` is that of the spec.
    ///
    /// # Errors
    ///
    /// When the lock is damaged, or what is copied cannot be read.
    pub fn new(
        (lock, lock_text): (&Lock, &str),
        index: usize,
        variant: &Variant,
        folder: &Path,
        format: Format,
        context: &Context,
    ) -> Result<Self, MakeError> {
        let locked = lock.variant(index)?;
        let copies = Copies::read(folder, &variant.copy, locked.variant.timestamp)?;
        let assembly = Assembly::new(&locked, variant, Some(Extras { lock_text, copies }), context)?;
        let budget = variant.layers.budget.get().into();
        let reserved = assembly.base.layers();
        let policy = Policy { budget, reserved, threshold: locked.variant.threshold, roles: &ROLES };
        let codec = format.codec(variant);
        let planned = plan(&assembly, &policy, codec)?;
        Ok(Self {
            assembly: Arc::new(assembly),
            planned,
            archives: archives(lock, &locked, variant, context)?,
            codec,
        })
    }

    /// Keeps what it stands on in the store: an image that is there may be gone when it is needed.
    ///
    /// # Errors
    ///
    /// When that cannot be read or written.
    pub fn keep_base(&self, store: &Store) -> Result<(), MakeError> {
        Ok(self.assembly.base.keep(store)?)
    }

    /// Its layers, and which of them are there.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn layers(&self, context: &Context) -> Result<Vec<LayerSummary>, MakeError> {
        let below = self.assembly.base.titled_records().into_iter();
        let below = below.map(|(title, it)| LayerSummary { title, weight: it.size, present: true });
        let mut layers: Vec<LayerSummary> = below.collect();
        for planned in &self.planned {
            let present = context.layers.layer(&planned.key)?.is_some();
            layers.push(LayerSummary { title: planned.title.clone(), weight: planned.weight, present });
        }
        Ok(layers)
    }
}

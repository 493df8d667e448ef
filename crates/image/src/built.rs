//! An image that was built, and what is to be said of it.

use imgbuild_base::Base;
use imgbuild_ecosystem::Execution;
use imgbuild_lock::{ExcludedPath, LockedVariant};
use imgbuild_oci::{Digest, Image, Platform, Reference};
use imgbuild_runtime::{BaseStart, opened_by};
use imgbuild_spec::Variant;
use imgbuild_store::Store;

use crate::assembly::Assembly;
use crate::built_layer::BuiltLayer;
use crate::checks::Checked;
use crate::cuda_libraries::{CudaDuplicate, cuda_duplicates, cuda_stubs};
use crate::error::MakeError;
use crate::image;
use crate::plan::ImagePlan;
use crate::variant_name::variant_name;

/// One image that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// How messages call the variant.
    pub name: String,
    /// The platform.
    pub platform: Platform,
    /// The image.
    pub image: Image,
    /// Its layers, the first first.
    pub layers: Vec<BuiltLayer>,
    /// The activation scripts that need the entrypoint or a login shell, with their packages.
    pub dynamic: Vec<(String, String)>,
    /// The paths that two packages hold, and who has them: loser, path, winner.
    pub excluded: Vec<(String, String, String)>,
    /// The libraries of CUDA that it has more than once.
    pub cuda_duplicates: Vec<CudaDuplicate>,
    /// The wheels that have the name of a library of CUDA, and hold nothing.
    pub cuda_stubs: Vec<String>,
    /// What was run in the sandbox to make its layers, in its order: now, or when they were made.
    pub executions: Vec<Execution>,
    /// What its packages want to be shown to whoever installs them.
    pub messages: Vec<String>,
    /// What became of its checks.
    pub checks: Vec<Checked>,
    /// Whether what it starts is process 1 itself, because the image that it stands on has nothing that reaps and
    /// forwards signals.
    pub no_init: bool,
    /// The image of a registry that it stands on, whose layers need not be in the store.
    pub base: Option<Reference>,
    /// Whether Jupyter of it has no token, because a platform authenticates before it.
    pub is_open: bool,
    /// The manifest of the image that its first tag stood for until this build.
    pub previous: Option<Digest>,
}

impl Built {
    /// Assembles the image of a plan, whose layers are made; `lock` is the digest of the lock's text.
    ///
    /// # Errors
    ///
    /// When the layers do not fit together.
    pub fn new(
        plan: &ImagePlan,
        layers: Vec<BuiltLayer>,
        locked: &LockedVariant<'_>,
        variant: &Variant,
        lock: Digest,
    ) -> Result<Self, MakeError> {
        let Assembly { base, variables, own, .. } = &*plan.assembly;
        let start = base.start(environment_init(locked));
        let parts = image::Parts { variant, variables, base, start: &start, own: *own, lock };
        let image = image::assemble(locked.variant.timestamp, &parts, &layers)?;
        let below = base.titled_records().into_iter().map(BuiltLayer::of_base);
        let layers: Vec<BuiltLayer> = below.chain(layers).collect();
        let said = layers.iter().map(|layer| &layer.record.messages).filter(|text| !text.is_empty());
        let shown = |it: &ExcludedPath| (it.part.to_string(), it.path.to_string(), it.winner.to_string());
        Ok(Self {
            name: variant_name(variant),
            platform: variant.platform,
            image,
            messages: said.cloned().collect(),
            layers,
            dynamic: variables.dynamic.clone(),
            excluded: plan.assembly.excluded.iter().map(shown).collect(),
            cuda_duplicates: cuda_duplicates(locked),
            cuda_stubs: cuda_stubs(locked),
            executions: executions(&plan.assembly),
            checks: Vec::new(),
            no_init: lacks_init(variant, base, &start),
            base: base.repository().cloned(),
            is_open: variant.jupyter.as_ref().is_some_and(|it| opened_by(it.profile).is_some()),
            previous: None,
        })
    }

    /// The same, with what its first tag stands for in the store until now.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn after_previous(self, variant: &Variant, store: &Store) -> Result<Self, MakeError> {
        let Some(tag) = variant.tags.first() else { return Ok(self) };
        let record = store.image(&Reference::new(&variant.name, tag), variant.platform)?;
        Ok(Self { previous: record.map(|record| record.manifest.digest), ..self })
    }

    /// Keeps in the store what the image's names stand for. The layers that the store lacks are in these repositories.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn remember(
        &self,
        variant: &Variant,
        store: &Store,
        repositories: &[String],
    ) -> Result<(), MakeError> {
        let (manifest, config) = (self.image.manifest(), self.image.config());
        let base = self.base.iter().map(ToString::to_string);
        let repositories: Vec<String> = repositories.iter().cloned().chain(base).collect();
        for tag in &variant.tags {
            let reference = Reference::new(&variant.name, tag);
            store.put_image(&reference, variant.platform, manifest, config, &repositories)?;
        }
        Ok(())
    }
}

/// What was run to make an image: what its layers are derived by, and what was run to have its packages.
fn executions(assembly: &Assembly) -> Vec<Execution> {
    let derived = assembly.ingredients.iter().filter_map(|it| it.as_derived()?.execution());
    derived.chain(assembly.executions.iter().cloned()).collect()
}

/// The `tini` of a variant's environment.
fn environment_init(locked: &LockedVariant<'_>) -> Option<String> {
    let conda = locked.conda.as_ref()?;
    let init = conda.packages.iter().find(|package| package.name() == "tini");
    init.map(|_| format!("{}/bin/tini", conda.set.prefix))
}

/// Whether an image that is there starts something as process 1 that is no init.
fn lacks_init(variant: &Variant, base: &Base, BaseStart { start, init, .. }: &BaseStart) -> bool {
    let is_own = start.entrypoint.is_empty() && variant.image.entrypoint.is_none();
    base.image().is_some() && init.is_none() && is_own
}

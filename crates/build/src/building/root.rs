//! The image that wheels are built in: all of it but its wheels.

use std::path::PathBuf;
use std::sync::Arc;

use layer::Policy;
use lock::Lock;
use runtime::Variables;
use sandbox::Machine;
use spec::Variant;
use store::LayerRecord;

use crate::assembly::Assembly;
use crate::delivery::Format;
use crate::foundation::Foundation;
use crate::layers::{Work, make, plan};
use crate::package_archives::PackageArchives;
use crate::pipeline::codec;
use crate::wheels::ImagePython;
use crate::{BuildError, Context, NamedLayer, unpacked_layers};

/// The image without its wheels, unpacked.
pub(super) struct Root {
    /// What runs it.
    pub(super) machine: Machine,
    /// The folders of its layers, the lowest first.
    pub(super) layers: Vec<PathBuf>,
    /// Its environment variables.
    pub(super) variables: Variables,
    /// Its Python.
    pub(super) python: ImagePython,
}

impl Root {
    /// Makes the layers of the only variant of `lock`, which has no wheels, and unpacks them. Those that the image itself will
    /// have are made only once.
    ///
    /// # Errors
    ///
    /// When a layer cannot be made or unpacked, or the variant has no Python.
    pub(super) async fn make(
        lock: &Lock,
        variant: &Variant,
        machine: Machine,
        context: &Context,
    ) -> Result<Self, BuildError> {
        let locked = lock.variant(0)?;
        let mut assembly = Assembly::new(&locked, variant, None, context)?;
        let python = assembly.python.take().ok_or(BuildError::NoPython)?;
        let variables = assembly.variables.clone();
        let below = assembly.foundation.as_ref().map(Foundation::records).unwrap_or_default();
        if let Some(foundation) = &assembly.foundation {
            foundation.keep(&context.store)?;
        }
        let policy = Policy {
            budget: variant.layers.budget.get().into(),
            reserved: assembly.foundation.as_ref().map_or(0, Foundation::layers),
            threshold: locked.variant.threshold,
        };
        let codec = codec(variant, Format::Oci);
        let planned = plan(&assembly, &policy, codec)?.into();
        let work = Work {
            assembly: Arc::new(assembly),
            planned,
            archives: PackageArchives::new(variant, context)?,
            codec,
        };
        let finished = make(&[work], context).await?.into_iter().flatten().map(|layer| layer.record);
        let named = |LayerRecord { descriptor, diff_id, .. }| NamedLayer { descriptor, diff_id };
        let layers: Vec<NamedLayer> = below.into_iter().chain(finished).map(named).collect();
        let (store, own) = (context.store.clone(), machine.clone());
        let unpack = move || unpacked_layers(&store, &own, &store, &layers);
        let layers = tokio::task::spawn_blocking(unpack).await??;
        Ok(Self { machine, layers, variables, python })
    }
}

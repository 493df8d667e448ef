//! Which repositories have the layers that the store lacks.

use imgbuild_fetch::Context;
use imgbuild_oci::{BlobError, Descriptor, Reference, WriteError};

use crate::asking::answers;
use crate::error::DistributionError;

/// Asks repositories for layers of which the store lacks some: each of these is read from the first that has it from then on. Gives
/// which have which.
///
/// # Errors
///
/// When nobody has one, or the store cannot be read.
pub async fn holders(
    layers: &[Descriptor],
    repositories: &[Reference],
    context: &Context,
) -> Result<Vec<(Reference, Vec<Descriptor>)>, DistributionError> {
    let mut wanted = Vec::new();
    for layer in layers {
        if context.store.blob(&layer.digest)?.is_none() {
            wanted.push(layer.clone());
        }
    }
    let mut found = Vec::new();
    let mut failure = None;
    for reference in repositories {
        if wanted.is_empty() {
            break;
        }
        match held(reference, &wanted, context).await {
            Ok(held) => {
                wanted.retain(|layer| !held.contains(layer));
                context.know_blobs(reference, held.iter().map(|layer| (layer.digest, layer.size)))?;
                found.push((reference.clone(), held));
            }
            // Another one may have them.
            Err(error) => failure = Some(error),
        }
    }
    match wanted.first() {
        None => Ok(found),
        Some(lost) => {
            let absent = || WriteError::Blob(BlobError::Absent(lost.digest)).into();
            Err(failure.unwrap_or_else(absent))
        }
    }
}

/// Which of these layers a repository has.
async fn held(
    reference: &Reference,
    wanted: &[Descriptor],
    context: &Context,
) -> Result<Vec<Descriptor>, DistributionError> {
    let remote = &context.registries()?.open(reference).await?;
    let asked = wanted.iter().map(|layer| async move {
        let is_there = remote.has_blob(&layer.digest).await?;
        Ok::<_, DistributionError>(is_there.then(|| layer.clone()))
    });
    Ok(answers(asked).await?.into_iter().flatten().collect())
}

//! Who must have signed the image of a registry that a variant stands on.

use imgbuild_distribution::{DistributionError, attested};
use imgbuild_fetch::Context;
use imgbuild_oci::Digest;
use imgbuild_signature::VerifyingKey;
use imgbuild_spec::{Keyring, RegistryImage};
use miette::Diagnostic;

use crate::error::LockFailure;

/// Checks that the key that the spec names has signed an image, or the list that it is in.
///
/// # Errors
///
/// When it has not, the key is none, or the registry cannot be asked.
pub(crate) async fn check_signed(
    image: &RegistryImage,
    list: Option<&Digest>,
    manifest: &Digest,
    context: &Context,
) -> Result<(), LockFailure> {
    let Some(named) = &image.verify else { return Ok(()) };
    let key = key(named)?;
    let name = image.reference.to_string();
    let failed = |error: Box<dyn Diagnostic + Send + Sync>| LockFailure::Unsigned {
        base: name.clone(),
        error,
        asked: vec![named.origin.snippet("who must have signed it", "this key")],
    };
    let asked = async {
        // As lists of tags, what refers to an image is asked for where it is, and at no mirror.
        let remote = context.registries()?.open_for_listing(&image.reference).await?;
        let mut said = attested(&remote, manifest, Some(&key)).await?;
        if let Some(list) = list {
            said.and_of_list(attested(&remote, list, Some(&key)).await?);
        }
        Ok::<_, DistributionError>(said)
    };
    let said = asked.await.map_err(|error| failed(Box::new(error)))?;
    said.is_signed(&name, list.unwrap_or(manifest), &key).map_err(|error| failed(Box::new(error)))
}

fn key(named: &Keyring) -> Result<VerifyingKey, LockFailure> {
    let failed = |error: Box<dyn Diagnostic + Send + Sync>| LockFailure::Key {
        path: named.path.clone(),
        error,
        asked: vec![named.origin.snippet("it was asked for here", "this key")],
    };
    let bytes = imgbuild_folder::read_regular(&named.path);
    let bytes = bytes.map_err(|error| failed(imgbuild_diagnostic::plain(error)))?;
    VerifyingKey::from_pem(&String::from_utf8_lossy(&bytes)).map_err(|error| failed(Box::new(error)))
}

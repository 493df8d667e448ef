//! `imgbuild sbom`.

use std::path::Path;

use imgbuild_distribution::{Description, describe};
use imgbuild_image::{archives_sha512, image_facts, image_lock, lock_facts, whole_inventory};
use imgbuild_inventory::Inventory;
use imgbuild_locking::spec_inventory;
use imgbuild_oci::{Digest, Reference};
use imgbuild_sbom::{Completeness, Format, ImageFacts, document};
use imgbuild_signature::SigningKey;
use imgbuild_store::Store;

use super::export::write;
use super::opening::{Looked, in_background, open, open_there};
use super::why::{is_spec, of_each};
use super::{context, in_registry, print, print_data, store};
use crate::arguments::Global;
use crate::failure::{Failure, Plain};
use crate::judging_arguments::SbomArguments;
use crate::keys::KeyPlace;
use crate::progress::reporter;

/// Why a spec has no bill of materials.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum SbomFailure {
    /// It lies beside an image of a registry.
    #[error("`{0}` is no image of a registry, beside which it could be attached")]
    #[diagnostic(help("push it first, and name it as it is there: HOST/NAME:TAG"))]
    NoRegistry(String),
    /// A bill is of one image.
    #[error("the spec `{spec}` has {} images for this platform", names.len())]
    #[diagnostic(help("build it, and name one of its images, as `NAME:TAG`: it has {}", names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")))]
    Several { spec: String, names: Vec<String> },
}

/// The packages of a spec's lock, and what is known of the image that is made of it.
fn of_spec(path: &Path, arguments: &SbomArguments) -> Result<(Inventory, ImageFacts), Failure> {
    let mut all = of_each(path, arguments.image.platform, |locked, variant, lock| {
        Ok((spec_inventory(locked, variant), lock_facts(locked, variant, lock)?))
    })?;
    match all.pop() {
        Some((None, one)) => Ok(one),
        last => {
            let names = all.into_iter().chain(last).filter_map(|(name, _)| name).collect();
            Err(SbomFailure::Several { spec: path.display().to_string(), names }.into())
        }
    }
}

pub(crate) async fn run(arguments: &SbomArguments, global: &Global) -> Result<(), Failure> {
    let reference = in_registry(&arguments.image.image);
    if arguments.attach && reference.is_none() {
        return Err(SbomFailure::NoRegistry(arguments.image.image.clone()).into());
    }
    let key = arguments.sign_key.as_ref().map(KeyPlace::signing_key).transpose()?;
    let path = Path::new(&arguments.image.image);
    let of_spec = if is_spec(&arguments.image.image) { Some(of_spec(path, arguments)?) } else { None };
    let (format, is_strong) = (arguments.format.into(), arguments.sha512);
    let written = move |inventory: &Inventory, mut facts: ImageFacts, store: &Store| -> Result<_, Failure> {
        if is_strong {
            facts.sha512 = archives_sha512(inventory, store)?;
        }
        Ok(document(format, inventory, &facts).map_err(Plain::from)?)
    };
    let (mut bytes, image) = match of_spec {
        Some((inventory, facts)) => {
            let store = store()?;
            (in_background(move || written(&inventory, facts, &store)).await?, None)
        }
        None => {
            let Looked { opened, store } = match reference.as_ref().filter(|_| arguments.attach) {
                Some(reference) => open_there(reference, &arguments.image, global).await?,
                None => open(&arguments.image, global).await?,
            };
            let (called, image) = (arguments.image.image.clone(), opened.digest);
            let work = move || {
                let inventory = whole_inventory(&opened, &store)?;
                let lock = image_lock(&opened, &store)?;
                let is_whole = match &lock {
                    Some(lock) => lock.locked()?.variant.existing().is_none(),
                    None => false,
                };
                let completeness = if is_whole { Completeness::Complete } else { Completeness::Unknown };
                written(&inventory, image_facts(&opened, &called, completeness)?, &store)
            };
            (in_background(work).await?, Some(image))
        }
    };
    if let (Some(reference), Some(image), true) = (&reference, image, arguments.attach) {
        attach(reference, &image, (arguments.format.into(), &bytes), key.as_ref(), global).await?;
        if arguments.output.is_none() {
            return print(&format!("attached to {reference}, {image}\n"));
        }
    }
    bytes.push(b'\n');
    let text = String::from_utf8_lossy(&bytes);
    match &arguments.output {
        Some(path) => write(path, &text).map_err(|error| {
            let file = path.display().to_string();
            Plain::Write { file, error }.into()
        }),
        None => print_data(&text),
    }
}

/// Puts a document beside its image.
async fn attach(
    reference: &Reference,
    image: &Digest,
    (format, bytes): (Format, &[u8]),
    key: Option<&SigningKey>,
    global: &Global,
) -> Result<(), Failure> {
    let context = context(Path::new(""), false, reporter(global))?;
    // What an artifact is has no parameters.
    let media_type = format.media_type().split(';').next().unwrap_or_default();
    let description = Description { media_type, predicate_type: format.predicate_type(), bytes };
    Ok(describe(reference, image, description, key, &context).await?)
}

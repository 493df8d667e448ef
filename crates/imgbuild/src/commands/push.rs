//! `imgbuild push`.

use std::path::Path;
use std::sync::Arc;

use imgbuild_build::{chosen, pushed_groups};
use imgbuild_distribution::{
    Destination, DistributionError, Publication, Published, Publishing, ReadFrom, elsewhere, holders,
    missing, pushable, pushable_of, remote_image,
};
use imgbuild_fetch::Context;
use imgbuild_image::{MakeError, image_records, is_layout, within_file};
use imgbuild_oci::layout::Sparse;
use imgbuild_oci::{Descriptor, Platform, Reference};
use imgbuild_registry::{Home, Pushable};
use imgbuild_spec::{Spec, Variant};

use super::{complete, context, in_registry, print, print_json};
use crate::arguments::Global;
use crate::failure::{Failure, Plain};
use crate::output::say;
use crate::progress::reporter;
use crate::pushing;
use crate::registry_arguments::PushArguments;
use crate::shown::cleaned;

pub(crate) async fn run(arguments: &PushArguments, global: &Global) -> Result<(), Failure> {
    let path = Path::new(&arguments.image);
    if arguments.complete {
        return complete::run(arguments, global).await;
    }
    let context = context(path, false, reporter(global))?;
    let platform_tags = arguments.tags.platform_tags;
    if platform_tags && !is_spec(path) {
        return Err(Plain::NoSpecOfPlatforms(arguments.image.clone()).into());
    }
    let publishing = arguments.rules.publishing(&arguments.targets, platform_tags)?;
    let platforms = match arguments.platform.as_slice() {
        [] => Platform::ALL.to_vec(),
        some => some.to_vec(),
    };
    let stored = stored(arguments, &platforms, &context)?;
    let mut all = if is_spec(path) {
        of_spec(path, arguments, &publishing, &context)?
    } else {
        let image = match stored {
            Some((path, named)) => {
                pushable(path, named, arguments.platform.first().copied().unwrap_or(context.host))?
            }
            None => of_image(arguments, &platforms, publishing.read_from(), &context).await?,
        };
        let destinations = destinations(&publishing, &image)?;
        vec![(image, destinations)]
    };
    let lacking = match elsewhere(stored.map_or(path, |(path, _)| path))? {
        Some(sparse) => {
            let blobs = Arc::new(context.layers.clone());
            all = all.into_iter().map(|(it, to)| (it.reading_from(blobs.clone()), to)).collect();
            vec![Lacking::of_sparse(&sparse)]
        }
        None if stored.is_some() => Vec::new(),
        None => Lacking::of_built(&arguments.image, &platforms, &context)?,
    };
    for lacking in &lacking {
        for (repository, layers) in holders(&lacking.layers, &lacking.repositories, &context).await? {
            let homes = layers.iter().map(|layer| (layer.digest, Home::named(&repository)));
            for (image, _) in &mut all {
                homes.clone().for_each(|(digest, home)| image.homes.entry(digest).or_default().push(home));
            }
        }
    }
    let published = push(&publishing, &all, &context).await?;
    report(&published, arguments.json, arguments.rules.dry_run, global)
}

/// Layers that are not here, and the repositories that have them: they are mounted from there in the same registry, and got for
/// another one.
struct Lacking {
    layers: Vec<Descriptor>,
    repositories: Vec<Reference>,
}

impl Lacking {
    fn of_sparse(sparse: &Sparse) -> Self {
        Self { layers: sparse.layers.clone(), repositories: references(&sparse.repositories) }
    }

    /// Those of the images that a name, a digest or a spec means.
    fn of_built(image: &str, platforms: &[Platform], context: &Context) -> Result<Vec<Self>, Failure> {
        let mut all = Vec::new();
        for record in image_records(image, platforms, &context.store)? {
            let layers = missing(&record, &context.store)?;
            all.push(Self { layers, repositories: references(&record.repositories) });
        }
        Ok(all)
    }
}

/// They were written here.
fn references(texts: &[String]) -> Vec<Reference> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// Pushes images to their destinations.
pub(super) async fn push(
    publishing: &Publishing,
    all: &[(Pushable, Vec<Destination>)],
    context: &Context,
) -> Result<Vec<Published>, Failure> {
    let registries = context.registries().map_err(DistributionError::from)?;
    let publication = Publication::of_images(publishing, all, &registries, &context.reporter).await?;
    let mut published = Vec::new();
    for (image, destinations) in all {
        published.extend(publication.push(image, destinations, &[]).await?);
    }
    Ok(published)
}

/// Says what was pushed.
pub(super) fn report(
    published: &[Published],
    json: bool,
    dry_run: bool,
    global: &Global,
) -> Result<(), Failure> {
    if json {
        return print_json(&serde_json::json!({
            "pushed": published.iter().map(pushing::as_json).collect::<Vec<_>>(),
            "dryRun": dry_run,
        }));
    }
    if !global.quiet {
        say(&cleaned(pushing::summary(published, None, dry_run).trim_start()));
    }
    let references = published.iter().flat_map(pushing::references);
    print(&references.map(|reference| format!("{reference}\n")).collect::<String>())
}

pub(super) fn is_spec(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml") && path.is_file()
}

/// The images that a spec was built into.
fn of_spec(
    path: &Path,
    arguments: &PushArguments,
    publishing: &Publishing,
    context: &Context,
) -> Result<Vec<(Pushable, Vec<Destination>)>, Failure> {
    let variants = Spec::load(path)?.variants(context.host)?;
    let only = arguments.only.iter().cloned().collect();
    let chosen = chosen(&variants, &only, &arguments.platform)?;
    let variants: Vec<Variant> = chosen.into_iter().map(|index| variants[index].clone()).collect();
    let groups = pushed_groups(&variants, publishing.platform_tags);
    let firsts: Vec<&Variant> = groups.iter().map(|group| &variants[group[0]]).collect();
    let destinations = publishing.destinations(&firsts).map_err(DistributionError::from)?;
    let mut all = Vec::new();
    for (group, destinations) in groups.iter().zip(destinations) {
        let manifests = group.iter().map(|index| manifest(path, &variants[*index], context));
        let manifests: Vec<Descriptor> = manifests.collect::<Result<_, _>>()?;
        let image = pushable_of(&manifests, Vec::new(), Arc::new(context.layers.clone()))?;
        all.push((image, destinations));
    }
    Ok(all)
}

/// The manifest of what a variant was built into.
fn manifest(path: &Path, variant: &Variant, context: &Context) -> Result<Descriptor, Failure> {
    let names = variant.tags.first().map(|tag| Reference::new(&variant.name, tag));
    let reference = names.map(|it| it.to_string()).unwrap_or_default();
    let found = image_records(&reference, &[variant.platform], &context.store)?;
    match found.into_iter().next() {
        Some(record) => Ok(record.manifest),
        None => {
            Err(MakeError::from(imgbuild_image::OpenFailure::NotBuilt { spec: path.to_owned(), reference })
                .into())
        }
    }
}

/// The file or the folder that an image is in, and what it is called there, where that is said.
fn stored<'a>(
    arguments: &'a PushArguments,
    platforms: &[Platform],
    context: &Context,
) -> Result<Option<(&'a Path, Option<&'a str>)>, Failure> {
    let (path, named) = (Path::new(&arguments.image), arguments.named.as_deref());
    if is_spec(path) {
        return Ok(None);
    }
    if path.is_file() || is_layout(path) {
        return Ok(Some((path, named)));
    }
    match within_file(&arguments.image) {
        Some((path, name)) if image_records(&arguments.image, platforms, &context.store)?.is_empty() => {
            Ok(Some((path, named.or(Some(name)))))
        }
        _ => Ok(None),
    }
}

/// An image that was built, or one of a registry.
async fn of_image(
    arguments: &PushArguments,
    platforms: &[Platform],
    from: ReadFrom,
    context: &Context,
) -> Result<Pushable, Failure> {
    let records = image_records(&arguments.image, platforms, &context.store)?;
    let manifests: Vec<Descriptor> = records.into_iter().map(|record| record.manifest).collect();
    if let Some(reference) = in_registry(&arguments.image).filter(|_| manifests.is_empty()) {
        return Ok(remote_image(&reference, arguments.platform.first().copied(), from, context).await?.1);
    }
    if manifests.is_empty() {
        return Err(imgbuild_image::not_found(&arguments.image, &context.layers).into());
    }
    let reference: Option<Reference> = arguments.image.parse().ok();
    let tags = reference.iter().filter_map(|it| it.tag()).map(ToString::to_string).collect();
    Ok(pushable_of(&manifests, tags, Arc::new(context.layers.clone()))?)
}

/// Where an image goes whose spec is not known: under its own tags where a target has none.
pub(super) fn destinations(publishing: &Publishing, image: &Pushable) -> Result<Vec<Destination>, Failure> {
    let own = || image.tags.iter().filter_map(|tag| tag.parse().ok());
    let destination = |target: &imgbuild_distribution::PushTarget| {
        let repository = target.plain(None).map_err(DistributionError::from)?;
        let tags = match repository.tag() {
            Some(tag) => vec![tag.clone()],
            None => own().collect(),
        };
        Ok(Destination { repository, tags })
    };
    let all = publishing.targets.iter().map(destination).collect::<Result<Vec<_>, Failure>>()?;
    Ok(Destination::merged(all))
}

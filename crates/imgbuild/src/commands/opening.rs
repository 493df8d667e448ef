//! Opening the image that a person means, to look at it.

use imgbuild_distribution::{ReadFrom, open_remote};
use imgbuild_image::{MakeError, Opened, image_records, open_image};
use imgbuild_oci::{Platform, Reference};
use imgbuild_store::{LayerCaches, Store};

use super::{context, host, in_registry, is_local, make_local, store};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::inspect_arguments::ImageArguments;

/// An image that is looked at, and where what is read of it is kept.
pub(crate) struct Looked {
    pub(crate) opened: Opened,
    pub(crate) store: Store,
}

/// Opens an image where it is: of one in a registry only what is asked for comes here.
pub(crate) async fn open(arguments: &ImageArguments, global: &Global) -> Result<Looked, Failure> {
    open_named(&arguments.image, platform_of(arguments)?, global).await
}

/// Opens what a registry has under a name, because something is put beside it there: a mirror, or this machine, may have another one.
pub(crate) async fn open_there(
    reference: &Reference,
    arguments: &ImageArguments,
    global: &Global,
) -> Result<Looked, Failure> {
    let context = context(std::path::Path::new(""), false, crate::progress::reporter(global))?;
    let image = open_remote(reference, platform_of(arguments)?, ReadFrom::Registry, &context).await?;
    Ok(Looked { opened: Opened::of_stored(image)?, store: store()? })
}

fn platform_of(arguments: &ImageArguments) -> Result<Platform, Failure> {
    arguments.platform.map_or_else(host, Ok)
}

/// The same of an image by what it is called.
pub(crate) async fn open_named(image: &str, platform: Platform, global: &Global) -> Result<Looked, Failure> {
    let store = store()?;
    if !is_local(image, platform, &store)? {
        let is_here = !image_records(image, &[platform], &store)?.is_empty();
        if let Some(reference) = in_registry(image).filter(|_| !is_here) {
            let context = context(std::path::Path::new(""), false, crate::progress::reporter(global))?;
            let opened = open_remote(&reference, platform, ReadFrom::Mirrors, &context).await?;
            let opened = Opened::of_stored(opened)?;
            return Ok(Looked { opened, store });
        }
        make_local(image, platform, global).await?;
    }
    let image = image.to_owned();
    let blocking = move || -> Result<Looked, Failure> {
        let opened = open_image(&image, platform, &LayerCaches::new(store.clone()))?;
        Ok(Looked { opened, store })
    };
    in_background(blocking).await
}

/// Runs what blocks a thread: whoever reads layers does not wait for futures.
pub(crate) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(MakeError::from)?
}

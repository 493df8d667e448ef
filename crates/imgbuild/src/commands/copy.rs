//! `imgbuild copy`.

use std::path::Path;

use imgbuild_distribution::remote_image;

use super::context;
use super::push::{destinations, push, report};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::progress::reporter;
use crate::registry_arguments::CopyArguments;

pub(crate) async fn run(arguments: &CopyArguments, global: &Global) -> Result<(), Failure> {
    let context = context(Path::new(""), false, reporter(global))?;
    let publishing = arguments.rules.publishing(&arguments.targets, false)?;
    let from = publishing.read_from();
    let (_, image) = remote_image(&arguments.from, arguments.platform, from, &context).await?;
    let destinations = destinations(&publishing, &image)?;
    let published = push(&publishing, &[(image, destinations)], &context).await?;
    report(&published, arguments.json, arguments.rules.dry_run, global)
}

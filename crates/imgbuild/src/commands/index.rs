//! `imgbuild index`.

use std::path::Path;
use std::sync::Arc;

use imgbuild_distribution::{Destination, Publishing, joined};
use imgbuild_fetch::Silent;

use super::context;
use super::push::{push, report};
use crate::arguments::Global;
use crate::failure::{Failure, Plain};
use crate::keys::KeyPlace;
use crate::registry_arguments::IndexCommand;

pub(crate) async fn run(command: &IndexCommand, global: &Global) -> Result<(), Failure> {
    let IndexCommand::Create { target, images, sign_key, json } = command;
    let key = sign_key.as_ref().map(KeyPlace::signing_key).transpose()?;
    let publishing = Publishing { key, ..Publishing::default() };
    let context = context(Path::new(""), false, Arc::new(Silent))?;
    let tag = target.tag().cloned().ok_or_else(|| Plain::NoTag(target.to_string()))?;
    let image = joined(images, publishing.read_from(), &context).await?;
    let destination = Destination { repository: target.clone(), tags: vec![tag] };
    let published = push(&publishing, &[(image, vec![destination])], &context).await?;
    report(&published, *json, false, global)
}

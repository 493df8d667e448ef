//! `imgbuild tags`.

use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use imgbuild_distribution::DistributionError;
use imgbuild_fetch::Silent;
use imgbuild_registry::RegistryError;
use serde_json::json;

use super::{context, print, print_json};
use crate::failure::{Failure, Plain};
use crate::registry_arguments::TagsArguments;

/// How many tags are asked for their digests at once.
const AT_ONCE: usize = 4;

pub(crate) async fn run(arguments: &TagsArguments) -> Result<(), Failure> {
    let context = context(Path::new(""), false, Arc::new(Silent))?;
    let registries = context.registries().map_err(DistributionError::from)?;
    let remote = registries.open_for_listing(&arguments.repository).await.map_err(DistributionError::from)?;
    let tags = remote.tags().await.map_err(DistributionError::from)?;
    let mut tags = tags.ok_or_else(|| Plain::NoRepository(remote.repository().to_string()))?;
    tags.sort();
    let mut rows: Vec<(String, Option<String>)> = tags.into_iter().map(|tag| (tag, None)).collect();
    if arguments.digests {
        let asked = rows.into_iter().map(|(tag, _)| {
            let remote = &remote;
            async move {
                let head = remote.head_manifest(&tag).await?;
                Ok::<_, RegistryError>((tag, head.map(|head| head.digest.to_string())))
            }
        });
        let found = futures::stream::iter(asked).buffered(AT_ONCE).try_collect().await;
        rows = found.map_err(DistributionError::from)?;
    }
    if arguments.json {
        let tag = |(tag, digest): &(String, Option<String>)| json!({ "tag": tag, "digest": digest });
        let tags: Vec<_> = rows.iter().map(tag).collect();
        return print_json(&json!({ "repository": remote.repository().to_string(), "tags": tags }));
    }
    let line = |(tag, digest): &(String, Option<String>)| match digest {
        Some(digest) => format!("{tag} {digest}\n"),
        None => format!("{tag}\n"),
    };
    print(&rows.iter().map(line).collect::<String>())
}

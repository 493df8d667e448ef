//! From layers to an image: its configuration, its history, its names.

use std::collections::BTreeMap;

use lock::Lock;
use oci::{ContainerConfig, Digest, Empty, History, Image, ImageHead, Timestamp};
use runtime::{DEFAULT_USER, Variables};
use spec::{Base, User, Variant};

use crate::BuildError;
use crate::layers::Finished;

/// The label that holds the digest of the lock's text.
pub const LOCK_LABEL: &str = "io.github.imgbuild.lock";

/// Assembles the image of a variant.
///
/// # Errors
///
/// When its layers do not fit together.
pub(crate) fn assemble(
    lock: &Lock,
    index: usize,
    variant: &Variant,
    variables: &Variables,
    layers: &[Finished],
    lock_digest: Digest,
) -> Result<Image, BuildError> {
    let created = Timestamp::from_seconds(lock.variants[index].timestamp)?;
    let history = |layer: &Finished| History {
        created: Some(created),
        created_by: "imgbuild".to_owned(),
        comment: layer.title.clone(),
        empty_layer: false,
    };
    let layers = layers
        .iter()
        .map(|layer| (layer.record.descriptor.clone(), layer.record.diff_id, history(layer)))
        .collect();
    let head = ImageHead {
        platform: variant.platform,
        created,
        config: config(variant, variables, lock_digest),
        annotations: annotations(variant, created),
    };
    Ok(Image::new(head, layers)?)
}

fn annotations(variant: &Variant, created: Timestamp) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::from([
        ("org.opencontainers.image.created".to_owned(), created.to_string()),
        ("org.opencontainers.image.title".to_owned(), variant.name.to_string()),
    ]);
    if let Some(tag) = variant.tags.first() {
        annotations.insert("org.opencontainers.image.version".to_owned(), tag.to_string());
    }
    // What the user says of the image in OCI's words, the index says as well.
    let own =
        variant.image.labels.iter().filter(|(key, _)| key.as_str().starts_with("org.opencontainers.image."));
    annotations.extend(own.map(|(key, value)| (key.to_string(), value.clone())));
    annotations
}

fn config(variant: &Variant, variables: &Variables, lock_digest: Digest) -> ContainerConfig {
    let has_base = matches!(variant.base, Base::Debian(_));
    let start = runtime::start(has_base, variables);
    let image = &variant.image;
    let mut labels = BTreeMap::from([(LOCK_LABEL.to_owned(), lock_digest.to_string())]);
    labels.extend(image.labels.iter().map(|(key, value)| (key.to_string(), value.clone())));
    let default_user =
        if has_base { format!("{}:{}", DEFAULT_USER.uid, DEFAULT_USER.gid) } else { String::new() };
    // A user who names an entrypoint of their own means no command but their own.
    let default_cmd = if image.entrypoint.is_some() { Vec::new() } else { start.cmd };
    ContainerConfig {
        user: image.user.as_ref().map_or(default_user, user),
        exposed_ports: image.expose.iter().map(|port| (port.to_string(), Empty {})).collect(),
        env: variables.values.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        entrypoint: image.entrypoint.clone().unwrap_or(start.entrypoint),
        cmd: image.cmd.clone().unwrap_or(default_cmd),
        volumes: image.volumes.iter().map(|path| (path.as_str().to_owned(), Empty {})).collect(),
        working_dir: image.workdir.as_ref().map(|path| path.as_str().to_owned()).unwrap_or_default(),
        labels,
        stop_signal: String::new(),
    }
}

fn user(user: &User) -> String {
    user.to_string()
}

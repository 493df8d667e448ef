//! From layers to an image: its configuration, its history, its names.

use std::collections::BTreeMap;

use imgbuild_base::{Base, BaseImage};
use imgbuild_document::ProgramText;
use imgbuild_oci::{
    ContainerConfig, Digest, Empty, Healthcheck, History, Image, ImageHead, ImageLayer, Timestamp,
};
use imgbuild_runtime::{BaseStart, DEV_CONTAINER_LABEL, DevContainer, OwnStart, SHELL_FILE, Variables};
use imgbuild_spec::{TcpPort, User, Variant};

use crate::built_layer::BuiltLayer;
use crate::error::MakeError;

/// The label that holds the digest of the lock's text.
pub const LOCK_LABEL: &str = "io.github.imgbuild.lock";

/// Who made a layer, in its history.
pub(crate) const WRITER: &str = "imgbuild";

/// What an image's configuration is made of.
pub(crate) struct Parts<'a> {
    pub(crate) variant: &'a Variant,
    pub(crate) variables: &'a Variables,
    pub(crate) base: &'a Base,
    /// What the base has to start programs with.
    pub(crate) start: &'a BaseStart,
    /// What of our own is run.
    pub(crate) own: OwnStart,
    /// The digest of the lock's text.
    pub(crate) lock: Digest,
}

/// Assembles the image of a variant, which counts as made at `timestamp`: the layers of what it stands on first, as they are.
///
/// # Errors
///
/// When its layers do not fit together.
pub(crate) fn assemble(timestamp: i64, parts: &Parts<'_>, layers: &[BuiltLayer]) -> Result<Image, MakeError> {
    let created = Timestamp::from_seconds(timestamp)?;
    let history = |layer: &BuiltLayer| History {
        created: Some(created),
        created_by: WRITER.to_owned(),
        comment: layer.title.clone(),
        empty_layer: false,
    };
    let (mut all, behind) = parts.base.image().map(BaseImage::image_layers).unwrap_or_default();
    let mut own: Vec<ImageLayer> = layers
        .iter()
        .map(|layer| ImageLayer::new(layer.descriptor(), layer.record.diff_id, history(layer)))
        .collect();
    if let Some(first) = own.first_mut() {
        first.before = behind;
    }
    all.append(&mut own);
    let mut annotations = parts.base.image().map(BaseImage::annotations).unwrap_or_default();
    annotations.extend(own_annotations(parts.variant, created));
    let head = ImageHead { platform: parts.variant.platform, created, config: config(parts), annotations };
    Ok(Image::of_layers(head, all)?)
}

fn own_annotations(variant: &Variant, created: Timestamp) -> BTreeMap<String, String> {
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
    annotations.extend(own.map(|(key, value)| (key.to_string(), value.to_string())));
    annotations
}

fn config(parts: &Parts<'_>) -> ContainerConfig {
    let Parts { variant, variables, base, start, own, .. } = *parts;
    let start = imgbuild_runtime::start(start, own);
    let image = &variant.image;
    let (user, home, labels) = (base.configured_user(variant), base.home(variant), labels(parts));
    let base = base.image().map(|image| image.config().clone()).unwrap_or_default();
    let words = |given: &Vec<ProgramText>| given.iter().map(ToString::to_string).collect();
    let command =
        |given: &Vec<ProgramText>| imgbuild_runtime::command(given.iter().map(ToString::to_string), own);
    let mut environment = variables.values.clone();
    if own.has_shell_file {
        // Every bash that is not told otherwise reads it, also where nothing of ours has started it.
        environment.entry("BASH_ENV".to_owned()).or_insert_with(|| SHELL_FILE.to_owned());
    }
    // Who works in an image begins at home, unless the base says otherwise.
    let working_dir = match base.working_dir.as_str() {
        "" if own.serves && own.starts => home,
        _ => base.working_dir,
    };
    // A user who names an entrypoint of their own means no command but their own.
    let default_cmd = if image.entrypoint.is_some() { Vec::new() } else { start.cmd };
    let served = served(variant).into_iter().map(|port| (format!("{port}/tcp"), Empty {}));
    let ports = image.expose.iter().map(|port| (port.to_string(), Empty {}));
    let volumes = image.volumes.iter().map(|path| (path.as_str().to_owned(), Empty {}));
    ContainerConfig {
        user,
        exposed_ports: base.exposed_ports.into_iter().chain(served).chain(ports).collect(),
        env: environment.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        entrypoint: image.entrypoint.as_ref().map_or(start.entrypoint, words),
        cmd: image.cmd.as_ref().map_or(default_cmd, command),
        volumes: base.volumes.into_iter().chain(volumes).collect(),
        working_dir: image.workdir.as_ref().map_or(working_dir, |path| path.as_str().to_owned()),
        labels,
        stop_signal: base.stop_signal,
        healthcheck: match &image.healthcheck {
            Some(program) => Some(healthcheck(words(program))),
            None if own.serves => Some(healthcheck(vec!["imgbuild-health".to_owned()])),
            None => base.healthcheck,
        },
    }
}

/// The labels: those of the base, ours, and the spec's own, which win.
fn labels(parts: &Parts<'_>) -> BTreeMap<String, String> {
    let Parts { variant, base, own, lock, .. } = *parts;
    let mut labels = base.image().map(BaseImage::labels).unwrap_or_default();
    labels.insert(LOCK_LABEL.to_owned(), lock.to_string());
    if own.serves || variant.dev_container.is_some() {
        let before = labels.get(DEV_CONTAINER_LABEL);
        let value = dev_container(variant, own).metadata(before);
        labels.insert(DEV_CONTAINER_LABEL.to_owned(), value);
    }
    labels.extend(variant.image.labels.iter().map(|(key, value)| (key.to_string(), value.to_string())));
    labels
}

/// What editors are told.
fn dev_container(variant: &Variant, own: OwnStart) -> DevContainer<'_> {
    let asked = || variant.dev_container.iter();
    let forwarded = asked().flat_map(|it| &it.forward_ports).map(|port| port.get());
    DevContainer {
        user: user_name(variant),
        ports: served(variant).into_iter().chain(forwarded).collect(),
        has_jupyter: variant.jupyter.is_some(),
        serves: own.serves,
        extensions: asked().flat_map(|it| &it.extensions).map(ToString::to_string).collect(),
    }
}

/// The ports of what it serves.
fn served(variant: &Variant) -> Vec<u16> {
    let ports = variant.jupyter.iter().map(|it| it.port).chain(variant.ssh.iter().map(|it| it.port));
    ports.map(TcpPort::get).collect()
}

/// The name of the user that an image runs as, where the spec knows it.
fn user_name(variant: &Variant) -> Option<&str> {
    match &variant.image.user {
        None => Some(variant.account.name.as_str()),
        Some(User::Name { user, .. }) => Some(user),
        Some(User::Id { uid: 0, .. }) => Some("root"),
        Some(User::Id { uid, .. }) => {
            Some(variant.account.name.as_str()).filter(|_| *uid == variant.account.uid)
        }
    }
}

/// A program that says whether a container works, as often as docker asks by itself.
fn healthcheck(program: Vec<String>) -> Healthcheck {
    const SECOND: i64 = 1_000_000_000;
    Healthcheck {
        test: std::iter::once("CMD".to_owned()).chain(program).collect(),
        interval: 30 * SECOND,
        timeout: 10 * SECOND,
        start_period: 60 * SECOND,
        retries: 3,
        ..Healthcheck::default()
    }
}

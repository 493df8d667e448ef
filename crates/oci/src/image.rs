//! One image for one platform: its two documents and its layers.

use std::collections::BTreeMap;

use crate::canonical::{self, CanonicalError};
use crate::limits::MOST_LAYERS;
use crate::{
    ContainerConfig, Descriptor, DescriptorPlatform, DiffId, Digest, History, ImageConfig, Manifest,
    MediaType, Platform, RootFs, RootFsKind, Timestamp,
};

/// All of an image but its layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageHead {
    /// What it is built for.
    pub platform: Platform,
    /// When it was made; from the lock, never from the clock.
    pub created: Timestamp,
    /// How a container of it is started.
    pub config: ContainerConfig,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageLayer {
    /// The blob.
    pub descriptor: Descriptor,
    /// The digest of the uncompressed tar.
    pub diff_id: DiffId,
    /// How it came to be.
    pub history: History,
    /// The items of the history before it that have no layer: an image that others made has them.
    pub before: Vec<History>,
}

impl ImageLayer {
    /// A layer with one item of the history.
    pub fn new(descriptor: Descriptor, diff_id: DiffId, history: History) -> Self {
        Self { descriptor, diff_id, history, before: Vec::new() }
    }
}

/// A document of an image: its bytes, and what points to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Media type, digest and size.
    pub descriptor: Descriptor,
    /// Canonical JSON.
    pub bytes: Vec<u8>,
}

impl Document {
    pub(crate) fn new<T: serde::Serialize>(media_type: MediaType, value: &T) -> Result<Self, CanonicalError> {
        let bytes = canonical::to_vec(value)?;
        let descriptor = Descriptor::new(media_type, Digest::of(&bytes), bytes.len() as u64);
        Ok(Self { descriptor, bytes })
    }
}

/// An image whose parts agree with each other: every value of this type came through [`Image::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    head: ImageHead,
    manifest: Document,
    config: Document,
    layers: Vec<ImageLayer>,
}

/// Parts that do not make an image.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ImageError {
    /// There are more layers than engines can stack.
    #[error("the image has {0} layers, and engines take {MOST_LAYERS} at most")]
    #[diagnostic(help("lower `budget` in `[layers]`"))]
    TooManyLayers(usize),
    /// A descriptor of a layer says that it is something else.
    #[error("the layer `{digest}` has the media type `{media_type}`, which is not a layer's")]
    NotALayer {
        /// The layer.
        digest: Digest,
        /// Its media type.
        media_type: MediaType,
    },
    /// One blob is stated twice and differently.
    #[error("the layer `{0}` occurs twice, with different sizes, media types or diff ids")]
    Ambiguous(Digest),
    /// A layer's item of the history says that it has no layer.
    #[error("the history of the layer `{0}` says that there is no layer, or that there are several")]
    EmptyLayer(Digest),
    /// Docker's image format has no zstd layers.
    #[error("the layer `{0}` is compressed with zstd, which docker's image format does not know")]
    #[diagnostic(help("set `compression = \"gzip\"` in `[layers]`"))]
    DockerZstd(Digest),
    /// A document cannot be written.
    #[error("the image's documents cannot be written")]
    Document(#[from] CanonicalError),
}

/// Docker's media types stand for the OCI ones at one place: here.
fn dockers(layer: &Descriptor) -> Result<MediaType, ImageError> {
    match layer.media_type {
        MediaType::Layer | MediaType::DockerLayer => Ok(MediaType::DockerLayer),
        MediaType::LayerGzip | MediaType::DockerLayerGzip => Ok(MediaType::DockerLayerGzip),
        MediaType::LayerZstd => Err(ImageError::DockerZstd(layer.digest)),
        media_type => Err(ImageError::NotALayer { digest: layer.digest, media_type }),
    }
}

impl Image {
    /// Assembles an image from its head and its layers, the first layer first.
    ///
    /// # Errors
    ///
    /// When the layers contradict themselves or each other, or are too many.
    pub fn new(head: ImageHead, layers: Vec<(Descriptor, DiffId, History)>) -> Result<Self, ImageError> {
        let layers: Vec<_> = layers
            .into_iter()
            .map(|(descriptor, diff_id, history)| ImageLayer::new(descriptor, diff_id, history))
            .collect();
        Self::of_layers(head, layers)
    }

    /// The same, of layers that may have more of the history than their own.
    ///
    /// # Errors
    ///
    /// As for [`Image::new`].
    pub fn of_layers(head: ImageHead, layers: Vec<ImageLayer>) -> Result<Self, ImageError> {
        check(&layers)?;
        Self::assemble(head, layers, MediaType::Manifest, MediaType::Config)
    }

    /// The same image in docker's format (image manifest version 2, schema 2), which has no annotations.
    ///
    /// # Errors
    ///
    /// When a layer is compressed with zstd, which that format does not know.
    pub fn to_docker(&self) -> Result<Self, ImageError> {
        let mut layers = self.layers.clone();
        for layer in &mut layers {
            layer.descriptor.media_type = dockers(&layer.descriptor)?;
            layer.descriptor.annotations.clear();
        }
        let head = ImageHead { annotations: BTreeMap::new(), ..self.head.clone() };
        Self::assemble(head, layers, MediaType::DockerManifest, MediaType::DockerConfig)
    }

    fn assemble(
        head: ImageHead,
        layers: Vec<ImageLayer>,
        manifest_type: MediaType,
        config_type: MediaType,
    ) -> Result<Self, ImageError> {
        let platform = DescriptorPlatform::from(head.platform);
        let config = Document::new(
            config_type,
            &ImageConfig {
                created: Some(head.created),
                architecture: platform.architecture.clone(),
                os: platform.os.clone(),
                variant: platform.variant.clone(),
                config: head.config.clone(),
                rootfs: RootFs {
                    kind: RootFsKind::Layers,
                    diff_ids: layers.iter().map(|layer| layer.diff_id).collect(),
                },
                history: history(&layers).cloned().collect(),
            },
        )?;
        let mut manifest = Document::new(
            manifest_type,
            &Manifest {
                schema_version: 2,
                media_type: Some(manifest_type),
                config: config.descriptor.clone(),
                layers: layers.iter().map(|layer| layer.descriptor.clone()).collect(),
                annotations: head.annotations.clone(),
            },
        )?;
        manifest.descriptor.platform = Some(platform);
        Ok(Self { head, manifest, config, layers })
    }

    /// What the image is built for.
    pub fn platform(&self) -> Platform {
        self.head.platform
    }

    /// All of it but its layers.
    pub fn head(&self) -> &ImageHead {
        &self.head
    }

    /// The manifest; its descriptor states the platform, as an index wants it.
    pub fn manifest(&self) -> &Document {
        &self.manifest
    }

    /// The image's digest: that of its manifest.
    pub fn digest(&self) -> Digest {
        self.manifest.descriptor.digest
    }

    /// The configuration.
    pub fn config(&self) -> &Document {
        &self.config
    }

    /// The layers, the first first.
    pub fn layers(&self) -> &[ImageLayer] {
        &self.layers
    }

    /// How it came to be: what its configuration says, layer by layer.
    pub fn history(&self) -> impl Iterator<Item = &History> {
        history(&self.layers)
    }

    /// The bytes that a registry stores for it: manifest, configuration, and every layer once.
    pub fn size(&self) -> u64 {
        let layers: BTreeMap<_, _> =
            self.layers.iter().map(|layer| (layer.descriptor.digest, layer.descriptor.size)).collect();
        self.manifest.descriptor.size + self.config.descriptor.size + layers.values().sum::<u64>()
    }
}

fn history(layers: &[ImageLayer]) -> impl Iterator<Item = &History> {
    layers.iter().flat_map(|layer| layer.before.iter().chain([&layer.history]))
}

fn check(layers: &[ImageLayer]) -> Result<(), ImageError> {
    if layers.len() > MOST_LAYERS {
        return Err(ImageError::TooManyLayers(layers.len()));
    }
    let mut seen = BTreeMap::new();
    for ImageLayer { descriptor, diff_id, history, before } in layers {
        let digest = descriptor.digest;
        if !matches!(descriptor.media_type, MediaType::Layer | MediaType::LayerGzip | MediaType::LayerZstd) {
            return Err(ImageError::NotALayer { digest, media_type: descriptor.media_type });
        }
        if history.empty_layer || before.iter().any(|item| !item.empty_layer) {
            return Err(ImageError::EmptyLayer(digest));
        }
        let stated = (descriptor.size, descriptor.media_type, *diff_id);
        if seen.insert(digest, stated).is_some_and(|before| before != stated) {
            return Err(ImageError::Ambiguous(digest));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use imgbuild_diagnostic::told;

    use super::*;

    fn head() -> ImageHead {
        ImageHead {
            platform: Platform::LinuxArm64,
            created: Timestamp::from_seconds(1).unwrap(),
            config: ContainerConfig { cmd: vec!["sh".into()], ..ContainerConfig::default() },
            annotations: [("a".to_owned(), "b".to_owned())].into(),
        }
    }

    fn layer(text: &str, media_type: MediaType) -> (Descriptor, DiffId, History) {
        let descriptor = Descriptor::new(media_type, Digest::of(text), text.len() as u64);
        let history = History { comment: text.to_owned(), ..History::default() };
        (descriptor, DiffId(Digest::of(format!("tar of {text}"))), history)
    }

    #[test]
    fn the_documents_have_golden_digests() {
        let image = Image::new(head(), vec![layer("one", MediaType::LayerZstd)]).unwrap();
        insta::assert_snapshot!(image.digest(), @"sha256:fa97115d6b2e48fdd0dad1ac05924830771c76d73470eee9a9f9ec70f93454e5");
        insta::assert_snapshot!(String::from_utf8_lossy(&image.manifest().bytes), @r#"{"annotations":{"a":"b"},"config":{"digest":"sha256:f1db95d8ce37f7d9b080568b277db2f6d15bc8b1b5c232d6a9bf781a09ceab60","mediaType":"application/vnd.oci.image.config.v1+json","size":253},"layers":[{"digest":"sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed","mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","size":3}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}"#);
        insta::assert_snapshot!(String::from_utf8_lossy(&image.config().bytes), @r#"{"architecture":"arm64","config":{"Cmd":["sh"]},"created":"1970-01-01T00:00:01Z","history":[{"comment":"one"}],"os":"linux","rootfs":{"diff_ids":["sha256:00ecc49884e2d225de6c49f27c4aa3914470813d523757bf68e926abd6523454"],"type":"layers"},"variant":"v8"}"#);
        assert_eq!(Digest::of(&image.manifest().bytes), image.digest());
        assert_eq!(image.size(), image.manifest().bytes.len() as u64 + image.config().bytes.len() as u64 + 3);
    }

    #[test]
    fn dockers_format_has_its_own_media_types_and_no_zstd() {
        let layers = vec![layer("one", MediaType::LayerGzip), layer("two", MediaType::Layer)];
        let docker = Image::new(head(), layers).unwrap().to_docker().unwrap();
        insta::assert_snapshot!(String::from_utf8_lossy(&docker.manifest().bytes), @r#"{"config":{"digest":"sha256:4421c9797d12d888b6d08cfb46a60b6dce14551a2a25778db1a2607b3c38caf8","mediaType":"application/vnd.docker.container.image.v1+json","size":345},"layers":[{"digest":"sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed","mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":3},{"digest":"sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3","mediaType":"application/vnd.docker.image.rootfs.diff.tar","size":3}],"mediaType":"application/vnd.docker.distribution.manifest.v2+json","schemaVersion":2}"#);
        let zstd = Image::new(head(), vec![layer("one", MediaType::LayerZstd)]).unwrap();
        insta::assert_snapshot!(told(&zstd.to_docker().unwrap_err()), @r#"
        the layer `sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed` is compressed with zstd, which docker's image format does not know
        hint: set `compression = "gzip"` in `[layers]`
        "#);
    }

    #[test]
    fn parts_that_contradict_each_other_are_refused() {
        let refused = |layers| told(&Image::new(head(), layers).unwrap_err());
        insta::assert_snapshot!(refused(vec![layer("one", MediaType::Config)]), @"the layer `sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed` has the media type `application/vnd.oci.image.config.v1+json`, which is not a layer's");
        let mut other = layer("one", MediaType::Layer);
        other.1 = DiffId(Digest::of("other"));
        insta::assert_snapshot!(refused(vec![layer("one", MediaType::Layer), other]), @"the layer `sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed` occurs twice, with different sizes, media types or diff ids");
        let mut empty = layer("one", MediaType::Layer);
        empty.2.empty_layer = true;
        insta::assert_snapshot!(refused(vec![empty]), @"the history of the layer `sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed` says that there is no layer, or that there are several");
        let many = (0..128).map(|number| layer(&number.to_string(), MediaType::Layer)).collect();
        insta::assert_snapshot!(refused(many), @r#"
        the image has 128 layers, and engines take 127 at most
        hint: lower `budget` in `[layers]`
        "#);
    }
}

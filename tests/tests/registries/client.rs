//! The client alone, without the program around it: it tries again at once, twice.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::Arc;
use std::time::Duration;

use imgbuild_net::{Client, Options, Schedule};
use imgbuild_oci::{BlobError, Blobs, Digest, MediaType};
use imgbuild_registry::{
    Credential, CredentialFailure, CredentialSource, Home, Homes, PushError, PushOptions, Pushable, Pushed,
    Pusher, Registries, RegistryError, RemoteManifest, RemoteRepository,
};
use imgbuild_tests::distribution::{Distribution, Document};
use imgbuild_tests::named;
use serde_json::json;
use tokio::runtime::Runtime;

/// An image in memory.
#[derive(Clone)]
pub(crate) struct Picture {
    blobs: Arc<Memory>,
    pub(crate) manifest: RemoteManifest,
}

struct Memory(BTreeMap<Digest, Vec<u8>>);

impl Blobs for Memory {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let bytes = self.0.get(digest).ok_or(BlobError::Absent(*digest))?;
        Ok(Box::new(Cursor::new(bytes.clone())))
    }
}

/// Bytes that do not repeat.
pub(crate) fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}

impl Picture {
    /// An image of these layers, which are no archives: no registry looks into them.
    pub(crate) fn new(layers: &[Vec<u8>]) -> Self {
        let config =
            json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
        let config = config.to_string().into_bytes();
        let described = |media_type: &str, bytes: &[u8]| json!({ "mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len() });
        let layer = MediaType::Layer.as_str();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::Manifest.as_str(),
            "config": described(MediaType::Config.as_str(), &config),
            "layers": layers.iter().map(|bytes| described(layer, bytes)).collect::<Vec<_>>(),
        });
        let manifest = RemoteManifest::parse(manifest.to_string().into_bytes(), None).unwrap();
        let blobs = layers.iter().cloned().chain([config]).map(|bytes| (Digest::of(&bytes), bytes)).collect();
        Self { blobs: Arc::new(Memory(blobs)), manifest }
    }

    /// A small one: a configuration and a layer.
    pub(crate) fn small() -> Self {
        Self::new(&[b"a layer of a few bytes".to_vec()])
    }

    pub(crate) fn pushable(&self, tags: &[&str]) -> Pushable {
        let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        Pushable::new(Vec::new(), self.manifest.clone(), Arc::clone(&self.blobs) as Arc<dyn Blobs>, tags)
    }

    /// The same, whose blobs another repository of a registry has.
    pub(crate) fn at_home(&self, registry: &Distribution, name: &str, tags: &[&str]) -> Pushable {
        let home = Home { host: registry.address(), repository: name.to_owned() };
        self.pushable(tags).at_home(&home)
    }

    /// The digest of its configuration.
    pub(crate) fn config(&self) -> Digest {
        self.manifest.blobs()[0].digest
    }

    /// A blob of it.
    pub(crate) fn bytes(&self, digest: &Digest) -> Vec<u8> {
        self.blobs.0[digest].clone()
    }

    /// Puts it into a registry without asking it.
    pub(crate) fn seed(&self, registry: &Distribution, name: &str, tag: &str) {
        for bytes in self.blobs.0.values() {
            registry.put_blob(name, bytes.clone());
        }
        let document =
            Document { media_type: self.manifest.media_type.clone(), bytes: self.manifest.bytes.clone() };
        registry.put_manifest(name, Some(tag), document);
    }

    /// It is in a repository, whole.
    #[track_caller]
    pub(crate) fn is_in(&self, registry: &Distribution, name: &str, tag: &str) {
        let (digest, document) = registry.manifest(name, tag).expect("the tag is there");
        assert_eq!((digest, &document.bytes), (self.manifest.digest, &self.manifest.bytes));
        for (digest, bytes) in &self.blobs.0 {
            assert!(registry.blob(name, digest).as_ref() == Some(bytes), "{digest}");
        }
    }
}

/// What speaks to registries.
pub(crate) struct Asking {
    pub(crate) runtime: Runtime,
    pub(crate) registries: Registries,
}

struct Always(Option<Credential>);

#[async_trait::async_trait]
impl CredentialSource for Always {
    async fn credential(
        &self,
        _: &imgbuild_oci::RegistryHost,
        _: &str,
    ) -> Result<Option<Credential>, CredentialFailure> {
        Ok(self.0.clone())
    }
}

impl Asking {
    /// Without a credential.
    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    /// As `user`, with the password `hunter2`.
    pub(crate) fn signed_in() -> Self {
        Self::with(Some(Credential::Basic { user: "user".to_owned(), password: "hunter2".to_owned() }))
    }

    pub(crate) fn with(credential: Option<Credential>) -> Self {
        Self::with_options(credential, Options::default())
    }

    /// One that waits for nothing longer than a moment.
    pub(crate) fn impatient() -> Self {
        let moment = Duration::from_secs(1);
        let options = Options {
            read_timeout: moment,
            patience: moment,
            answer_patience: moment,
            connect_timeout: moment,
            ..Options::default()
        };
        Self::with_options(None, options)
    }

    /// As a source of credentials says it.
    pub(crate) fn of(credentials: Arc<dyn CredentialSource>) -> Self {
        Self::made(credentials, Options::default())
    }

    fn with_options(credential: Option<Credential>, options: Options) -> Self {
        Self::made(Arc::new(Always(credential)), options)
    }

    fn made(credentials: Arc<dyn CredentialSource>, options: Options) -> Self {
        let moment = Duration::from_millis(1);
        let schedule = Schedule { retries: 2, first: moment, most: moment };
        let options = Options { schedule, ..options };
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(async { Client::new(options) }).unwrap();
        let registries = Registries::new(&client, credentials).unwrap();
        Self { runtime, registries }
    }

    /// A repository, which is forgotten to have been asked for.
    pub(crate) fn open(&self, registry: &Distribution, name: &str) -> RemoteRepository {
        let reference = format!("{}/{name}", registry.address()).parse().unwrap();
        let opened = self.runtime.block_on(self.registries.open(&reference)).unwrap();
        registry.forget();
        opened
    }

    /// Pushes under one tag, `1`, and gives what was said of it.
    pub(crate) fn push(
        &self,
        registry: &Distribution,
        name: &str,
        picture: &Picture,
    ) -> Result<Pushed, String> {
        self.push_with(registry, name, &picture.pushable(&["1"]), PushOptions::default())
    }

    pub(crate) fn push_with(
        &self,
        registry: &Distribution,
        name: &str,
        image: &Pushable,
        options: PushOptions,
    ) -> Result<Pushed, String> {
        let mut remote = self.open(registry, name);
        remote = remote.mounting_from(image.homes.values().flatten().map(|home| home.repository.clone()));
        let pusher = Pusher::new(remote, None, options, Homes::default(), Arc::new(|_, _, _| {}));
        let pushed = self.runtime.block_on(pusher.push(image));
        pushed.map_err(|error: PushError| told(registry, &error))
    }

    /// Reads all of an image, and gives what was said of it.
    pub(crate) fn pull(&self, registry: &Distribution, name: &str, reference: &str) -> Result<(), String> {
        let remote = self.open(registry, name);
        let platform = "linux/amd64".parse().unwrap();
        let pull = async {
            let manifest = remote.image_manifest(reference, platform).await?;
            for blob in manifest.blobs() {
                remote.blob_bytes(blob.digest, blob.size).await?;
            }
            Ok::<_, RegistryError>(())
        };
        self.runtime.block_on(pull).map_err(|error| told(registry, &error))
    }

    pub(crate) fn tags(&self, registry: &Distribution, name: &str) -> Result<Option<Vec<String>>, String> {
        let remote = self.open(registry, name);
        self.runtime.block_on(remote.tags()).map_err(|error| told(registry, &error))
    }
}

/// An error with its causes and hints, and names for what differs from run to run.
pub(crate) fn told(registry: &Distribution, error: &dyn miette::Diagnostic) -> String {
    let text = registry.named(&imgbuild_diagnostic::told(error));
    let mut parts = text.split("upload-");
    let first = parts.next().unwrap_or_default().to_owned();
    let text = parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|it: char| it.is_ascii_digit());
        text + "UPLOAD" + rest
    });
    let mut parts = text.split("127.0.0.2:");
    let first = parts.next().unwrap_or_default().to_owned();
    let text = parts.fold(first, |text, part| {
        text + "127.0.0.2:PORT" + part.trim_start_matches(|it: char| it.is_ascii_digit())
    });
    named(&text)
}

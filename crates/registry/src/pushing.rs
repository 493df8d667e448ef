//! What is pushed, and what became of it.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use imgbuild_oci::{
    Artifact, BlobError, Blobs, Descriptor, DescriptorPlatform, Digest, Image, Reference, WriteError,
    platform_index,
};

use crate::attaching::Attachment;
use crate::manifest::{Content, RemoteManifest};
use crate::remote::RemoteRepository;
use crate::repository::place;
use crate::upload::Arrival;

/// How a list says of what an artifact in it is about which image in it, as BuildKit does.
pub const ABOUT: &str = "vnd.docker.reference.digest";
const ABOUT_TYPE: &str = "vnd.docker.reference.type";

/// An image that is pushed, for one platform or several.
#[derive(Clone)]
pub struct Pushable {
    /// The manifests of a list, each before the list that names it.
    pub(crate) children: Vec<RemoteManifest>,
    /// The manifest, or the list.
    pub(crate) top: RemoteManifest,
    /// Where blobs come from.
    pub(crate) blobs: Arc<dyn Blobs>,
    /// What it is called.
    pub tags: Vec<String>,
    /// What lies beside it and describes it: it is there before any tag means the image.
    pub attachments: Vec<Attachment>,
    /// The repositories that have a blob: it is mounted from those that are in the registry that it is pushed to.
    pub homes: BTreeMap<Digest, Vec<Home>>,
}

/// A repository that has a blob.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Home {
    /// Its registry's host, as images name it.
    pub host: String,
    /// Its name there.
    pub repository: String,
}

impl Home {
    /// A repository as it is spoken to.
    pub fn of(remote: &RemoteRepository) -> Self {
        let repository = remote.repository();
        Self { host: repository.host().to_owned(), repository: repository.name().to_owned() }
    }

    /// The repository of an image.
    pub fn named(image: &Reference) -> Self {
        let (host, name) = place(image);
        Self { host: host.to_string(), repository: name.to_string() }
    }
}

/// Documents in memory, and other blobs elsewhere.
struct WithDocuments {
    documents: BTreeMap<Digest, Vec<u8>>,
    rest: Arc<dyn Blobs>,
}

impl Blobs for WithDocuments {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        match self.documents.get(digest) {
            Some(bytes) => Ok(Box::new(std::io::Cursor::new(bytes.clone()))),
            None => self.rest.open(digest),
        }
    }

    fn open_at(&self, digest: &Digest, at: u64) -> Result<Box<dyn Read + Send>, BlobError> {
        if self.documents.contains_key(digest) {
            return imgbuild_oci::skip(self.open(digest)?, digest, at);
        }
        self.rest.open_at(digest, at)
    }
}

/// Blobs of one place, or of another.
struct Either {
    first: Arc<dyn Blobs>,
    second: Arc<dyn Blobs>,
}

impl Blobs for Either {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        self.first.open(digest).or_else(|_| self.second.open(digest))
    }

    fn open_at(&self, digest: &Digest, at: u64) -> Result<Box<dyn Read + Send>, BlobError> {
        self.first.open_at(digest, at).or_else(|_| self.second.open_at(digest, at))
    }
}

impl Pushable {
    /// Images that were built: several are one image for several platforms. `blobs` has their layers.
    ///
    /// # Errors
    ///
    /// When there is none, or an index cannot be written.
    pub fn of_images(images: &[Image], tags: Vec<String>, blobs: Arc<dyn Blobs>) -> Result<Self, WriteError> {
        let (mut documents, mut manifests) = (BTreeMap::new(), Vec::new());
        for document in imgbuild_oci::documents(images)? {
            let stated = document.descriptor.media_type.as_str();
            // Configurations are no manifests.
            manifests.extend(RemoteManifest::parse(document.bytes, Some(stated)).ok());
        }
        for image in images {
            let config = image.config();
            documents.insert(config.descriptor.digest, config.bytes.clone());
        }
        let top = manifests.pop().ok_or(WriteError::NoImage)?;
        let blobs = Arc::new(WithDocuments { documents, rest: blobs });
        Ok(Self { children: manifests, top, blobs, tags, attachments: Vec::new(), homes: BTreeMap::new() })
    }

    /// The same as a list that has artifacts about its images behind them, as BuildKit writes what attests them: nobody takes them for
    /// images, since they are built for no platform.
    ///
    /// # Errors
    ///
    /// When the list cannot be written.
    pub fn listing(mut self, images: &[Image], artifacts: &[Artifact]) -> Result<Self, WriteError> {
        let of_image = images.iter().map(|image| image.manifest().descriptor.clone());
        let mut descriptors: Vec<Descriptor> = of_image.collect();
        let mut documents = BTreeMap::new();
        if images.len() == 1 {
            self.children.push(self.top.clone());
        }
        for artifact in artifacts {
            let mut descriptor = artifact.manifest().descriptor.clone();
            let unknown = "unknown".to_owned();
            descriptor.platform =
                Some(DescriptorPlatform { architecture: unknown.clone(), os: unknown, variant: None });
            descriptor.annotations = BTreeMap::from([
                (ABOUT.to_owned(), artifact.subject().to_string()),
                (ABOUT_TYPE.to_owned(), "attestation-manifest".to_owned()),
            ]);
            let stated = descriptor.media_type.as_str();
            let manifest = RemoteManifest::parse(artifact.manifest().bytes.clone(), Some(stated));
            self.children.extend(manifest.ok());
            descriptors.push(descriptor);
            documents.extend(artifact.blobs().map(|(digest, bytes)| (digest, bytes.to_vec())));
        }
        let index = platform_index(descriptors)?;
        let stated = index.descriptor.media_type.as_str();
        if let Ok(top) = RemoteManifest::parse(index.bytes, Some(stated)) {
            self.top = top;
        }
        self.blobs = Arc::new(WithDocuments { documents, rest: self.blobs });
        Ok(self)
    }

    /// An image as somebody else has written it: a manifest, and all that it lists.
    pub fn new(
        children: Vec<RemoteManifest>,
        top: RemoteManifest,
        blobs: Arc<dyn Blobs>,
        tags: Vec<String>,
    ) -> Self {
        Self { children, top, blobs, tags, attachments: Vec::new(), homes: BTreeMap::new() }
    }

    /// The same, whose blobs a repository has, all of them.
    #[must_use]
    pub fn at_home(mut self, home: &Home) -> Self {
        let blobs = self.manifests().flat_map(|manifest| manifest.blobs()).filter(|blob| !blob.is_foreign);
        let digests: Vec<Digest> = blobs.map(|blob| blob.digest).collect();
        for digest in digests {
            self.homes.entry(digest).or_default().push(home.clone());
        }
        self
    }

    /// The same, whose blobs that are not where they were come from elsewhere.
    #[must_use]
    pub fn reading_from(mut self, elsewhere: Arc<dyn Blobs>) -> Self {
        self.blobs = Arc::new(Either { first: self.blobs, second: elsewhere });
        self
    }

    /// The same, with something around what reads its blobs.
    #[must_use]
    pub fn through(mut self, around: impl FnOnce(Arc<dyn Blobs>) -> Arc<dyn Blobs>) -> Self {
        self.blobs = around(self.blobs);
        self
    }

    /// The sizes of its blobs in bytes.
    pub fn sizes(&self) -> BTreeMap<Digest, u64> {
        self.manifests().flat_map(|manifest| manifest.blobs()).map(|blob| (blob.digest, blob.size)).collect()
    }

    /// The digest by which it is known.
    pub fn digest(&self) -> Digest {
        self.top.digest
    }

    /// The bytes of its manifest, or of its list.
    pub fn top_bytes(&self) -> &[u8] {
        &self.top.bytes
    }

    /// The media type of its manifest, or of its list.
    pub fn top_media_type(&self) -> &str {
        &self.top.media_type
    }

    /// Where its blobs come from.
    pub fn blobs(&self) -> &Arc<dyn Blobs> {
        &self.blobs
    }

    /// All manifests, each before what names it.
    pub fn manifests(&self) -> impl Iterator<Item = &RemoteManifest> {
        self.children.iter().chain([&self.top])
    }

    /// The blobs of some of its manifests, the largest first, each once.
    pub(crate) fn blobs_of<'a>(manifests: impl IntoIterator<Item = &'a RemoteManifest>) -> Vec<PushedBlob> {
        let mut all: BTreeMap<Digest, PushedBlob> = BTreeMap::new();
        for manifest in manifests {
            if let Content::Image(blobs) = &manifest.content {
                for (number, blob) in blobs.iter().enumerate().filter(|(_, blob)| !blob.is_foreign) {
                    let PushedBlob { is_layer, .. } = all.entry(blob.digest).or_insert(PushedBlob {
                        digest: blob.digest,
                        size: blob.size,
                        is_layer: false,
                    });
                    *is_layer |= number > 0;
                }
            }
        }
        let mut all: Vec<PushedBlob> = all.into_values().collect();
        all.sort_by_key(|blob| (std::cmp::Reverse(blob.size), blob.digest));
        all
    }
}

/// A blob that is to be in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PushedBlob {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Whether it is a layer; else it is a configuration.
    pub(crate) is_layer: bool,
}

/// How many blobs, of how many bytes in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, bytes: u64) {
        self.blobs += 1;
        self.bytes += bytes;
    }
}

/// What became of the blobs of a push.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that were sent.
    pub sent: Count,
    /// Those that the registry had elsewhere.
    pub mounted: Count,
    /// Those that were there.
    pub there: Count,
}

impl Counts {
    pub(crate) fn add(&mut self, size: u64, arrival: Arrival) {
        match arrival {
            Arrival::Sent => self.sent.add(size),
            Arrival::Mounted => self.mounted.add(size),
            Arrival::There => self.there.add(size),
        }
    }

    /// The sum of two.
    pub fn and(&mut self, other: &Self) {
        for (own, other) in
            [(&mut self.sent, other.sent), (&mut self.mounted, other.mounted), (&mut self.there, other.there)]
        {
            own.blobs += other.blobs;
            own.bytes += other.bytes;
        }
    }
}

/// What a tag was, and is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagChange {
    /// The tag.
    pub tag: String,
    /// What it meant before; nothing where it was not there.
    pub was: Option<Digest>,
}

/// What became of an image that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The repository, as images name it.
    pub repository: String,
    /// The digest by which the image is known.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<TagChange>,
    /// Its blobs.
    pub counts: Counts,
}

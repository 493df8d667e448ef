//! Joining images of a registry into one for several platforms.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use imgbuild_fetch::Context;
use imgbuild_oci::{
    BlobError, Blobs, Descriptor, DescriptorPlatform, Digest, ImageConfig, Reference, WriteError,
    platform_index,
};
use imgbuild_registry::{ABOUT, Home, Pushable, RemoteBlobs, RemoteManifest};
use tokio::runtime::Handle;

use crate::error::DistributionError;
use crate::pull::{ReadFrom, remote_image};

/// The blobs of several repositories.
struct Several(Vec<RemoteBlobs>);

impl Blobs for Several {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let opened = self.0.iter().find_map(|blobs| blobs.open(digest).ok());
        opened.ok_or(BlobError::Absent(*digest))
    }
}

/// How a list says that one of its manifests is about another of them; nothing of one that is an image.
fn about_another(image: &Pushable, manifest: &Digest) -> Option<Descriptor> {
    let all = image.manifests().flat_map(RemoteManifest::manifests);
    let pointer = all.into_iter().find(|it| it.digest == *manifest && it.annotations.contains_key(ABOUT))?;
    let mut descriptor = Descriptor::new(pointer.media_type.parse().ok()?, pointer.digest, pointer.size);
    descriptor.platform = pointer.platform.clone();
    descriptor.annotations = pointer.annotations.clone();
    Some(descriptor)
}

/// The list of some images, each of which says what it is built for. Lists among them give all that they list.
///
/// # Errors
///
/// When one is not there, is no image, or two are built for the same.
pub async fn joined(
    images: &[Reference],
    from: ReadFrom,
    context: &Context,
) -> Result<Pushable, DistributionError> {
    let (mut children, mut descriptors) = (Vec::<RemoteManifest>::new(), Vec::<Descriptor>::new());
    let (mut blobs, mut attesting) = (Vec::new(), Vec::new());
    let mut homes: BTreeMap<Digest, Vec<Home>> = BTreeMap::new();
    for reference in images {
        let (remote, image) = remote_image(reference, None, from, context).await?;
        for manifest in image.manifests().filter(|it| !it.blobs().is_empty()) {
            // What attests another one is for no platform, and stays behind that.
            if let Some(about) = about_another(&image, &manifest.digest) {
                attesting.push(about);
                children.push(manifest.clone());
                continue;
            }
            let not_an_image = || DistributionError::NotAnImage {
                reference: reference.to_string(),
                media_type: manifest.media_type.clone(),
            };
            let media_type = manifest.media_type.parse().map_err(|_| not_an_image())?;
            let config = manifest.blobs().first().ok_or_else(not_an_image)?;
            let bytes = remote.blob_bytes(config.digest, config.size).await?;
            let config: ImageConfig = serde_json::from_slice(&bytes).map_err(|_| not_an_image())?;
            let platform = DescriptorPlatform {
                architecture: config.architecture,
                os: config.os,
                variant: config.variant,
            };
            if descriptors.iter().any(|known| known.platform.as_ref() == Some(&platform)) {
                let platform = format!("{}/{}", platform.os, platform.architecture);
                return Err(DistributionError::SamePlatform { reference: reference.to_string(), platform });
            }
            let mut descriptor = Descriptor::new(media_type, manifest.digest, manifest.bytes.len() as u64);
            descriptor.platform = Some(platform);
            descriptors.push(descriptor);
            children.push(manifest.clone());
        }
        for (digest, own) in &image.homes {
            homes.entry(*digest).or_default().extend(own.iter().cloned());
        }
        let own = image.manifests().flat_map(|it| it.blobs());
        let sizes: Vec<(Digest, u64)> = own.map(|it| (it.digest, it.size)).collect();
        blobs.push(RemoteBlobs::new(remote, sizes, Handle::current()));
    }
    descriptors.extend(attesting);
    // A list of nothing would take the place of whatever the tag means.
    if descriptors.is_empty() {
        return Err(WriteError::NoImage.into());
    }
    let index = platform_index(descriptors).map_err(WriteError::from)?;
    let stated = index.descriptor.media_type.as_str();
    let top = RemoteManifest::parse(index.bytes, Some(stated))
        .map_err(|reason| DistributionError::Unfit { file: "the index".into(), reason })?;
    let mut joined = Pushable::new(children, top, Arc::new(Several(blobs)), Vec::new());
    joined.homes = homes;
    Ok(joined)
}

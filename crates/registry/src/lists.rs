//! Lists of images with all that they list.

use std::collections::BTreeSet;

use imgbuild_oci::Digest;

use crate::error::RegistryError;
use crate::limits::{DEEPEST, LIST_LIMIT, MOST_LOOKED_INTO, MOST_MANIFESTS};
use crate::manifest::{Content, RemoteManifest};
use crate::remote::RemoteRepository;

impl RemoteRepository {
    /// All that a list names, and the lists in it, each once and before what names it.
    ///
    /// # Errors
    ///
    /// When a manifest is not there or cannot be had, when lists are nested too deeply, or when there is too much.
    pub async fn below(&self, top: &RemoteManifest) -> Result<Vec<RemoteManifest>, RegistryError> {
        let refused = |reason: String| RegistryError::Manifest {
            place: self.place(),
            reference: top.digest.to_string(),
            reason,
        };
        let (mut found, mut seen, mut bytes) = (Vec::new(), BTreeSet::new(), 0);
        // The lists that are open, each with what of it is next.
        let mut open = vec![(top.clone(), 0)];
        while let Some((list, next)) = open.last_mut() {
            let Some(child) = list.manifests().get(*next).map(|it| it.digest) else {
                found.extend(open.pop().map(|(done, _)| done));
                continue;
            };
            *next += 1;
            if !seen.insert(child) {
                continue;
            }
            if open.len() > DEEPEST {
                return Err(refused("has lists of images that are nested too deeply".to_owned()));
            }
            if seen.len() > MOST_MANIFESTS {
                return Err(refused(format!("lists more than {MOST_MANIFESTS} manifests")));
            }
            let child = self.needed_manifest(&child.to_string()).await?;
            bytes += child.bytes.len();
            if bytes > LIST_LIMIT {
                return Err(refused(format!("lists manifests of more than {LIST_LIMIT} bytes")));
            }
            open.push((child, 0));
        }
        // It is its own last.
        found.pop();
        Ok(found)
    }

    /// The blobs of a manifest, and of all that it lists, as far as that can be found out: some of what a repository has.
    ///
    /// # Errors
    ///
    /// When the registry cannot be asked.
    pub(crate) async fn blobs_below(&self, digest: &Digest) -> Result<BTreeSet<Digest>, RegistryError> {
        let (mut blobs, mut seen) = (BTreeSet::new(), BTreeSet::from([*digest]));
        let mut open = vec![(*digest, 0)];
        while let Some((digest, depth)) = open.pop() {
            match self.manifest(&digest.to_string()).await {
                Ok(Some(RemoteManifest { content: Content::Image(all), .. })) => {
                    blobs.extend(all.iter().map(|blob| blob.digest));
                }
                Ok(Some(RemoteManifest { content: Content::Index(all), .. })) if depth < DEEPEST => {
                    for child in all.iter().map(|it| it.digest) {
                        if seen.len() < MOST_LOOKED_INTO && seen.insert(child) {
                            open.push((child, depth + 1));
                        }
                    }
                }
                Ok(_) => {}
                // Whatever was there before, it is none of ours, and tells nothing.
                Err(
                    RegistryError::Manifest { .. }
                    | RegistryError::Digest { .. }
                    | RegistryError::Answer { .. },
                ) => {}
                Err(error) if error.refusal().is_some_and(|refusal| refusal.is_denied()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(blobs)
    }
}

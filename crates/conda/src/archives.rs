//! Where the archives of conda packages are to be had: channels and their mirrors.

use std::collections::HashMap;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use imgbuild_ecosystem::{ArchiveError, ArchiveSource};
use imgbuild_lock::{Archive, CondaPackage};
use imgbuild_net::{ArchiveRequest, Archives, Locations};
use imgbuild_oci::Digest;
use url::Url;

use crate::channel::{ServedChannel, locations};

/// The channels of a variant, as the source of its archives.
pub struct ChannelArchives {
    channels: Arc<[ServedChannel]>,
    archives: Arc<dyn Archives>,
    /// The URLs of the packages, by the hashes of their archives.
    urls: HashMap<Digest, String>,
}

impl ChannelArchives {
    /// What gets the archives of some packages. `archives` reaches servers as conda's own settings say.
    pub fn new<'a>(
        channels: Arc<[ServedChannel]>,
        packages: impl IntoIterator<Item = &'a CondaPackage>,
        archives: Arc<dyn Archives>,
    ) -> Self {
        let mut urls = HashMap::new();
        for package in packages {
            // Of two with one archive the first says where it is.
            urls.entry(package.sha256).or_insert_with(|| package.url.clone());
        }
        Self { channels, archives, urls }
    }

    async fn fetch(&self, archive: &Archive, url: &str) -> Result<(), ArchiveError> {
        let alone = || Url::parse(url).ok().map(Locations::from);
        let from = locations(&self.channels, url).or_else(alone);
        let wanted = ArchiveRequest {
            name: archive.name.clone(),
            from: from.ok_or(ArchiveError::Nowhere)?,
            sha256: Some(archive.sha256),
            size: archive.size,
        };
        self.archives.fetch(wanted).await.map(drop).map_err(ArchiveError::fetch)
    }
}

impl ArchiveSource for ChannelArchives {
    fn get<'a>(&'a self, archive: &'a Archive) -> Option<BoxFuture<'a, Result<(), ArchiveError>>> {
        let url = self.urls.get(&archive.sha256)?;
        Some(self.fetch(archive, url).boxed())
    }
}

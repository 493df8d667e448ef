//! Channels in OCI registries: `oci://HOST/PATH`, as conda-forge is mirrored at `oci://ghcr.io/channel-mirrors/conda-forge`.
//!
//! A file of such a channel is the layer of a manifest. A package `linux-64/numpy-1.26.4-py311_0.conda` is in the
//! repository `PATH/linux-64/numpy` under the tag `1.26.4-py311_0`, and the index in `PATH/linux-64/repodata.json` under
//! `latest`; the layer's media type says which of several forms it is. Names and tags that a registry does not allow are
//! written differently (<https://github.com/conda-incubator/conda-oci-mirror>).
//!
//! [`registries`] is a layer of the HTTP client that turns requests for such URLs into requests for blobs, ranges and all,
//! by the distribution specification.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Extensions;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use imgbuild_oci::Digest;
use imgbuild_registry::{Access, Authorization, Credential, Repository, Sender, Tokens, read_json};
use imgbuild_secret::SecretUrl;
use reqwest::{Method, Request, Response, StatusCode};
use reqwest_middleware::{Error, Middleware, Next};
use serde::Deserialize;
use url::Url;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A URL below a channel that names no file of one.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the URL of a file of a channel")]
struct NoFile(String);

/// The layer that serves `oci://` channels. It stands within the one that adds credentials.
pub fn registries() -> Arc<dyn Middleware> {
    Arc::new(Registries::default())
}

/// What was asked of registries already.
#[derive(Default)]
struct Registries {
    /// The blobs of files, by URL: a package is read in several parts.
    blobs: Mutex<HashMap<Url, Digest>>,
    tokens: Tokens,
}

#[async_trait::async_trait]
impl Middleware for Registries {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        if request.url().scheme() != "oci" {
            return next.run(request, extensions).await;
        }
        let file = File::of(request.url()).map_err(Error::middleware)?;
        let credential = request.headers_mut().remove(AUTHORIZATION).map(Credential::Header);
        let authorization = Authorization {
            tokens: &self.tokens,
            repository: &file.repository,
            access: Access::Pull,
            sources: &[],
            credential: credential.as_ref(),
        };
        let mut rest = NextLayers { extensions, next };
        let blob = match self.blob(request.url(), &file, &authorization, &mut rest).await? {
            Ok(blob) => blob,
            Err(answer) => return Ok(answer),
        };
        *request.url_mut() = file.repository.blob(&blob).map_err(Error::middleware)?;
        // A request for a blob has no body.
        let make = || request.try_clone().unwrap_or_else(|| Request::new(Method::GET, request.url().clone()));
        authorization.send(&make, &mut rest).await
    }
}

/// A file of a channel, as a registry has it.
#[derive(Debug, PartialEq, Eq)]
struct File {
    repository: Repository,
    tag: String,
    media_type: &'static str,
    /// The blob, where its name says it.
    blob: Option<Digest>,
}

impl File {
    fn of(url: &Url) -> Result<Self, NoFile> {
        let wrong = || NoFile(SecretUrl::from(url).to_string());
        let (folder, file) = url.path().trim_start_matches('/').rsplit_once('/').ok_or_else(wrong)?;
        let (name, tag, media_type) = match index_type(file) {
            Some(media_type) => ("repodata.json".to_owned(), "latest".to_owned(), media_type),
            None => package(file).or_else(|| shard(file)).ok_or_else(wrong)?,
        };
        let is_shard = media_type == SHARD;
        let folder = folder.strip_suffix("/shards").filter(|_| is_shard).unwrap_or(folder);
        let blob = if is_shard { Digest::from_hex(&tag).ok() } else { None };
        let host = url.host_str().ok_or_else(wrong)?;
        let repository =
            Repository::new(host, url.port(), &format!("{folder}/{name}")).map_err(|_| wrong())?;
        Ok(Self { repository, tag, media_type, blob })
    }
}

const SHARD: &str = "application/vnd.conda.repodata.shard.v1+msgpack+zst";

fn index_type(file: &str) -> Option<&'static str> {
    match file {
        "repodata.json" => Some("application/vnd.conda.repodata.v1+json"),
        "repodata.json.zst" => Some("application/vnd.conda.repodata.v1+json+zst"),
        "repodata.json.bz2" => Some("application/vnd.conda.repodata.v1+json+bz2"),
        "repodata.json.gz" => Some("application/vnd.conda.repodata.v1+json+gzip"),
        "repodata_shards.msgpack.zst" => Some("application/vnd.conda.repodata.shards.v1+msgpack+zst"),
        _ => None,
    }
}

/// The repository, tag and media type of a package. No repository begins with `_`, and no tag has `+`, `!` or `=`.
fn package(file: &str) -> Option<(String, String, &'static str)> {
    let (stem, media_type) = match (file.strip_suffix(".conda"), file.strip_suffix(".tar.bz2")) {
        (Some(stem), _) => (stem, "application/vnd.conda.package.v2"),
        (None, Some(stem)) => (stem, "application/vnd.conda.package.v1"),
        (None, None) => return None,
    };
    let mut parts = stem.rsplitn(3, '-');
    let (build, version, name) = (parts.next()?, parts.next()?, parts.next()?);
    let name = if name.starts_with('_') { format!("zzz{name}") } else { name.to_owned() };
    let tag = format!("{version}-{build}").replace("%21", "!");
    let tag = tag.replace('+', "__p__").replace('!', "__e__").replace('=', "__eq__");
    Some((name, tag, media_type))
}

/// A piece of a sharded index, which is called by its own hash.
fn shard(file: &str) -> Option<(String, String, &'static str)> {
    let hash = file.strip_suffix(".msgpack.zst").filter(|hash| Digest::from_hex(hash).is_ok())?;
    Some(("repodata.json/shards".to_owned(), hash.to_owned(), SHARD))
}

/// Mirrors have written `+zst` and `+zstd`.
fn is_type(found: &str, wanted: &str) -> bool {
    found == wanted || wanted.ends_with("+zst") && found.strip_suffix('d') == Some(wanted)
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: Digest,
}

/// The layers of the client behind this one.
struct NextLayers<'a, 'n> {
    extensions: &'a mut Extensions,
    next: Next<'n>,
}

#[async_trait::async_trait]
impl Sender for NextLayers<'_, '_> {
    type Error = Error;

    async fn send(&mut self, request: Request) -> Result<Response, Error> {
        self.next.clone().run(request, self.extensions).await
    }
}

impl Registries {
    /// The blob of the file at a URL, or the answer that says why there is none.
    async fn blob(
        &self,
        url: &Url,
        file: &File,
        authorization: &Authorization<'_>,
        rest: &mut NextLayers<'_, '_>,
    ) -> Result<Result<Digest, Response>, Error> {
        if let Some(blob) = file.blob {
            return Ok(Ok(blob));
        }
        if let Some(blob) = self.blobs().get(url) {
            return Ok(Ok(*blob));
        }
        let from = file.repository.manifest(&file.tag).map_err(Error::middleware)?;
        let make = || {
            let mut request = Request::new(Method::GET, from.clone());
            request.headers_mut().insert(ACCEPT, HeaderValue::from_static(MANIFEST));
            request
        };
        let answer = authorization.send(&make, rest).await?;
        if !answer.status().is_success() {
            return Ok(Err(answer));
        }
        let manifest: Manifest = read_json(answer).await?;
        let mut layers = manifest.layers.into_iter();
        match layers.find(|layer| is_type(&layer.media_type, file.media_type)) {
            Some(layer) => {
                self.blobs().insert(url.clone(), layer.digest);
                Ok(Ok(layer.digest))
            }
            None => {
                let mut missing = http::Response::new("");
                *missing.status_mut() = StatusCode::NOT_FOUND;
                Ok(Err(missing.into()))
            }
        }
    }

    /// No map is left half changed: a thread that died has done nothing to it.
    fn blobs(&self) -> MutexGuard<'_, HashMap<Url, Digest>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(url: &str) -> String {
        let File { repository, tag, media_type, .. } = File::of(&url.parse().unwrap()).unwrap();
        let media_type = media_type.trim_start_matches("application/vnd.conda.");
        format!("{} {} {tag} {media_type}", repository.url(), repository.name())
    }

    #[test]
    fn files_are_where_the_mirrors_have_them() {
        let below = "oci://ghcr.io/channel-mirrors/conda-forge";
        assert_eq!(
            file(&format!("{below}/linux-64/repodata.json.zst")),
            "https://ghcr.io/v2/channel-mirrors/conda-forge/linux-64/repodata.json/ \
             channel-mirrors/conda-forge/linux-64/repodata.json latest repodata.v1+json+zst"
        );
        assert_eq!(
            file(&format!("{below}/linux-64/_libgcc_mutex-0.1-conda_forge.tar.bz2")),
            "https://ghcr.io/v2/channel-mirrors/conda-forge/linux-64/zzz_libgcc_mutex/ \
             channel-mirrors/conda-forge/linux-64/zzz_libgcc_mutex 0.1-conda_forge package.v1"
        );
        assert_eq!(
            file("oci://localhost:5000/c/noarch/x264-1!164.3095+a=b-h_0.conda"),
            "http://localhost:5000/v2/c/noarch/x264/ c/noarch/x264 1__e__164.3095__p__a__eq__b-h_0 package.v2"
        );
        let hash = "ab".repeat(32);
        let shard = File::of(&format!("oci://[::1]/c/noarch/shards/{hash}.msgpack.zst").parse().unwrap());
        let shard = shard.unwrap();
        assert_eq!(shard.repository.url().as_str(), "http://[::1]/v2/c/noarch/repodata.json/shards/");
        assert_eq!(shard.blob.unwrap().hex(), hash);
        for bad in
            ["oci://ghcr.io", "oci://ghcr.io/x", "oci://ghcr.io/c/noarch/x.conda", "oci://ghcr.io/c/x.txt"]
        {
            assert!(File::of(&bad.parse().unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn both_spellings_of_zstd_are_one() {
        let wanted = "application/vnd.conda.repodata.v1+json+zst";
        assert!(is_type(&format!("{wanted}d"), wanted) && is_type(wanted, wanted));
        assert!(!is_type("application/vnd.conda.package.v1", "application/vnd.conda.package.v2"));
        assert!(!is_type("application/vnd.conda.repodata.v1+json", wanted));
    }
}

//! Channels in OCI registries: `oci://HOST/PATH`, as conda-forge is mirrored at `oci://ghcr.io/channel-mirrors/conda-forge`.
//!
//! A file of such a channel is the layer of a manifest. A package `linux-64/numpy-1.26.4-py311_0.conda` is in the
//! repository `PATH/linux-64/numpy` under the tag `1.26.4-py311_0`, and the index in `PATH/linux-64/repodata.json` under
//! `latest`; the layer's media type says which of several forms it is. Names and tags that a registry does not allow are
//! written differently (<https://github.com/conda-incubator/conda-oci-mirror>).
//!
//! [`registries`] is a layer of the HTTP client that turns requests for such URLs into requests for blobs, ranges and all,
//! by the distribution specification. Registries on the loopback are spoken to without TLS, as docker does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::Extensions;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use oci::Digest;
use reqwest::{Method, Request, Response, StatusCode};
use reqwest_middleware::{Error, Middleware, Next};
use secret::SecretUrl;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::limits::REGISTRY_ANSWER_LIMIT;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Why a request to a registry cannot be made.
#[derive(Debug, thiserror::Error)]
enum RegistryError {
    #[error("`{0}` is not the URL of a file of a channel")]
    Url(String),
    #[error("the registry's answer for `{0}` cannot be read")]
    Answer(String, #[source] serde_json::Error),
    #[error("the registry's answer for `{0}` is larger than {REGISTRY_ANSWER_LIMIT} bytes")]
    TooLarge(String),
}

/// The layer that serves `oci://` channels. It stands within the one that adds credentials.
pub fn registries() -> Arc<dyn Middleware> {
    Arc::new(Registries::default())
}

/// What was asked of registries already.
#[derive(Default)]
struct Registries {
    /// The blobs of files, by URL: a package is read in several parts.
    blobs: Mutex<HashMap<Url, Digest>>,
    /// `Authorization` headers, by repository.
    tokens: Mutex<HashMap<Url, HeaderValue>>,
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
        let credentials = request.headers_mut().remove(AUTHORIZATION);
        let mut session = Session { known: self, file: &file, credentials, extensions, next };
        let blob = match session.blob(request.url()).await? {
            Ok(blob) => blob,
            Err(answer) => return Ok(answer),
        };
        *request.url_mut() = file.url(&format!("blobs/{blob}")).map_err(Error::middleware)?;
        session.send(request).await
    }
}

/// A file of a channel, as a registry has it.
#[derive(Debug, PartialEq, Eq)]
struct File {
    /// `https://HOST/v2/PATH/`.
    repository: Url,
    /// What tokens are asked for: `PATH` and the name.
    name: String,
    tag: String,
    media_type: &'static str,
    /// The blob, where its name says it.
    blob: Option<Digest>,
}

impl File {
    fn of(url: &Url) -> Result<Self, RegistryError> {
        let wrong = || RegistryError::Url(SecretUrl::from(url).to_string());
        let (folder, file) = url.path().trim_start_matches('/').rsplit_once('/').ok_or_else(wrong)?;
        let (name, tag, media_type) = match index_type(file) {
            Some(media_type) => ("repodata.json".to_owned(), "latest".to_owned(), media_type),
            None => package(file).or_else(|| shard(file)).ok_or_else(wrong)?,
        };
        let is_shard = media_type == SHARD;
        let folder = folder.strip_suffix("/shards").filter(|_| is_shard).unwrap_or(folder);
        let blob = if is_shard { Digest::from_hex(&tag).ok() } else { None };
        let name = format!("{folder}/{name}");
        let host = url.host_str().ok_or_else(wrong)?;
        let scheme = if is_loopback(host) { "http" } else { "https" };
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let repository = Url::parse(&format!("{scheme}://{host}{port}/v2/{name}/")).map_err(|_| wrong())?;
        Ok(Self { repository, name, tag, media_type, blob })
    }

    fn url(&self, path: &str) -> Result<Url, RegistryError> {
        self.repository.join(path).map_err(|_| RegistryError::Url(path.to_owned()))
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

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
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

/// One of the two is there (distribution specification, token authentication).
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// What one request of ours asks of a registry.
struct Session<'a, 'n> {
    known: &'a Registries,
    file: &'a File,
    /// The `Authorization` header that the layer of credentials has added.
    credentials: Option<HeaderValue>,
    extensions: &'a mut Extensions,
    next: Next<'n>,
}

impl Session<'_, '_> {
    /// The blob of the file, or the answer that says why there is none.
    async fn blob(&mut self, url: &Url) -> Result<Result<Digest, Response>, Error> {
        if let Some(blob) = self.file.blob {
            return Ok(Ok(blob));
        }
        if let Some(blob) = lock(&self.known.blobs).get(url) {
            return Ok(Ok(*blob));
        }
        let from = self.file.url(&format!("manifests/{}", self.file.tag)).map_err(Error::middleware)?;
        let mut request = Request::new(Method::GET, from);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(MANIFEST));
        let answer = self.send(request).await?;
        if !answer.status().is_success() {
            return Ok(Err(answer));
        }
        let manifest: Manifest = read(answer).await?;
        let mut layers = manifest.layers.into_iter();
        match layers.find(|layer| is_type(&layer.media_type, self.file.media_type)) {
            Some(layer) => {
                lock(&self.known.blobs).insert(url.clone(), layer.digest);
                Ok(Ok(layer.digest))
            }
            None => {
                let mut missing = http::Response::new("");
                *missing.status_mut() = StatusCode::NOT_FOUND;
                Ok(Err(missing.into()))
            }
        }
    }

    /// Sends a request with what is known of credentials; where the registry asks for a token, once more with one.
    async fn send(&mut self, request: Request) -> Result<Response, Error> {
        let Some(mut first) = request.try_clone() else {
            return self.next.clone().run(request, self.extensions).await;
        };
        let known = lock(&self.known.tokens).get(&self.file.repository).cloned();
        if let Some(header) = known.or_else(|| self.credentials.clone()) {
            first.headers_mut().insert(AUTHORIZATION, header);
        }
        let answer = self.next.clone().run(first, self.extensions).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let Some(header) = self.token(&answer).await? else { return Ok(answer) };
        lock(&self.known.tokens).insert(self.file.repository.clone(), header.clone());
        let mut second = request;
        second.headers_mut().insert(AUTHORIZATION, header);
        self.next.clone().run(second, self.extensions).await
    }

    /// A token from where the registry's challenge says; nothing where it asks for no token.
    async fn token(&mut self, answer: &Response) -> Result<Option<HeaderValue>, Error> {
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE);
        let texts = challenges.iter().filter_map(|header| header.to_str().ok());
        let Some(parameters) = texts.filter_map(bearer).next() else { return Ok(None) };
        let realm = parameters.get("realm").and_then(|realm| Url::parse(realm).ok());
        // Credentials go there: never without TLS, except where the registry itself has none.
        let plain = self.file.repository.scheme() == "http";
        let safe = |url: &Url| url.scheme() == "https" || plain && url.host_str().is_some_and(is_loopback);
        let Some(mut from) = realm.filter(safe) else { return Ok(None) };
        if let Some(service) = parameters.get("service") {
            from.query_pairs_mut().append_pair("service", service);
        }
        from.query_pairs_mut().append_pair("scope", &format!("repository:{}:pull", self.file.name));
        let mut request = Request::new(Method::GET, from);
        if let Some(credentials) = &self.credentials {
            request.headers_mut().insert(AUTHORIZATION, credentials.clone());
        }
        let answer = self.next.clone().run(request, self.extensions).await?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        let Token { token, access_token } = read(answer).await?;
        let header =
            token.or(access_token).and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
        Ok(header.map(|mut header| {
            header.set_sensitive(true);
            header
        }))
    }
}

/// No map is left half changed: a thread that died has done nothing to it.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn read<T: DeserializeOwned>(mut answer: Response) -> Result<T, Error> {
    let shown = SecretUrl::from(answer.url()).to_string();
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > REGISTRY_ANSWER_LIMIT {
            return Err(Error::middleware(RegistryError::TooLarge(shown)));
        }
    }
    serde_json::from_slice(&bytes).map_err(|error| Error::middleware(RegistryError::Answer(shown, error)))
}

/// The parameters of a challenge `Bearer realm="…",service="…"` (RFC 6750, 3).
fn bearer(challenge: &str) -> Option<HashMap<String, String>> {
    let (scheme, mut rest) = challenge.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut parameters = HashMap::new();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        parameters.insert(name.trim_matches([',', ' ']).to_ascii_lowercase(), value.to_owned());
        rest = next;
    }
    Some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(url: &str) -> String {
        let File { repository, name, tag, media_type, .. } = File::of(&url.parse().unwrap()).unwrap();
        let media_type = media_type.trim_start_matches("application/vnd.conda.");
        format!("{repository} {name} {tag} {media_type}")
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
        assert_eq!(shard.repository.as_str(), "http://[::1]/v2/c/noarch/repodata.json/shards/");
        assert_eq!(shard.blob.unwrap().hex(), hash);
        for bad in
            ["oci://ghcr.io", "oci://ghcr.io/x", "oci://ghcr.io/c/noarch/x.conda", "oci://ghcr.io/c/x.txt"]
        {
            assert!(File::of(&bad.parse().unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_loopback_address_is_one() {
        for (host, loopback) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("localhost.example", false),
            ("127.0.0.1.example", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(host), loopback, "{host}");
        }
    }

    #[test]
    fn challenges_are_read() {
        let read =
            bearer(r#"Bearer realm="https://r.example/token?a=b",service="r.example", scope=x"#).unwrap();
        assert_eq!(read["realm"], "https://r.example/token?a=b");
        assert_eq!((read["service"].as_str(), read["scope"].as_str()), ("r.example", "x"));
        for other in ["Basic realm=\"x\"", "Bearer", "", "Bearer realm=\"x"] {
            assert!(bearer(other).is_none(), "{other}");
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

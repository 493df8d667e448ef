//! One suite of an archive: its signed `Release` and its `Packages`, fetched, verified and kept.

use std::io::{self, Read, Write};
use std::path::Path;

use imgbuild_oci::Digest;
use imgbuild_secret::SecretUrl;
use imgbuild_spec::Component;

use crate::archive::fetch::{Fetch, FetchError};
use crate::archive::index_error::{IndexError, release_hint};
use crate::archive::index_request::IndexRequest;
use crate::archive::keyring::Keyring;
use crate::archive::release::{IndexFile, Release, ReleaseError, SignedText};
use crate::limits::{INDEX_LIMIT, RELEASE_LIMIT, XZ_MEMORY};

/// How `Packages` may be packed, by the end of its name: the smallest first.
const PACKINGS: [&str; 3] = [".xz", ".gz", ""];

/// One suite, or one flat repository.
#[derive(Debug)]
pub(crate) struct Suite<'a> {
    /// The archive's name in the lock.
    pub(crate) archive: &'a str,
    /// The archive's root.
    pub(crate) root: &'a SecretUrl,
    /// The suite's name, or, with a slash at its end, the folder of a flat repository.
    pub(crate) name: String,
    pub(crate) components: &'a [Component],
    pub(crate) keyring: &'a Keyring,
    /// Whether a component that its `Release` does not list is none that was mistyped.
    pub(crate) may_lack_components: bool,
}

/// How willingly apt takes packages of a suite, as the suite itself says (`apt_preferences(5)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Only where nothing else serves: `NotAutomatic`, as Debian's backports and experimental say.
    Unwilling,
    /// As any.
    Usual,
}

/// What was fetched of a suite.
pub(crate) struct SuiteIndex {
    /// Its `Packages` files.
    pub(crate) texts: Vec<String>,
    pub(crate) priority: Priority,
}

/// An index file, as it is fetched.
struct PackedIndex<'a> {
    /// Its path below the folder of the `Release`.
    path: String,
    file: IndexFile,
    packing: &'static str,
    /// The file that comes out, where it is listed as well.
    plain: Option<IndexFile>,
    /// The URL of the folder.
    folder: &'a SecretUrl,
}

impl Suite<'_> {
    fn is_flat(&self) -> bool {
        self.name.ends_with('/')
    }

    /// The folder of the `Release`.
    fn folder(&self) -> Result<SecretUrl, IndexError> {
        if self.is_flat() {
            let folder = self.name.trim_start_matches("./").trim_matches('/');
            return if folder.is_empty() { Ok(self.root.clone()) } else { self.join(self.root, folder) };
        }
        self.join(self.root, &format!("dists/{}", self.name))
    }

    /// Fetches what is not cached, and verifies all.
    pub(crate) async fn fetch(
        &self,
        request: &IndexRequest<'_>,
        fetch: &impl Fetch,
    ) -> Result<SuiteIndex, IndexError> {
        let folder = self.folder()?;
        let release = self.fetch_release(request, &folder, fetch).await?;
        let mut texts = Vec::new();
        for packed in self.indexes(&release, request.platform.architecture(), &folder)? {
            let bytes = self.fetch_packed(request, &release, &packed, fetch).await?;
            texts.push(self.unpack(&bytes, &packed)?);
        }
        let priority = if release.is_automatic() { Priority::Usual } else { Priority::Unwilling };
        Ok(SuiteIndex { texts, priority })
    }

    /// The files of packages that a `Release` lists.
    fn indexes<'f>(
        &self,
        release: &Release,
        architecture: &str,
        folder: &'f SecretUrl,
    ) -> Result<Vec<PackedIndex<'f>>, IndexError> {
        let find = |path: &str| {
            PACKINGS.into_iter().find_map(|packing| {
                let name = format!("{path}{packing}");
                let file = release.file(&name)?;
                Some(PackedIndex { path: name, file, packing, plain: release.file(path), folder })
            })
        };
        if self.is_flat() {
            let found =
                find("Packages").ok_or_else(|| IndexError::NoIndex { url: Box::new(folder.clone()) })?;
            return Ok(vec![found]);
        }
        let mut found = Vec::new();
        let is_known = |component: &Component| release.components().iter().any(|it| it == component.as_str());
        for component in self.components {
            match find(&format!("{component}/binary-{architecture}/Packages")) {
                Some(index) => found.push(index),
                None if self.may_lack_components && !is_known(component) => {}
                None => {
                    return Err(IndexError::NoComponent {
                        suite: self.name.clone(),
                        component: component.to_string(),
                        architecture: architecture.to_owned(),
                        known: listed(release.components()),
                        architectures: listed(release.architectures()),
                    });
                }
            }
        }
        Ok(found)
    }

    /// `InRelease`, else `Release` with the signature beside it.
    async fn fetch_release(
        &self,
        request: &IndexRequest<'_>,
        folder: &SecretUrl,
        fetch: &impl Fetch,
    ) -> Result<Release, IndexError> {
        let urls = [self.join(folder, "InRelease")?, self.join(folder, "Release")?];
        let signature_url = self.join(folder, "Release.gpg")?;
        let cached = |url: &SecretUrl| {
            let hash = Digest::of(url.public().as_str()).hex();
            let suite: String = self.name.chars().map(|it| if it == '/' { '_' } else { it }).collect();
            let name = url.whole().path().rsplit('/').next().unwrap_or_default();
            request.cache.join(format!("{suite}-{}.{name}", &hash[..16]))
        };
        // Two builds may fetch different ones at the same time: a signature belongs to its text.
        let signature_of =
            |text: &[u8]| cached(&signature_url).with_extension(format!("{}.gpg", Digest::of(text).hex()));
        let [inline, detached] = &urls;
        if request.offline {
            if let Some(bytes) = read_cached(&cached(inline))? {
                return self.verify(request, inline, &SignedText::Inline(&bytes));
            }
            let offline = || IndexError::Offline { suite: self.name.clone() };
            let text = read_cached(&cached(detached))?.ok_or_else(offline)?;
            let signature = read_cached(&signature_of(&text))?.ok_or_else(offline)?;
            return self.verify(
                request,
                detached,
                &SignedText::Detached { text: &text, signature: &signature },
            );
        }
        if let Some(bytes) = self.get(inline, RELEASE_LIMIT, fetch).await? {
            let release = self.verify(request, inline, &SignedText::Inline(&bytes))?;
            write_cached(&cached(inline), &bytes)?;
            return Ok(release);
        }
        let text = self.get(detached, RELEASE_LIMIT, fetch).await?;
        let signature = self.get(&signature_url, RELEASE_LIMIT, fetch).await?;
        let (Some(text), Some(signature)) = (text, signature) else {
            let url = Box::new(inline.clone());
            return Err(IndexError::NoSuite {
                suite: self.name.clone(),
                archive: self.archive.to_owned(),
                url,
            });
        };
        let release =
            self.verify(request, detached, &SignedText::Detached { text: &text, signature: &signature })?;
        write_cached(&signature_of(&text), &signature)?;
        write_cached(&cached(detached), &text)?;
        Ok(release)
    }

    fn verify(
        &self,
        request: &IndexRequest<'_>,
        url: &SecretUrl,
        signed: &SignedText<'_>,
    ) -> Result<Release, IndexError> {
        let named = Some(self.name.as_str()).filter(|_| !self.is_flat());
        let own = [crate::MAIN_ARCHIVE, crate::SECURITY_ARCHIVE].contains(&self.archive);
        let snapshot = request.snapshot.filter(|_| own);
        Release::verify(signed, named, self.keyring, request.now, snapshot)
            .map_err(|error| self.untrusted(url, error))
    }

    fn untrusted(&self, url: &SecretUrl, error: ReleaseError) -> IndexError {
        IndexError::Release {
            url: Box::new(url.clone()),
            suite: self.name.clone(),
            archive: self.archive.to_owned(),
            hint: release_hint(&error, self.archive),
            error: Box::new(error),
        }
    }

    /// What stands at a URL; nothing where it is not there.
    async fn get(
        &self,
        url: &SecretUrl,
        limit: u64,
        fetch: &impl Fetch,
    ) -> Result<Option<Vec<u8>>, IndexError> {
        match fetch.get(url, limit).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FetchError::NotFound(_)) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: FetchError) -> IndexError {
        IndexError::Fetch { suite: self.name.clone(), error: Box::new(error) }
    }

    /// The packed `Packages`: from the cache by its hash, else by its hash from the mirror, else by its name.
    async fn fetch_packed(
        &self,
        request: &IndexRequest<'_>,
        release: &Release,
        packed: &PackedIndex<'_>,
        fetch: &impl Fetch,
    ) -> Result<Vec<u8>, IndexError> {
        let file = packed.file;
        let cached = request.cache.join(format!("{}{}", file.sha256.hex(), packed.packing));
        // A damaged cache is not an error: the file is fetched anew.
        if let Some(bytes) = read_cached(&cached)?.filter(|bytes| Digest::of(bytes) == file.sha256) {
            return Ok(bytes);
        }
        if request.offline {
            return Err(IndexError::Offline { suite: self.name.clone() });
        }
        let mut url = self.join(packed.folder, &packed.path)?;
        let mut bytes = None;
        if release.is_by_hash() {
            let folder =
                packed.path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
            let by_hash =
                self.join(packed.folder, &format!("{folder}by-hash/SHA256/{}", file.sha256.hex()))?;
            bytes = self.get(&by_hash, file.size, fetch).await?;
            if bytes.is_some() {
                url = by_hash;
            }
        }
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => fetch.get(&url, file.size).await.map_err(|error| self.failed(error))?,
        };
        check(&bytes, file, &url)?;
        write_cached(&cached, &bytes)?;
        Ok(bytes)
    }

    fn unpack(&self, bytes: &[u8], packed: &PackedIndex<'_>) -> Result<String, IndexError> {
        let unreadable = |what: String| IndexError::Unreadable { suite: self.name.clone(), what };
        let reader: Box<dyn Read + '_> = match packed.packing {
            ".xz" => Box::new(
                imgbuild_archive::xz(bytes, XZ_MEMORY).map_err(|error| unreadable(error.to_string()))?,
            ),
            ".gz" => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
            _ => Box::new(bytes),
        };
        let limit = packed.plain.map_or(INDEX_LIMIT, |plain| plain.size);
        let mut unpacked = Vec::new();
        // One byte more than was signed shows that there are too many.
        reader.take(limit + 1).read_to_end(&mut unpacked).map_err(|error| unreadable(error.to_string()))?;
        match packed.plain {
            Some(plain) => {
                let name = packed.path.strip_suffix(packed.packing).unwrap_or(&packed.path);
                check(&unpacked, plain, &self.join(packed.folder, name)?)?;
            }
            None if unpacked.len() as u64 > limit => {
                return Err(unreadable(format!("it unpacks to more than {limit} bytes")));
            }
            None => {}
        }
        String::from_utf8(unpacked).map_err(|_| unreadable("it is not UTF-8".to_owned()))
    }

    fn join(&self, root: &SecretUrl, path: &str) -> Result<SecretUrl, IndexError> {
        root.below(&format!("./{path}")).map_err(|error| IndexError::Unreadable {
            suite: self.name.clone(),
            what: format!("`{path}` below `{root}`: {error}"),
        })
    }
}

fn listed(words: &[String]) -> String {
    words.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

fn check(bytes: &[u8], file: IndexFile, url: &SecretUrl) -> Result<(), IndexError> {
    let (found, found_size) = (Digest::of(bytes), bytes.len() as u64);
    if (found, found_size) == (file.sha256, file.size) {
        return Ok(());
    }
    let url = Box::new(url.clone());
    Err(IndexError::Changed { url, expected_size: file.size, expected: file.sha256, found_size, found })
}

fn read_cached(path: &Path) -> Result<Option<Vec<u8>>, IndexError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(IndexError::Cache { path: path.to_owned(), error }),
    }
}

/// Writes a file so that it bears its name only when it is whole.
fn write_cached(path: &Path, bytes: &[u8]) -> Result<(), IndexError> {
    let cache = |error| IndexError::Cache { path: path.to_owned(), error };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(cache)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(cache)?;
    file.write_all(bytes).map_err(cache)?;
    file.persist(path).map_err(|error| cache(error.error))?;
    Ok(())
}

//! What tests of locking have: an index on loopback, a store, the folder of a spec, and someone who builds.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use imgbuild_net::{ArchiveRequest, Archives, Client, FetchError, Schedule};
use imgbuild_oci::Digest;
use imgbuild_pypi::{
    BuildFailed, Builder, Built, Environment, Holder, Indexes, Locked, Locking, LockingError, ProjectSource,
    Provided, ProvidedError, ProvidedPackage, PytorchIndex, Request, Requirement, Settings, Uv, Variables,
    WheelReader,
};
use imgbuild_spec::AllowBuilds;
use imgbuild_store::Store;

use crate::index::{Behaviour, Index};
use crate::locking::TARGET;
use crate::oracle::tool;
use crate::support::{WheelBuilder, message};

/// An index with everything that good ones have.
pub(crate) const GOOD: Behaviour =
    Behaviour { json: true, metadata: true, ranges: true, password: false, page: None, file: None };

/// A wheel that requires something.
pub(crate) fn wheel(name: &str, version: &str, requires: &[&str]) -> WheelBuilder {
    let extras = requires.iter().filter_map(|it| Some(it.split_once("extra == '")?.1.trim_end_matches('\'')));
    let extras: String = extras.map(|extra| format!("Provides-Extra: {extra}\n")).collect();
    let requires: String = requires.iter().map(|it| format!("Requires-Dist: {it}\n")).collect();
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{extras}{requires}\n");
    WheelBuilder::new(name, version).file(&format!("{name}-{version}.dist-info/METADATA"), &metadata)
}

/// What a test has: an index with wheels, a store, and a folder of a spec.
pub(crate) struct Bench {
    pub(crate) index: Index,
    pub(crate) wheels: PathBuf,
    pub(crate) spec: PathBuf,
    pub(crate) client: Client,
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) fetched: Mutex<Vec<String>>,
    pub(crate) built: Mutex<Vec<String>>,
    pub(crate) metadata: BTreeMap<String, String>,
    root: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new(behaviour: Behaviour) -> Self {
        Self::with(behaviour, "", &Variables::new())
    }

    /// A bench whose spec names the index with these credentials.
    pub(crate) fn with(behaviour: Behaviour, credentials: &str, variables: &Variables) -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let path = root.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let (wheels, spec) = (folder("wheels"), folder("spec"));
        let index = Index::serve(&wheels, behaviour);
        let mut variables = variables.clone();
        // Of the index that a variable names only the address is not known before.
        variables.values_mut().for_each(|value| *value = value.replace("ADDRESS", &index.address));
        variables.insert("UV_CACHE_DIR".to_owned(), root.path().join("uv").display().to_string());
        variables.insert("UV_HTTP_RETRIES".to_owned(), "0".to_owned());
        let has_own = variables.keys().any(|name| name.contains("INDEX"));
        let index_url = (!has_own).then(|| index.url(credentials).into());
        let settings =
            Settings::read(&variables, &spec, &Indexes { index_url, ..Indexes::default() }).unwrap();
        let schedule = Schedule { retries: 0, first: Duration::ZERO, most: Duration::ZERO };
        let client =
            Client::new(imgbuild_net::Options { schedule, ..imgbuild_net::Options::default() }).unwrap();
        Self {
            index,
            wheels,
            spec,
            client: client.with_layers([settings.layer()]),
            store: Store::open(root.path().join("store")).unwrap(),
            settings,
            fetched: Mutex::default(),
            built: Mutex::default(),
            metadata: BTreeMap::new(),
            root,
        }
    }

    /// A bench whose index is the one that this machine is set up for.
    pub(crate) fn ordinary() -> Self {
        let bench = Self::new(GOOD);
        let settings = Settings::read(&Settings::variables(), &bench.spec, &Indexes::default()).unwrap();
        Self { client: bench.client.with_layers([settings.layer()]), settings, ..bench }
    }

    pub(crate) fn add(&self, wheels: &[WheelBuilder]) {
        for wheel in wheels {
            wheel.write(&self.wheels);
        }
    }

    pub(crate) fn request(&self, lines: &[&str]) -> Request {
        Request {
            requirements: lines.iter().map(|line| Requirement::new(*line)).collect(),
            constraints: Vec::new(),
            prereleases: false,
            environment: Environment::new(TARGET, "3.11.9").unwrap(),
            folder: self.spec.clone(),
            allow_builds: AllowBuilds::None,
            cuda: None,
            pytorch: PytorchIndex::default(),
            provided: Vec::new(),
            require_hashes: false,
            earlier: Vec::new(),
        }
    }

    pub(crate) async fn locking<T>(&self, work: impl AsyncFnOnce(&Locking<'_>) -> T) -> T {
        let uv = Uv::new(tool("uv"));
        let metadata = WheelReader { client: &self.client, archives: self, store: &self.store };
        let locking = Locking { uv: &uv, settings: &self.settings, metadata, provided: self, builder: self };
        work(&locking).await
    }

    pub(crate) async fn lock(&self, request: &Request) -> Result<Locked, LockingError> {
        self.locking(async |locking| locking.lock(request).await).await
    }

    /// What is locked, a line each.
    pub(crate) async fn locked(&self, request: &Request) -> String {
        self.shown(&self.lock(request).await.unwrap_or_else(|error| panic!("{}", message(&error))))
    }

    pub(crate) async fn refused(&self, request: &Request) -> String {
        let error = self.lock(request).await.unwrap_err();
        let place = error.requirement().map_or(String::new(), |place| format!("[{place}] "));
        self.plain(&format!("{place}{}", message(&error)))
    }

    pub(crate) fn shown(&self, locked: &Locked) -> String {
        let mut lines: Vec<String> = Vec::new();
        for chosen in &locked.wheels {
            let package = &chosen.package;
            let star = if locked.requested.contains(&package.name) { "*" } else { "" };
            let url = package.url.as_ref().map_or(String::new(), |url| format!(" from {url}"));
            let built = if package.build.is_some() { " built" } else { "" };
            lines.push(format!("{}{star} {}{url}{built}", package.name, package.version));
        }
        lines.extend(locked.provided.iter().map(|provided| format!("provided: {provided}")));
        self.plain(&lines.join("\n"))
    }

    /// A text without what differs from run to run.
    pub(crate) fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.root.path().display().to_string(), "ROOT");
        text.replace(&self.index.address, "INDEX")
    }
}

impl Archives for Bench {
    fn fetch(&self, wanted: ArchiveRequest) -> BoxFuture<'_, Result<(Digest, PathBuf), FetchError>> {
        Box::pin(async move {
            self.fetched.lock().unwrap().push(wanted.name.clone());
            let bytes = self.client.get_bytes(wanted.from, 1 << 30).await;
            let bytes = bytes.map_err(|error| FetchError::Other(error.into()))?;
            let digest = wanted.sha256.unwrap_or_else(|| Digest::of(&bytes));
            let mut writer = self.store.archive_writer().unwrap();
            std::io::Write::write_all(&mut writer, &bytes).unwrap();
            let path = writer.commit(&digest).map_err(|error| FetchError::Other(error.into()))?;
            Ok((digest, path))
        })
    }
}

impl Provided for Bench {
    fn metadata<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, ProvidedError>> {
        Box::pin(async move {
            self.metadata.get(name).cloned().ok_or_else(|| ProvidedError("nobody knows it".into()))
        })
    }
}

/// Builds a wheel of version 7 of whatever it is given.
impl Builder for Bench {
    fn build(&self, source: ProjectSource) -> BoxFuture<'_, Result<Built, BuildFailed>> {
        Box::pin(async move {
            self.built.lock().unwrap().push(source.to_string());
            let name = source.name().unwrap_or("unnamed").to_owned();
            if name == "broken" {
                return Err(BuildFailed("the build says: no".into()));
            }
            let version = match &source {
                ProjectSource::Sdist { version: Some(version), .. } => version.clone(),
                _ => "7.0".to_owned(),
            };
            let folder = tempfile::tempdir_in(self.root.path()).unwrap().keep();
            let archive = wheel(&name.replace('-', "_"), &version, &["inner>=1"]).write(&folder);
            let bytes = fs::read(&archive).unwrap();
            let sha256 = Digest::of(&bytes);
            Ok(Built {
                filename: archive.file_name().unwrap().to_str().unwrap().to_owned(),
                archive,
                sha256,
                size: bytes.len() as u64,
                origin: None,
                build: imgbuild_lock::PypiBuild {
                    source: imgbuild_lock::PypiSource::Folder { path: "project".to_owned(), sha256 },
                    requires: Vec::new(),
                },
                requires: Vec::new(),
            })
        })
    }
}

pub(crate) fn provided(name: &str, version: &str) -> ProvidedPackage {
    ProvidedPackage {
        name: name.to_owned(),
        version: Some(version.to_owned()),
        holder: Holder::Conda(format!("{name} {version} py311h0_0")),
    }
}

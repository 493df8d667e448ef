//! Locking with uv against an index on loopback: what is chosen, what is asked for, and what bad input gets.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use insta::assert_snapshot;
use net::{Client, Schedule};
use oci::Digest;
use pypi::{
    AllowBuilds, Archives, BuildFailed, Builder, Built, Environment, FetchError, Indexes, Locked, Locking,
    LockingError, Provided, ProvidedError, ProvidedPackage, Request, Requirement, Settings, Source, Uv,
    Variables, Wanted, WheelReader,
};
use store::Store;

use crate::index::{Behaviour, Index};
use crate::locking::TARGET;
use crate::oracle::tool;
use crate::support::{WheelBuilder, message};

/// An index with everything that good ones have.
const GOOD: Behaviour =
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
struct Bench {
    index: Index,
    wheels: PathBuf,
    spec: PathBuf,
    client: Client,
    store: Store,
    settings: Settings,
    fetched: Mutex<Vec<String>>,
    built: Mutex<Vec<String>>,
    metadata: BTreeMap<String, String>,
    root: tempfile::TempDir,
}

impl Bench {
    fn new(behaviour: Behaviour) -> Self {
        Self::with(behaviour, "", &Variables::new())
    }

    /// A bench whose spec names the index with these credentials.
    fn with(behaviour: Behaviour, credentials: &str, variables: &Variables) -> Self {
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
        let index_url = (!has_own).then(|| index.url(credentials));
        let settings =
            Settings::read(&variables, &spec, &Indexes { index_url, ..Indexes::default() }).unwrap();
        let schedule = Schedule { retries: 0, first: Duration::ZERO, most: Duration::ZERO };
        let client = Client::new(net::Options { schedule, ..net::Options::default() }).unwrap();
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

    fn add(&self, wheels: &[WheelBuilder]) {
        for wheel in wheels {
            wheel.write(&self.wheels);
        }
    }

    fn request(&self, lines: &[&str]) -> Request {
        Request {
            requirements: lines.iter().map(|line| Requirement::new(*line)).collect(),
            constraints: Vec::new(),
            prereleases: false,
            environment: Environment::new(TARGET, "3.11.9").unwrap(),
            folder: self.spec.clone(),
            allow_builds: AllowBuilds::Nothing,
            cuda: None,
            provided: Vec::new(),
            require_hashes: false,
            earlier: Vec::new(),
        }
    }

    async fn locking<T>(&self, work: impl AsyncFnOnce(&Locking<'_>) -> T) -> T {
        let uv = Uv::new(tool("uv"));
        let metadata = WheelReader { client: &self.client, archives: self, store: &self.store };
        let locking = Locking { uv: &uv, settings: &self.settings, metadata, provided: self, builder: self };
        work(&locking).await
    }

    async fn lock(&self, request: &Request) -> Result<Locked, LockingError> {
        self.locking(async |locking| locking.lock(request).await).await
    }

    /// What is locked, a line each.
    async fn locked(&self, request: &Request) -> String {
        self.shown(&self.lock(request).await.unwrap_or_else(|error| panic!("{}", message(&error))))
    }

    async fn refused(&self, request: &Request) -> String {
        let error = self.lock(request).await.unwrap_err();
        let place = error.requirement().map_or(String::new(), |place| format!("[{place}] "));
        self.plain(&format!("{place}{}", message(&error)))
    }

    fn shown(&self, locked: &Locked) -> String {
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
    fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.root.path().display().to_string(), "ROOT");
        text.replace(&self.index.address, "INDEX")
    }
}

impl Archives for Bench {
    fn fetch(&self, wanted: Wanted) -> BoxFuture<'_, Result<(Digest, PathBuf), FetchError>> {
        Box::pin(async move {
            self.fetched.lock().unwrap().push(wanted.name.clone());
            let bytes = self.client.get_bytes(wanted.from, 1 << 30).await;
            let bytes = bytes.map_err(|error| FetchError(error.into()))?;
            let digest = wanted.sha256.unwrap_or_else(|| Digest::of(&bytes));
            let mut writer = self.store.archive_writer().unwrap();
            std::io::Write::write_all(&mut writer, &bytes).unwrap();
            let path = writer.commit(&digest).map_err(|error| FetchError(error.into()))?;
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
    fn build(&self, source: Source) -> BoxFuture<'_, Result<Built, BuildFailed>> {
        Box::pin(async move {
            self.built.lock().unwrap().push(source.to_string());
            let name = source.name().unwrap_or("unnamed").to_owned();
            if name == "broken" {
                return Err(BuildFailed("the build says: no".into()));
            }
            let version = match &source {
                Source::Sdist { version: Some(version), .. } => version.clone(),
                _ => "7.0".to_owned(),
            };
            let folder = tempfile::tempdir_in(self.root.path()).unwrap().keep();
            let archive = wheel(&name, &version, &["inner>=1"]).write(&folder);
            let bytes = fs::read(&archive).unwrap();
            let sha256 = Digest::of(&bytes);
            Ok(Built {
                filename: archive.file_name().unwrap().to_str().unwrap().to_owned(),
                archive,
                sha256,
                size: bytes.len() as u64,
                origin: None,
                build: lock::PypiBuild {
                    source: lock::PypiSource::Folder { path: "project".to_owned(), sha256 },
                    requires: Vec::new(),
                },
                requires: Vec::new(),
            })
        })
    }
}

fn provided(name: &str, version: &str) -> ProvidedPackage {
    ProvidedPackage {
        name: name.to_owned(),
        version: Some(version.to_owned()),
        package: format!("{name} {version} py311h0_0"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_may_have_little() {
    for behaviour in [
        GOOD,
        Behaviour { json: false, ..GOOD },
        Behaviour { metadata: false, ..GOOD },
        Behaviour { json: false, metadata: false, ranges: false, ..GOOD },
    ] {
        let bench = Bench::new(behaviour);
        bench.add(&[wheel("outer", "1.0", &["inner>=1", "other; sys_platform == 'win32'"])]);
        bench.add(&[wheel("inner", "1.0", &[]), wheel("inner", "2.0", &[])]);
        let request = bench.request(&["outer"]);
        assert_eq!(bench.locked(&request).await, "inner 2.0\nouter* 1.0", "{behaviour:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_read_by_parts_and_once() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "2.0", &[]).member("inner/large.bin", 0o100_644, &noise(200_000))]);
    let request = bench.request(&["inner"]);
    bench.locked(&request).await;
    let parts = |requests: Vec<String>| {
        let of_files = requests.into_iter().filter(|it| it.contains("/files/") && !it.contains(".metadata"));
        of_files.collect::<Vec<_>>()
    };
    // The end, and what stands before it: hand-made wheels have their metadata at the beginning.
    assert_eq!(
        parts(bench.index.requests()),
        ["GET /files/inner-2.0-py3-none-any.whl -65536", "GET /files/inner-2.0-py3-none-any.whl 0-135360"]
    );
    bench.locked(&request).await;
    assert_eq!(parts(bench.index.requests()), Vec::<String>::new());
    assert_eq!(bench.fetched.lock().unwrap().len(), 0);
    let read = bench.lock(&request).await.unwrap();
    let whole = crate::support::locked(&bench.wheels.join("inner-2.0-py3-none-any.whl")).unwrap();
    assert_eq!(read.wheels[0].package.facts, whole.facts);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_may_stand_anywhere() {
    let bench = Bench::new(GOOD);
    // The metadata is written first, and everything else behind it.
    let mut far = wheel("far", "1.0", &[]);
    for number in 0..40 {
        far = far.member(&format!("far/{number}.bin"), 0o100_644, &noise(60_000));
    }
    bench.add(&[far]);
    let read = bench.lock(&bench.request(&["far"])).await.unwrap();
    let whole = crate::support::locked(&bench.wheels.join("far-1.0-py3-none-any.whl")).unwrap();
    assert_eq!(read.wheels[0].package.facts, whole.facts);
    assert_eq!(bench.fetched.lock().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_ranges_sends_all_of_it() {
    let bench = Bench::new(Behaviour { ranges: false, ..GOOD });
    bench.add(&[wheel("inner", "2.0", &[]).member("inner/large.bin", 0o100_644, &noise(200_000))]);
    assert_eq!(bench.locked(&bench.request(&["inner"])).await, "inner* 2.0");
    assert_eq!(*bench.fetched.lock().unwrap(), ["inner-2.0-py3-none-any.whl"]);
}

/// Bytes that cannot be packed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_that_are_no_good_are_named() {
    let refused = async |behaviour: Behaviour| {
        let bench = Bench::new(behaviour);
        bench.add(&[wheel("inner", "2.0", &[])]);
        bench.refused(&bench.request(&["inner"])).await
    };
    assert_snapshot!(refused(Behaviour { password: true, ..GOOD }).await, @r#"
    [0] no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
    No solution found when resolving dependencies
      cause: Because inner was not found in the package registry and you require inner, we can conclude that your requirements are unsatisfiable.

    hint: An index URL (http://INDEX/simple/) could not be queried due to a lack of valid authentication credentials (401 Unauthorized)
    "#);
    assert_snapshot!(refused(Behaviour { page: Some(("404 Not Found", "")), ..GOOD }).await, @r#"
    [0] no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
    No solution found when resolving dependencies
      cause: Because inner was not found in the package registry and you require inner, we can conclude that your requirements are unsatisfiable.
    "#);
    assert_snapshot!(refused(Behaviour { page: Some(("200 OK", "\u{1}garbage")), ..GOOD }).await, @r#"
    [0] no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
    No solution found when resolving dependencies
      cause: Because there are no versions of inner and you require inner, we can conclude that your requirements are unsatisfiable.
    "#);
    assert_snapshot!(refused(Behaviour { page: Some(("500 Internal Server Error", "")), ..GOOD }).await, @r#"
    `uv` failed while it chose Python packages:
    error: Failed to fetch: http://INDEX/simple/inner/
      cause: HTTP status server error (500 Internal Server Error) for url (http://INDEX/simple/inner/)
    "#);
    assert_snapshot!(refused(Behaviour { file: Some("403 Forbidden"), ..GOOD }).await, @r#"
    `uv` failed while it chose Python packages:
    error: Failed to fetch: http://INDEX/files/inner-2.0-py3-none-any.whl.metadata
      cause: HTTP status client error (403 Forbidden) for url (http://INDEX/files/inner-2.0-py3-none-any.whl.metadata)
    "#);
    let wrong = Bench::with(Behaviour { password: true, ..GOOD }, "user:not-it@", &Variables::new());
    wrong.add(&[wheel("inner", "2.0", &[])]);
    assert_snapshot!(wrong.refused(&wrong.request(&["inner"])).await, @r#"
    [0] no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
    No solution found when resolving dependencies
      cause: Because inner was not found in the package registry and you require inner, we can conclude that your requirements are unsatisfiable.

    hint: An index URL (http://INDEX/simple/) could not be queried due to a lack of valid authentication credentials (401 Unauthorized)
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_come_from_everywhere_and_go_nowhere() {
    let password = Behaviour { password: true, ..GOOD };
    let netrc = tempfile::NamedTempFile::new().unwrap();
    fs::write(netrc.path(), "machine 127.0.0.1 login user password secret\n").unwrap();
    let of = |pairs: &[(&str, &str)]| -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    for (credentials, variables) in [
        ("user:secret@", of(&[])),
        ("${USER_NAME}:${TOKEN}@", of(&[("USER_NAME", "user"), ("TOKEN", "secret")])),
        ("", of(&[("UV_DEFAULT_INDEX", "http://user:secret@ADDRESS/simple/")])),
        (
            "",
            of(&[
                ("UV_DEFAULT_INDEX", "mine=http://ADDRESS/simple/"),
                ("UV_INDEX_MINE_USERNAME", "user"),
                ("UV_INDEX_MINE_PASSWORD", "secret"),
            ]),
        ),
        ("", of(&[("PIP_INDEX_URL", "http://user:secret@ADDRESS/simple/")])),
    ] {
        let bench = Bench::with(password, credentials, &variables);
        bench.add(&[wheel("inner", "2.0", &[])]);
        let locked = bench.lock(&bench.request(&["inner"])).await;
        let locked = locked.unwrap_or_else(|error| panic!("{variables:?}: {}", message(&error)));
        assert!(!format!("{locked:?}").contains("secret"));
    }
    let bench = Bench::with(password, "", &of(&[("NETRC", &netrc.path().display().to_string())]));
    bench.add(&[wheel("inner", "2.0", &[])]);
    // uv itself reads the variable of its own process; here the metadata alone is read.
    let url = format!("http://{}/files/inner-2.0-py3-none-any.whl", bench.index.address).parse().unwrap();
    let bytes = bench.client.get_bytes(&url, 1 << 20).await.unwrap();
    let filename = "inner-2.0-py3-none-any.whl".parse().unwrap();
    let reader = WheelReader { client: &bench.client, archives: &bench, store: &bench.store };
    reader.wheel(&filename, &url, Some(Digest::of(&bytes)), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_itself_is_explained() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "2.0", &[]), wheel("outer", "1.0", &["inner<2"])]);
    assert_snapshot!(bench.refused(&bench.request(&["inner", "outer"])).await, @r#"
    [1] no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
    No solution found when resolving dependencies
      cause: Because only inner==2.0 is available and all versions of outer depend on inner<2, we can conclude that all versions of outer cannot be used.
             And because you require outer, we can conclude that your requirements are unsatisfiable.
    "#);
    assert_snapshot!(bench.refused(&bench.request(&["inner", "absent"])).await, @r#"
    [1] no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
    No solution found when resolving dependencies
      cause: Because absent was not found in the package registry and you require absent, we can conclude that your requirements are unsatisfiable.
    "#);
    assert_snapshot!(bench.refused(&bench.request(&["inner", "outer =="])).await, @"[1] `outer ==` is not a requirement: Unexpected end of version specifier, expected version");
    assert_snapshot!(bench.refused(&bench.request(&["inner", "--index-url http://user:pw@h.example/"])).await, @"[1] `--index-url http://h.example/` is not a requirement: it is an option, or more than one line");
    bench.add(&[wheel("native", "1.0", &[]).named("native-1.0-cp311-cp311-win_amd64.whl")]);
    assert_snapshot!(bench.refused(&bench.request(&["native"])).await, @r#"
    [0] no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
    No solution found when resolving dependencies
      cause: Because native==1.0 has no wheels with a matching platform tag (e.g., `manylinux_2_36_x86_64`) and only native==1.0 is available, we can conclude that all versions of native cannot be used.
             And because you require native, we can conclude that your requirements are unsatisfiable.

    hint: Wheels are available for `native` (v1.0) on the following platform: `win_amd64`
    "#);
    bench.add(&[wheel("damaged", "1.0", &[]).record("")]);
    assert_snapshot!(bench.refused(&bench.request(&["damaged"])).await, @"`damaged-1.0-py3-none-any.whl` cannot be installed: its `RECORD` does not list `damaged-1.0.dist-info/WHEEL`, which it holds");
    bench.add(&[wheel("other", "1.0", &[]).named("wrong-1.0-py3-none-any.whl")]);
    assert_snapshot!(bench.refused(&bench.request(&["wrong"])).await, @r#"
    `uv` failed while it chose Python packages:
    error: Package metadata name `other` does not match given name `wrong`
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_conda_provides_is_held_and_not_installed() {
    let mut bench = Bench::new(GOOD);
    bench.add(&[wheel("numpy", "1.26.4", &[]), wheel("numpy", "2.0.0", &[])]);
    bench.add(&[wheel("user", "1.0", &["numpy>=1.20"]), wheel("strict", "1.0", &["numpy>=2"])]);
    bench.add(&[wheel("pysocks", "1.7", &[]), wheel("pysocks", "1.5.7", &[]), wheel("chardet", "6.0", &[])]);
    bench.add(&[wheel("chardet", "5.0", &[]), wheel("caller", "1.0", &["requests[socks]>=2"])]);
    let with = |lines: &[&str], provided: &[ProvidedPackage]| Request {
        provided: provided.to_vec(),
        ..bench.request(lines)
    };
    let numpy = provided("numpy", "1.26.4");
    // Also a version that the index does not have.
    let own = provided("numpy", "1.26.3");
    // Old ways to install leave the version to the metadata.
    let requests = ProvidedPackage { version: None, ..provided("requests", "2.31.0") };
    let held = [
        with(&["user"], std::slice::from_ref(&numpy)),
        with(&["user", "numpy"], std::slice::from_ref(&own)),
        with(&["strict"], &[provided("numpy", "2.1.0")]),
        with(&["chardet"], std::slice::from_ref(&numpy)),
    ];
    let refused = [
        with(&["user", "numpy>=2"], std::slice::from_ref(&numpy)),
        with(&["user", "strict"], std::slice::from_ref(&numpy)),
        with(&["numpy @ http://h.example/numpy-1.26.4-py3-none-any.whl"], std::slice::from_ref(&numpy)),
    ];
    let extras = [
        with(&["requests[socks]"], std::slice::from_ref(&requests)),
        with(&["caller", "chardet"], &[requests]),
    ];
    bench.metadata.insert(
        "requests".to_owned(),
        "Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\nProvides-Extra: socks\nRequires-Dist: chardet<6\nRequires-Dist: PySocks!=1.7; extra == 'socks'\n".to_owned(),
    );
    let mut shown = Vec::new();
    for request in held.iter().chain(&extras) {
        shown.push(bench.locked(request).await);
    }
    assert_snapshot!(shown.join("\n--\n"), @r#"
    user* 1.0
    provided: numpy 1.26.4
    --
    user* 1.0
    provided: numpy 1.26.3
    --
    strict* 1.0
    provided: numpy 2.1.0
    --
    chardet* 6.0
    --
    pysocks 1.5.7
    provided: requests 2.31.0
    --
    caller* 1.0
    chardet* 5.0
    pysocks 1.5.7
    provided: requests 2.31.0
    "#);
    for (request, place) in refused.iter().zip(0..) {
        let text = bench.refused(request).await;
        match place {
            0 => assert_snapshot!(text, @r#"
            [1] the pip requirement `numpy>=2` contradicts conda's package `numpy 1.26.4 py311h0_0`, which provides `numpy 1.26.4`
            hint: let conda install another version of it, or change the requirement
            "#),
            1 => assert_snapshot!(text, @r#"
            [1] the pip requirement `strict` contradicts conda's package `numpy 1.26.4 py311h0_0`, which provides `numpy 1.26.4`:
            No solution found when resolving dependencies
              cause: Because only numpy<2 is available and all versions of strict depend on numpy>=2, we can conclude that all versions of strict cannot be used.
                     And because you require strict, we can conclude that your requirements are unsatisfiable.
            hint: let conda install another version of it, or change the requirement
            "#),
            _ => assert_snapshot!(text, @r#"
            [0] the pip requirement `numpy @ http://h.example/numpy-1.26.4-py3-none-any.whl` contradicts conda's package `numpy 1.26.4 py311h0_0`, which provides `numpy 1.26.4`
            hint: let conda install another version of it, or change the requirement
            "#),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_versions_stay() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[]), wheel("outer", "1.0", &["inner"])]);
    let mut request = bench.request(&["outer"]);
    let first = bench.lock(&request).await.unwrap();
    let later = Bench::new(GOOD);
    later.add(&[wheel("inner", "1.0", &[]), wheel("inner", "2.0", &[]), wheel("outer", "1.0", &["inner"])]);
    later.add(&[wheel("outer", "2.0", &["inner"])]);
    request.folder.clone_from(&later.spec);
    assert_eq!(later.locked(&request).await, "inner 2.0\nouter* 2.0");
    request.earlier = first.wheels.into_iter().map(|it| it.package).collect();
    assert_eq!(later.locked(&request).await, "inner 1.0\nouter* 1.0");
    // What is asked for counts more than what was.
    request.requirements = vec![Requirement::new("outer>=2")];
    assert_eq!(later.locked(&request).await, "inner 1.0\nouter* 2.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_built_where_that_is_allowed() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[]), wheel("needs", "1.0", &["docopt>=0.6"])]);
    fs::write(bench.wheels.join("docopt-0.6.2.tar.gz"), "no archive").unwrap();
    fs::write(bench.wheels.join("broken-1.0.tar.gz"), "no archive").unwrap();
    let refused = bench.request(&["inner", "needs"]);
    assert_snapshot!(bench.refused(&refused).await, @r#"
    [1] `docopt` has no wheel that fits, and may not be built
    hint: `allow-builds = ["docopt"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    let names = |names: &[&str]| AllowBuilds::Names(names.iter().map(ToString::to_string).collect());
    let other = Request { allow_builds: names(&["other"]), ..bench.request(&["docopt"]) };
    assert_snapshot!(bench.refused(&other).await, @r#"
    [0] `docopt` has no wheel that fits, and may not be built
    hint: `allow-builds = ["docopt", "other"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    assert_eq!(bench.built.lock().unwrap().len(), 0);
    let allowed = Request { allow_builds: names(&["docopt"]), ..refused };
    assert_snapshot!(bench.locked(&allowed).await, @r#"
    docopt 0.6.2 built
    inner* 1.0
    needs* 1.0
    "#);
    assert_snapshot!(bench.plain(&bench.built.lock().unwrap().join("\n")), @"the source distribution `docopt-0.6.2.tar.gz`");
    let broken = Request { allow_builds: AllowBuilds::Everything, ..bench.request(&["inner", "broken"]) };
    assert_snapshot!(bench.refused(&broken).await, @"[1] the source distribution `broken-1.0.tar.gz` cannot be built: the build says: no");
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_and_repositories_are_built() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[])]);
    let folder = |name: Option<&str>| Source::Folder {
        name: name.map(str::to_owned),
        path: bench.spec.join("project"),
        given: "./project".to_owned(),
        editable: true,
    };
    let git = Source::Git {
        name: Some("project".to_owned()),
        url: "https://user:pw@git.example/project".parse().unwrap(),
        revision: Some("main".to_owned()),
        subdirectory: None,
    };
    let of = |text: &str, source: Source| Request {
        requirements: vec![Requirement::of(text, source)],
        ..bench.request(&[])
    };
    let unnamed = of("./project", folder(None));
    assert_snapshot!(bench.refused(&unnamed).await, @r#"
    [0] the folder `./project` is no wheel, and may not be built
    hint: `allow-builds = true` in `[pip]` lets imgbuild build it, in the sandbox; so does its name, where the requirement says that: `name @ …`
    "#);
    let named = of("project @ git+https://user:pw@git.example/project@main", git);
    assert_snapshot!(bench.refused(&named).await, @r#"
    [0] the git repository `https://***@git.example/project` is no wheel, and may not be built
    hint: `allow-builds = ["project"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    let allowed = Request { allow_builds: AllowBuilds::Everything, ..named };
    assert_snapshot!(bench.locked(&allowed).await, @r#"
    inner 1.0
    project* 7.0 built
    "#);
    let allowed = Request { allow_builds: AllowBuilds::Everything, ..unnamed };
    assert_snapshot!(bench.locked(&allowed).await, @r#"
    inner 1.0
    unnamed* 7.0 built
    "#);
    // A requirement whose condition does not hold is not built.
    let mut elsewhere = of("./project", folder(None));
    elsewhere.requirements[0].marker = Some("sys_platform == 'win32'".to_owned());
    elsewhere.requirements.push(Requirement::new("inner"));
    assert_eq!(bench.locked(&elsewhere).await, "inner* 1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn wheels_may_be_named_by_url_and_path() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[]), wheel("inner", "2.0", &[])]);
    wheel("near", "1.0", &["inner<2"]).write(&bench.spec);
    let url = format!("far @ http://{}/files/far-1.0-py3-none-any.whl", bench.index.address);
    bench.add(&[wheel("far", "1.0", &[])]);
    let request = bench.request(&["./near-1.0-py3-none-any.whl", &url]);
    assert_snapshot!(bench.locked(&request).await, @r#"
    far* 1.0 from http://INDEX/files/far-1.0-py3-none-any.whl
    inner 1.0
    near* 1.0 from near-1.0-py3-none-any.whl
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_are_demanded() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "2.0", &[]), wheel("outer", "1.0", &["inner>=1"])]);
    let hash = |name: &str| Digest::of(fs::read(bench.wheels.join(name)).unwrap());
    let with =
        |line: &str, hashes: &[Digest]| Requirement { hashes: hashes.to_vec(), ..Requirement::new(line) };
    let of =
        |requirements: Vec<Requirement>| Request { require_hashes: true, requirements, ..bench.request(&[]) };
    let inner = with("inner==2.0", &[hash("inner-2.0-py3-none-any.whl")]);
    let outer = with("outer==1.0", &[hash("outer-1.0-py3-none-any.whl"), Digest::of("other")]);
    assert_snapshot!(bench.locked(&of(vec![inner.clone(), outer.clone()])).await, @r#"
    inner* 2.0
    outer* 1.0
    "#);
    assert_snapshot!(bench.refused(&of(vec![outer.clone()])).await, @r#"
    `outer 1.0` requires `inner>=1`, and nothing is there by the name `inner`
    hint: the list of packages must be whole: it is taken as it is
    "#);
    assert_snapshot!(bench.refused(&of(vec![inner, Requirement::new("outer==1.0")])).await, @r#"
    [1] `outer==1.0` has no hash of sha256, and every requirement must have one here
    hint: `uv pip compile --generate-hashes` writes them
    "#);
    assert_snapshot!(bench.refused(&of(vec![outer, with("inner==2.0", &[Digest::of("other")])])).await, @r#"
    no file of `inner 2.0` has one of its hashes
    hint: the hashes are those of other files, or somebody has replaced a file of the index
    "#);
}

/// An entry of a lock file for the wheel `NAME-1.0-py3-none-any.whl` of the index.
fn entry(bench: &Bench, name: &str) -> String {
    let file = format!("{name}-1.0-py3-none-any.whl");
    let hash = Digest::of(fs::read(bench.wheels.join(&file)).unwrap()).hex();
    let url = format!("http://{}/files/{file}", bench.index.address);
    format!(
        "[[packages]]\nname = '{name}'\nversion = '1.0'\nwheels = [{{ url = '{url}', hashes = {{ sha256 = '{hash}' }} }}]\n"
    )
}

async fn taken(bench: &Bench, request: &Request, entries: &[String]) -> String {
    let text = format!("lock-version = '1.0'\ncreated-by = 'test'\n{}", entries.concat());
    let taken = bench.locking(async |locking| locking.take_pylock(request, &text, &bench.spec).await).await;
    taken.map_or_else(|error| bench.plain(&message(&error)), |locked| bench.shown(&locked))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_file_is_taken_as_it_is() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[]), wheel("outer", "1.0", &["inner>=1", "numpy<2"])]);
    bench.add(&[wheel("late", "1.0", &["inner>=2"]), wheel("numpy", "1.0", &[])]);
    wheel("near", "1.0", &[]).write(&bench.spec);
    let [inner, outer, late, numpy] = ["inner", "outer", "late", "numpy"].map(|name| entry(&bench, name));
    let near = entry(&bench, "inner").replace("inner", "near");
    let near_hash = Digest::of(fs::read(bench.spec.join("near-1.0-py3-none-any.whl")).unwrap()).hex();
    let (start, _) = near.split_once("wheels").unwrap();
    let near = format!(
        "{start}wheels = [{{ path = 'near-1.0-py3-none-any.whl', hashes = {{ sha256 = '{near_hash}' }} }}]\n"
    );
    let request =
        |version: &str| Request { provided: vec![provided("numpy", version)], ..bench.request(&[]) };
    assert_snapshot!(taken(&bench, &request("1.26.4"), &[inner.clone(), outer.clone(), near]).await, @r#"
    inner* 1.0 from http://INDEX/files/inner-1.0-py3-none-any.whl
    near* 1.0 from near-1.0-py3-none-any.whl
    outer* 1.0 from http://INDEX/files/outer-1.0-py3-none-any.whl
    provided: numpy 1.26.4
    "#);
    // It lists what conda has as well: in the same version, and in another one.
    assert_snapshot!(taken(&bench, &request("1.0"), &[inner.clone(), numpy.clone()]).await, @r#"
    inner* 1.0 from http://INDEX/files/inner-1.0-py3-none-any.whl
    provided: numpy 1.0
    "#);
    assert_snapshot!(taken(&bench, &request("1.26.4"), &[inner.clone(), numpy]).await, @r#"
    what the wheels require contradicts conda's package `numpy 1.26.4 py311h0_0`, which provides `numpy 1.26.4`:
    the wheel is `numpy-1.0-py3-none-any.whl`
    hint: let conda install another version of it, or change the requirement
    "#);
    assert_snapshot!(taken(&bench, &request("2.0.0"), &[inner.clone(), outer.clone()]).await, @r#"
    `outer 1.0`, which requires `numpy<2`, contradicts conda's package `numpy 2.0.0 py311h0_0`, which provides `numpy 2.0.0`
    hint: let conda install another version of it, or change the requirement
    "#);
    assert_snapshot!(taken(&bench, &bench.request(&[]), &[inner.clone(), outer]).await, @r#"
    `outer 1.0` requires `numpy<2`, and nothing is there by the name `numpy`
    hint: the list of packages must be whole: it is taken as it is
    "#);
    assert_snapshot!(taken(&bench, &bench.request(&[]), &[inner, late]).await, @r#"
    `late 1.0` requires `inner>=2`, and the list has `inner 1.0`
    hint: the list of packages must be whole: it is taken as it is
    "#);
    let sdist = "[[packages]]\nname = 'odd'\nversion = '1.0'\nsdist = { url = 'http://h.example/odd-1.0.tar.gz', hashes = { sha256 = '0000000000000000000000000000000000000000000000000000000000000000' } }\n".to_owned();
    assert_snapshot!(taken(&bench, &bench.request(&[]), std::slice::from_ref(&sdist)).await, @r#"
    the source distribution `odd-1.0.tar.gz` is no wheel, and may not be built
    hint: `allow-builds = ["odd"]` in `[pip]` lets imgbuild build it, in the sandbox
    "#);
    bench.add(&[wheel("inner", "2.0", &[])]);
    let allowed = Request { allow_builds: AllowBuilds::Everything, ..bench.request(&[]) };
    assert_snapshot!(taken(&bench, &allowed, &[sdist, entry(&bench, "inner")]).await, @r#"
    inner* 1.0 from http://INDEX/files/inner-1.0-py3-none-any.whl
    odd* 1.0 built
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_wheels_are_taken_as_they_are() {
    let bench = Bench::new(GOOD);
    let filename = "native-1.0-cp311-cp311-win_amd64.whl";
    bench.add(&[wheel("inner", "1.0", &[]), wheel("native", "1.0", &[]).named(filename)]);
    let listed = |name: &str| pypi::ListedWheel {
        url: format!("http://{}/files/{name}", bench.index.address).parse().unwrap(),
        sha256: Digest::of(fs::read(bench.wheels.join(name)).unwrap()),
        size: None,
    };
    let request = bench.request(&[]);
    let take = async |wheels: &[pypi::ListedWheel]| {
        let taken = bench.locking(async |locking| locking.take_wheels(&request, wheels).await).await;
        taken.map_or_else(|error| bench.plain(&message(&error)), |locked| bench.shown(&locked))
    };
    let inner = listed("inner-1.0-py3-none-any.whl");
    assert_snapshot!(take(std::slice::from_ref(&inner)).await, @"inner* 1.0 from http://INDEX/files/inner-1.0-py3-none-any.whl");
    assert_snapshot!(take(&[inner.clone(), inner]).await, @"the lock file has `inner` twice for Python 3.11 on linux/amd64 with glibc 2.36");
    assert_snapshot!(take(&[listed(filename)]).await, @r#"
    no wheel of `native 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: there is `cp311-cp311-win_amd64`
    hint: wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn wheels_are_found_again() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[]), wheel("inner", "2.0", &[]), wheel("outer", "1.0", &["inner<2"])]);
    let locked = bench.lock(&bench.request(&["outer"])).await.unwrap();
    let packages: Vec<_> = locked.wheels.iter().map(|it| &it.package).collect();
    let located = async |bench: &Bench, anew: bool| {
        bench.index.requests();
        let request = bench.request(&[]);
        let located = bench.locking(async |locking| locking.locate(&request, &packages, anew).await).await;
        let urls = located.map(|urls| {
            let of = |package: &&lock::PypiPackage| urls[&package.sha256].to_string();
            packages.iter().map(of).collect::<Vec<_>>().join("\n")
        });
        let text = urls.unwrap_or_else(|error| message(&error));
        (bench.plain(&text), bench.index.requests().is_empty())
    };
    let (urls, is_remembered) = located(&bench, false).await;
    assert!(is_remembered);
    assert_snapshot!(urls, @r#"
    http://INDEX/files/inner-1.0-py3-none-any.whl
    http://INDEX/files/outer-1.0-py3-none-any.whl
    "#);
    // Another machine asks another mirror, which has more.
    let other = Bench::new(Behaviour { json: false, metadata: false, ..GOOD });
    other.add(&[wheel("inner", "1.0", &[]), wheel("inner", "3.0", &[]), wheel("outer", "1.0", &["inner<2"])]);
    assert_eq!(located(&other, false).await, (urls.clone(), false));
    assert_eq!(located(&other, false).await, (urls.clone(), true));
    assert_eq!(located(&other, true).await.0, urls);
    // Where the file was replaced, it is another one.
    let replaced = Bench::new(GOOD);
    replaced.add(&[wheel("inner", "1.0", &["more"]), wheel("outer", "1.0", &["inner<2"])]);
    assert_snapshot!(located(&replaced, false).await.0, @r#"
    no index has `inner-1.0-py3-none-any.whl` with the locked hash any more
    hint: lock again with `--upgrade inner`
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn frameworks_must_use_cuda() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("torch", "2.6.0+cpu", &[]), wheel("jaxlib", "0.5.0", &[])]);
    let listed = |name: &str| pypi::ListedWheel {
        url: format!("http://{}/files/{name}", bench.index.address).parse().unwrap(),
        sha256: Digest::of(fs::read(bench.wheels.join(name)).unwrap()),
        size: None,
    };
    let wheels = ["torch-2.6.0+cpu-py3-none-any.whl", "jaxlib-0.5.0-py3-none-any.whl"].map(listed);
    let request = Request { cuda: Some("12.4".to_owned()), ..bench.request(&[]) };
    let refused = bench.locking(async |locking| locking.take_wheels(&request, &wheels).await).await;
    assert_snapshot!(refused.unwrap_err(), @r#"
    the image has CUDA 12.4, and these wheels do not use it:
      `torch 2.6.0+cpu`: its version says so
      `jaxlib 0.5.0`: no plugin of CUDA is among the packages: `jax[cuda12]` brings one
    hint: choose other versions or an index with wheels for CUDA, or leave `cuda` out
    "#);
    let request = bench.request(&[]);
    let taken = bench.locking(async |locking| locking.take_wheels(&request, &wheels).await).await;
    assert_eq!(taken.unwrap().wheels.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_of_pytorch_is_that_of_the_cuda_version() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[])]);
    // A uv that says how it was called.
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("uv");
    fs::write(&program, "#!/bin/sh\necho \"$@\" >&2\nexit 2\n").unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let uv = Uv::new(program);
    let metadata = WheelReader { client: &bench.client, archives: &bench, store: &bench.store };
    let locking = Locking { uv: &uv, settings: &bench.settings, metadata, provided: &bench, builder: &bench };
    let request = Request { cuda: Some("12.7".to_owned()), prereleases: true, ..bench.request(&["inner"]) };
    let called = message(&locking.lock(&request).await.unwrap_err());
    let (start, _) = called.split_once(" --constraints").unwrap();
    assert_snapshot!(start, @r#"
    `uv` failed while it chose Python packages:
    pip compile --quiet --no-header --no-annotate --color never --format pylock.toml --python-version 3.11.9 --python-platform x86_64-manylinux_2_36 --only-binary :all: --torch-backend cu126 --prerelease allow
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_unpacks_to_more_than_it_says_is_refused() {
    let bench = Bench::new(GOOD);
    bench.add(&[wheel("inner", "1.0", &[])]);
    let path = bench.wheels.join("inner-1.0-py3-none-any.whl");
    let url = format!("http://{}/files/inner-1.0-py3-none-any.whl", bench.index.address).parse().unwrap();
    let filename = "inner-1.0-py3-none-any.whl".parse().unwrap();
    let reader = WheelReader { client: &bench.client, archives: &bench, store: &bench.store };
    // Its size is stated twice, in the directory and before the member: both say one byte less, or gigabytes.
    let bytes = fs::read(&path).unwrap();
    let text = wheel("inner", "1.0", &[]).record_text();
    let stated = (text.len() as u32).to_le_bytes();
    let mut shown = Vec::new();
    for (number, size) in [(1_u8, text.len() as u32 - 1), (2, u32::MAX - 1)] {
        let mut changed = bytes.clone();
        let places: Vec<usize> =
            changed.windows(4).enumerate().filter(|(_, it)| *it == stated).map(|(at, _)| at).collect();
        assert_eq!(places.len(), 2);
        for at in places {
            changed[at..at + 4].copy_from_slice(&size.to_le_bytes());
        }
        fs::write(&path, &changed).unwrap();
        let error = reader.wheel(&filename, &url, Some(Digest::of([number])), None).await.unwrap_err();
        shown.push(message(&error));
    }
    assert_snapshot!(shown.join("\n"), @r#"
    `inner-1.0-py3-none-any.whl` cannot be installed: cannot read the archive: the zip container is ambiguous or damaged at `inner-1.0.dist-info/RECORD`: it holds more bytes than the directory says
    `inner-1.0-py3-none-any.whl` cannot be installed: its `inner-1.0.dist-info/RECORD` is larger than 64 MiB
    "#);
}

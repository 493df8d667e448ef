//! What is read of the test channel's packages, which are genuine ones in conda's form.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::BoxFuture;
use imgbuild_archive::ImagePath;
use imgbuild_conda::{
    Archive, ArchiveFormat, EnvironmentRequest, Implementation, Metadata, Request, ServedChannel, Solving,
    distribution_metadata, lock_environment, locked_python, subdir, virtual_packages,
};
use imgbuild_lock::{Activation, CondaPackage, CondaSet};
use imgbuild_net::{ArchiveRequest, Archives, Client, FetchError, Options};
use imgbuild_oci::{Digest, Platform};
use imgbuild_python::Distribution;
use imgbuild_store::Store;
use tempfile::TempDir;

fn channel_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/channel").canonicalize().unwrap()
}

/// The archives of the channel, where they are.
struct Folder(PathBuf);

impl Folder {
    fn path(&self, name: &str) -> PathBuf {
        let folders = ["linux-64", "noarch"].map(|subdir| self.0.join(subdir).join(name));
        folders.into_iter().find(|path| path.is_file()).unwrap_or_else(|| panic!("{name}"))
    }
}

impl Archives for Folder {
    fn fetch(&self, wanted: ArchiveRequest) -> BoxFuture<'_, Result<(Digest, PathBuf), FetchError>> {
        let path = self.path(&wanted.name);
        let digest = Digest::of(std::fs::read(&path).unwrap());
        async move { Ok((digest, path)) }.boxed()
    }
}

/// Locks environments of the channel.
struct Bench {
    scratch: TempDir,
    client: Client,
    channels: Vec<ServedChannel>,
    solving: Solving,
    archives: Folder,
}

impl Bench {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let folder = channel_folder();
        let name: imgbuild_environment::ChannelName = format!("file://{}", folder.display()).parse().unwrap();
        let place = imgbuild_conda::ChannelLookup {
            root: scratch.path(),
            variables: &BTreeMap::new(),
            settings: &imgbuild_conda::ChannelSettings::default(),
        };
        let channels = imgbuild_conda::channels([&name], &BTreeMap::new(), place).unwrap();
        let client = Client::new(Options::default()).unwrap();
        let solving = Solving::new(&client, &channels, scratch.path().join("index")).unwrap();
        Self { scratch, client, channels, solving, archives: Folder(folder) }
    }

    fn wishes(&self, specs: &[&str]) -> EnvironmentRequest {
        let platform = Platform::LinuxAmd64;
        let request = Request {
            channels: self.channels.clone(),
            specs: specs.iter().map(|spec| (*spec).to_owned()).collect(),
            pip: false,
            constraints: Vec::new(),
            cuda: None,
            subdir: subdir(platform),
            virtual_packages: virtual_packages(subdir(platform), Some("2.36"), None),
            channel_priority: imgbuild_environment::ChannelPriority::Strict,
            exclude_newer: None,
            locked: Vec::new(),
        };
        EnvironmentRequest {
            request,
            platform,
            prefix: ImagePath::new("opt/conda").unwrap(),
            root_prefix: None,
            name: "base".to_owned(),
            alias: None,
            variables: BTreeMap::new(),
            allow_post_link: BTreeSet::new(),
            skip_post_link: BTreeSet::new(),
            accept_damaged: BTreeSet::new(),
            hosts: BTreeSet::new(),
            sizes_above: None,
            known: BTreeMap::new(),
        }
    }

    async fn lock(&self, wishes: &EnvironmentRequest) -> (CondaSet, Vec<CondaPackage>) {
        let store = Store::open(self.scratch.path().join("store")).unwrap();
        let metadata = Metadata {
            client: &self.client,
            archives: &self.archives,
            store: &store,
            channels: &self.channels,
            accept_damaged: &wishes.accept_damaged,
        };
        let locked = lock_environment(wishes, &self.solving, &metadata, None).await.unwrap();
        (locked.set, locked.packages)
    }

    fn metadata(&self, package: &CondaPackage, name: &str) -> Option<String> {
        let path = self.archives.path(package.file_name());
        let archive = Archive::new(&path, ArchiveFormat::of(package.file_name()).unwrap());
        distribution_metadata(&archive, name).unwrap()
    }
}

/// Packages of both formats and kinds: wheels that were unpacked, noarch and not.
const SPECS: [&str; 6] = ["python 3.11.*", "numpy 1.26.4", "requests", "six", "typing_extensions", "pyyaml"];

/// The first header of this name.
fn header<'a>(metadata: &'a str, name: &str) -> &'a str {
    metadata.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap()
}

#[tokio::test]
async fn the_lock_holds_the_distributions_of_genuine_packages() {
    let bench = Bench::new();
    let (_, packages) = bench.lock(&bench.wishes(&SPECS)).await;
    let mut held = BTreeMap::new();
    for package in &packages {
        for text in &package.facts.distributions {
            let listed: Distribution = text.parse().unwrap();
            // What the distribution says of itself is what the name of its folder says.
            let metadata = bench.metadata(package, &listed.name).unwrap();
            let version = header(&metadata, "Version").to_owned();
            let name = imgbuild_python::normalized(header(&metadata, "Name"));
            assert_eq!(listed, Distribution { name, version: Some(version) }, "{}", package.file_name());
            held.insert(text.as_str(), package.name());
        }
        assert_eq!(bench.metadata(package, "no-such-project"), None);
    }
    for (distribution, package) in
        [("numpy 1.26.4", "numpy"), ("typing-extensions 4.16.0", "typing_extensions"), ("six 1.17.0", "six")]
    {
        assert_eq!(held.get(distribution), Some(&package), "{held:?}");
    }
    // Python itself and its libraries hold none.
    let without = packages.iter().filter(|package| package.facts.distributions.is_empty());
    let without: BTreeSet<&str> = without.map(CondaPackage::name).collect();
    assert!(without.contains("python") && without.contains("libzlib"), "{without:?}");
}

#[tokio::test]
async fn of_an_earlier_lock_only_what_needs_the_files_is_taken() {
    let bench = Bench::new();
    let mut wishes = bench.wishes(&["python 3.11.*", "six"]);
    let (_, first) = bench.lock(&wishes).await;
    // As a lock from before distributions were locked.
    let mut old = first.clone();
    for package in &mut old {
        package.facts.distributions.clear();
        package.facts.activation.dynamic = vec![ImagePath::new("etc/kept.sh").unwrap()];
    }
    wishes.known = old.into_iter().map(|package| (package.sha256, package.facts)).collect();
    let (_, mut again) = bench.lock(&wishes).await;
    for package in &mut again {
        assert!(!package.facts.activation.is_empty(), "{}", package.name());
        package.facts.activation = Activation::default();
    }
    assert_eq!(again, first);
}

#[tokio::test]
async fn the_python_of_a_locked_environment() {
    let bench = Bench::new();
    let (_, mut packages) = bench.lock(&bench.wishes(&["python 3.11.*"])).await;
    let python =
        |packages: &[CondaPackage]| locked_python(&packages.iter().collect::<Vec<_>>(), Platform::LinuxAmd64);
    let found = python(&packages).unwrap().unwrap();
    assert_eq!(found.version, "3.11.2");
    assert_eq!(found.short_version, (3, 11));
    assert_eq!(found.site_packages.as_str(), "lib/python3.11/site-packages");
    assert_eq!(found.implementation, Implementation::CPython);

    let at = packages.iter().position(|package| package.name() == "python").unwrap();
    let record = &mut packages[at].record;
    record.insert("version".to_owned(), "3.13.1".into());
    for (build, implementation) in [
        ("h9a34b6e_5_cp313t", Implementation::FreeThreaded),
        ("h9a34b6e_5_cp313", Implementation::CPython),
        ("0_73_pypy", Implementation::PyPy),
        ("0_graalpy", Implementation::GraalPy),
    ] {
        packages[at].record.insert("build".to_owned(), build.into());
        assert_eq!(python(&packages).unwrap().unwrap().implementation, implementation, "{build}");
    }
    let folder = "python_site_packages_path";
    packages[at].record.insert(folder.to_owned(), "lib/python3.13t/site-packages".into());
    let found = python(&packages).unwrap().unwrap();
    assert_eq!(found.site_packages.as_str(), "lib/python3.13t/site-packages");
    packages[at].record.insert(folder.to_owned(), "../outside".into());
    let error = python(&packages).unwrap_err().to_string();
    assert_eq!(
        error,
        "`python-3.11.2-0_cpython.conda` cannot be used as the environment's Python: the path `../outside` has a component `..`"
    );
    packages.remove(at);
    assert_eq!(python(&packages).unwrap(), None);
}

#[tokio::test]
async fn the_channels_are_asked_for_projects_by_pypis_names() {
    let bench = Bench::new();
    let names = ["typing-extensions", "jupyter-core", "numpy", "transformers", "openssl"];
    let names: BTreeSet<String> = names.map(str::to_owned).into();
    let subdir = subdir(Platform::LinuxAmd64);
    let known = bench.solving.known_names(&bench.channels, subdir, &names).await.unwrap();
    let expected = [
        ("jupyter-core", "jupyter_core"),
        ("numpy", "numpy"),
        ("openssl", "openssl"),
        ("typing-extensions", "typing_extensions"),
    ];
    assert_eq!(known, expected.map(|(name, package)| (name.to_owned(), package.to_owned())).into());
}

//! What is kept of packages' metadata, and whom it is given to.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use imgbuild_layer::Source;
use imgbuild_net::{ArchiveRequest, Archives, Client, FetchError, Options};
use imgbuild_oci::Digest;
use imgbuild_store::Store;
use rattler_conda_types::compression_level::CompressionLevel;
use rattler_conda_types::package::DistArchiveIdentifier;
use rattler_conda_types::{PackageName, PackageRecord, RepoDataRecord, VersionWithSource};
use rattler_package_streaming::write::write_conda_package;
use serde_json::json;
use url::Url;

use super::{Made, PREFIX, file, listed, package as package_of};
use crate::fetch::Metadata;
use crate::{Damaged, record};

const NAME: &str = "x-1.0-0.conda";

/// Writes the package `x` with this one file into a channel's folder.
fn package(channel: &Path, file: &str) -> PathBuf {
    let source = tempfile::tempdir().unwrap();
    let (info, content) = (source.path().join("info"), source.path().join(file));
    for folder in [&channel.join("noarch"), &info, content.parent().unwrap()] {
        fs::create_dir_all(folder).unwrap();
    }
    let index = json!({ "name": "x", "version": "1.0", "build": "0", "build_number": 0, "depends": [] });
    fs::write(info.join("index.json"), index.to_string()).unwrap();
    let paths = json!({ "paths_version": 1, "paths": [listed(file)] });
    fs::write(info.join("paths.json"), paths.to_string()).unwrap();
    fs::write(&content, "text").unwrap();
    let path = channel.join("noarch").join(NAME);
    let paths = [info.join("index.json"), info.join("paths.json"), content];
    write_conda_package(
        File::create(&path).unwrap(),
        source.path(),
        &paths,
        CompressionLevel::Lowest,
        Some(1),
        "x-1.0-0",
        None,
        None,
    )
    .unwrap();
    path
}

/// Nothing is fetched whole.
struct Nobody;

impl Archives for Nobody {
    fn fetch(&self, wanted: ArchiveRequest) -> BoxFuture<'_, Result<(Digest, PathBuf), FetchError>> {
        panic!("{} is fetched", wanted.name)
    }
}

/// The record of the package in a channel's index, which may state any hash.
fn stated(path: &Path, sha256: Digest) -> RepoDataRecord {
    let url = Url::from_file_path(path).unwrap();
    let version: VersionWithSource = "1.0".parse().unwrap();
    let build = "0".parse().unwrap();
    let mut package_record = PackageRecord::new(PackageName::new_unchecked("x"), version, build);
    package_record.sha256 = Some(record::sha256(sha256));
    package_record.size = Some(fs::metadata(path).unwrap().len());
    let identifier = DistArchiveIdentifier::try_from_url(&url).unwrap();
    RepoDataRecord { package_record, identifier, url, channel: None }
}

#[tokio::test]
async fn a_channel_that_states_anothers_hash_speaks_for_itself_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let good = package(&scratch.path().join("good"), "share/good");
    let lying = package(&scratch.path().join("lying"), "share/lying");
    let sha256 = Digest::of(fs::read(&good).unwrap());
    let client = Client::new(Options::default()).unwrap();
    let store = Store::open(scratch.path().join("store")).unwrap();
    let accepted = BTreeSet::new();
    let metadata = Metadata {
        client: &client,
        archives: &Nobody,
        store: &store,
        channels: &[],
        accept_damaged: &accepted,
    };
    let paths = async |path: &Path| {
        let (_, info) = metadata.info(&stated(path, sha256)).await.unwrap();
        info.paths.keys().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(paths(&lying).await, ["/share/lying"]);
    assert_eq!(paths(&good).await, ["/share/good"]);
    // What was read is kept: the channel need not be there any more.
    let gone = scratch.path().join(NAME);
    fs::rename(&lying, &gone).unwrap();
    let kept = stated(&gone, sha256);
    let url = Url::from_file_path(&lying).unwrap();
    let (_, info) = metadata.info(&RepoDataRecord { url, ..kept }).await.unwrap();
    assert_eq!(info.paths.keys().map(ToString::to_string).collect::<Vec<_>>(), ["/share/lying"]);
}

/// What is said of a package that states these.
fn stated_by(made: &Made) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    package_of(&made.write(folder.path()), Damaged::Refused, "/opt/conda").err()
}

#[test]
fn metadata_of_another_version_is_not_guessed_at() {
    let pure = || Made { noarch: Some("python"), entry_points: vec!["tool = odd:main"], ..Made::default() };
    assert_eq!(stated_by(&pure()), None);
    assert_eq!(
        stated_by(&Made { paths_version: Some(2), ..pure() }).unwrap(),
        "`info/paths.json` of the archive has version 2, and version 1 is the one that is known"
    );
    assert_eq!(
        stated_by(&Made { metadata_version: Some(0), ..pure() }).unwrap(),
        "`info/link.json` of the archive has version 0, and version 1 is the one that is known"
    );
}

#[test]
fn a_build_string_is_no_path() {
    for build in ["py_0", "1.2+x"] {
        assert_eq!(stated_by(&Made { build: Some(build), ..Made::default() }), None, "{build}");
    }
    for build in ["", ".", "..", "../x", "a/b", "a b", "a-b"] {
        let told = stated_by(&Made { build: Some(build), ..Made::default() }).unwrap();
        assert!(told.starts_with("`info/index.json` of the archive "), "{build}: {told}");
    }
}

/// What was compiled of a file that names the prefix is not valid: that is known before the files are read.
#[test]
fn files_that_name_the_prefix_are_known_beforehand() {
    let names_prefix = |path: &str| json!({ "_path": path, "path_type": "hardlink", "prefix_placeholder": "/old", "file_mode": "text" });
    let rewritten = |noarch, folder: &str| {
        let (one, other) = (format!("{folder}/one.py"), format!("{folder}/other.py"));
        let paths = vec![listed(&one), names_prefix(&other)];
        let entries = [&one, &other].map(|it| file(it, "/old\n")).to_vec();
        let scratch = tempfile::tempdir().unwrap();
        let archive = Made { noarch, paths, entries, ..Made::default() }.write(scratch.path());
        let package = package_of(&archive, Damaged::Refused, PREFIX).unwrap();
        let claims: BTreeSet<String> =
            package.claims().unwrap().iter().map(|claim| claim.path.to_string()).collect();
        let rewritten = package.rewritten().unwrap().unwrap();
        let rewritten: Vec<String> = rewritten.iter().map(ToString::to_string).collect();
        assert!(rewritten.iter().all(|it| claims.contains(it)), "{rewritten:?} {claims:?}");
        rewritten
    };
    assert_eq!(rewritten(None, "lib/python3.11"), ["/opt/conda/lib/python3.11/other.py"]);
    assert_eq!(
        rewritten(Some("python"), "site-packages"),
        ["/opt/conda/lib/python3.11/site-packages/other.py"]
    );
}

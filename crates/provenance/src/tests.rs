//! What is said of where an image comes from, and who is said to have built it.

use std::collections::BTreeMap;

use imgbuild_lock::Lock;
use imgbuild_oci::{Digest, canonical};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{Attestation, BUILD_TYPE, Builder, Commit, Facts, Provenance, SpecFile, builder, predicate};

/// One of everything.
const LOCK: &str = r#"
version = 3
inputs = "sha256:a912b3938d5cafa4d9829f940c9e82ded2f758094eae5c354f29c1f23dd9c7d3"

[[variant]]
tags = ["3.11-cuda12.9", "latest"]
platform = "linux/arm64"
keys = { python = "3.11" }
timestamp = 1700000000
threshold = 8388608

[variant.debian]
suite = "trixie"
packages = ["libstdc++6_14.2.0-19_arm64"]
package-manager = true

[variant.image]
name = "registry.example/team/base:1"
manifest = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
has-manifest = true
config = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
config-size = 10

[variant.conda]
prefix = "opt/conda"
name = "base"
channels = ["https://user:hunter2@channel.example/conda-forge/"]
requested = ["small"]
virtual-packages = {}
packages = ["https://channel.example/t/TOKEN/conda-forge/linux-aarch64/small-1-0.conda"]

[variant.pypi]
prefix = "opt/conda"
requested = ["idna"]
packages = ["idna-3.10-py3-none-any.whl#3333333333333333333333333333333333333333333333333333333333333333"]

[[debian]]
name = "libstdc++6"
version = "14.2.0-19"
architecture = "arm64"
archive = "debian"
filename = "pool/main/g/gcc-14/libstdc++6_14.2.0-19_arm64.deb"
size = 6336
sha256 = "sha256:4444444444444444444444444444444444444444444444444444444444444444"
record = "Package: libstdc++6"
[debian.facts]
installed-size = 5
timestamp = 1000000000

[[conda]]
url = "https://channel.example/t/TOKEN/conda-forge/linux-aarch64/small-1-0.conda"
channel = "https://channel.example/t/TOKEN/conda-forge/"
sha256 = "sha256:5555555555555555555555555555555555555555555555555555555555555555"
[conda.facts]
paths = "sha256:6666666666666666666666666666666666666666666666666666666666666666"
installed-size = 34
[conda.record]
build = "h1_0"
name = "small"
subdir = "linux-aarch64"
version = "1!1.0"

[[pypi]]
name = "idna"
version = "3.10"
filename = "idna-3.10-py3-none-any.whl"
sha256 = "sha256:3333333333333333333333333333333333333333333333333333333333333333"
[pypi.build]
requires = ["setuptools-80.1-py3-none-any.whl#7777777777777777777777777777777777777777777777777777777777777777"]
[pypi.build.source.sdist]
filename = "idna-3.10.tar.gz"
sha256 = "sha256:8888888888888888888888888888888888888888888888888888888888888888"
[pypi.facts]
paths = "sha256:6666666666666666666666666666666666666666666666666666666666666666"
installed-size = 34
timestamp = 1000000000

[[pypi]]
name = "setuptools"
version = "80.1"
filename = "setuptools-80.1-py3-none-any.whl"
sha256 = "sha256:7777777777777777777777777777777777777777777777777777777777777777"
[pypi.facts]
paths = "sha256:6666666666666666666666666666666666666666666666666666666666666666"
installed-size = 34
timestamp = 1000000000
"#;

fn said(commit: Option<&Commit>, variables: &BTreeMap<String, String>) -> Value {
    said_with(commit, variables, &BTreeMap::new())
}

fn said_with(
    commit: Option<&Commit>,
    variables: &BTreeMap<String, String>,
    attestations: &BTreeMap<Digest, Vec<Attestation>>,
) -> Value {
    let lock = Lock::parse(LOCK).unwrap();
    let name = "team/app".parse().unwrap();
    let spec = SpecFile { path: "images/app.toml".to_owned(), digest: Digest::of("spec") };
    let lock_digest = Digest::of(LOCK);
    let facts = Facts {
        name: &name,
        spec: &spec,
        lock: lock_digest,
        commit,
        variables,
        attestations,
        version: "0.1.0",
    };
    predicate(&lock.variant(0).unwrap(), &facts)
}

#[test]
fn everything_that_the_lock_names_is_told_with_its_digest() {
    let commit = Commit {
        repository: Some("git@git.example:team/images.git".to_owned()),
        id: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        is_changed: true,
    };
    let said = said(Some(&commit), &BTreeMap::new());
    // As it is written: in which order a map has its keys is no matter of ours.
    let written = imgbuild_oci::canonical::to_vec(&said).unwrap();
    let shown = serde_json::from_slice::<Value>(&written).unwrap();
    let shown = serde_json::to_string_pretty(&shown).unwrap();
    assert!(!shown.contains("TOKEN") && !shown.contains("hunter2"), "{shown}");
    assert_snapshot!(shown, @r#"
    {
      "buildDefinition": {
        "buildType": "https://github.com/imgbuild/imgbuild/blob/main/docs/supply-chain.md#build-type-v1",
        "externalParameters": {
          "spec": {
            "path": "images/app.toml",
            "sha256": "d4f02eaafd1a9e9de7d10972ca8e47fa7a985825c3c9c1e249c72683cb3e4f19"
          },
          "variant": {
            "keys": {
              "python": "3.11"
            },
            "name": "team/app",
            "platform": "linux/arm64",
            "tags": [
              "3.11-cuda12.9",
              "latest"
            ]
          }
        },
        "internalParameters": {
          "format": 3,
          "imgbuild": "0.1.0"
        },
        "resolvedDependencies": [
          {
            "digest": {
              "sha256": "78663a6041a8aeab8a7e4b541b6b7ab73434ff33697c9cc9edf132a4a70efd1b"
            },
            "name": "lock"
          },
          {
            "annotations": {
              "changed": true
            },
            "digest": {
              "gitCommit": "0123456789abcdef0123456789abcdef01234567"
            },
            "uri": "git+ssh://git@git.example/team/images.git@0123456789abcdef0123456789abcdef01234567"
          },
          {
            "digest": {
              "sha256": "1111111111111111111111111111111111111111111111111111111111111111"
            },
            "uri": "pkg:oci/base@sha256:1111111111111111111111111111111111111111111111111111111111111111?arch=arm64&repository_url=registry.example%2Fteam%2Fbase&tag=1"
          },
          {
            "digest": {
              "sha256": "4444444444444444444444444444444444444444444444444444444444444444"
            },
            "uri": "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=arm64&distro=trixie"
          },
          {
            "digest": {
              "sha256": "5555555555555555555555555555555555555555555555555555555555555555"
            },
            "downloadLocation": "https://channel.example/conda-forge/linux-aarch64/small-1-0.conda",
            "uri": "pkg:conda/small@1%211.0?build=h1_0&channel=conda-forge&subdir=linux-aarch64&type=conda"
          },
          {
            "digest": {
              "sha256": "3333333333333333333333333333333333333333333333333333333333333333"
            },
            "uri": "pkg:pypi/idna@3.10?file_name=idna-3.10-py3-none-any.whl"
          },
          {
            "digest": {
              "sha256": "8888888888888888888888888888888888888888888888888888888888888888"
            },
            "uri": "pkg:pypi/idna@3.10?file_name=idna-3.10.tar.gz"
          },
          {
            "digest": {
              "sha256": "7777777777777777777777777777777777777777777777777777777777777777"
            },
            "uri": "pkg:pypi/setuptools@80.1?file_name=setuptools-80.1-py3-none-any.whl"
          }
        ]
      },
      "runDetails": {
        "builder": {
          "id": "https://github.com/imgbuild/imgbuild#unattested-machine",
          "version": {
            "imgbuild": "0.1.0"
          }
        }
      }
    }
    "#);
    // It has one form.
    canonical::to_vec(&said).unwrap();
}

#[test]
fn what_was_said_is_read_again() {
    let said = said(None, &BTreeMap::new());
    let read = Provenance::read(&said).unwrap();
    assert_eq!((read.lock, read.dependencies, read.commit), (Digest::of(LOCK), 7, None));
    assert_eq!(read.version.as_deref(), Some("0.1.0"));
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut changed = said.clone();
        change(&mut changed);
        Provenance::read(&changed).unwrap_err().to_string()
    };
    let of = |path: &'static str, value: Value| {
        move |it: &mut Value| *it.pointer_mut(path).unwrap() = value.clone()
    };
    assert_snapshot!(refused(&of("/buildDefinition/buildType", json!("https://x.example"))), @"it tells of another kind of build: `https://x.example`");
    assert_snapshot!(refused(&of("/buildDefinition/resolvedDependencies", json!([]))), @"it names no lock");
    assert_snapshot!(refused(&of("/runDetails", json!({}))), @"it is no provenance that can be read: missing field `builder`");
    assert_snapshot!(refused(&|it| *it = json!("x")), @r#"it is no provenance that can be read: invalid type: string "x", expected provenance"#);
    assert!(BUILD_TYPE.contains("docs/supply-chain.md"));
}

fn variables(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn who_builds_is_who_the_variables_say() {
    let github = [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "team/images"),
        ("GITHUB_RUN_ID", "7"),
        ("GITHUB_RUN_NUMBER", "3"),
        ("GITHUB_RUN_ATTEMPT", "1"),
        ("RUNNER_ENVIRONMENT", "github-hosted"),
    ];
    let gitlab = [
        ("CI", "true"),
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_URL", "https://gitlab.example/team/images"),
        ("CI_RUNNER_ID", "12"),
        ("CI_JOB_URL", "https://gitlab.example/team/images/-/jobs/9"),
        ("CI_REPOSITORY_URL", "https://gitlab-ci-token:hunter2@gitlab.example/team/images.git"),
    ];
    let azure = [
        ("TF_BUILD", "True"),
        ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/team/"),
        ("SYSTEM_TEAMPROJECT", "images"),
        ("BUILD_BUILDID", "5"),
    ];
    let jenkins = [
        ("JENKINS_URL", "https://user:hunter2@jenkins.example/"),
        ("BUILD_URL", "https://jenkins.example/job/images/4/"),
    ];
    let buildkite = [
        ("BUILDKITE", "true"),
        ("BUILDKITE_ORGANIZATION_SLUG", "team"),
        ("BUILDKITE_PIPELINE_SLUG", "images"),
        ("BUILDKITE_BUILD_URL", "https://buildkite.com/team/images/builds/2"),
        ("BUILDKITE_JOB_ID", "0190"),
    ];
    let forgejo = [&github[..], &[("FORGEJO_ACTIONS", "true")]].concat();
    let all = [&github[..], &forgejo, &gitlab, &azure, &jenkins, &buildkite, &[]];
    let shown = all.map(|all| {
        let Builder { id, invocation } = builder(&variables(all));
        format!("{id} {}\n", invocation.unwrap_or_default())
    });
    assert_snapshot!(shown.concat(), @"
    https://github.com/actions/runner/github-hosted https://github.com/team/images/actions/runs/7/attempts/1
    https://github.com/-/actions https://github.com/team/images/actions/runs/3
    https://gitlab.example/team/images/-/runners/12 https://gitlab.example/team/images/-/jobs/9
    https://dev.azure.com/team/images https://dev.azure.com/team/images/_build/results?buildId=5
    https://jenkins.example/ https://jenkins.example/job/images/4/
    https://buildkite.com/team/images https://buildkite.com/team/images/builds/2#0190
    https://github.com/imgbuild/imgbuild#unattested-machine
    ");
}

#[test]
fn what_a_variable_lacks_is_not_made_up() {
    let all =
        variables(&[("GITLAB_CI", "true"), ("CI_PROJECT_URL", "https://x.example/a"), ("CI_RUNNER_ID", "")]);
    assert_eq!(builder(&all), builder(&BTreeMap::new()));
    // Not everything that says `CI` is one of these.
    assert_eq!(builder(&variables(&[("CI", "true")])), builder(&BTreeMap::new()));
}

/// A line of what is told of it is one line.
#[test]
fn what_would_be_several_lines_is_refused() {
    let mut said = said(None, &BTreeMap::new());
    assert!(Provenance::read(&said).is_ok());
    said["runDetails"]["builder"]["id"] = "x\nprovenance (signed): built by y".into();
    assert_eq!(
        Provenance::read(&said).unwrap_err().to_string(),
        "it is no provenance that can be read: it has a text of several lines"
    );
}

#[test]
fn who_published_something_stands_beside_it_and_the_proof_among_what_came_of_the_build() {
    let attestation = |commit: Option<&str>, channel: Option<&str>, bundle: &str| Attestation {
        predicate_type: "https://example.com/publish/v1".to_owned(),
        issuer: "https://issuer.example".to_owned(),
        identity: "https://forge.example/a/b/.workflow.yml@refs/tags/v1".to_owned(),
        repository: commit.map(|_| "https://forge.example/a/b".to_owned()),
        commit: commit.map(str::to_owned),
        index: commit.map(|_| "https://index.example/simple".to_owned()),
        channel: None,
        target_channel: channel.map(str::to_owned),
        media_type: "application/vnd.dev.sigstore.bundle.v0.3+json".to_owned(),
        bundle: bundle.to_owned(),
    };
    let digest = |digit: &str| Digest::from_hex(&digit.repeat(64)).unwrap();
    let known = BTreeMap::from([
        (digest("8"), vec![attestation(Some("c0ffee"), None, "{}"), attestation(None, None, "[]")]),
        (digest("5"), vec![attestation(None, Some("https://channel.example/conda-forge"), "{\"a\":1}")]),
        // Nothing of the lock has this one, and of that nothing is proved.
        (digest("9"), vec![attestation(None, None, "{}")]),
        (digest("7"), Vec::new()),
    ]);
    let said = said_with(None, &BTreeMap::new(), &known);
    let all = said["buildDefinition"]["resolvedDependencies"].as_array().unwrap();
    let annotated: Vec<&Value> = all.iter().filter(|it| !it["annotations"].is_null()).collect();
    let shown = json!({ "dependencies": annotated, "byproducts": said["runDetails"]["byproducts"] });
    assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap());
    let read = Provenance::read(&said).unwrap();
    let publishers: Vec<(&str, Option<&str>)> =
        read.publishers.iter().map(|it| (it.package.as_str(), it.commit.as_deref())).collect();
    let sdist = "pkg:pypi/idna@3.10?file_name=idna-3.10.tar.gz";
    assert_eq!(publishers.len(), 3);
    assert_eq!(publishers[1..], [(sdist, Some("c0ffee")), (sdist, None)]);
}

#[test]
fn what_others_write_into_annotations_makes_nothing_unreadable() {
    for annotations in
        [Value::Null, json!([]), json!({ "attestations": "no" }), json!({ "attestations": [1] })]
    {
        let mut said = said(None, &BTreeMap::new());
        said["buildDefinition"]["resolvedDependencies"][0]["annotations"] = annotations;
        assert_eq!(Provenance::read(&said).unwrap().publishers, []);
    }
}

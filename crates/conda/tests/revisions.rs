//! Revisions of a channel's index (CEP 48): what of the third one is taken, and what is told of the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use imgbuild_conda::{
    ChannelLookup, ChannelSettings, CudaLine, Request, ServedChannel, Solving, virtual_packages,
};
use imgbuild_diagnostic::told;
use imgbuild_net::{Client, Options};
use insta::assert_snapshot;
use rattler_conda_types::Subdir;
use serde_json::{Value, json};

/// A channel that is made of its index alone.
struct Channel {
    scratch: tempfile::TempDir,
    served: Vec<ServedChannel>,
}

fn record(name: &str, version: &str, build: &str, more: &Value) -> (String, Value) {
    let number: u64 = build.rsplit('_').next().unwrap().parse().unwrap();
    let mut record = json!({
        "name": name, "version": version, "build": build, "build_number": number, "depends": [], "subdir": "linux-64",
        "sha256": "00".repeat(32), "size": 1,
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (format!("{name}-{version}-{build}"), record)
}

impl Channel {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let name = format!("file://{}", scratch.path().display()).parse().unwrap();
        let place = ChannelLookup {
            root: scratch.path(),
            variables: &BTreeMap::new(),
            settings: &ChannelSettings::default(),
        };
        let served = imgbuild_conda::channels([&name], &BTreeMap::new(), place).unwrap();
        let new = Self { scratch, served };
        new.write("noarch", &json!({ "info": { "subdir": "noarch" } }));
        new.write("linux-64", &index());
        new
    }

    fn write(&self, subdir: &str, index: &Value) {
        let folder = self.scratch.path().join(subdir);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("repodata.json"), index.to_string()).unwrap();
    }

    /// What is chosen, or the message; and what is told besides.
    async fn solve(&self, specs: &[&str], cuda: Option<CudaLine>) -> (String, Vec<String>) {
        let client = Client::new(Options { offline: false, ..Options::default() }).unwrap();
        let solving = Solving::new(&client, &self.served, self.scratch.path().join("cache")).unwrap();
        let request = Request {
            cuda,
            channels: self.served.clone(),
            specs: specs.iter().map(|spec| (*spec).to_owned()).collect(),
            pip: false,
            constraints: Vec::new(),
            subdir: Subdir::Linux64,
            virtual_packages: virtual_packages(Subdir::Linux64, Some("2.36"), cuda.map(|_| ("12.9", None))),
            channel_priority: imgbuild_environment::ChannelPriority::Strict,
            exclude_newer: None,
            locked: Vec::new(),
        };
        let hidden = |text: &str| text.replace(&self.scratch.path().display().to_string(), "FOLDER");
        let found = match solving.solve(&request).await {
            Ok(records) => {
                let mut names: Vec<String> = records.iter().map(|it| it.identifier.to_file_name()).collect();
                names.sort();
                names.join(" ")
            }
            Err(error) => hidden(&told(&error)),
        };
        (found, solving.notes().iter().map(|note| hidden(note)).collect())
    }
}

/// An index with all three revisions: one that all know, the third, and one that nobody knows yet.
fn index() -> Value {
    let old = [record("python", "3.11.0", "0", &json!({})), record("viewer", "1.0", "0", &json!({}))];
    let third = [
        record(
            "vision",
            "1.0",
            "h1_0",
            &json!({ "flags": ["cuda", "blas:mkl"], "extra_depends": { "train": ["trainer"] } }),
        ),
        record("vision", "1.0", "h2_1", &json!({ "flags": ["cpu"] })),
        record(
            "viewer",
            "2.0",
            "0",
            &json!({ "depends": ["old[when=\"python <3.11\"]", "new[when=\"python >=3.11\"]"] }),
        ),
        record("pytorch", "2.9", "h1_0", &json!({ "flags": ["cuda"] })),
        record("pytorch", "2.9", "h2_1", &json!({ "flags": ["cpu"] })),
        record("trainer", "1.0", "0", &json!({ "depends": ["vision[flags=[cuda]]"] })),
        record("old", "1.0", "0", &json!({})),
        record("new", "1.0", "0", &json!({})),
        record("needy", "1.0", "0", &json!({ "depends": ["wheely"] })),
    ];
    let (_, wheel) =
        record("wheely", "1.0", "py3_none_any_0", &json!({ "url": "wheely-1.0-py3-none-any.whl" }));
    json!({
        "info": {
            "subdir": "linux-64",
            "repodata_revisions": { "v3": { "n_packages": third.len() + 1 }, "v4": { "n_packages": 2 } },
        },
        "packages": {},
        "packages.conda": old.into_iter().map(|(stem, record)| (format!("{stem}.conda"), record)).collect::<serde_json::Map<_, _>>(),
        "v3": {
            "conda": third.into_iter().collect::<serde_json::Map<_, _>>(),
            "tar.bz2": {},
            "whl": { "wheely-1.0-py3_none_any_0": wheel },
        },
        "v4": { "conda": { "viewer-3.0-0": { "anything": true } } },
        "repodata_version": 1,
    })
}

#[tokio::test]
async fn the_third_revision_is_taken_with_its_conditions_extras_and_flags() {
    let channel = Channel::new();
    let found = async |specs: &[&str]| channel.solve(specs, None).await.0;
    assert_eq!(
        found(&["viewer", "python"]).await,
        "new-1.0-0.conda python-3.11.0-0.conda viewer-2.0-0.conda"
    );
    assert_eq!(found(&["viewer"]).await, "viewer-2.0-0.conda");
    assert_eq!(found(&["vision"]).await, "vision-1.0-h2_1.conda");
    assert_eq!(found(&["vision[flags=[cuda]]"]).await, "vision-1.0-h1_0.conda");
    assert_eq!(found(&["vision[flags=[\"blas:*\"]]"]).await, "vision-1.0-h1_0.conda");
    assert_eq!(
        found(&["vision[version=\">=1\", flags=[cuda], extras=[train]]"]).await,
        "trainer-1.0-0.conda vision-1.0-h1_0.conda"
    );
}

#[tokio::test]
async fn a_flag_says_whether_a_build_uses_cuda() {
    let channel = Channel::new();
    let line = Some(CudaLine { major: 12, minor: 9 });
    assert_eq!(channel.solve(&["vision"], line).await.0, "vision-1.0-h1_0.conda");
    assert_snapshot!(channel.solve(&["pytorch[flags=[cpu]]"], line).await.0, @r"
    the image has CUDA 12.9, and these packages do not use it:
    `pytorch 2.9 h2_1`: its build says that it is for the processor alone; `pytorch[flags=[cpu]]` asks for that; for CUDA there are `2.9 h1_0`
    The following packages are incompatible
    └─ pytorch [flags=[cpu]] cannot be installed because there are no viable options:
       └─ pytorch 2.9 is excluded because it does not use CUDA, which the image is for
    ");
}

#[tokio::test]
async fn what_is_not_seen_is_told() {
    let channel = Channel::new();
    let (_, notes) = channel.solve(&["viewer"], None).await;
    assert_snapshot!(notes.join("\n"), @r"the channel `file://FOLDER/` lists 2 packages in a form of the index (`v4`) that is newer than this program: they are not seen");
    let (message, _) = channel.solve(&["needy"], None).await;
    assert_snapshot!(message, @r"
    no set of packages satisfies all requirements:
    the channels have `wheely` as a wheel alone, and a conda environment takes no wheels from channels
    needy * cannot be installed because there are no viable options:
    └─ needy 1.0 would require
       └─ wheely *, for which no candidates were found.
    ");
}

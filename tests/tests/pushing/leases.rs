//! Builders that run at the same time and share no more than a folder: they make each layer once, whatever becomes of one of them.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use imgbuild_tests::{Imgbuild, names, scratch};
use serde_json::Value;

use crate::caches::{build, notes};
use crate::imgbuild;

/// How many layers are large enough to have leases.
const LARGE: usize = 6;

/// A builder of layers that take a while, one for each image of a matrix. `more` bytes are in the first one.
fn builder(more: usize) -> Imgbuild {
    let imgbuild = imgbuild();
    let parts: Vec<String> = (0..LARGE).map(|number| number.to_string()).collect();
    for (part, more) in parts.iter().zip([more].into_iter().chain(std::iter::repeat(0))) {
        imgbuild.write(
            &format!("part-{part}"),
            format!("{part} of many lines\n").repeat((20 << 20) / 16 + more / 16),
        );
    }
    imgbuild.write(
        "spec.toml",
        format!(
            "name = \"large\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\ntags = [\"{{part}}\"]\n\
             [matrix]\npart = {parts:?}\n[layers]\ncompression = \"gzip\"\n\
             [[copy]]\nfrom = \"part-{{part}}\"\nto = \"/part\"\n"
        ),
    );
    imgbuild
}

fn place(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

/// A build that goes on by itself.
fn started(imgbuild: &Imgbuild, place: &str) -> Child {
    let words = ["build", "spec.toml", "--json", "--output", "out", "--cache-to", place];
    let mut command = imgbuild.command(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ended(child: Child) -> Value {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Which of the large layers a build has made itself.
fn made(report: &Value) -> Vec<bool> {
    let layers = report["images"].as_array().unwrap().iter().flat_map(|it| it["layers"].as_array().unwrap());
    let large = layers.filter(|it| it["title"].as_str().unwrap().contains("copied"));
    large.map(|it| it["reused"] == false).collect()
}

fn digests(report: &Value) -> Vec<Value> {
    report["images"].as_array().unwrap().iter().map(|it| it["digest"].clone()).collect()
}

/// What there is below a folder of a cache; nothing where there is no such folder.
fn there(folder: &Path, name: &str) -> Vec<String> {
    let folder = folder.join(name);
    if folder.exists() { names(&folder) } else { Vec::new() }
}

/// Each entry is whole: its blob is there.
fn all_entries_are_whole(folder: &Path) {
    for entry in there(folder, "layers") {
        let text = fs_err::read(folder.join("layers").join(entry)).unwrap();
        let entry: Value = serde_json::from_slice(&text).unwrap();
        let digest = entry["layers"][0]["digest"].as_str().unwrap().replace("sha256:", "");
        let blob = fs_err::metadata(folder.join("blobs/sha256").join(digest)).unwrap();
        assert_eq!(entry["layers"][0]["size"], blob.len());
    }
}

/// So many builders begin together, and make each large layer once.
#[track_caller]
pub(crate) fn is_made_once(count: usize, place: &str, variables: &[(&str, String)]) {
    let with = |imgbuild: Imgbuild, (name, value): &(&str, String)| imgbuild.variable(name, value);
    let builders: Vec<Imgbuild> = (0..count).map(|_| variables.iter().fold(builder(0), with)).collect();
    let running: Vec<Child> = builders.iter().map(|it| started(it, place)).collect();
    let reports: Vec<Value> = running.into_iter().map(ended).collect();
    let all: Vec<Vec<bool>> = reports.iter().map(made).collect();
    for layer in 0..LARGE {
        assert_eq!(all.iter().filter(|made| made[layer]).count(), 1, "the layer {layer} of {all:?}");
    }
    for report in &reports {
        assert_eq!(digests(report), digests(&reports[0]));
        assert_eq!(notes(report), Vec::<String>::new());
    }
}

#[test]
fn each_layer_is_made_once_by_builders_that_begin_together() {
    for count in [2, 3] {
        let folder = scratch("cache");
        is_made_once(count, &place(folder.path()), &[]);
        assert_eq!(there(folder.path(), "leases"), Vec::<String>::new());
    }
}

#[test]
fn the_layers_of_one_that_is_killed_are_made_by_the_other() {
    const MORE: usize = 100 << 20;
    let folder = scratch("cache");
    let (killed, other) = (builder(MORE), builder(MORE));
    let mut one = started(&killed, &place(folder.path()));
    while there(folder.path(), "leases").is_empty() {
        assert!(one.try_wait().unwrap().is_none(), "it has ended before it could be killed");
        std::thread::sleep(Duration::from_millis(5));
    }
    let other = (started(&other, &place(folder.path())), other);
    one.kill().unwrap();
    one.wait().unwrap();
    all_entries_are_whole(folder.path());
    let report = ended(other.0);
    assert_eq!(digests(&report), digests(&build(&builder(MORE), &[])));
    assert_eq!(there(folder.path(), "leases"), Vec::<String>::new());
    let last = build(&builder(MORE), &["--cache-to", &place(folder.path())]);
    assert!(made(&last).iter().all(|it| !it), "{last:#}");
}

#[test]
fn leases_that_are_none_are_no_obstacle() {
    let folder = scratch("cache");
    build(&builder(0), &["--cache-to", &place(folder.path())]);
    // A lease of garbage for each key, and no entries.
    fs_err::create_dir_all(folder.path().join("leases")).unwrap();
    for entry in there(folder.path(), "layers") {
        fs_err::write(folder.path().join("leases").join(entry.replace(".json", "")), [0xff; 100]).unwrap();
        fs_err::remove_file(folder.path().join("layers").join(entry)).unwrap();
    }
    let report = build(&builder(0), &["--cache-to", &place(folder.path())]);
    assert!(made(&report).iter().all(|it| *it), "{report:#}");
    assert_eq!(notes(&report), Vec::<String>::new());
}

#[test]
fn a_folder_that_cannot_be_written_is_read() {
    let folder = scratch("cache");
    let first = build(&builder(0), &["--cache-to", &place(folder.path())]);
    let entries = folder.path().join("layers");
    // The last one's layer has to be made, and cannot be kept.
    let last = first["images"][LARGE - 1]["layers"].as_array().unwrap().iter().last().unwrap().clone();
    for entry in there(folder.path(), "layers") {
        let path = entries.join(entry);
        if fs_err::read_to_string(&path).unwrap().contains(last["digest"].as_str().unwrap()) {
            fs_err::remove_file(path).unwrap();
        }
    }
    capture_mode(folder.path(), "a-w");
    // The superuser may write everywhere, unless that right is taken away.
    let held = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"];
    let reader = builder(0).through(held);
    let report = build(&reader, &["--cache-to", &place(folder.path())]);
    capture_mode(folder.path(), "u+w");
    assert_eq!(digests(&report), digests(&first));
    let layers = report["images"].as_array().unwrap().iter().flat_map(|it| it["layers"].as_array().unwrap());
    let new: Vec<&Value> = layers.filter(|it| it["reused"] == false).collect();
    assert!(new.len() == 1 && new[0]["digest"] == last["digest"], "{new:#?}");
    let notes = notes(&report);
    assert!(notes.len() == 1 && notes[0].contains("did not take 1 of"), "{notes:?}");
}

fn capture_mode(folder: &Path, mode: &str) {
    let mut chmod = std::process::Command::new("chmod");
    imgbuild_tests::capture(chmod.args(["-R", mode]).arg(folder)).success();
}

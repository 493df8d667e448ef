//! `/opt/conda` of an image is what rattler's own installer makes of the same records.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use imgbuild_tests::{
    Imgbuild, Kind, Node, Tree, capture, channel, channel_folder, temporary, workspace_root,
};
use serde_json::{Map, Value};

const PREFIX: &str = "opt/conda";

/// Fields of a `conda-meta` record that are about the machine that installed it, or about what it was asked for.
const OF_THE_MACHINE: [&str; 5] = [
    "extracted_package_dir",     // where rattler's cache has it; an image has no such place
    "package_tarball_full_path", // as above
    "link",                      // how it came from the cache into the prefix: by hard links, or copies
    "requested_spec",            // stands in `conda-meta/history`, as conda itself writes it
    "requested_specs",           // as above
];

/// What may differ, and why. Everything else is the same, path for path.
fn excepted(path: &str) -> bool {
    // Files that lost against another package's. An image has no use for them.
    path == "__clobbers__"
        || path.starts_with("__clobbers__/")
        // Written by conda, mamba and by us, and not by rattler: what was asked for.
        || path == "conda-meta/history"
        // What keeps an environment as the spec asked for it, which is for those who change it inside an image.
        || ["conda-meta/frozen", "conda-meta/pinned", ".condarc"].contains(&path)
        // Written by rattler so that backups leave the prefix out; an image is no folder that backups see.
        || path == "CACHEDIR.TAG"
        // Is compared by its fields, below.
        || (path.starts_with("conda-meta/") && path.ends_with(".json"))
}

/// Bytecode that we add (noarch packages ship none) or make anew (where it was stale) is not rattler's to judge: see
/// `bytecode.rs`. What a package ships and is valid stays as it is.
fn is_bytecode(path: &str) -> bool {
    path.ends_with("/__pycache__") || (path.contains("/__pycache__/") && path.ends_with(".pyc"))
}

fn facts(path: &str, node: &Node) -> String {
    match &node.kind {
        Kind::File(..) if is_bytecode(path) => "bytecode".to_owned(),
        // Its owner is root's, or the one that runs rattler; hard links are kept by us, and copied by rattler where its
        // cache is on another file system; the times are those of the archive with us, and of installing where rattler
        // writes a file itself.
        _ => node.facts(),
    }
}

/// Builds a spec for one platform, installs its records with rattler, and compares.
fn compare(spec: &str, subdir: &str, packages: usize) {
    let imgbuild = Imgbuild::new();
    let image = imgbuild.build(spec, &[]).image();
    let root = imgbuild.path("root");
    image.unpack(&root);
    let prefix = root.join(PREFIX);
    let installed = imgbuild.path("rattler");
    let records = install(&prefix.join("conda-meta"), &installed, subdir);
    assert_eq!(records, packages);

    let ours = Tree::read(&prefix);
    let theirs = Tree::read(&installed);
    let added: Vec<_> =
        ours.0.keys().filter(|path| is_bytecode(path) && !theirs.0.contains_key(*path)).cloned().collect();
    let ours_kept = ours.filtered(|path| !excepted(path) && !added.iter().any(|added| added == path));
    let differences = ours_kept.differences(&theirs.filtered(|path| !excepted(path)), facts);
    assert_eq!(differences, "");
    assert_eq!(records_differ(&prefix, &installed), "");
    bytecode_is_as_it_is_listed(&prefix);
    assert_eq!(distributions(&imgbuild.read("spec.lock")), importable(&installed));
}

/// Whatever bytecode a record lists is what its package brought.
fn bytecode_is_as_it_is_listed(prefix: &Path) {
    let mut listed = 0;
    for entry in fs_err::read_dir(prefix.join("conda-meta")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let record: Value = serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap();
        let paths = record["paths_data"]["paths"].as_array().unwrap();
        for path in paths.iter().filter(|path| is_bytecode(path["_path"].as_str().unwrap())) {
            if let Some(sha256) = path["sha256_in_prefix"].as_str().or(path["sha256"].as_str()) {
                let file = fs_err::read(prefix.join(path["_path"].as_str().unwrap())).unwrap();
                assert_eq!(imgbuild_oci::Digest::of(file).hex(), sha256, "{path}");
                listed += 1;
            }
        }
    }
    assert!(listed > 100, "{listed}");
}

/// The Python distributions that the lock says the packages hold.
fn distributions(lock: &str) -> BTreeSet<String> {
    let lock: toml::Table = lock.parse().unwrap();
    let packages = lock["conda"].as_array().unwrap().iter();
    let held = packages.filter_map(|package| package["facts"].get("distributions")?.as_array());
    held.flatten().map(|it| it.as_str().unwrap().to_owned()).collect()
}

/// Those that Python finds in the prefix.
fn importable(prefix: &Path) -> BTreeSet<String> {
    let script = "import glob, importlib.metadata, re, sys; \
        [print(re.sub('[-_.]+', '-', it.metadata['Name']).lower(), it.version) \
        for it in importlib.metadata.distributions(path=glob.glob(sys.argv[1] + '/lib/python3.*/site-packages'))]";
    let outcome = capture(Command::new("python3").args(["-I", "-c", script]).arg(prefix)).success();
    outcome.stdout.lines().map(str::to_owned).collect()
}

/// Runs rattler; gives the number of packages that it installed.
fn install(meta: &Path, into: &Path, subdir: &str) -> usize {
    let mut python = Command::new(workspace_root().join("target/channel-parts/tools/bin/python"));
    python.arg("-B").arg(workspace_root().join("tests/tests/rattler/install.py"));
    python.args([&channel(), subdir, &format!("/{PREFIX}")]).arg(into);
    let outcome = capture(python.arg(temporary().join("rattler-packages")).arg(meta)).success();
    outcome.stdout.trim().parse().unwrap()
}

/// How the records of `conda-meta` differ.
fn records_differ(ours: &Path, theirs: &Path) -> String {
    let mut lines = Vec::new();
    for entry in fs_err::read_dir(theirs.join("conda-meta")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".json") {
            continue;
        }
        let (found, wanted) = (record(ours, &name), record(theirs, &name));
        for field in found.keys().chain(wanted.keys()) {
            if found.get(field) != wanted.get(field) {
                lines.push(format!("{name}: {field}: {}", difference(found.get(field), wanted.get(field))));
            }
        }
    }
    lines.sort();
    lines.dedup();
    lines.join("\n")
}

fn difference(found: Option<&Value>, wanted: Option<&Value>) -> String {
    if let (Some(Value::Object(found)), Some(Value::Object(wanted))) = (found, wanted) {
        let of = |key: &String| (found.get(key), wanted.get(key));
        let keys = found.keys().chain(wanted.keys()).filter(|key| of(key).0 != of(key).1);
        return keys.map(|key| format!("{key}: {}", difference(of(key).0, of(key).1))).collect();
    }
    if let (Some(Value::Array(found)), Some(Value::Array(wanted))) = (found, wanted) {
        let ours = found.iter().filter(|item| !wanted.contains(item));
        let theirs = wanted.iter().filter(|item| !found.contains(item));
        let lines =
            ours.map(|item| format!("\n  + {item}")).chain(theirs.map(|item| format!("\n  - {item}")));
        return lines.collect();
    }
    format!("{found:?}, and not {wanted:?}")
}

/// A record in a form that can be compared: without what is about the machine, its paths in order.
fn record(prefix: &Path, name: &str) -> Map<String, Value> {
    let bytes = fs_err::read(prefix.join("conda-meta").join(name)).unwrap();
    let mut record: Map<String, Value> = serde_json::from_slice(&bytes).unwrap();
    for field in OF_THE_MACHINE {
        record.remove(field);
    }
    let paths = record["paths_data"]["paths"].as_array_mut().unwrap();
    // A path that lost is in no record of ours, and in rattler's under its new name. Bytecode that is made anew is in no
    // record either: see `bytecode_is_as_it_is_listed`.
    let is_compared = |path: &str| !path.starts_with("__clobbers__/") && !is_bytecode(path);
    paths.retain(|path| is_compared(path["_path"].as_str().unwrap()));
    for path in &mut *paths {
        // py-rattler 0.26 writes a hash of the link's text; rattler 0.55 and we write none.
        if path["path_type"] == "softlink" {
            path.as_object_mut().unwrap().remove("sha256_in_prefix");
        }
    }
    paths.sort_by_key(|path| path["_path"].as_str().unwrap().to_owned());
    if let Some(Value::Array(files)) = record.get_mut("files") {
        files.retain(|path| is_compared(path.as_str().unwrap()));
        files.sort_by_key(|path| path.as_str().unwrap().to_owned());
    }
    record
}

fn spec(python: &str, packages: &[&str], more: &str) -> String {
    format!(
        "name = \"rattler\"\npython = \"{python}\"\n{more}\n[conda]\nchannels = [\"{}\"]\npackages = {packages:?}\npip = false\nskip-post-link = [\"odd-post-link\"]\n",
        channel()
    )
}

#[test]
fn six_packages() {
    let packages = ["numpy >=1.26", "pandas", "scipy", "matplotlib-base", "requests"];
    compare(&spec("3.11", &packages, "platforms = [\"linux/amd64\"]"), "linux-64", 36);
}

#[test]
fn jupyterlab() {
    let packages = ["jupyterlab", "numpy", "pandas", "scipy", "scikit-learn", "matplotlib-base"];
    compare(&spec("3.11", &packages, "platforms = [\"linux/amd64\"]"), "linux-64", 114);
}

#[test]
fn the_older_python() {
    let packages = ["numpy", "pandas", "requests", "ipython"];
    compare(&spec("3.9", &packages, "platforms = [\"linux/amd64\"]"), "linux-64", 45);
}

#[test]
fn another_platform() {
    let packages = ["numpy", "pandas", "requests"];
    compare(&spec("3.11", &packages, "platforms = [\"linux/arm64\"]"), "linux-aarch64", 26);
}

#[test]
fn another_platform_with_the_older_python() {
    let packages = ["numpy", "pandas", "requests"];
    compare(&spec("3.9", &packages, "platforms = [\"linux/arm64\"]"), "linux-aarch64", 27);
}

/// Every odd package that can be installed.
#[test]
fn odd_packages() {
    let mut names = Vec::new();
    for subdir in ["linux-64", "noarch"] {
        let index = fs_err::read(channel_folder().join(subdir).join("repodata.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        for table in ["packages", "packages.conda"] {
            let records = index[table].as_object().unwrap().values();
            names.extend(records.map(|record| record["name"].as_str().unwrap().to_owned()));
        }
    }
    names.retain(|name| {
        name.starts_with("odd-")
            // Nothing provides what it depends on.
            && name != "odd-unsolvable"
            // rattler 0.55 fails on folders that `paths.json` lists: see `folders_that_packages_list`.
            && name != "odd-empty-folders"
    });
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    assert!(names.len() > 35, "{names:?}");
    compare(&spec("3.11", &names, "platforms = [\"linux/amd64\"]"), "linux-64", names.len() + 16);
}

/// Folders that `paths.json` lists are made, as conda does; rattler 0.55 fails on them.
#[test]
fn folders_that_packages_list() {
    let imgbuild = Imgbuild::new();
    let image = imgbuild.build(&spec("3.11", &["odd-empty-folders"], ""), &[]).image();
    let root = imgbuild.path("root");
    image.unpack(&root);
    let tree = Tree::read(&root.join(PREFIX).join("share/odd-empty-folders"));
    let shown: Vec<_> = tree.0.iter().map(|(path, node)| format!("{path} {:04o}", node.mode)).collect();
    assert_eq!(shown, ["deep 0755", "deep/deeper 0755", "empty 0755", "file.txt 0644"]);
}

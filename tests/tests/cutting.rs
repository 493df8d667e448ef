//! Large packages in several layers: the image is the same, and what its layers are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_lock::Lock;
use imgbuild_tests::{Container, Image, Imgbuild, Kind, Tree, channel, scratch};
use insta::assert_snapshot;

/// Where the lock stands, which says how packages are cut, and the bill of materials that is made of it.
const OF_LOCK: &str = "usr/share/imgbuild/";

const CUT: &str = "[layers]\nmax-layer = \"16MiB\"\n";

/// A folder that its user may write to, and two environments that share a large package.
fn environments(more: &str) -> String {
    format!(
        "name = \"cut\"\nplatforms = [\"linux/amd64\"]\nbase = \"bookworm\"\npython = \"3.11\"\n{more}\
         [user]\nname = \"user\"\n\
         [conda]\nchannels = [\"{}\"]\nwritable = true\nenvironment = \"app\"\npackages = [\"numpy\"]\n\
         [envs.twin]\npython = \"3.11\"\npackages = [\"numpy\", \"requests\"]\n",
        channel()
    )
}

fn conda(packages: &str, more: &str) -> String {
    format!(
        "name = \"cut\"\nplatforms = [\"linux/amd64\"]\nbase = \"bookworm\"\npython = \"3.11\"\n\
         [conda]\nchannels = [\"{}\"]\npackages = [{packages}]\n{more}",
        channel()
    )
}

/// Wheels in a virtual environment.
fn wheels(more: &str) -> String {
    format!(
        "name = \"cut\"\nplatforms = [\"linux/amd64\"]\nbase = \"bookworm\"\n\
         python = {{ version = \"3.11\", from = \"debian\" }}\n[pip]\npackages = [\"numpy==2.0.2\"]\n{more}"
    )
}

fn titles(image: &Image) -> Vec<String> {
    image.config.history.iter().map(|item| item.comment.clone()).collect()
}

/// The layers of a package, with the titles and the digests.
fn layers_of(image: &Image, package: &str) -> Vec<(String, String)> {
    let digests = image.manifest.layers.iter().map(|layer| layer.digest.to_string());
    let layers = titles(image).into_iter().zip(digests);
    layers.filter(|(title, _)| title.starts_with(&format!("{package} "))).collect()
}

fn unpacked(image: &Image) -> Tree {
    let folder = scratch("cut");
    image.unpack(folder.path());
    Tree::read(folder.path()).filtered(|path| !path.starts_with(OF_LOCK))
}

/// How the files of an image differ from these: in kind, bytes, mode, owner, time, or what is linked. The time of a folder is that at
/// which it was unpacked.
fn differences(image: &Image, wanted: &Tree) -> String {
    unpacked(image).differences(wanted, |_, node| match node.kind {
        Kind::Folder => format!("{:o} {:?}", node.mode, node.owner),
        _ => format!("{node:?}"),
    })
}

/// The paths of each layer whose title begins with that of a package, but for folders.
fn paths(image: &Image, package: &str) -> Vec<BTreeSet<String>> {
    let titles = titles(image);
    let layers = (0..titles.len()).filter(|index| titles[*index].starts_with(&format!("{package} ")));
    let read = |index| {
        let mut archive = tar::Archive::new(image.layer(index));
        let entries = archive.entries().unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| !entry.header().entry_type().is_dir());
        files.map(|entry| entry.path().unwrap().to_str().unwrap().to_owned()).collect()
    };
    layers.map(read).collect()
}

/// Every file of a package is in one of its layers, in the order of the paths; bytecode is beside its source.
fn assert_cut_in_order(image: &Image, package: &str, root: &str) {
    let layers = paths(image, package);
    assert!(layers.len() > 1, "{:?}", titles(image));
    let mut place = BTreeMap::new();
    for (index, paths) in layers.iter().enumerate() {
        for path in paths {
            assert_eq!(place.insert(path.clone(), index), None, "{path}");
        }
    }
    let sources = place.iter().filter(|(path, _)| path.starts_with(root) && !path.ends_with(".pyc"));
    let order: Vec<usize> = sources.map(|(_, index)| *index).collect();
    assert!(order.is_sorted() && order.len() > 100, "{order:?}");
    let bytecode = place.iter().filter(|(path, _)| path.ends_with(".cpython-311.pyc"));
    let beside = bytecode.map(|(path, index)| {
        let source = path.replace("__pycache__/", "").replace(".cpython-311.pyc", ".py");
        assert_eq!(place[&source], *index, "{path}");
    });
    assert!(beside.count() > 100);
}

#[test]
fn an_image_of_conda_packages_has_the_same_files() {
    let imgbuild = Imgbuild::new();
    let image = imgbuild.build(&environments(""), &[]).image();
    let (whole, layers) = (unpacked(&image), layers_of(&image, "numpy").len());
    let cut = imgbuild.build(&environments(CUT), &[]).image();
    let numpy: Vec<String> = layers_of(&cut, "numpy").into_iter().map(|(title, _)| title).collect();
    assert_snapshot!(numpy.join("\n"), @r"
    numpy 2.0.2 py311_0 (1 of 5) in app and twin
    numpy 2.0.2 py311_0 (2 of 5) in app and twin
    numpy 2.0.2 py311_0 (3 of 5) in app and twin
    numpy 2.0.2 py311_0 (4 of 5) in app and twin
    numpy 2.0.2 py311_0 (5 of 5) in app and twin
    ");
    assert_eq!((layers, differences(&cut, &whole)), (1, String::new()));
    assert_cut_in_order(&cut, "numpy", "opt/conda/envs/app/");
    let program = "import numpy, sys; print(numpy.__version__, sys.prefix)";
    let said = Container::new(&cut).exec(&["/opt/conda/envs/twin/bin/python", "-c", program]);
    assert_eq!(said.success().stdout, "2.0.2 /opt/conda/envs/twin\n");
}

#[test]
fn an_image_of_wheels_has_the_same_files() {
    let imgbuild = Imgbuild::new();
    let image = imgbuild.build(&wheels(""), &[]).image();
    let (whole, layers) = (unpacked(&image), layers_of(&image, "numpy").len());
    let cut = imgbuild.build(&wheels(CUT), &[]).image();
    let numpy: Vec<String> = layers_of(&cut, "numpy").into_iter().map(|(title, _)| title).collect();
    assert_snapshot!(numpy.join("\n"), @r"
    numpy 2.0.2 (1 of 5)
    numpy 2.0.2 (2 of 5)
    numpy 2.0.2 (3 of 5)
    numpy 2.0.2 (4 of 5)
    numpy 2.0.2 (5 of 5)
    ");
    assert_eq!((layers, differences(&cut, &whole)), (1, String::new()));
    assert_cut_in_order(&cut, "numpy", "opt/venv/");
}

#[test]
fn how_a_package_is_cut_depends_on_it_alone() {
    let imgbuild = Imgbuild::new();
    let one = imgbuild.build(&conda("\"numpy\"", CUT), &[]).image();
    let other = imgbuild.build(&conda("\"numpy\", \"pandas\", \"requests\"", CUT), &[]).image();
    assert_eq!(layers_of(&one, "numpy"), layers_of(&other, "numpy"));
    let whole = imgbuild.build(&conda("\"numpy\", \"pandas\", \"requests\"", ""), &[]).image();
    // What is small enough has the layers that it has everywhere.
    let uncut = |image: &Image| {
        let layers =
            titles(image).into_iter().zip(image.manifest.layers.iter().map(|layer| layer.digest.to_string()));
        layers
            .filter(|(title, _)| !title.contains(" of ") && !title.contains("the lock"))
            .collect::<BTreeSet<_>>()
    };
    let cut: Vec<_> = uncut(&whole).difference(&uncut(&other)).map(|(title, _)| title.clone()).collect();
    assert_snapshot!(cut.join("\n"), @r"
    numpy 2.0.2 py311_0
    pandas 2.2.3 py311_0
    python 3.11.2 0_cpython
    ");
}

#[test]
fn a_piece_that_is_missing_is_made_alone_and_is_the_same() {
    let imgbuild = Imgbuild::with_private_store();
    let first = imgbuild.build(&conda("\"numpy\"", CUT), &[]);
    let (title, digest) = layers_of(&first.image(), "numpy").remove(1);
    let blob = imgbuild.store().join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
    fs_err::remove_file(blob).unwrap();
    let again = imgbuild.build_again(&["--locked", "--offline"]);
    let layers = again.report["images"][0]["layers"].as_array().unwrap();
    let made: Vec<&str> =
        layers.iter().filter(|it| it["reused"] == false).map(|it| it["title"].as_str().unwrap()).collect();
    assert_eq!(made, [title]);
    assert_eq!(again.digests(), first.digests());
}

#[test]
fn a_short_budget_makes_the_pieces_larger_before_a_package_loses_its_layer() {
    let imgbuild = Imgbuild::new();
    let layers = |budget: u32| {
        let more = format!("{CUT}budget = {budget}\n");
        let image = imgbuild.build(&conda("\"scipy\", \"pandas\"", &more), &[]).image();
        assert!(image.manifest.layers.len() <= budget as usize);
        let count = |name| format!("{name} {}", layers_of(&image, name).len());
        format!("{budget}: {}", ["python", "numpy", "pandas", "scipy"].map(count).join(", "))
    };
    assert_snapshot!([60, 36, 24].map(layers).join("\n"), @r"
    60: python 3, numpy 5, pandas 5, scipy 10
    36: python 2, numpy 3, pandas 3, scipy 5
    24: python 1, numpy 2, pandas 2, scipy 3
    ");
}

#[test]
fn check_shows_the_pieces_before_they_are_made() {
    let imgbuild = Imgbuild::with_private_store();
    imgbuild.write("spec.toml", conda("\"numpy\"", CUT));
    imgbuild.run(["lock", "spec.toml"]).success();
    let said = imgbuild.run(["check", "spec.toml"]).success().stdout;
    let large: Vec<&str> =
        said.lines().map(str::trim).filter(|line| line.contains(" of ") && line.contains('(')).collect();
    assert_snapshot!(large.join("\n"), @"
    numpy 2.0.2 py311_0 (1 of 5)                                    3.3 MB  to be made
    numpy 2.0.2 py311_0 (2 of 5)                                   37.4 MB  to be made
    numpy 2.0.2 py311_0 (3 of 5)                                   14.7 MB  to be made
    numpy 2.0.2 py311_0 (4 of 5)                                   14.2 MB  to be made
    numpy 2.0.2 py311_0 (5 of 5)                                   13.9 MB  to be made
    python 3.11.2 0_cpython (1 of 3)                               12.2 MB  to be made
    python 3.11.2 0_cpython (2 of 3)                               13.2 MB  to be made
    python 3.11.2 0_cpython (3 of 3)                               12.5 MB  to be made
    ");
    let lock = Lock::parse(&imgbuild.read("spec.lock")).unwrap();
    let parts: Vec<&str> = lock.variants[0].cuts.iter().map(|cut| cut.part().as_str()).collect();
    assert_eq!(parts, ["conda/numpy", "conda/python"]);
}

#[test]
fn another_size_needs_another_lock() {
    let imgbuild = Imgbuild::new();
    imgbuild.build(&conda("\"numpy\"", CUT), &[]);
    let lock = imgbuild.read("spec.lock");
    imgbuild.write("spec.toml", conda("\"numpy\"", "[layers]\nmax-layer = \"32MB\"\n"));
    let refused = imgbuild.run(["build", "spec.toml", "--locked"]).failure();
    assert!(refused.stderr.contains("spec.lock"), "{}", refused.stderr);
    imgbuild.run(["lock", "spec.toml"]).success();
    assert_ne!(imgbuild.read("spec.lock"), lock);
    // The same bytes in other words, and the lock is the same.
    imgbuild.write("spec.toml", conda("\"numpy\"", "[layers]\nmax-layer = 16777216\n"));
    imgbuild.run(["lock", "spec.toml"]).success();
    assert_eq!(imgbuild.read("spec.lock"), lock);
}

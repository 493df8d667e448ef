//! Images with wheels: what is installed, what Python says of it, and what can be built on them.
//!
//! Wheels come from the index that the machine's own settings name.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use imgbuild_lock::{Lock, PypiPackage};
use imgbuild_tests::{
    Container, Imgbuild, Kind, Tree, apart, capture, channel, package_index, scratch, workspace_root,
};

/// Projects with native modules, headers, programs, commands, and folders that several of them share.
const WHEELS: &str = "name = \"wheels\"\n\
    python = { version = \"3.11\", from = \"debian\" }\nbase = \"bookworm\"\n\
    [pip]\n\
    packages = [\"numpy\", \"greenlet\", \"ruff\", \"flask\", \"pyyaml\", \"zope.interface\", \"zope.event\"]\n";

/// What uv makes and we do not, by how the path ends, and why.
const EXCEPTIONS: [(&str, &str); 8] = [
    (".dist-info/INSTALLER", "it names the installer"),
    (".dist-info/uv_cache.json", "uv's note of when it took a wheel from a folder"),
    ("venv/.gitignore", "an image is not a checkout"),
    ("venv/.lock", "uv's lock"),
    ("venv/CACHEDIR.TAG", "an image is not backed up"),
    ("venv/pyvenv.cfg", "the keys are those of Python's own `venv`"),
    ("/imgbuild-user-site.pth", "uv leaves out what users have installed"),
    ("/_virtualenv.pth", "it patches what `distutils` of old Pythons does wrong"),
];

/// The scripts that activate an environment in some shell: in an image it is first on PATH already.
const ACTIVATION: [&str; 10] = [
    "activate",
    "activate.bat",
    "activate.csh",
    "activate.fish",
    "activate.nu",
    "activate.ps1",
    "activate.xsh",
    "activate_this.py",
    "deactivate.bat",
    "pydoc.bat",
];

fn is_exception(path: &str) -> bool {
    let activation = path.rsplit_once("bin/").is_some_and(|(_, name)| ACTIVATION.contains(&name));
    activation
        || path.ends_with("/_virtualenv.py")
        || EXCEPTIONS.iter().any(|(ending, _)| path.ends_with(ending))
}

/// A program that `cargo xtask wheels` has installed.
fn uv() -> std::path::PathBuf {
    let path = workspace_root().join("target/wheels/tools/bin/uv");
    assert!(path.is_file(), "`uv` is not there\nhint: run `cargo xtask wheels`");
    path
}

/// The wheels of the lock that a build has written.
fn locked(imgbuild: &Imgbuild) -> BTreeMap<String, PypiPackage> {
    let lock = Lock::parse(&imgbuild.read("spec.lock")).unwrap();
    lock.pypi.into_iter().map(|package| (package.name.clone(), package)).collect()
}

/// The lines of every `RECORD` below `root`, but for those of files that differ by design.
fn records(root: &Path, tree: &Tree) -> BTreeMap<String, Vec<String>> {
    let is_record = |path: &&String| path.ends_with(".dist-info/RECORD");
    let lines = |path: &String| {
        let text = fs_err::read_to_string(root.join(path)).unwrap();
        let lines = text.lines().filter(|line| !is_exception(line.split(',').next().unwrap()));
        (path.clone(), lines.map(str::to_owned).collect())
    };
    tree.0.keys().filter(is_record).map(lines).collect()
}

#[test]
fn a_virtual_environment_is_what_uv_installs() {
    let imgbuild = Imgbuild::new();
    let spec = format!("{WHEELS}[layers]\nbytecode = false\n");
    let output = imgbuild.build(&spec, &[]);
    let image = output.image();
    assert_eq!(image.variable("VIRTUAL_ENV"), Some("/opt/venv"));
    assert!(image.variable("PATH").unwrap().starts_with("/opt/venv/bin:/usr/local/sbin:"));
    let ours = Container::new(&image);

    // The same image without wheels, in which uv installs them from the archives of our store.
    let bare = Imgbuild::new();
    let theirs = Container::new(
        &bare.build(&spec.split("[pip]").next().unwrap().replace("wheels", "bare"), &[]).image(),
    );
    let (root, wheelhouse) = (theirs.root(), theirs.root().join("wheelhouse"));
    fs_err::create_dir(&wheelhouse).unwrap();
    fs_err::copy(uv(), root.join("usr/local/bin/uv")).unwrap();
    let mut install = String::new();
    for package in locked(&imgbuild).values() {
        let archive = imgbuild.store().join("archives").join(package.sha256.hex());
        fs_err::copy(archive, wheelhouse.join(&package.filename)).unwrap();
        install.push_str(&format!(" {}=={}", package.name, package.version));
    }
    let script = format!(
        "set -e; umask 022; export UV_CACHE_DIR=/tmp/cache UV_OFFLINE=1; uv --no-config venv -q --python /usr/bin/python3.11 /opt/venv; \
         uv --no-config pip install -q --python /opt/venv/bin/python --no-index --find-links /wheelhouse --link-mode copy{install}"
    );
    theirs.exec_as_root(&["sh", "-c", &script]).success();

    let keep = |path: &str| !is_exception(&format!("venv/{path}"));
    let (found, wanted) = (ours.root().join("opt/venv"), root.join("opt/venv"));
    let (found_tree, wanted_tree) = (Tree::read(&found).filtered(keep), Tree::read(&wanted).filtered(keep));
    assert!(wanted_tree.0.len() > 1000, "the oracle holds {} paths", wanted_tree.0.len());
    let differences = found_tree.differences(&wanted_tree, |path, node| match &node.kind {
        Kind::File(..) if path.ends_with(".dist-info/RECORD") => format!("record {:04o}", node.mode),
        _ => node.facts(),
    });
    assert_eq!(differences, "");
    assert_eq!(records(&found, &found_tree), records(&wanted, &wanted_tree));
}

#[test]
fn python_knows_what_is_installed() {
    let imgbuild = Imgbuild::new();
    let output = imgbuild.build(&WHEELS.replace("[\"numpy\"", "[\"pip\", \"numpy\""), &[]);
    let container = Container::new(&output.image());
    let said = |words: &[&str]| container.start_with(words).success().stdout.trim().to_owned();
    assert_eq!(said(&["pip", "check"]), "No broken requirements found.");
    let listed: serde_json::Value = serde_json::from_str(&said(&["pip", "list", "--format=json"])).unwrap();
    let listed: BTreeMap<String, String> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["name"].as_str().unwrap().to_lowercase().replace(['.', '_'], "-"),
                it["version"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let locked = locked(&imgbuild);
    let wanted = locked.values().map(|package| (package.name.clone(), package.version.clone())).collect();
    assert_eq!(listed, wanted);
    assert!(said(&["flask", "--version"]).contains(&format!("Flask {}", locked["flask"].version)));
    assert_eq!(said(&["ruff", "--version"]), format!("ruff {}", locked["ruff"].version));
    let metadata = "from importlib.metadata import distribution, entry_points; \
        d = distribution('numpy'); print(d.read_text('INSTALLER').strip(), d.read_text('REQUESTED') is not None, \
        distribution('werkzeug').read_text('REQUESTED') is not None, all(f.locate().exists() for f in d.files), \
        entry_points(group='console_scripts', name='flask')['flask'].value)";
    assert_eq!(said(&["python", "-c", metadata]), "imgbuild True True True flask.cli:main");
    // Every module that is imported has bytecode that holds.
    let imported = "import sys, numpy, flask, yaml, zope.interface, zope.event; \
        print([m.__name__ for m in list(sys.modules.values()) if getattr(m, '__file__', '') and m.__file__.startswith('/opt/venv') \
        and m.__file__.endswith('.py') and not __import__('os').path.exists(m.__cached__)])";
    assert_eq!(said(&["python", "-c", imported]), "[]");
    assert_eq!(
        said(&["python", "-c", "import sys; print(sys.prefix, sys.executable)"]),
        "/opt/venv /opt/venv/bin/python"
    );
}

#[test]
fn what_is_installed_is_the_same_whatever_the_store_holds() {
    let spec = "name = \"same\"\npython = { version = \"3.13\", from = \"debian\" }\n[pip]\npackages = [\"pyyaml\", \"idna\"]\n";
    let first = Imgbuild::new();
    let built = first.build(spec, &[]);
    let second = Imgbuild::with_private_store();
    second.write("spec.lock", first.read("spec.lock"));
    // Another machine finds the wheels through its own index.
    let again = second.build(spec, &["--locked"]);
    assert_eq!(built.report["images"][0]["manifest"], again.report["images"][0]["manifest"]);
    let lock = first.read("spec.lock");
    assert!(!lock.split("[[pypi]]").skip(1).any(|it| it.contains("url =")), "{lock}");
}

/// What pip installs into a derived image: a wheel of the image's store, so that the build needs no network.
const CONTAINERFILE: &str = "FROM oci-archive:BASE\n\
    RUN pip install --quiet --no-cache-dir --no-index --find-links /wheelhouse idna && python -c 'import idna'\n\
    USER root\n\
    RUN pip install --quiet --no-cache-dir --no-index --find-links /wheelhouse six && python -c 'import six'\n\
    USER 1000:100\n\
    RUN python -c 'import idna, six, numpy' && pip check\n";

#[test]
fn a_derived_image_installs_more() {
    let imgbuild = Imgbuild::new();
    let spec = WHEELS.replace("[pip]\n", "[pip]\nwritable = true\n");
    let output = imgbuild.build(&spec, &[]);
    let others = Imgbuild::new();
    others.build(&WHEELS.replace("[\"numpy\"", "[\"idna\", \"six\", \"numpy\""), &[]);
    let folder = scratch("derived");
    let wheelhouse = folder.path().join("wheelhouse");
    fs_err::create_dir(&wheelhouse).unwrap();
    for (name, package) in locked(&others).iter().filter(|(name, _)| ["idna", "six"].contains(&name.as_str()))
    {
        let archive = others.store().join("archives").join(package.sha256.hex());
        fs_err::copy(archive, wheelhouse.join(&package.filename))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    // The image's user reads it too.
    capture(Command::new("chmod").args(["-R", "a+rX"]).arg(&wheelhouse)).success();
    let file = CONTAINERFILE.replace("BASE", output.path().to_str().unwrap());
    fs_err::write(folder.path().join("Containerfile"), file).unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut build = apart("buildah");
    build.args(["--root", &path("root"), "--runroot", &path("run"), "--storage-driver", "vfs", "bud"]);
    build.args(["--isolation", "chroot", "--tag", "derived"]);
    build.arg("--volume").arg(format!("{}:/wheelhouse:ro", wheelhouse.display()));
    build.arg("--file").arg(path("Containerfile")).arg(folder.path());
    let outcome = capture(&mut build);
    assert_eq!(outcome.code, Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains("No broken requirements found."), "{}", outcome.stdout);
    drop(capture(Command::new("rm").arg("-rf").arg(folder.path().join("root"))));
}

/// The test channel, with more packages and wheels.
fn conda(packages: &str, wheels: &str) -> String {
    format!(
        "name = \"both\"\nplatforms = [\"linux/amd64\"]\npython = \"3.11\"\n[conda]\nchannels = [\"{}\"]\npackages = [{packages}]\n[pip]\npackages = [{wheels}]\n",
        channel()
    )
}

#[test]
fn what_conda_has_is_not_installed_twice() {
    let imgbuild = Imgbuild::new();
    let output =
        imgbuild.build(&conda("\"numpy 1.26.*\", \"python-dateutil\"", "\"pandas <2.3\", \"pip\""), &[]);
    let locked = locked(&imgbuild);
    assert!(locked.contains_key("pandas") && !locked.contains_key("numpy"), "{:?}", locked.keys());
    assert!(!locked.contains_key("python-dateutil") && !locked.contains_key("six"), "{:?}", locked.keys());
    let container = Container::new(&output.image());
    let said = |words: &[&str]| container.start_with(words).success().stdout.trim().to_owned();
    let versions = "import numpy, pandas; print(numpy.__version__, numpy.__file__, pandas.__file__)";
    assert_eq!(
        said(&["python", "-c", versions]),
        "1.26.4 /opt/conda/lib/python3.11/site-packages/numpy/__init__.py /opt/conda/lib/python3.11/site-packages/pandas/__init__.py"
    );
    assert_eq!(said(&["pip", "check"]), "No broken requirements found.");
}

/// A wheel whose modules stand beside those of conda's `idna`, one in the place of one of them; and two that share a folder.
const OVERLAPPING: &str = "
    beside-1.0-py3-none-any.whl path=idna/beside.py,idna/compat.py,shared/beside.py
    behind-1.0-py3-none-any.whl path=shared/behind.py,shared/beside.py
";

#[test]
fn a_wheel_has_the_paths_that_a_conda_package_has_too() {
    let imgbuild = Imgbuild::new();
    let index = package_index(&imgbuild.path("index"), OVERLAPPING, |_| None);
    let spec = conda("\"idna 3.20.*\"", "\"beside\", \"behind\"");
    let output = imgbuild.build(&format!("{spec}index-url = \"{}/simple\"\n", index.url()), &[]);
    let excluded: Vec<String> = output.report["images"][0]["excluded"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} loses {} to {}", it["part"], it["path"], it["winner"]).replace('"', ""))
        .collect();
    insta::assert_snapshot!(excluded.join("\n"), @r#"
    conda/idna loses /opt/conda/lib/python3.11/site-packages/idna/compat.py to pypi/beside
    pypi/behind loses /opt/conda/lib/python3.11/site-packages/shared/beside.py to pypi/beside
    "#);
    let container = Container::new(&output.image());
    let said = |code: &str| container.start_with(&["python", "-c", code]).success().stdout.trim().to_owned();
    assert_eq!(
        said(
            "import idna.compat, idna.beside, shared.beside, shared.behind; print(idna.compat.x, idna.__file__)"
        ),
        "1 /opt/conda/lib/python3.11/site-packages/idna/__init__.py"
    );
    // Each has bytecode, that of the file that stands there.
    assert_eq!(said("import idna.compat as m, os; print(os.path.exists(m.__cached__), m.x)"), "True 1");
}

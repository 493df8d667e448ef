//! The image's own Python takes every `.pyc` of the image, and misses none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use imgbuild_tests::{Container, Imgbuild, Outcome, Output, Tree, channel, package_index, workspace_root};

/// Runs `check.py` in an image, by the Python of the image.
fn check(spec: &str, python: &str, folders: &[&str]) -> Outcome {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&imgbuild.build(spec, &[]).image());
    let script = workspace_root().join("tests/tests/bytecode/check.py");
    fs_err::copy(script, container.root().join("check.py")).unwrap();
    let mut command = vec![python, "-B", "-S", "/check.py"];
    command.extend(folders);
    container.exec(&command).success()
}

/// The numbers of files by what holds for them: `1 timestamp, 2 unchecked hash, …`.
fn number(outcome: &Outcome, what: &str) -> usize {
    let counts = outcome.stderr.lines().last().unwrap();
    let counts = counts.split(", ").filter_map(|count| count.trim().split_once(' '));
    counts.into_iter().find(|(_, of)| *of == what).unwrap().0.parse().unwrap()
}

fn conda(python: &str, packages: &[&str]) -> String {
    format!(
        "name = \"bytecode\"\npython = \"{python}\"\nplatforms = [\"linux/amd64\"]\n\
         [conda]\nchannels = [\"{}\"]\npackages = {packages:?}\npip = false\n",
        channel()
    )
}

#[test]
fn conda_python() {
    let packages = ["numpy >=1.26", "pandas", "scipy", "matplotlib-base", "requests"];
    let found = check(&conda("3.11", &packages), "/opt/conda/bin/python", &["/opt/conda/lib/python3.11"]);
    assert_eq!(found.stdout, "");
    assert!(number(&found, "timestamp") > 1000, "{}", found.stderr);
}

#[test]
fn the_older_conda_python() {
    let packages = ["numpy", "pandas", "requests", "ipython"];
    let found = check(&conda("3.9", &packages), "/opt/conda/bin/python", &["/opt/conda/lib/python3.9"]);
    assert_eq!(found.stdout, "");
    assert!(number(&found, "timestamp") > 1000, "{}", found.stderr);
}

#[test]
fn debian_python() {
    let spec = "name = \"bytecode\"\nplatforms = [\"linux/amd64\"]\n\
                python = { version = \"3.11\", from = \"debian\" }\nbase = \"bookworm\"\n";
    let found = check(spec, "/usr/bin/python3", &["/usr/lib/python3.11", "/usr/lib/python3"]);
    // A link to a file of another package: what one package holds is all that is known when it is compiled. Debian's
    // `sysconfig` imports that file by its own name, which has its bytecode.
    assert_eq!(found.stdout, "/usr/lib/python3.11/_sysconfigdata__linux_x86_64-linux-gnu.py: has none\n");
    assert!(number(&found, "timestamp") > 500, "{}", found.stderr);
}

/// What odd packages ship: stale, made stale by the prefix, hash-based, alone, and sources of no Python.
#[test]
fn odd_bytecode() {
    let packages = [
        "odd-stale-start",
        "odd-stale-prefix",
        "odd-hash-pyc",
        "odd-only-pyc",
        "odd-uncompilable",
        "odd-noarch-python",
        "odd-noarch-old",
    ];
    let folder = "/opt/conda/lib/python3.11/site-packages";
    let found = check(&conda("3.11", &packages), "/opt/conda/bin/python", &[folder]);
    assert_eq!(found.stdout, "");
    assert_eq!(number(&found, "alone"), 1);
    // What Python would take whatever the source says does not stay.
    assert_eq!((number(&found, "unchecked hash"), number(&found, "checked hash")), (0, 0));
    assert_eq!(number(&found, "does not compile"), 5);
}

/// The same bytes, whatever the order, the number of threads, and the hash seed of whoever asks. (The newer Python compiles
/// twice in `determinism.rs`.)
#[test]
fn bytecode_is_the_same_from_every_run() {
    let spec = conda("3.9", &["ipython", "requests"]);
    let one = Imgbuild::with_private_store();
    one.write("spec.toml", &spec);
    one.run(["lock", "spec.toml"]).success();
    let tree = |imgbuild: &Imgbuild| {
        let root = imgbuild.path("root");
        imgbuild.build_again(&["--locked"]).image().unpack(&root);
        Tree::read(&root).filtered(|path| path.ends_with(".pyc"))
    };
    let first = tree(&one);
    let other = Imgbuild::with_private_store()
        .through(["taskset", "--cpu-list", "0"])
        .variable("PYTHONHASHSEED", "12345")
        .variable("PYTHONDONTWRITEBYTECODE", "1")
        .variable("PYTHONOPTIMIZE", "2");
    // Another budget puts other packages into one layer, and so compiles in another order.
    other.write("spec.toml", format!("{spec}[layers]\nbudget = 20\n"));
    other.run(["lock", "spec.toml"]).success();
    let second = tree(&other);
    assert!(first.0.len() > 100);
    assert_eq!(second.differences(&first, |_, node| format!("{} {}", node.facts(), node.mtime)), "");
}

const DEBIAN: &str = "name = \"bytecode\"\nplatforms = [\"linux/amd64\"]\n\
    python = { version = \"3.11\", from = \"debian\" }\nbase.debian = \"bookworm\"\n";

/// What Python of an image prints for some code.
fn said(imgbuild: &Imgbuild, code: &str) -> String {
    // A name stands for the last image of that name in a store, which other tests share.
    let mut delivered = fs_err::read_dir(imgbuild.path("out")).unwrap();
    let image = delivered.next().unwrap().unwrap().path();
    let words = ["run", image.to_str().unwrap(), "--", "python3", "-c", code];
    imgbuild.run(words).success().stdout.trim_end().to_owned()
}

/// As numpy 1.26.4 to 2.4.1 and ray 2.9.3 do it: beside its source, listed in `RECORD`, stale; and for another Python.
const SHIPPING: &str = "
    ships-1.0-py3-none-any.whl path=ships/__pycache__/__init__.cpython-311.pyc,ships/__pycache__/gone.cpython-311.pyc,ships/__pycache__/__init__.cpython-310.pyc
    wants-1.0-py3-none-any.whl requires=ships
";

#[test]
fn a_wheel_that_ships_bytecode() {
    for more in ["", "[layers]\nbytecode = false\n"] {
        let imgbuild = Imgbuild::new();
        let index = package_index(&imgbuild.path("index"), SHIPPING, |_| None);
        let pip = format!("[pip]\npackages = [\"ships\"]\nindex-url = \"{}/simple\"\n", index.url());
        let output = imgbuild.build(&format!("{DEBIAN}{pip}{more}"), &[]);
        let code = "import glob, os, ships; from importlib.metadata import files; \
            names = sorted(os.path.basename(it) for it in glob.glob(os.path.dirname(ships.__file__) + '/__pycache__/*')); \
            print(*names, *sorted(str(it) for it in files('ships') if it.suffix == '.pyc'))";
        let own = if more.is_empty() { "__init__.cpython-311.pyc" } else { "" };
        let other = "__init__.cpython-310.pyc";
        let expected = format!("{other} {own} ships/__pycache__/{other}");
        assert_eq!(said(&imgbuild, code), expected.replace("  ", " "));
        drop(output);
    }
}

/// The digest of the layer that holds nothing but what the title says.
fn layer(output: &Output, title: &str) -> String {
    let layers = output.report["images"][0]["layers"].as_array().unwrap();
    let found = layers.iter().find(|layer| layer["title"] == title);
    found.unwrap_or_else(|| panic!("no layer `{title}` in {layers:?}"))["digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_wheel_is_the_same_layer_whoever_asked_for_it() {
    let imgbuild = Imgbuild::new();
    let index = package_index(&imgbuild.path("index"), SHIPPING, |_| None);
    let build = |wanted: &str| {
        drop(fs_err::remove_file(imgbuild.path("spec.lock")));
        layer(&imgbuild.build(&format!("{DEBIAN}[pip]\n{wanted}\n"), &[]), "ships 1.0")
    };
    let of_index = |name: &str| format!("index-url = \"{}/simple\"\npackages = [\"{name}\"]", index.url());
    let requested = build(&of_index("ships"));
    assert_eq!(build(&of_index("wants")), requested);
    let wheel = fs_err::read(imgbuild.path("index/ships-1.0-py3-none-any.whl")).unwrap();
    let file = "ships-1.0-py3-none-any.whl";
    let locked = format!(
        "lock-version = \"1.0\"\ncreated-by = \"test\"\n[[packages]]\nname = \"ships\"\nversion = \"1.0\"\n[[packages.wheels]]\n\
         name = \"{file}\"\nurl = \"{}/{file}\"\nhashes = {{ sha256 = \"{}\" }}\n",
        index.url(),
        imgbuild_oci::Digest::of(&wheel).hex()
    );
    imgbuild.write("pylock.toml", locked);
    assert_eq!(build("requirements = \"pylock.toml\""), requested);
}

#[test]
fn a_conda_package_is_the_same_layer_whoever_asked_for_it() {
    let imgbuild = Imgbuild::new();
    let build = |text: &str| {
        drop(fs_err::remove_file(imgbuild.path("spec.lock")));
        let output = imgbuild.build(&format!("name = \"same\"\nplatforms = [\"linux/amd64\"]\n{text}"), &[]);
        // Large enough to be alone.
        let layers = output.report["images"][0]["layers"].as_array().unwrap().clone();
        let numpy =
            layers.iter().find(|it| it["title"].as_str().unwrap().starts_with("numpy 1.26.4 ")).unwrap();
        assert!(!numpy["title"].as_str().unwrap().contains(','), "{numpy}");
        numpy["digest"].as_str().unwrap().to_owned()
    };
    let conda = |packages: &str| {
        format!("python = \"3.11\"\n[conda]\nchannels = [\"{}\"]\npackages = [{packages}]\n", channel())
    };
    let requested = build(&conda("\"numpy 1.26.4\""));
    // The list of what is there, as `conda list --explicit` prints it.
    let lock = imgbuild_lock::Lock::parse(&imgbuild.read("spec.lock")).unwrap();
    let urls: String = lock.conda.iter().map(|package| format!("{}\n", package.url)).collect();
    imgbuild.write("list.txt", format!("@EXPLICIT\n{urls}"));
    assert_eq!(build("env = \"list.txt\"\n"), requested);
    // As a dependency, of a channel that is written in another way.
    let with_slash = conda("\"pandas <2.3\", \"numpy <2\"").replace(&channel(), &format!("{}/", channel()));
    assert_eq!(build(&with_slash), requested);
}

/// `[[copy]]` over Debian's module, over that of a wheel, and beside them, with a text of the same size and time.
#[test]
fn copied_sources_take_their_bytecode_with_them() {
    let imgbuild = Imgbuild::new();
    let index = package_index(&imgbuild.path("index"), "over-1.0-py3-none-any.whl path=over/m.py", |_| None);
    let pip = format!(
        "base.packages = [\"python3-six\"]\n[pip]\npackages = [\"over\"]\nindex-url = \"{}/simple\"\n",
        index.url()
    );
    let code = "import over.m as m; print(m.x, m.__spec__.cached)";
    let plain = imgbuild.build(&format!("{DEBIAN}{pip}"), &[]);
    assert!(said(&imgbuild, code).starts_with("1 "));
    let titles = |output: &Output| -> BTreeMap<String, String> {
        let layers = output.report["images"][0]["layers"].as_array().unwrap().iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        layers.map(|layer| (text(&layer["title"]), text(&layer["digest"]))).collect()
    };
    drop(fs_err::remove_file(imgbuild.path("spec.lock")));
    // The time of the files in the wheel; copies take over the lock's.
    let imgbuild = imgbuild.variable("SOURCE_DATE_EPOCH", "1704164646");
    imgbuild.write("m.py", "x = 2\n");
    imgbuild.write("six.py", "PY3 = 'copied'\n");
    imgbuild.write("bad.py", "x = (\n");
    let copy = |from: &str, to: &str| format!("[[copy]]\nfrom = \"{from}\"\nto = \"{to}\"\n");
    let site_packages = "/opt/venv/lib/python3.11/site-packages";
    let copies = [
        copy("m.py", &format!("{site_packages}/over/m.py")),
        copy("m.py", &format!("{site_packages}/new.py")),
        copy("bad.py", &format!("{site_packages}/over/__init__.py")),
        copy("six.py", "/usr/lib/python3/dist-packages/six.py"),
        copy("m.py", "/app/main.py"),
    ];
    let output = imgbuild.build(&format!("{DEBIAN}{pip}{}", copies.concat()), &[]);
    let cached = "import sys, os, importlib.util as u; sys.path.insert(0, '/app'); sys.path.append('/usr/lib/python3/dist-packages'); \
        f = lambda n: (s := u.find_spec(n)) and (u.module_from_spec(s), s.loader.exec_module(m := u.module_from_spec(s)), m)[2]; \
        one = u.spec_from_file_location('m', '/opt/venv/lib/python3.11/site-packages/over/m.py'); m = u.module_from_spec(one); one.loader.exec_module(m); \
        print(m.x, os.path.exists(m.__cached__), f('new').x, os.path.exists(f('new').__cached__), f('six').PY3, os.path.exists(f('six').__cached__), \
        f('main').x, os.path.exists('/app/__pycache__'), os.path.exists(u.cache_from_source('/opt/venv/lib/python3.11/site-packages/over/__init__.py')))";
    assert_eq!(said(&imgbuild, cached), "2 True 2 True copied True 2 False False");
    // Nobody else's layer changed.
    let (before, after) = (titles(&plain), titles(&output));
    let changed: Vec<&String> =
        after.iter().filter(|(title, digest)| before.get(*title) != Some(digest)).map(|it| it.0).collect();
    assert!(changed.contains(&&"copied files".to_owned()), "{changed:?}");
    assert!(
        !changed.iter().any(|title| title.contains("over 1.0") || title.contains("python3-six")),
        "{changed:?}"
    );
}

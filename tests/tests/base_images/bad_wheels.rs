//! Wheels that cannot be put over the Python of an image: the whole message, before anything is built.

use imgbuild_oci::{ContainerConfig, Platform};
use imgbuild_tests::{HandmadeLayer, Server, package_index};
use insta::assert_snapshot;

use crate::{Site, conda, config, system};

const WHEELS: &str = "
    good-1.0-py3-none-any.whl
    good-2.0-py3-none-any.whl
    needs-1.0-py3-none-any.whl requires=good>=2
";

/// As much of a Python as is looked at: that of a conda environment, with a package of the index and one more.
pub(crate) fn python() -> HandmadeLayer {
    let packages = "opt/conda/lib/python3.11/site-packages";
    HandmadeLayer::new()
        .program("opt/conda/bin/python3.11")
        .link("opt/conda/bin/python", "python3.11")
        .file("opt/conda/conda-meta/python-3.11.9-h1_0_cpython.json", "")
        .file("opt/conda/conda-meta/good-1.0-0.json", "")
        .file("opt/conda/lib/python3.11/os.py", "")
        .file(
            &format!("{packages}/good-1.0.dist-info/METADATA"),
            "Metadata-Version: 2.1\nName: good\nVersion: 1.0\nProvides-Extra: more\nRequires-Dist: late>=1; extra == 'more'\nRequires-Dist: nowhere\n",
        )
}

struct Bench {
    site: Site,
    index: Server,
}

impl Bench {
    /// A base of these layers whose `PATH` is this.
    fn new(layers: Vec<HandmadeLayer>, path: &str) -> Self {
        let site = Site::new();
        let config = ContainerConfig { env: vec![format!("PATH={path}")], ..config() };
        site.put("team/base:1", &[Platform::LinuxAmd64], layers, &config);
        let index = package_index(&site.imgbuild.path("index"), WHEELS, |_| None);
        Self { site, index }
    }

    /// What a build of wheels on it says.
    fn refused(&self, head: &str, wheels: &str) -> String {
        let url = format!("{}/simple", self.index.url());
        let rest = format!("{head}[pip]\npackages = [{wheels}]\nindex-url = \"{url}\"\n");
        self.site.spec("team/base:1", &rest);
        let said = self.site.fails(&["build", "spec.toml", "--output", "out"]);
        assert!(!self.site.imgbuild.path("out").exists());
        said.replace(&url, "INDEX")
    }
}

const PATH: &str = "/opt/conda/bin:/usr/bin:/bin";

#[test]
fn no_python() {
    let bench = Bench::new(vec![system(), python()], "/usr/bin:/bin");
    assert_snapshot!(bench.refused("", "\"good\""), @r#"
      × the base `127.0.0.1:50000/team/base:1` has no Python: there is neither `python` nor `python3` on its `PATH`
      help: the base has `/opt/conda/bin/python3.11`, whose folder is not on that `PATH`: build on an image that has it there; or take one from conda, `python = { version = "3.11", from = "conda" }`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
       ·                  ──────────────┬──────────────
       ·                                ╰── this base
     4 │ [pip]
       ╰────

    Advice:
      ☞ wheels were asked for here
       ╭─[spec.toml:5:13]
     4 │ [pip]
     5 │ packages = ["good"]
       ·             ───┬──
       ·                ╰── these are for a Python
     6 │ index-url = "INDEX"
       ╰────
    "#);
}

#[test]
fn no_python_at_all() {
    let bench = Bench::new(vec![system()], PATH);
    assert!(bench.refused("", "\"good\"").contains(
        "help: take one from conda, `python = { version = \"3.11\", from = \"conda\" }`; or build on an image that has one\n"
    ));
}

#[test]
fn a_python_that_is_not_known() {
    let bench = Bench::new(vec![system(), HandmadeLayer::new().program("opt/shims/python")], "/opt/shims");
    assert_snapshot!(bench.refused("", "\"good\""), @r#"
      × the Python of the base `127.0.0.1:50000/team/base:1` is `/opt/shims/python`, which is not known to be CPython 3: it leads to no `bin/python3.N` with a `lib/python3.N` beside it
      help: build on an image whose `PATH` has the folder of a CPython 3 first; or take Python from conda: `python = { version = "3.11", from = "conda" }`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
       ·                  ──────────────┬──────────────
       ·                                ╰── this base
     4 │ [pip]
       ╰────

    Advice:
      ☞ wheels were asked for here
       ╭─[spec.toml:5:13]
     4 │ [pip]
     5 │ packages = ["good"]
       ·             ───┬──
       ·                ╰── these are for a Python
     6 │ index-url = "INDEX"
       ╰────
    "#);
}

#[test]
fn another_python_than_the_spec_says() {
    let bench = Bench::new(vec![system(), python()], PATH);
    assert_snapshot!(bench.refused("python = \"3.12\"\n", "\"good\""), @r#"
      × the Python of the base `127.0.0.1:50000/team/base:1` is 3.11.9 (`/opt/conda/bin/python3.11`), and not 3.12
      help: leave `python` out, or build on an image with that one; or take it from conda: `python = { version = "3.12", from = "conda" }`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:10]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
     4 │ python = "3.12"
       ·          ───┬──
       ·             ╰── this version
     5 │ [pip]
       ╰────
    "#);
    assert_snapshot!(bench.refused("python = { version = \"3.11.2\", from = \"base\" }\n", "\"good\""), @r#"
      × the Python of the base `127.0.0.1:50000/team/base:1` is 3.11.9 (`/opt/conda/bin/python3.11`), and not 3.11.2
      help: leave `python` out, or build on an image with that one; or take it from conda: `python = { version = "3.11.2", from = "conda" }`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:10]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
     4 │ python = { version = "3.11.2", from = "base" }
       ·          ──────────────────┬──────────────────
       ·                            ╰── this version
     5 │ [pip]
       ╰────
    "#);
}

#[test]
fn another_version_than_the_base_has() {
    let bench = Bench::new(vec![system(), python()], PATH);
    assert_snapshot!(bench.refused("", "\"good>1\""), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ the pip requirement `good>1` contradicts the base `127.0.0.1:50000/team/base:1`, whose Python has `good 1.0`
      help: build on an image with another version of it, or change the requirement

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:5:13]
     4 │ [pip]
     5 │ packages = ["good>1"]
       ·             ────┬───
       ·                 ╰── this requirement
     6 │ index-url = "INDEX"
       ╰────

    Advice:
      ☞ the base was named here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
       ·                  ──────────────┬──────────────
       ·                                ╰── this base
     4 │ [pip]
       ╰────
    "#);
    assert_snapshot!(bench.refused("", "\"needs\""), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ the pip requirement `needs` contradicts the base `127.0.0.1:50000/team/base:1`, whose Python has `good 1.0`:
          No solution found when resolving dependencies
            cause: Because only good<2 is available and all versions of needs depend on good>=2, we can conclude that all versions of needs cannot be used.
                   And because you require needs, we can conclude that your requirements are unsatisfiable.
      help: build on an image with another version of it, or change the requirement

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:5:13]
     4 │ [pip]
     5 │ packages = ["needs"]
       ·             ───┬───
       ·                ╰── this requirement
     6 │ index-url = "INDEX"
       ╰────

    Advice:
      ☞ the base was named here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
       ·                  ──────────────┬──────────────
       ·                                ╰── this base
     4 │ [pip]
       ╰────
    "#);
}

#[test]
fn no_glibc() {
    let musl = python().folder("lib/", 0o755).file("lib/ld-musl-x86_64.so.1", "");
    let bench = Bench::new(vec![musl], PATH);
    assert_snapshot!(bench.refused("", "\"good\""), @r#"
      × no wheels can be chosen for `127.0.0.1:50000/team/base:1`
      ╰─▶ its C library is musl, and wheels are chosen for glibc
      help: build on an image with glibc, as Debian, Ubuntu and Fedora have it

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
       ·                  ──────────────┬──────────────
       ·                                ╰── this base
     4 │ [pip]
       ╰────

    Advice:
      ☞ wheels were asked for here
       ╭─[spec.toml:5:13]
     4 │ [pip]
     5 │ packages = ["good"]
       ·             ───┬──
       ·                ╰── these are for a Python
     6 │ index-url = "INDEX"
       ╰────
    "#);
}

#[test]
fn a_prefix_with_a_python() {
    let bench = Bench::new(vec![system(), python()], PATH);
    bench.site.spec("team/base:1", &conda());
    assert_snapshot!(bench.site.fails(&["lock", "spec.toml"]), @r#"
      × cannot build on `127.0.0.1:50000/team/base:1`
      ╰─▶ `/opt/conda` cannot be the environment's folder: the base has Python 3.11.9 and 2 conda packages there
      help: set another `prefix` in `[conda]`; or name wheels in `[pip]` alone, without `[conda]`: they are put over the base's own Python and see its packages

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:3:18]
     2 │ platforms = ["linux/amd64"]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
       ·                  ──────────────┬──────────────
       ·                                ╰── this base
     4 │ [conda]
       ╰────
    "#);
}

#[test]
fn jupyter_that_the_base_has() {
    let names = ["jupyterlab", "ipykernel", "ipywidgets", "jupyterhub", "pip"];
    let has = |layer: HandmadeLayer, name: &&str| {
        let file = format!("opt/conda/lib/python3.11/site-packages/{name}-4.0.dist-info/METADATA");
        layer.file(&file, format!("Metadata-Version: 2.1\nName: {name}\nVersion: 4.0\n"))
    };
    let bench = Bench::new(vec![system(), names.iter().fold(python(), has)], PATH);
    assert_snapshot!(bench.refused("jupyter = true\n", "\"good\""), @r#"
      × Jupyter is to be started in the environment of the wheels, and the base has `jupyterlab 4.0` for its own Python
      help: leave `jupyter` out and start the base's own by `entrypoint` or `cmd` in `[image]`; or take Python and Jupyter from conda, by `[conda]`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:4:11]
     3 │ base = { image = "127.0.0.1:50000/team/base:1" }
     4 │ jupyter = true
       ·           ──┬─
       ·             ╰── Jupyter
     5 │ [pip]
       ╰────
    "#);
}

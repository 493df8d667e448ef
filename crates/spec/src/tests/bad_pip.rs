//! What is wrong with what is asked of pip: each whole message.

use insta::assert_snapshot;

use crate::tests::message_of;

pub(super) const SPEC: &str = "name = \"a\"\npython = \"3.11\"\n";

/// Of a spec that has a Python.
pub(super) fn message(section: &str, files: &[(&str, &str)]) -> String {
    let spec = format!("{SPEC}{section}");
    message_of(&[&[("spec.toml", spec.as_str())], files].concat())
}

#[test]
fn no_python() {
    assert_snapshot!(message_of(&[("spec.toml", "name = \"a\"\n[pip]\npackages = [\"six\"]\n")]), @r#"
     × wheels are asked for, but no Python that they could be for
      ╭─[spec.toml:3:13]
    2 │ [pip]
    3 │ packages = ["six"]
      ·             ──┬──
      ·               ╰── this is installed for a Python
      ╰────
     help: add it to the spec, for example `python = "3.11"`
    "#);
    // conda would add pip, and with it Python.
    let environment = "dependencies:\n  - numpy\n  - pip:\n      - six\n";
    let spec = "name = \"a\"\nenv = \"e.yml\"\nconda.pip = false\n";
    assert_snapshot!(message_of(&[("spec.toml", spec), ("e.yml", environment)]), @r#"
     × wheels are asked for, but no Python that they could be for
      ╭─[e.yml:4:9]
    3 │   - pip:
    4 │       - six
      ·         ─┬─
      ·          ╰── this is installed for a Python
      ╰────
     help: add it to the spec, for example `python = "3.11"`
    "#);
    let export = "dependencies:\n  - numpy=1=0\n  - pip:\n      - six\nprefix: /e\n";
    assert_snapshot!(message_of(&[("spec.toml", "name = \"a\"\nenv = \"e.yml\"\n"), ("e.yml", export)]), @r#"
     × wheels are asked for, but no Python that they could be for
      ╭─[e.yml:4:9]
    3 │   - pip:
    4 │       - six
      ·         ─┬─
      ·          ╰── this is installed for a Python
    5 │ prefix: /e
      ╰────
     help: `e.yml` has none: lock the environment with a Python, or take Debian's: `python =
           { version = "3.13", from = "debian" }`
    "#);
}

#[test]
fn a_writable_environment_that_is_none() {
    assert_snapshot!(message("[pip]\npackages = [\"six\"]\nwritable = true\n", &[]), @r#"
     × `pip.writable` is of a virtual environment, which only Debian's Python and an existing image's
     │ get
      ╭─[spec.toml:5:12]
    4 │ packages = ["six"]
    5 │ writable = true
      ·            ──┬─
      ·              ╰── asked for here
      ╰────
     help: wheels beside conda's Python are in conda's environment: write `writable = true` in
           `[conda]`; or take Debian's Python: `python = { version = "3.13", from = "debian" }`
    "#);
}

#[test]
fn wheels_on_nothing() {
    let spec = "name = \"a\"\nbase = \"scratch\"\n[pip]\npackages = [\"six\"]\n";
    assert_snapshot!(message_of(&[("spec.toml", spec)]), @r#"
     × the base is `scratch`, but a wheel needs a base with glibc: the image could not start
      ╭─[spec.toml:2:8]
    1 │ name = "a"
    2 │ base = "scratch"
      ·        ────┬────
      ·            ╰── an empty base
    3 │ [pip]
    4 │ packages = ["six"]
      ·             ──┬──
      ·               ╰── asked for here
      ╰────
     help: build on Debian: `base = "trixie"`, which is the default
    "#);
    let spec = "name = \"a\"\nbase = \"scratch\"\nenv = \"requirements.txt\"\n";
    assert_snapshot!(message_of(&[("spec.toml", spec), ("requirements.txt", "six\n")]), @r#"
     × the base is `scratch`, but a wheel needs a base with glibc: the image could not start
      ╭─[spec.toml:2:8]
    1 │ name = "a"
    2 │ base = "scratch"
      ·        ────┬────
      ·            ╰── an empty base
    3 │ env = "requirements.txt"
      ╰────
     help: build on Debian: `base = "trixie"`, which is the default
    "#);
}

#[test]
fn files_that_cannot_be_read() {
    let files = [("requirements.txt", "six\n-r more/a.txt\n")];
    assert_snapshot!(message("pip.requirements = \"requirements.txt\"\n", &files), @r#"
     × cannot read `more/a.txt`: there is no such file
      ╭─[requirements.txt:2:1]
    1 │ six
    2 │ -r more/a.txt
      · ──────┬──────
      ·       ╰── named here
      ╰────
    "#);
    assert_snapshot!(message("pip.constraints = [\"c.txt\"]\n", &[]), @r#"
     × cannot read `c.txt`: there is no such file
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ pip.constraints = ["c.txt"]
      ·                    ───┬───
      ·                       ╰── named here
      ╰────
    "#);
    assert_snapshot!(message("pip.requirements = \"https://h.example/requirements.txt\"\n", &[]), @r#"
     × `https://h.example/requirements.txt` is no file of this machine
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ pip.requirements = "https://h.example/requirements.txt"
      ·                    ──────────────────┬─────────────────
      ·                                      ╰── named here
      ╰────
     help: keep a copy of it beside the spec, and name that
    "#);
    assert_snapshot!(message("env = \"pylock.toml\"\n", &[]), @r#"
     × cannot read `pylock.toml`: there is no such file
      ╭─[spec.toml:3:7]
    2 │ python = "3.11"
    3 │ env = "pylock.toml"
      ·       ──────┬──────
      ·             ╰── here
      ╰────
    "#);
    let large = "six\n".repeat(2 << 20);
    assert_snapshot!(message("pip.requirements = \"requirements.txt\"\n", &[("requirements.txt", &large)]), @r#"
     × `requirements.txt` is larger than 4194304 bytes
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ pip.requirements = "requirements.txt"
      ·                    ─────────┬────────
      ·                             ╰── named here
      ╰────
    "#);
}

#[test]
fn files_that_name_one_another() {
    let files = [("requirements.txt", "-r more/a.txt\n"), ("more/a.txt", "six\n-r ../requirements.txt\n")];
    assert_snapshot!(message("pip.requirements = \"requirements.txt\"\n", &files), @r#"
     × a requirements file includes itself: `requirements.txt` → `more/a.txt` → `more/../
     │ requirements.txt`
      ╭─[more/a.txt:2:1]
    1 │ six
    2 │ -r ../requirements.txt
      · ───────────┬──────────
      ·            ╰── named here
      ╰────
    "#);
    let names: Vec<String> = (0..=20).map(|number| format!("{number}.txt")).collect();
    let texts: Vec<String> = (0..=20).map(|number| format!("-r {0}.txt\n-r {0}.txt\n", number + 1)).collect();
    let files: Vec<(&str, &str)> =
        names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_snapshot!(message("pip.requirements = \"0.txt\"\n", &files), @r#"
     × requirements files name more than 128 files, or stand more than 16 deep in one another
      ╭─[15.txt:1:1]
    1 │ -r 16.txt
      · ────┬────
      ·     ╰── named here
    2 │ -r 16.txt
      ╰────
    "#);
}

#[test]
fn something_beside_a_lock() {
    let pylock = ("pylock.toml", "lock-version = \"1.0\"\n");
    assert_snapshot!(message("[pip]\nrequirements = \"pylock.toml\"\npackages = [\"six\"]\n", &[pylock]), @r#"
     × `pylock.toml` and `pip.packages` exclude each other
      ╭─[spec.toml:5:13]
    4 │ requirements = "pylock.toml"
    5 │ packages = ["six"]
      ·             ──┬──
      ·               ╰── asked for here
      ╰────
     help: `pylock.toml` is a lock of all wheels: change it with the tool that wrote it
    "#);
    assert_snapshot!(message("[pip]\nrequirements = [\"pylock.toml\", \"requirements.txt\"]\n", &[pylock]), @r#"
     × `pylock.toml` and `requirements.txt` exclude each other
      ╭─[spec.toml:4:32]
    3 │ [pip]
    4 │ requirements = ["pylock.toml", "requirements.txt"]
      ·                                ─────────┬────────
      ·                                         ╰── asked for here
      ╰────
     help: `pylock.toml` is a lock of all wheels: change it with the tool that wrote it
    "#);
    assert_snapshot!(message("env = \"pylock.toml\"\npip.index-url = \"https://i.example\"\n", &[pylock]), @r#"
     × `pylock.toml` and `pip.index-url` exclude each other
      ╭─[spec.toml:4:17]
    3 │ env = "pylock.toml"
    4 │ pip.index-url = "https://i.example"
      ·                 ─────────┬─────────
      ·                          ╰── asked for here
      ╰────
     help: `pylock.toml` is a lock of all wheels: change it with the tool that wrote it
    "#);
    assert_snapshot!(message("env = { file = \"pylock.toml\", environment = \"x\" }\n", &[pylock]), @r#"
     × `env.environment` chooses from a lock of pixi, and the file is none
      ╭─[spec.toml:3:45]
    2 │ python = "3.11"
    3 │ env = { file = "pylock.toml", environment = "x" }
      ·                                             ─┬─
      ·                                              ╰── here
      ╰────
     help: remove the key, or name such a lock as `file`
    "#);
}

#[test]
fn values_of_the_wrong_type() {
    assert_snapshot!(message("pip.requirements = 1\n", &[]), @r#"
     × `pip.requirements` must be a path or a list of paths, but is an integer
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ pip.requirements = 1
      ·                    ┬
      ·                    ╰── here
      ╰────
    "#);
    assert_snapshot!(message("pip.allow-builds = \"tool\"\n", &[]), @r#"
     × `pip.allow-builds` must be a list of names or `true`, but is a string
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ pip.allow-builds = "tool"
      ·                    ───┬──
      ·                       ╰── here
      ╰────
    "#);
    assert_snapshot!(message("pip.allow-builds = [\"tool >=1\"]\n", &[]), @r#"
     × `tool >=1` is not the name of a project
      ╭─[spec.toml:3:21]
    2 │ python = "3.11"
    3 │ pip.allow-builds = ["tool >=1"]
      ·                     ─────┬────
      ·                          ╰── here
      ╰────
     help: write the name alone, in letters, digits, `-`, `_` and `.`
    "#);
    assert_snapshot!(message("pip.index-url = \"i.example/simple\"\n", &[]), @r#"
     × `i.example/simple` is not a URL that can be used: relative URL without a base
      ╭─[spec.toml:3:17]
    2 │ python = "3.11"
    3 │ pip.index-url = "i.example/simple"
      ·                 ─────────┬────────
      ·                          ╰── here
      ╰────
     help: write it like `https://index.example/simple`
    "#);
    assert_snapshot!(message("pip.index-url = \"ftp://me:s3cret@i.example\"\n", &[]), @r#"
     × `ftp://i.example` is not a URL that can be used: it has another scheme
      ╭─[spec.toml:3:17]
    2 │ python = "3.11"
    3 │ pip.index-url = "ftp://*********@i.example"
      ·                 ─────────────┬─────────────
      ·                              ╰── here
      ╰────
     help: it can begin with `https://`, `http://`, `file://`
    "#);
    assert_snapshot!(message("pip.package = [\"six\"]\n", &[]), @r#"
     × unknown key `pip.package`
      ╭─[spec.toml:3:5]
    2 │ python = "3.11"
    3 │ pip.package = ["six"]
      ·     ───┬───
      ·        ╰── here
      ╰────
     help: did you mean `packages`?
    "#);
    assert_snapshot!(message("env = \"e.yml\"\n", &[("e.yml", "dependencies:\n  - pip: 3\n")]), @"
     × `dependencies[0].pip` must be a list, but is an integer
      ╭─[e.yml:2:10]
    1 │ dependencies:
    2 │   - pip: 3
      ·          ┬
      ·          ╰── here
      ╰────
    ");
}

#[test]
fn a_query_is_not_locked_and_not_shown() {
    assert_snapshot!(message("pip.packages = [\"x @ https://h.example/x-1.tar.gz?token=s3cret\"]\n", &[]), @r#"
     × `x @ https://h.example/x-1.tar.gz` is not a requirement: its URL has a query, which may be a
     │ secret and would be locked
      ╭─[spec.toml:3:17]
    2 │ python = "3.11"
    3 │ pip.packages = ["x @ https://h.example/x-1.tar.gz?************"]
      ·                 ───────────────────────┬───────────────────────
      ·                                        ╰── here
      ╰────
     help: name it without one; user and password can stand before the host or in `~/.netrc`
    "#);
    assert_snapshot!(message("pip.packages = [\"x @ git+https://h.example/x?token=s3cret\"]\n", &[]), @r#"
     × `x @ git+https://h.example/x` is not a requirement: its URL has a query, which may be a secret
     │ and would be locked
      ╭─[spec.toml:3:17]
    2 │ python = "3.11"
    3 │ pip.packages = ["x @ git+https://h.example/x?************"]
      ·                 ─────────────────────┬────────────────────
      ·                                      ╰── here
      ╰────
     help: name it without one; user and password can stand before the host or in `~/.netrc`
    "#);
}

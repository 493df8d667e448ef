//! What bad environment files and explicit lists get: each whole message.

use insta::assert_snapshot;

use super::message_of;

const SPEC: (&str, &str) = ("spec.toml", "name = \"a\"\nenv = \"environment.yml\"\n");

fn message(environment: &str) -> String {
    message_of(&[SPEC, ("environment.yml", environment)])
}

#[test]
fn a_missing_file() {
    assert_snapshot!(message_of(&[SPEC]), @r#"
     × cannot read `environment.yml`: there is no such file
      ╭─[spec.toml:2:7]
    1 │ name = "a"
    2 │ env = "environment.yml"
      ·       ────────┬────────
      ·               ╰── here
      ╰────
    "#);
    let spec = "name = \"a\"\ntags = [\"{py}\"]\nenv = \"environment-{py}.yml\"\n[matrix]\npy = [39, 310]\n";
    assert_snapshot!(message_of(&[("spec.toml", spec), ("environment-39.yml", "{}")]), @r#"
     × cannot read `environment-310.yml`: there is no such file
      ╭─[spec.toml:3:7]
    2 │ tags = ["{py}"]
    3 │ env = "environment-{py}.yml"
      ·       ───────────┬──────────
      ·                  ╰── with py = 310
    4 │ [matrix]
      ╰────
    "#);
}

#[test]
fn a_yaml_syntax_error() {
    assert_snapshot!(message("name: a\ndependencies:\n  - numpy\n - scipy: [\n"), @r"
     × this is not valid YAML: while parsing a block mapping, did not find expected key
      ╭─[environment.yml:4:2]
    3 │   - numpy
    4 │  - scipy: [
      ·  ┬
      ·  ╰── here
      ╰────
    ");
    assert_snapshot!(message("name: a\nname: b\n"), @r"
     × this is not valid YAML: duplicate mapping key: name not allowed here
      ╭─[environment.yml:2:1]
    1 │ name: a
    2 │ name: b
      · ──┬─
      ·   ╰── here
      ╰────
    ");
    assert_snapshot!(message("name: a\n---\nname: b\n"), @r"
     × this is not valid YAML: only single YAML document expected but multiple found
      ╭─[environment.yml:3:1]
    2 │ ---
    3 │ name: b
      · ▲
      · ╰── here
      ╰────
    ");
    assert_snapshot!(message("channels: [a, b\n"), @r"
     × this is not valid YAML: unclosed bracket '['
      ╭─[environment.yml:1:11]
    1 │ channels: [a, b
      ·           ┬
      ·           ╰── here
      ╰────
    ");
}

#[test]
fn an_unknown_key() {
    assert_snapshot!(message("channel:\n  - conda-forge\n"), @r"
     × unknown key `channel`
      ╭─[environment.yml:1:1]
    1 │ channel:
      · ───┬───
      ·    ╰── here
    2 │   - conda-forge
      ╰────
     help: did you mean `channels`?
    ");
}

#[test]
fn a_wrong_type() {
    assert_snapshot!(message("dependencies: numpy\n"), @r"
     × `dependencies` must be a list, but is a string
      ╭─[environment.yml:1:15]
    1 │ dependencies: numpy
      ·               ──┬──
      ·                 ╰── here
      ╰────
    ");
    assert_snapshot!(message("- numpy\n"), @r"
     × the file must hold a table, but holds a list
      ╭─[environment.yml:1:1]
    1 │ - numpy
      · ▲
      · ╰── here
      ╰────
    ");
    assert_snapshot!(message("variables:\n  A: true\n"), @r"
     × `variables.A` must be a string or a number, but is a boolean
      ╭─[environment.yml:2:6]
    1 │ variables:
    2 │   A: true
      ·      ──┬─
      ·        ╰── here
      ╰────
    ");
    assert_snapshot!(message("dependencies:\n  - npm: [x]\n"), @r"
     × unknown key `dependencies[0].npm`
      ╭─[environment.yml:2:5]
    1 │ dependencies:
    2 │   - npm: [x]
      ·     ─┬─
      ·      ╰── here
      ╰────
     help: known here: `pip`
    ");
}

#[test]
fn another_tools_file() {
    let spec = ("spec.toml", "name = \"a\"\nenv = \"uv.lock\"\n");
    assert_snapshot!(message_of(&[spec, ("uv.lock", "version = 1\n[[package]]\n")]), @r#"
     × `uv.lock` is neither an environment file nor a lock that imgbuild reads
      ╭─[spec.toml:2:7]
    1 │ name = "a"
    2 │ env = "uv.lock"
      ·       ────┬────
      ·           ╰── here
      ╰────
     help: an environment file is named `*.yml` or `*.yaml`, and so are locks of conda-lock; pixi's
           is `pixi.lock`; an explicit list has a line `@EXPLICIT`; for pip there are `*.txt` and
           `pylock.toml`
    "#);
    let spec = ("spec.toml", "name = \"a\"\nenv = \"packages.txt\"\n");
    assert_snapshot!(message_of(&[spec, ("packages.txt", "numpy\n")]), @r#"
     × wheels are asked for, but no Python that they could be for
      ╭─[packages.txt:1:1]
    1 │ numpy
      · ──┬──
      ·   ╰── this is installed for a Python
      ╰────
     help: add it to the spec, for example `python = "3.11"`
    "#);
}

#[test]
fn a_file_that_is_too_large() {
    assert_snapshot!(message(&"#\n".repeat(3 << 20)), @r#"
     × `environment.yml` is larger than 4194304 bytes
      ╭─[spec.toml:2:7]
    1 │ name = "a"
    2 │ env = "environment.yml"
      ·       ────────┬────────
      ·               ╰── here
      ╰────
    "#);
}

const EXPLICIT: (&str, &str) =
    ("spec.toml", "name = \"a\"\nenv = \"explicit.txt\"\n[conda]\npackages = [\"numpy\"]\n");

#[test]
fn packages_beside_an_explicit_list() {
    assert_snapshot!(message_of(&[EXPLICIT, ("explicit.txt", "@EXPLICIT\n")]), @r#"
     × `conda.packages` and `env` exclude each other
      ╭─[spec.toml:4:13]
    3 │ [conda]
    4 │ packages = ["numpy"]
      ·             ───┬───
      ·                ╰── asked for here
      ╰────
     help: `explicit.txt` is an explicit list, the whole environment: add the package's URL to it
    "#);
}

#[test]
fn an_explicit_list_with_a_line_that_is_no_archive() {
    assert_snapshot!(message_of(&[EXPLICIT, ("explicit.txt", "@EXPLICIT\nnumpy=1.26\n")]), @r"
     × this is not a line of an explicit list: `numpy=1.26` is not a URL: relative URL without a base
      ╭─[explicit.txt:2:1]
    1 │ @EXPLICIT
    2 │ numpy=1.26
      · ─────┬────
      ·      ╰── here
      ╰────
    ");
}

#[test]
fn an_explicit_list_for_another_platform() {
    let spec = ("spec.toml", "name = \"a\"\nenv = \"explicit.txt\"\n");
    assert_snapshot!(message_of(&[spec, ("explicit.txt", "# platform: linux-aarch64\n@EXPLICIT\n")]), @"
     × `explicit.txt` has packages for `linux-aarch64`, but the image is for `linux/amd64`, which is
     │ `linux-64`
      ╭─[explicit.txt:2:1]
    1 │ # platform: linux-aarch64
    2 │ @EXPLICIT
      · ────┬────
      ·     ╰── this list
      ╰────
     help: a list holds for one platform: set `platforms`, or write one list for each
    ");
}

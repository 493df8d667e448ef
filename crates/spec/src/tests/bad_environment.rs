//! What bad environment files and explicit lists get: each whole message.

use insta::assert_snapshot;

use crate::tests::message_of;

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

/// A reader calls itself for each list in another, and its stack ends.
#[test]
fn lists_in_lists_without_end() {
    for depth in [25, 1250, 100_000] {
        for document in ["a: [\n", "variables: {\n", "- ", "? "].map(|part| part.repeat(depth)) {
            assert!(message(&document).contains("is not valid YAML"), "{depth} {}", &document[..4]);
        }
    }
    assert_snapshot!(message(&format!("dependencies: {}{}\n", "[".repeat(30), "]".repeat(30))), @r"
     × this is not valid YAML: its lists and tables stand more than 24 deep in each other, or have
     │ more values than any such file
      ╭─[environment.yml:1:38]
    1 │ dependencies: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
      ·                                      ┬
      ·                                      ╰── here
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
    assert_snapshot!(message("dependencies: 3\n"), @"
     × `dependencies` must be a list, but is an integer
      ╭─[environment.yml:1:15]
    1 │ dependencies: 3
      ·               ┬
      ·               ╰── here
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
    assert_snapshot!(message("variables:\n  A: [1]\n"), @"
     × `variables.A` must be a string or a number, but is a list
      ╭─[environment.yml:2:6]
    1 │ variables:
    2 │   A: [1]
      ·      ┬
      ·      ╰── here
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
    let spec = ("spec.toml", "name = \"a\"\nenv = \"other.lock\"\n");
    assert_snapshot!(message_of(&[spec, ("other.lock", "version = 1\n[[package]]\n")]), @r#"
     × `other.lock` is neither an environment file nor a lock that imgbuild reads
      ╭─[spec.toml:2:7]
    1 │ name = "a"
    2 │ env = "other.lock"
      ·       ──────┬─────
      ·             ╰── here
      ╰────
     help: an environment file is named `*.yml` or `*.yaml`, and so are locks of conda-lock; pixi's
           is `pixi.lock`; an explicit list has a line `@EXPLICIT`; for pip there are `*.txt` and
           `pylock.toml`
    "#);
    for (name, command) in [
        ("poetry.lock", "poetry export"),
        ("pdm.lock", "pdm export"),
        ("Pipfile.lock", "pipenv requirements"),
        ("pyproject.toml", "uv pip compile pyproject.toml"),
        ("pixi.toml", "pixi lock"),
        ("other.lock", "an environment file is named `*.yml`"),
    ] {
        let spec = format!("name = \"a\"\nenv = \"{name}\"\n");
        let message = message_of(&[("spec.toml", &spec), (name, "[a]\n")]);
        assert!(message.contains(command), "{message}");
    }
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

#[test]
fn what_is_printed_for_people_is_told_once() {
    let refused = |file: &str, text: &str| {
        let env = format!("name = \"a\"\nenv = \"{file}\"\n");
        let requirements = format!("name = \"a\"\npython = \"3.11\"\npip.requirements = \"{file}\"\n");
        let by_env = message_of(&[("spec.toml", &env), (file, text)]);
        let by_pip = message_of(&[("spec.toml", &requirements), (file, text)]);
        format!("{by_env}\n{by_pip}")
    };
    let conda = "# packages in environment at /opt/e:\n#\n# Name  Version  Build  Channel\nsix  1.16  py_0\n";
    assert_snapshot!(refused("packages.txt", conda), @r#"
     × `packages.txt` is a table that `conda list` prints for people
      ╭─[spec.toml:2:7]
    1 │ name = "a"
    2 │ env = "packages.txt"
      ·       ───────┬──────
      ·              ╰── here
      ╰────
     help: write what can be installed: `conda list --explicit` or `conda env export`, and name that
           by `env`
     × `packages.txt` is a table that `conda list` prints for people
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ pip.requirements = "packages.txt"
      ·                    ───────┬──────
      ·                           ╰── named here
      ╰────
     help: write what can be installed: `conda list --explicit` or `conda env export`, and name that
           by `env`
    "#);
    let pip = "Package Version\n------- -------\nsix     1.16.0\nnumpy   1.26.4\n";
    assert_snapshot!(refused("requirements.txt", pip), @r#"
     × `requirements.txt` is a table that `pip list` prints for people
      ╭─[spec.toml:2:7]
    1 │ name = "a"
    2 │ env = "requirements.txt"
      ·       ─────────┬────────
      ·                ╰── here
      ╰────
     help: write requirements instead: `pip freeze > requirements.txt`
     × `requirements.txt` is a table that `pip list` prints for people
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ pip.requirements = "requirements.txt"
      ·                    ─────────┬────────
      ·                             ╰── named here
      ╰────
     help: write requirements instead: `pip freeze > requirements.txt`
    "#);
    let named_as_requirements = |file: &str, text: &str| {
        let spec = format!("name = \"a\"\npython = \"3.11\"\npip.requirements = \"{file}\"\n");
        message_of(&[("spec.toml", &spec), (file, text)])
    };
    let list = "# platform: linux-64\nsix=1.16.0=py_0\nnumpy=1.24.3=py39_0\n";
    assert_snapshot!(named_as_requirements("packages.txt", list), @r#"
     × `packages.txt` is a list of conda packages, as `conda list --export` writes it
      ╭─[spec.toml:3:20]
    2 │ python = "3.11"
    3 │ pip.requirements = "packages.txt"
      ·                    ───────┬──────
      ·                           ╰── named here
      ╰────
     help: name it by `env = "packages.txt"`
    "#);
    let others = [
        ("explicit.txt", "@EXPLICIT\nhttps://c.example/noarch/a-1-0.conda\n"),
        ("environment.yml", "dependencies: [python]\n"),
        ("conda-lock.yml", "version: 1\n"),
        ("pixi.lock", "version: 6\n"),
        ("poetry.lock", "[[package]]\n"),
        ("pdm.lock", "[[package]]\n"),
        ("Pipfile", "[packages]\n"),
        ("Pipfile.lock", "{}\n"),
        ("pyproject.toml", "[project]\n"),
        ("setup.py", "import setuptools\n"),
        ("other.toml", "[a]\n"),
    ];
    let told = others.map(|(file, text)| {
        let head = "name = \"a\"\npython = \"3.11\"\npip.packages = [\"six\"]\n";
        let spec = format!("{head}pip.constraints = \"{file}\"\n");
        let as_constraints = message_of(&[("spec.toml", &spec), (file, text)]);
        let hint = |message: &str| {
            let lines: Vec<&str> = message.lines().map(str::trim).collect();
            let help = lines.iter().position(|line| line.starts_with("help: ")).unwrap();
            format!("{}\n    {}", lines[0], lines[help..].join(" "))
        };
        let told = hint(&named_as_requirements(file, text));
        assert_eq!(hint(&as_constraints), told, "{file}");
        told
    });
    assert_snapshot!(told.join("\n"), @r#"
    × `explicit.txt` is an explicit list of conda packages
        help: name it by `env = "explicit.txt"`
    × `environment.yml` is no file of requirements, but YAML
        help: name it by `env = "environment.yml"`
    × `conda-lock.yml` is no file of requirements, but YAML
        help: name it by `env = "conda-lock.yml"`
    × `pixi.lock` is no file of requirements, but pixi's lock
        help: name it by `env = "pixi.lock"`
    × `poetry.lock` is no file of requirements, but one of another tool
        help: `poetry export --output requirements.txt` writes what it says into `requirements.txt`: name that
    × `pdm.lock` is no file of requirements, but one of another tool
        help: `pdm export --no-self --output requirements.txt` writes what it says into `requirements.txt`: name that
    × `Pipfile` is no file of requirements, but one of another tool
        help: `pipenv requirements > requirements.txt` writes what it says into `requirements.txt`: name that
    × `Pipfile.lock` is no file of requirements, but one of another tool
        help: `pipenv requirements > requirements.txt` writes what it says into `requirements.txt`: name that
    × `pyproject.toml` is no file of requirements, but one of another tool
        help: `uv pip compile pyproject.toml --output-file requirements.txt` writes what it says into `requirements.txt`: name that; `packages = ["."]` in `[pip]`, with `allow-builds`, takes the project itself
    × `setup.py` is no file of requirements, but one of another tool
        help: `uv pip compile setup.py --output-file requirements.txt` writes what it says into `requirements.txt`: name that; `packages = ["."]` in `[pip]`, with `allow-builds`, takes the project itself
    × `other.toml` is no file of requirements, but TOML
        help: name the project's folder, as `packages = ["./folder"]`, or a `pylock.toml`
    "#);
}

#[test]
fn a_list_of_conda_that_cannot_be_taken() {
    let spec = ("spec.toml", "name = \"a\"\nenv = \"packages.txt\"\n");
    let list = "# platform: linux-64\nsix=1.16.0=py_0\nmine=0.1=dev_0\n-e ./folder\n";
    assert_snapshot!(message_of(&[spec, ("packages.txt", list)]), @r#"
      × `spec.toml` has 2 mistakes

    Error:
      × `packages.txt` cannot be used: `mine` was installed from a folder, which the list does not
      │ name
       ╭─[packages.txt:3:1]
     2 │ six=1.16.0=py_0
     3 │ mine=0.1=dev_0
       · ───────┬──────
       ·        ╰── here
     4 │ -e ./folder
       ╰────
      help: remove the line, and name the folder: `[pip] packages = ["./folder"]`

    Error:
      × `packages.txt` cannot be used: `-e ./folder` is no package of conda
       ╭─[packages.txt:4:1]
     3 │ mine=0.1=dev_0
     4 │ -e ./folder
       · ─────┬─────
       ·      ╰── here
       ╰────
      help: what pip installs belongs into a requirements file: `[pip] requirements`
    "#);
    let windows = "# platform: win-64\nsix=1.16.0=py_0\n";
    assert_snapshot!(message_of(&[spec, ("packages.txt", windows)]), @"
     × `packages.txt` has packages for `win-64`, but the image is for `linux/amd64`, which is `linux-
     │ 64`
      ╭─[packages.txt:1:1]
    1 │ # platform: win-64
      · ▲
      · ╰── this list
    2 │ six=1.16.0=py_0
      ╰────
     help: a list holds for one platform: set `platforms`, or write one list for each
    ");
}

#[test]
fn selectors_and_variables_that_nobody_knows() {
    let environment =
        "channels: [$UNSET/x]\ndependencies:\n  - sel(linus): a\n  - sel(linux): [b, {sel(): c}]\n";
    assert_snapshot!(message(environment), @"
      × `spec.toml` has 3 mistakes

    Error:
      × the variable `UNSET` is not set
       ╭─[environment.yml:1:12]
     1 │ channels: [$UNSET/x]
       ·            ────┬───
       ·                ╰── here
     2 │ dependencies:
       ╰────
      help: set it, as by `export UNSET=…`, or write what it stands for

    Error:
      × `sel` cannot be `linus`
       ╭─[environment.yml:3:5]
     2 │ dependencies:
     3 │   - sel(linus): a
       ·     ─────┬────
       ·          ╰── here
     4 │   - sel(linux): [b, {sel(): c}]
       ╰────
      help: did you mean `linux`? It can be `linux`, `unix`, `osx`, `win`

    Error:
      × `sel` cannot be ``
       ╭─[environment.yml:4:22]
     3 │   - sel(linus): a
     4 │   - sel(linux): [b, {sel(): c}]
       ·                      ──┬──
       ·                        ╰── here
       ╰────
      help: it can be `linux`, `unix`, `osx`, `win`
    ");
}

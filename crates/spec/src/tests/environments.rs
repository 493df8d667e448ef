//! Several environments in one image.

use insta::assert_snapshot;

use crate::tests::{message, message_of, variants, variants_of};
use crate::{CondaPackages, PipPackages, Variant};

/// What stands where, the default environment first.
fn shown(variant: &Variant) -> String {
    let line = |view: &Variant| {
        let mut words = vec![view.environment.as_ref().map_or("default".to_owned(), ToString::to_string)];
        if let Some(python) = &view.python {
            words.push(format!("python {}", python.version));
        }
        if let Some(conda) = &view.conda {
            words.push(format!("at {}", conda.prefix));
            words.extend(conda.environment_name.iter().map(|name| format!("called {name}")));
            words.extend(conda.alias.iter().map(|name| format!("also {name}")));
            words.extend(conda.manager.package().map(|manager| format!("with {manager}")));
            words.extend(conda.writable.then(|| "writable".to_owned()));
            words.push(format!(
                "from {}",
                conda.channels.iter().map(|it| it.name.to_string()).collect::<Vec<_>>().join(" ")
            ));
            if let CondaPackages::Requirements(all) = &conda.packages {
                words.push(format!("has {:?}", all.iter().map(|it| it.text.public()).collect::<Vec<_>>()));
            }
        }
        if let Some(PipPackages::Requirements(all)) = view.pip.as_ref().map(|pip| &pip.packages) {
            words.push(format!("wheels {:?}", all.iter().map(|it| it.text.public()).collect::<Vec<_>>()));
        }
        words.join(", ")
    };
    variant.in_each_environment().iter().map(line).collect::<Vec<_>>().join("\n")
}

fn only(text: &str) -> String {
    shown(&variants(text)[0])
}

#[test]
fn environments_stand_below_the_prefix() {
    let found = only(
        r#"
name = "a"
python = "3.11"
[conda]
channels = ["conda-forge"]
packages = ["numpy"]
[pip]
index-url = "https://index.example/simple"
packages = ["idna"]
[envs.legacy]
python = "3.9"
channels = ["main"]
packages = ["numpy 1.26.*"]
[envs.tools.pip]
packages = ["httpie"]
[envs.tools]
packages = ["python"]
"#,
    );
    assert_snapshot!(found, @r#"
    default, python 3.11, at /opt/conda, from conda-forge, has ["numpy"], wheels ["idna"]
    legacy, python 3.9, at /opt/conda/envs/legacy, called legacy, from main, has ["numpy 1.26.*"]
    tools, at /opt/conda/envs/tools, called tools, from conda-forge, has ["python"], wheels ["httpie"]
    "#);
    let spec = variants(
        "name = \"a\"\n[pip]\nindex-url = \"https://index.example/simple\"\n[envs.b]\npackages = [\"python\"]\npip = { packages = [\"six\"] }\n",
    );
    let pip = spec[0].environments[0].pip.as_ref().unwrap();
    assert_eq!(pip.index_url.as_ref().unwrap().to_string(), "https://index.example/simple");
}

#[test]
fn the_prefix_itself_may_have_the_manager_alone() {
    let found = only(
        "name = \"a\"\npython = \"3.9\"\n[conda]\nmanager = \"conda\"\nenvironment = \"training\"\npackages = [\"numpy\"]\nprefix = \"/opt/miniconda\"\n",
    );
    assert_snapshot!(found, @r#"
    default, python 3.9, at /opt/miniconda/envs/training, called training, writable, from conda-forge, has ["numpy"]
    base, at /opt/miniconda, with conda, writable, from conda-forge, has []
    "#);
}

#[test]
fn the_manager_has_the_channels_of_the_file() {
    let spec = "name = \"a\"\nenv = \"e.yml\"\n[conda]\nmanager = \"mamba\"\nenvironment = \"training\"\n";
    let file = "channels: [speech, nodefaults]\ndependencies: [scipy]\n";
    assert_snapshot!(shown(&variants_of(&[("spec.toml", spec), ("e.yml", file)])[0]), @r#"
    default, at /opt/conda/envs/training, called training, writable, from speech, has ["scipy"]
    base, at /opt/conda, with mamba, writable, from speech, has []
    "#);
}

#[test]
fn the_default_environment_has_what_jupyter_needs() {
    let found = only(
        "name = \"a\"\npython = { version = \"3.11\", from = \"debian\" }\ndefault-env = \"lab\"\njupyter = true\npip = { packages = [\"six\"] }\n[envs.lab]\npython = \"3.12\"\n",
    );
    assert_snapshot!(found, @r#"
    default, python 3.12, at /opt/conda/envs/lab, called lab, from conda-forge, has ["jupyterlab"]
    base, python 3.11, wheels ["six"]
    "#);
}

#[test]
fn a_files_name_is_another_name() {
    let files = |own: &'static str, other: &'static str| {
        [
            ("spec.toml", "name = \"a\"\nenv = \"own.yml\"\n[envs.b]\nenv = \"other.yml\"\n"),
            ("own.yml", own),
            ("other.yml", other),
        ]
    };
    let found = files(
        "name: vision\ndependencies: [numpy]\n",
        "name: speech\ndependencies: [scipy]\nvariables: {X: y}\n",
    );
    assert_snapshot!(shown(&variants_of(&found)[0]), @r#"
    default, at /opt/conda, called vision, from conda-forge, has ["numpy"]
    b, at /opt/conda/envs/b, called b, also speech, from conda-forge, has ["scipy"]
    "#);
    let exported = files("name: base\ndependencies: [numpy]\n", "name: base\ndependencies: [scipy]\n");
    assert_snapshot!(shown(&variants_of(&exported)[0]), @r#"
    default, at /opt/conda, called base, from conda-forge, has ["numpy"]
    b, at /opt/conda/envs/b, called b, from conda-forge, has ["scipy"]
    "#);
    let twice = files("name: b\ndependencies: [numpy]\n", "dependencies: [scipy]\n");
    assert_snapshot!(message_of(&twice), @r#"
     × two environments are called `b`
      ╭─[spec.toml:2:7]
    1 │ name = "a"
    2 │ env = "own.yml"
      ·       ────┬────
      ·           ╰── this one has it
    3 │ [envs.b]
      · ────┬───
      ·     ╰── again
    4 │ env = "other.yml"
      ╰────
     help: a file gives its environment a name by `name:`, and a spec by `environment` in `[conda]`
           and by the keys of `[envs]`
    "#);
    let third = files("name: vision\ndependencies: [numpy]\n", "name: vision\ndependencies: [scipy]\n");
    assert_snapshot!(message_of(&third), @r#"
     × two environments are called `vision`
      ╭─[spec.toml:2:7]
    1 │ name = "a"
    2 │ env = "own.yml"
      ·       ────┬────
      ·           ╰── this one has it
    3 │ [envs.b]
    4 │ env = "other.yml"
      ·       ─────┬─────
      ·            ╰── again
      ╰────
     help: a file gives its environment a name by `name:`, and a spec by `environment` in `[conda]`
           and by the keys of `[envs]`
    "#);
}

#[test]
fn a_wrong_name_is_refused() {
    assert_snapshot!(message("name = \"a\"\n[envs.\"a/b\"]\npython = \"3.11\"\n"), @r#"
     × `a/b` is not the name of an environment
      ╭─[spec.toml:2:7]
    1 │ name = "a"
    2 │ [envs."a/b"]
      ·       ──┬──
      ·         ╰── here
    3 │ python = "3.11"
      ╰────
     help: use no spaces, slashes, `:` or `#`
    "#);
    assert_snapshot!(message("name = \"a\"\n[envs.base]\npython = \"3.11\"\n"), @r#"
     × `base` is the environment in the prefix itself, and no other can be called so
      ╭─[spec.toml:2:1]
    1 │ name = "a"
    2 │ [envs.base]
      · ─────┬─────
      ·      ╰── this environment
    3 │ python = "3.11"
      ╰────
     help: what is to be in it stands outside of `[envs]`; or give it another name
    "#);
    assert_snapshot!(message("name = \"a\"\npython = \"3.11\"\nconda.environment = \"base\"\n"), @r#"
     × `base` is the environment in the prefix itself, and no other can be called so
      ╭─[spec.toml:3:21]
    2 │ python = "3.11"
    3 │ conda.environment = "base"
      ·                     ───┬──
      ·                        ╰── this environment
      ╰────
     help: what is to be in it stands outside of `[envs]`; or give it another name
    "#);
    assert_snapshot!(message("name = \"a\"\npython = \"3.11\"\nconda.environment = \"x\"\n[envs.x]\npython = \"3.9\"\n"), @r#"
     × two environments are called `x`
      ╭─[spec.toml:3:21]
    2 │ python = "3.11"
    3 │ conda.environment = "x"
      ·                     ─┬─
      ·                      ╰── this one has it
    4 │ [envs.x]
      · ────┬───
      ·     ╰── again
    5 │ python = "3.9"
      ╰────
     help: a file gives its environment a name by `name:`, and a spec by `environment` in `[conda]`
           and by the keys of `[envs]`
    "#);
    let long = "x".repeat(250);
    assert_snapshot!(message(&format!("name = \"a\"\n[envs.{long}]\npython = \"3.11\"\n")).replace(&long, "XXX"), @r#"
     × `/opt/conda/envs/
     │ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
     │ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
     │ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` cannot be the prefix: it is
     │ longer than the 255 bytes that packages keep free for it
      ╭─[spec.toml:2:1]
    1 │ name = "a"
    2 │ [envs.XXX]
      · ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┬────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
      ·                                                                                                                                 ╰── this environment
    3 │ python = "3.11"
      ╰────
     help: give it another name, or a shorter one
    "#);
}

#[test]
fn nothing_can_be_the_default_but_one_environment_that_is_there() {
    assert_snapshot!(message("name = \"a\"\npython = \"3.11\"\ndefault-env = \"x\"\n"), @r#"
     × `default-env` names `x`, and there is no such environment
      ╭─[spec.toml:3:15]
    2 │ python = "3.11"
    3 │ default-env = "x"
      ·               ─┬─
      ·                ╰── this environment
      ╰────
     help: write what is to be in it below `[envs.x]`; or put the spec's own packages there:
           `environment = "x"` in `[conda]`
    "#);
    assert_snapshot!(message("name = \"a\"\ndefault-env = \"x\"\n[envs.y]\npython = \"3.11\"\n"), @r#"
     × `default-env` names `x`, and there is no such environment
      ╭─[spec.toml:2:15]
    1 │ name = "a"
    2 │ default-env = "x"
      ·               ─┬─
      ·                ╰── this environment
    3 │ [envs.y]
      ╰────
     help: the spec has `y`
    "#);
    assert_snapshot!(message("name = \"a\"\npython = \"3.11\"\ndefault-env = \"x\"\nconda.environment = \"y\"\n[envs.x]\npython = \"3.9\"\n"), @r#"
     × two environments are to be the default one: `y` and `x`
      ╭─[spec.toml:3:15]
    2 │ python = "3.11"
    3 │ default-env = "x"
      ·               ─┬─
      ·                ╰── and this one is asked for
    4 │ conda.environment = "y"
      ·                     ─┬─
      ·                      ╰── the spec's own packages are here
    5 │ [envs.x]
      ╰────
     help: remove `default-env`; or name the spec's own packages in `[envs.y]`
    "#);
    assert_snapshot!(message("name = \"a\"\n[envs.x]\n"), @r#"
     × nothing is to be in the environment `x`
      ╭─[spec.toml:2:1]
    1 │ name = "a"
    2 │ [envs.x]
      · ────┬───
      ·     ╰── nothing is asked for here
      ╰────
     help: name what is to be in it: a version of `python`, `packages`, or a file by `env`; or remove
           it
    "#);
    assert_snapshot!(message("name = \"a\"\nconda.environment = \"x\"\n"), @r#"
     × nothing is to be in the environment `x`
      ╭─[spec.toml:2:21]
    1 │ name = "a"
    2 │ conda.environment = "x"
      ·                     ─┬─
      ·                      ╰── nothing is asked for here
      ╰────
     help: name what is to be in it: a version of `python`, `packages`, or a file by `env`; or remove
           it
    "#);
    assert_snapshot!(message("name = \"a\"\njupyter = true\n[envs.x]\npython = \"3.9\"\n"), @r#"
     × Jupyter is asked for, but no Python that it could run in
      ╭─[spec.toml:2:11]
    1 │ name = "a"
    2 │ jupyter = true
      ·           ──┬─
      ·             ╰── asked for here
    3 │ [envs.x]
      ╰────
     help: it runs in the default environment: add `python = "3.11"` to the spec, or write `default-
           env = "x"`
    "#);
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let conda_lock = "version: 1\nmetadata: { channels: [], platforms: [linux-64] }\npackage:\n  - { name: python, version: '3.9', manager: conda, platform: linux-64, url: https://c.example/noarch/python-3.9-0.conda, hash: {} }\n";
    let spec = "name = \"a\"\n[envs.x]\nenv = \"conda-lock.yml\"\npython = \"3.11\"\npackages = [\"numpy\"]\npip = { requirements = \"missing.txt\" }\n";
    assert_snapshot!(message_of(&[("spec.toml", spec), ("conda-lock.yml", conda_lock)]), @r#"
      × `spec.toml` has 2 mistakes

    Error:
      × cannot read `missing.txt`: there is no such file
       ╭─[spec.toml:6:24]
     5 │ packages = ["numpy"]
     6 │ pip = { requirements = "missing.txt" }
       ·                        ──────┬──────
       ·                              ╰── named here
       ╰────

    Error:
      × `envs.x.packages` and `envs.x.env` exclude each other
       ╭─[spec.toml:5:13]
     4 │ python = "3.11"
     5 │ packages = ["numpy"]
       ·             ───┬───
       ·                ╰── asked for here
     6 │ pip = { requirements = "missing.txt" }
       ╰────
      help: `conda-lock.yml` is a lock of conda-lock, the whole environment: change it with the tool
            that wrote it
    "#);
    assert_snapshot!(message_of(&[("spec.toml", "name = \"a\"\n[envs.x]\nenv = \"e.yml\"\n"), ("e.yml", "dependencies: [numpy]\nvariables: {X: $HOME}\n")]), @r#"
     × the variable `X` of the environment: `$HOME` cannot be a variable of an image: it holds a `$`,
     │ which some platforms give to a shell
      ╭─[spec.toml:3:7]
    2 │ [envs.x]
    3 │ env = "e.yml"
      ·       ───┬───
      ·          ╰── this environment
      ╰────
     help: write the value itself, such as `/home/user/cache`; what a shell has to work out belongs
           into a script that the image starts
    "#);
    assert_snapshot!(message("name = \"a\"\nbase = \"scratch\"\n[envs.x]\npython = \"3.9\"\n"), @r#"
     × the base is `scratch`, but Python needs a base with glibc: the image could not start
      ╭─[spec.toml:2:8]
    1 │ name = "a"
    2 │ base = "scratch"
      ·        ────┬────
      ·            ╰── an empty base
    3 │ [envs.x]
    4 │ python = "3.9"
      ·          ──┬──
      ·            ╰── asked for here
      ╰────
     help: build on Debian: `base = "trixie"`, which is the default
    "#);
    assert_snapshot!(message("name = \"a\"\n[envs.x.pip]\npackages = [\"six\"]\n[envs.x]\npackages = [\"zlib\"]\n"), @r#"
     × wheels are asked for, but no Python that they could be for
      ╭─[spec.toml:3:13]
    2 │ [envs.x.pip]
    3 │ packages = ["six"]
      ·             ──┬──
      ·               ╰── this is installed for a Python
    4 │ [envs.x]
      ╰────
     help: add it to the spec, for example `python = "3.11"`
    "#);
}

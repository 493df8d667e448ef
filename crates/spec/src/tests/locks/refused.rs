//! What is wrong with locks, or with what stands beside them: each whole message.

use imgbuild_oci::Platform;
use insta::assert_snapshot;

use crate::tests::locks::{A, CONDA_LOCK, pixi_5, pixi_6, pixi_7, spec};
use crate::tests::{load, message_of, render, variants_of};

#[test]
fn a_python_beside_a_lock_must_be_its_python() {
    let with = |python: &str| {
        let spec = format!("{}python = \"{python}\"\n", spec("\"pixi.lock\""));
        message_of(&[("spec.toml", &spec), ("pixi.lock", &pixi_6())])
    };
    for same in ["3.11", "3.11.2"] {
        let spec = format!("{}python = \"{same}\"\n", spec("\"pixi.lock\""));
        assert_eq!(variants_of(&[("spec.toml", &spec), ("pixi.lock", &pixi_6())]).len(), 1);
    }
    assert_snapshot!(with("3.12"), @r#"
     × `pixi.lock` has Python 3.11.2, but `python` asks for 3.12
      ╭─[spec.toml:4:10]
    3 │ env = "pixi.lock"
    4 │ python = "3.12"
      ·          ───┬──
      ·             ╰── asked for here
      ╰────
     help: remove the key: the lock says which Python there is
    "#);
    let spec = "name = \"a\"\nenv = { file = \"pixi.lock\", environment = \"gpu\" }\npython = \"3.1\"\n";
    assert_snapshot!(message_of(&[("spec.toml", spec), ("pixi.lock", &pixi_6())]), @r#"
     × `pixi.lock` has no Python, but `python` asks for 3.1
      ╭─[spec.toml:3:10]
    2 │ env = { file = "pixi.lock", environment = "gpu" }
    3 │ python = "3.1"
      ·          ──┬──
      ·            ╰── asked for here
      ╰────
     help: the lock is the whole environment: lock it with Python in it, or remove the key
    "#);
}

#[test]
fn a_manager_beside_a_lock_must_be_in_it() {
    let spec = format!("{}[conda]\nmanager = \"micromamba\"\n", spec("\"pixi.lock\""));
    assert_snapshot!(message_of(&[("spec.toml", &spec), ("pixi.lock", &pixi_6())]), @r#"
     × `pixi.lock` has no package `micromamba`, but `conda.manager` asks for it
      ╭─[spec.toml:3:7]
    2 │ platforms = ["linux/amd64"]
    3 │ env = "pixi.lock"
      ·       ─────┬─────
      ·            ╰── this lock
    4 │ [conda]
      ╰────
     help: add `micromamba` to the environment before it is locked
    "#);
}

#[test]
fn what_would_change_a_lock() {
    let with = |conda: &str, env: &str, lock: &str| {
        let spec = format!("{}[conda]\n{conda}\n", spec(&format!("\"{env}\"")));
        message_of(&[("spec.toml", &spec), (env, lock)])
    };
    assert_snapshot!(with("packages = [\"numpy\"]", "pixi.lock", &pixi_6()), @r#"
     × `conda.packages` and `env` exclude each other
      ╭─[spec.toml:5:13]
    4 │ [conda]
    5 │ packages = ["numpy"]
      ·             ───┬───
      ·                ╰── asked for here
      ╰────
     help: `pixi.lock` is a lock of pixi, the whole environment: change it with the tool that wrote
           it
    "#);
    assert_snapshot!(with("exclude-newer = \"2024-05-01\"", "conda-lock.yml", CONDA_LOCK), @r#"
     × `conda.exclude-newer` and `env` exclude each other
      ╭─[spec.toml:5:17]
    4 │ [conda]
    5 │ exclude-newer = "2024-05-01"
      ·                 ──────┬─────
      ·                       ╰── asked for here
      ╰────
     help: `conda-lock.yml` is a lock of conda-lock, the whole environment: change it with the tool
           that wrote it
    "#);
    let export = "dependencies:\n  - a=1=0\nprefix: /a\n";
    assert_snapshot!(with("packages = [\"numpy\"]", "environment.yml", export), @r#"
     × `conda.packages` and `env` exclude each other
      ╭─[spec.toml:5:13]
    4 │ [conda]
    5 │ packages = ["numpy"]
      ·             ───┬───
      ·                ╰── asked for here
      ╰────
     help: `environment.yml` is an export with builds, the whole environment: without its line
           `prefix:` it is solved, as any environment file
    "#);
}

#[test]
fn a_version_that_is_not_known() {
    let with = |lock: &str| message_of(&[("spec.toml", &spec("\"pixi.lock\"")), ("pixi.lock", lock)]);
    assert_snapshot!(with(&pixi_6().replace("version: 6", "version: 8")), @"
     × `pixi.lock` has version 8, and this version of imgbuild reads 4 to 7
      ╭─[pixi.lock:1:10]
    1 │ version: 8
      ·          ┬
      ·          ╰── here
    2 │ environments:
      ╰────
     help: take a newer imgbuild, or lock with an older pixi
    ");
    assert_snapshot!(with("version: 3\nmetadata: {}\npackage: []\n"), @"
     × `pixi.lock` has version 3, and this version of imgbuild reads 4 to 7
      ╭─[pixi.lock:1:10]
    1 │ version: 3
      ·          ┬
      ·          ╰── here
    2 │ metadata: {}
      ╰────
     help: `pixi lock` of a current pixi writes it anew
    ");
    let lock = CONDA_LOCK.replace("version: 1\n", "version: 2\n");
    let spec = spec("\"conda-lock.yml\"");
    assert_snapshot!(message_of(&[("spec.toml", &spec), ("conda-lock.yml", &lock)]), @"
     × `conda-lock.yml` has version 2, and this version of imgbuild reads 1
      ╭─[conda-lock.yml:1:10]
    1 │ version: 2
      ·          ┬
      ·          ╰── here
    2 │ metadata:
      ╰────
     help: take a newer imgbuild, or lock with an older conda-lock
    ");
}

#[test]
fn a_platform_that_a_lock_lacks() {
    let with = |env: &str, lock: &str| {
        let spec = format!("name = \"a\"\nplatforms = [\"linux/arm64\"]\nenv = \"{env}\"\n");
        message_of(&[("spec.toml", &spec), (env, lock)])
    };
    assert_snapshot!(with("pixi.lock", &pixi_5(5)), @r#"
     × `pixi.lock` has packages for `linux-64`, `osx-arm64`, but the image is for `linux/arm64`,
     │ which is `linux-aarch64`
      ╭─[spec.toml:3:7]
    2 │ platforms = ["linux/arm64"]
    3 │ env = "pixi.lock"
      ·       ─────┬─────
      ·            ╰── asked for here
      ╰────
     help: add `linux-aarch64` to the platforms of pixi's manifest and run `pixi lock`, or set
           `platforms`
    "#);
    assert_snapshot!(with("conda-lock.yml", CONDA_LOCK), @r#"
     × `conda-lock.yml` has packages for `linux-64`, `osx-64`, but the image is for `linux/arm64`,
     │ which is `linux-aarch64`
      ╭─[spec.toml:3:7]
    2 │ platforms = ["linux/arm64"]
    3 │ env = "conda-lock.yml"
      ·       ────────┬───────
      ·               ╰── asked for here
      ╰────
     help: lock for `--platform linux-aarch64` too, or set `platforms`
    "#);
}

#[test]
fn platforms_of_a_lock_that_are_one_of_images() {
    let with = |env: &str| message_of(&[("spec.toml", &spec(env)), ("pixi.lock", &pixi_7())]);
    assert_snapshot!(with("\"pixi.lock\""), @r#"
     × `pixi.lock` has several platforms that are `linux/amd64`: `linux-64-cuda`, `linux-64-old`
      ╭─[spec.toml:3:7]
    2 │ platforms = ["linux/amd64"]
    3 │ env = "pixi.lock"
      ·       ─────┬─────
      ·            ╰── asked for here
      ╰────
     help: choose one: `env = { file = …, platform = … }`
    "#);
    assert_snapshot!(with("{ file = \"pixi.lock\", platform = \"linux-64-gpu\" }"), @r#"
     × `env.platform` cannot be `linux-64-gpu`
      ╭─[spec.toml:3:40]
    2 │ platforms = ["linux/amd64"]
    3 │ env = { file = "pixi.lock", platform = "linux-64-gpu" }
      ·                                        ───────┬──────
      ·                                               ╰── asked for here
      ╰────
     help: did you mean `linux-64-old`? It can be `linux-64-cuda`, `linux-64-old`, `linux-aarch64`
    "#);
}

#[test]
fn an_environment_or_category_that_is_not_there() {
    let with = |env: &str| message_of(&[("spec.toml", &spec(env)), ("pixi.lock", &pixi_6())]);
    assert_snapshot!(with("{ file = \"pixi.lock\", environment = \"gpuu\" }"), @r#"
     × `pixi.lock` has no environment `gpuu`
      ╭─[spec.toml:3:43]
    2 │ platforms = ["linux/amd64"]
    3 │ env = { file = "pixi.lock", environment = "gpuu" }
      ·                                           ───┬──
      ·                                              ╰── asked for here
      ╰────
     help: did you mean `gpu`? It can be `default`, `docs`, `gpu`
    "#);
    let files =
        [("spec.toml", &*spec("\"pixi.lock\"")), ("pixi.lock", &*pixi_6().replace("default:", "prod:"))];
    assert_snapshot!(message_of(&files), @r#"
     × `pixi.lock` has no environment `default`
      ╭─[spec.toml:3:7]
    2 │ platforms = ["linux/amd64"]
    3 │ env = "pixi.lock"
      ·       ─────┬─────
      ·            ╰── asked for here
      ╰────
     help: choose one: `env = { file = …, environment = … }`; there are `docs`, `gpu`, `prod`
    "#);
    let empty = "version: 6\nenvironments:\n  default:\n    channels: []\n    packages: {}\n  gpu:\n    channels: []\n    \
        packages:\n      linux-64:\n      - conda: x\npackages: []\n";
    assert_snapshot!(message_of(&[("spec.toml", &spec("\"pixi.lock\"")), ("pixi.lock", empty)]), @r#"
     × the environment `default` of `pixi.lock` has no packages
      ╭─[spec.toml:3:7]
    2 │ platforms = ["linux/amd64"]
    3 │ env = "pixi.lock"
      ·       ─────┬─────
      ·            ╰── asked for here
      ╰────
     help: choose one: `env = { file = …, environment = … }`; there are `gpu`
    "#);
    let spec = spec("{ file = \"conda-lock.yml\", categories = [\"main\", \"test\"] }");
    assert_snapshot!(message_of(&[("spec.toml", &spec), ("conda-lock.yml", CONDA_LOCK)]), @r#"
     × `conda-lock.yml` has no package of the category `test`
      ╭─[spec.toml:3:56]
    2 │ platforms = ["linux/amd64"]
    3 │ env = { file = "conda-lock.yml", categories = ["main", "test"] }
      ·                                                        ───┬──
      ·                                                           ╰── asked for here
      ╰────
     help: it can be `dev`, `docs`, `main`
    "#);
}

#[test]
fn a_choice_where_there_is_none() {
    let spec = spec("{ file = \"conda-lock.yml\", environment = \"gpu\" }");
    assert_snapshot!(message_of(&[("spec.toml", &spec), ("conda-lock.yml", CONDA_LOCK)]), @r#"
     × `env.environment` chooses from a lock of pixi, and the file is none
      ╭─[spec.toml:3:48]
    2 │ platforms = ["linux/amd64"]
    3 │ env = { file = "conda-lock.yml", environment = "gpu" }
      ·                                                ──┬──
      ·                                                  ╰── here
      ╰────
     help: remove the key, or name such a lock as `file`
    "#);
}

#[test]
fn packages_that_only_pip_installs_and_those_from_source() {
    let spec = |environment: &str, platform: &str| {
        format!(
            "name = \"a\"\nplatforms = [\"{platform}\"]\nenv = {{ file = \"pixi.lock\", environment = \"{environment}\" }}\n"
        )
    };
    let with = |spec: String, lock: String| message_of(&[("spec.toml", &spec), ("pixi.lock", &lock)]);
    assert_snapshot!(with(spec("gpu", "linux/arm64"), pixi_6()), @"
     × `pixi.lock` has packages that are built from source or are files of one machine: `mine`,
     │ `theirs`
       ╭─[pixi.lock:34:3]
    33 │   sha256: 1234567890123456789012345678901234567890123456789012345678901234
    34 │ - conda: .
       ·   ▲
       ·   ╰── the first of them
    35 │   name: mine
       ╰────
     help: build them into a channel, and lock the environment with that
    ");
    assert_snapshot!(with(spec("default", "linux/arm64"), pixi_7()), @"
     × `pixi.lock` has packages that are built from source or are files of one machine:
     │ `mine[0123abcd] @ .`
       ╭─[pixi.lock:22:9]
    21 │       linux-aarch64:
    22 │       - conda_source: mine[0123abcd] @ .
       ·         ▲
       ·         ╰── the first of them
    23 │ packages:
       ╰────
     help: build them into a channel, and lock the environment with that
    ");
    let spec = super::spec("{ file = \"conda-lock.yml\", categories = [\"docs\"] }");
    assert_snapshot!(message_of(&[("spec.toml", &spec), ("conda-lock.yml", CONDA_LOCK)]), @r#"
     × wheels are asked for, but no Python that they could be for
       ╭─[conda-lock.yml:55:3]
    54 │   optional: true
    55 │ - name: sphinx
       ·   ▲
       ·   ╰── this is installed for a Python
    56 │   version: '7.0'
       ╰────
     help: `conda-lock.yml` has none: lock the environment with a Python, or take Debian's: `python =
           { version = "3.13", from = "debian" }`
    "#);
    let list = "@EXPLICIT\nhttps://c.example/noarch/a-1-0.conda\n# pip sphinx @ https://files.example/sphinx-7.0-py3-none-any.whl#sha256=ab\n";
    let spec = super::spec("\"list.txt\"");
    assert_snapshot!(message_of(&[("spec.toml", &spec), ("list.txt", list)]), @r#"
     × this is not a line of an explicit list: `ab` is not a sha256
      ╭─[list.txt:3:1]
    2 │ https://c.example/noarch/a-1-0.conda
    3 │ # pip sphinx @ https://files.example/sphinx-7.0-py3-none-any.whl#sha256=ab
      · ─────────────────────────────────────┬────────────────────────────────────
      ·                                      ╰── here
      ╰────
    "#);
}

#[test]
fn a_damaged_lock() {
    let with = |lock: &str| message_of(&[("spec.toml", &spec("\"pixi.lock\"")), ("pixi.lock", lock)]);
    let lock = pixi_6();
    // Cut off, as by a full disk or a merge that went wrong.
    assert_snapshot!(with(&lock.replace("packages:\n- conda: https://conda", "<<<<<<< HEAD\npackages:\n- conda: https://conda")), @"
     × this is not valid YAML: simple key expected ':'
       ╭─[pixi.lock:27:1]
    26 │       - conda: ../mine
    27 │ <<<<<<< HEAD
       · ┬
       · ╰── here
    28 │ packages:
       ╰────
    ");
    assert_snapshot!(with(&lock.replace(A, "abab")), @"
     × `pixi.lock` cannot be used: `abab` is not a sha256
       ╭─[pixi.lock:28:3]
    27 │ packages:
    28 │ - conda: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
       ·   ▲
       ·   ╰── here
    29 │   sha256: abab
       ╰────
    ");
    assert_snapshot!(with(&lock.replace("packages:\n- conda: https://conda.example/forge/linux-64/python", "packages:\n- conda: https://conda.example/forge/linux-64/pyhton")), @"
     × `pixi.lock` cannot be used: the environment `default` for `linux-64` names a package that is
     │ not listed
      ╭─[pixi.lock:8:9]
    7 │       linux-64:
    8 │       - conda: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
      ·         ▲
      ·         ╰── here
    9 │   docs:
      ╰────
    ");
    assert_snapshot!(with(&lock.replace("version: 6\n", "")), @"
     × the key `version` is missing
      ╭─[pixi.lock:1:1]
    1 │ environments:
      · ▲
      · ╰── here
    2 │   default:
      ╰────
    ");
    assert_snapshot!(with(&lock.replace("size: 31", "size: big")), @r#"
     × `packages[0].size` must be a whole number, but is a string
       ╭─[pixi.lock:31:9]
    30 │   md5: '0123456789abcdef0123456789abcdef'
    31 │   size: big
       ·         ─┬─
       ·          ╰── here
    32 │ - conda: https://***********@conda.example/t/*****/nvidia/noarch/cuda-version-12.4-0.conda
       ╰────
    "#);
    assert_snapshot!(with(""), @"
    × the file must hold a table, but holds nothing
     ╭─[pixi.lock:1:1]
     ╰────
    ");
    let mut cut = lock.clone();
    for _ in 0..lock.len() {
        cut.pop();
        // None of them makes it panic.
        let _ = load(&[("spec.toml", &spec("\"pixi.lock\"")), ("pixi.lock", &cut)])
            .and_then(|spec| spec.variants(Platform::LinuxAmd64))
            .map_err(|error| render(&error));
    }
}

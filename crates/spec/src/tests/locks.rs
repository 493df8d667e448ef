//! Files in which another tool has locked packages.

use insta::assert_snapshot;
use oci::Platform;

use super::{load, message_of, render, variants_of};
use crate::{CondaPackages, LockFormat, LockedList, Variant};

/// Version 4 and 5: kinds and URLs, and every platform by conda's name.
fn pixi_5(version: u32) -> String {
    format!(
        "version: {version}
environments:
  default:
    channels:
    - url: https://conda.example/forge/
    indexes:
    - https://index.example/simple
    packages:
      linux-64:
      - conda: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
      - conda: https://conda.example/forge/noarch/tzdata-2024a-h0_0.conda
      osx-arm64:
      - conda: https://conda.example/forge/noarch/tzdata-2024a-h0_0.conda
      - pypi: https://files.example/requests-2.31.0-py3-none-any.whl
packages:
- kind: conda
  name: python
  version: 3.11.2
  build: 0_cpython
  subdir: linux-64
  url: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
  sha256: {A}
  md5: '{M}'
  depends:
  - tzdata
  license: Python-2.0
  size: 31
  timestamp: 1700000000000
- kind: conda
  name: tzdata
  version: 2024a
  build: h0_0
  subdir: noarch
  noarch: generic
  url: https://conda.example/forge/noarch/tzdata-2024a-h0_0.conda
  sha256: {B}
  size: 12
- kind: pypi
  name: requests
  version: 2.31.0
  url: https://files.example/requests-2.31.0-py3-none-any.whl
  sha256: {A}
  requires_python: '>=3.7'
"
    )
}

/// Version 6: the URL under its kind, several environments.
fn pixi_6() -> String {
    format!(
        "version: 6
environments:
  default:
    channels:
    - url: https://conda.example/forge/
    packages:
      linux-64:
      - conda: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
  docs:
    channels:
    - url: https://conda.example/forge/
    packages:
      linux-64:
      - conda: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
      - pypi: https://files.example/sphinx-7.0-py3-none-any.whl
      - pypi: ./docs
  gpu:
    channels:
    - url: https://user:secret@conda.example/t/token/nvidia/
    packages:
      linux-64:
      - conda: https://user:secret@conda.example/t/token/nvidia/noarch/cuda-version-12.4-0.conda
      linux-aarch64:
      - conda: .
        subdir: linux-aarch64
      - conda: ../mine
packages:
- conda: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
  sha256: {A}
  md5: '{M}'
  size: 31
- conda: https://user:secret@conda.example/t/token/nvidia/noarch/cuda-version-12.4-0.conda
  sha256: {B}
- conda: .
  name: mine
  version: 0.1.0
  build: h0_0
  subdir: linux-aarch64
- conda: ../mine
  name: theirs
- pypi: https://files.example/sphinx-7.0-py3-none-any.whl
  name: sphinx
  version: '7.0'
- pypi: ./docs
  name: docs
"
    )
}

/// Version 7: platforms with names of their own, packages from source under their own key.
fn pixi_7() -> String {
    format!(
        "version: 7
platforms:
- name: linux-64-cuda
  subdir: linux-64
  virtual-packages:
  - __cuda=12
- name: linux-64-old
  subdir: linux-64
- name: linux-aarch64
environments:
  default:
    channels:
    - url: https://conda.example/forge/
    options:
      channel-priority: strict
    packages:
      linux-64-cuda:
      - conda: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
      linux-64-old:
      - conda: https://conda.example/forge/noarch/tzdata-2024a-h0_0.conda
      linux-aarch64:
      - conda_source: mine[0123abcd] @ .
packages:
- conda: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
  sha256: {A}
- conda: https://conda.example/forge/noarch/tzdata-2024a-h0_0.conda
  md5: '{M}'
- conda_source: mine[0123abcd] @ .
  version: 0.1.0
"
    )
}

const CONDA_LOCK: &str = "version: 1
metadata:
  content_hash:
    linux-64: 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
  channels:
  - url: forge
    used_env_vars: []
  platforms:
  - linux-64
  - osx-64
  sources: [environment.yml]
package:
- name: __glibc
  version: '2.17'
  manager: conda
  platform: linux-64
  dependencies: {}
  url: https://fake.example/__glibc-2.17-0.conda
  hash: {}
  category: main
  optional: false
- name: python
  version: 3.11.2
  manager: conda
  platform: linux-64
  dependencies:
    tzdata: ''
  url: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
  hash:
    md5: 0123456789abcdef0123456789abcdef
    sha256: abababababababababababababababababababababababababababababababab
  category: main
  optional: false
- name: python
  version: 3.11.2
  manager: conda
  platform: linux-64
  dependencies:
    tzdata: ''
  url: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
  hash:
    md5: 0123456789abcdef0123456789abcdef
  category: dev
  optional: true
- name: black
  version: '24.1'
  manager: conda
  platform: linux-64
  dependencies: {}
  url: https://conda.example/forge/noarch/black-24.1-0.conda
  hash:
    md5: '00000000000000000000000000000001'
  category: dev
  optional: true
- name: sphinx
  version: '7.0'
  manager: pip
  platform: linux-64
  dependencies: {}
  url: https://files.example/sphinx-7.0-py3-none-any.whl
  hash:
    sha256: abababababababababababababababababababababababababababababababab
  category: docs
  optional: true
";

const A: &str = "abababababababababababababababababababababababababababababababab";
// YAML would read these digits as a number.
const B: &str = "1234567890123456789012345678901234567890123456789012345678901234";
const M: &str = "0123456789abcdef0123456789abcdef";

/// What was taken: a line for each package.
fn taken(variant: &Variant) -> String {
    let conda = variant.conda.as_ref().unwrap();
    let CondaPackages::Locked(locked) = &conda.packages else { panic!("{conda:?}") };
    let channels: Vec<&str> = conda.channels.iter().map(|channel| channel.name.as_str()).collect();
    let mut text = format!("{:?} {}\n", locked.format, channels.join(" "));
    match &locked.packages {
        LockedList::Archives(archives) => {
            for archive in archives {
                let sha256 = archive.sha256.map(|it| it.hex()[..4].to_owned());
                let md5 = archive.md5.map(|it| it.to_string()[..8].to_owned());
                let size = archive.size;
                text.push_str(&format!("{} {sha256:?} {md5:?} {size:?}\n", archive.url));
            }
        }
        LockedList::Builds(builds) => {
            for build in builds {
                text.push_str(&format!(
                    "{:?} {} {} {}\n",
                    build.channel, build.name, build.version, build.build
                ));
            }
        }
    }
    text
}

fn spec(env: &str) -> String {
    format!("name = \"a\"\nplatforms = [\"linux/amd64\"]\nenv = {env}\n")
}

#[test]
fn a_pixi_lock_of_each_version() {
    let old = |version| {
        let files = [("spec.toml", &*spec("\"pixi.lock\"")), ("pixi.lock", &*pixi_5(version))];
        taken(&variants_of(&files)[0])
    };
    assert_eq!(old(4), old(5));
    assert_snapshot!(old(5), @r#"
    Pixi https://conda.example/forge/
    https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda Some("abab") Some("md5:0123") Some(31)
    https://conda.example/forge/noarch/tzdata-2024a-h0_0.conda Some("1234") None Some(12)
    "#);
    let files = [("spec.toml", &*spec("\"pixi.lock\"")), ("pixi.lock", &*pixi_6())];
    assert_snapshot!(taken(&variants_of(&files)[0]), @r#"
    Pixi https://conda.example/forge/
    https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda Some("abab") Some("md5:0123") Some(31)
    "#);
    let gpu = spec("{ file = \"other.lock\", environment = \"gpu\" }");
    let files = [("spec.toml", &*gpu), ("other.lock", &*pixi_6())];
    assert_snapshot!(taken(&variants_of(&files)[0]), @r#"
    Pixi https://conda.example/nvidia/
    https://conda.example/nvidia/noarch/cuda-version-12.4-0.conda Some("1234") None None
    "#);
    let old = spec("{ file = \"pixi.lock\", platform = \"linux-64-old\" }");
    let files = [("spec.toml", &*old), ("pixi.lock", &*pixi_7())];
    assert_snapshot!(taken(&variants_of(&files)[0]), @r#"
    Pixi https://conda.example/forge/
    https://conda.example/forge/noarch/tzdata-2024a-h0_0.conda None Some("md5:0123") None
    "#);
}

#[test]
fn a_matrix_chooses_environments_of_one_lock() {
    let spec = "name = \"a\"\ntags = [\"{which}\"]\nenv = { file = \"pixi.lock\", environment = \"{which}\" }\n\
        [matrix]\nwhich = [\"default\", \"gpu\"]\n";
    let all = variants_of(&[("spec.toml", spec), ("pixi.lock", &pixi_6())]);
    assert_eq!(all.len(), 2);
    assert!(taken(&all[0]).contains("python-3.11.2") && taken(&all[1]).contains("cuda-version-12.4"));
    assert_ne!(all[0].inputs(), all[1].inputs());
}

#[test]
fn a_conda_lock_with_its_categories() {
    let files = |env: &str| variants_of(&[("spec.toml", &spec(env)), ("conda-lock.yml", CONDA_LOCK)]);
    assert_snapshot!(taken(&files("\"conda-lock.yml\"")[0]), @r#"
    CondaLock forge
    https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda Some("abab") Some("md5:0123") None
    https://conda.example/forge/noarch/black-24.1-0.conda None Some("md5:0000") None
    "#);
    let main = files("{ file = \"conda-lock.yml\", categories = [\"main\"] }");
    assert!(!taken(&main[0]).contains("black"));
    // The first versions wrote channels so.
    let old = CONDA_LOCK.replace("- url: forge\n    used_env_vars: []", "- forge");
    let old = variants_of(&[("spec.toml", &spec("\"conda-lock.yml\"")), ("conda-lock.yml", &old)]);
    assert_eq!(taken(&old[0]), taken(&files("\"conda-lock.yml\"")[0]));
    // The name may be another one.
    let other = variants_of(&[("spec.toml", &spec("\"linux.yml\"")), ("linux.yml", CONDA_LOCK)]);
    assert_eq!(taken(&other[0]), taken(&files("\"conda-lock.yml\"")[0]));
}

#[test]
fn an_export_is_known_by_builds_and_prefix() {
    let export = "name: science\nchannels:\n  - forge\n  - defaults\ndependencies:\n  - python=3.11.2=0_cpython\n  \
        - other::tzdata=2024a=h0_0\nprefix: /home/me/envs/science\nvariables:\n  A: b\n";
    let all = variants_of(&[("spec.toml", &spec("\"environment.yml\"")), ("environment.yml", export)]);
    assert_snapshot!(taken(&all[0]), @r#"
    Export forge defaults
    None python 3.11.2 0_cpython
    Some("other") tzdata 2024a h0_0
    "#);
    let conda = all[0].conda.as_ref().unwrap();
    assert_eq!(conda.environment_name.as_ref().unwrap().as_str(), "science");
    assert_eq!(conda.variables.len(), 1);
    // Without one of the two it is solved.
    for changed in [export.replace("prefix:", "# prefix:"), export.replace("=0_cpython", "")] {
        let all = variants_of(&[("spec.toml", &spec("\"environment.yml\"")), ("environment.yml", &changed)]);
        assert!(
            matches!(all[0].conda.as_ref().unwrap().packages, CondaPackages::Requirements(_)),
            "{changed}"
        );
    }
}

#[test]
fn only_what_is_taken_makes_a_lock_stale() {
    let inputs =
        |lock: &str| variants_of(&[("spec.toml", &spec("\"pixi.lock\"")), ("pixi.lock", lock)])[0].inputs();
    let before = inputs(&pixi_6());
    // Another environment, and what is not read, may change.
    let other = pixi_6()
        .replace("cuda-version-12.4", "cuda-version-12.5")
        .replace("size: 31", "size: 31\n  license: X");
    assert_eq!(inputs(&other), before);
    assert_ne!(inputs(&pixi_6().replace(A, &"cd".repeat(32))), before);
    assert_ne!(inputs(&pixi_6().replace("python-3.11.2-0_", "python-3.11.3-0_")), before);
}

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
     help: remove the key: the lock says which Python there is
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
    assert_snapshot!(with(spec("docs", "linux/amd64"), pixi_6()), @r#"
     × `pixi.lock` has PyPI packages that are not wheels with a sha256: `docs`, `sphinx`
       ╭─[pixi.lock:41:3]
    40 │   name: theirs
    41 │ - pypi: https://files.example/sphinx-7.0-py3-none-any.whl
       ·   ▲
       ·   ╰── the first of them
    42 │   name: sphinx
       ╰────
     help: lock the environment without them, and build each into a wheel or a conda package that it
           can be locked with
    "#);
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
    let spec = super::locks::spec("{ file = \"conda-lock.yml\", categories = [\"docs\"] }");
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
           { version = "3.11", from = "debian" }`
    "#);
    let list = "@EXPLICIT\nhttps://c.example/noarch/a-1-0.conda\n# pip sphinx @ https://files.example/sphinx-7.0-py3-none-any.whl#sha256=ab\n";
    let spec = super::locks::spec("\"list.txt\"");
    assert_snapshot!(message_of(&[("spec.toml", &spec), ("list.txt", list)]), @r#"
     × `list.txt` has PyPI packages that are not wheels with a sha256: `sphinx`
      ╭─[list.txt:3:1]
    2 │ https://c.example/noarch/a-1-0.conda
    3 │ # pip sphinx @ https://files.example/sphinx-7.0-py3-none-any.whl#sha256=ab
      · ─────────────────────────────────────┬────────────────────────────────────
      ·                                      ╰── the first of them
      ╰────
     help: lock the environment without them, and build each into a wheel or a conda package that it
           can be locked with
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
    32 │ - conda: https://***********@conda.example/t/token/nvidia/noarch/cuda-version-12.4-0.conda
       ╰────
    "#);
    assert_snapshot!(with(""), @"
    × the file must hold a table, but holds empty
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

#[test]
fn a_lock_of_a_large_project_is_read() {
    let mut lock =
        "version: 6\nenvironments:\n  default:\n    channels: []\n    packages:\n      linux-64:\n"
            .to_owned();
    let url = |number: usize| format!("https://conda.example/forge/noarch/package{number}-1.0-0.conda");
    for number in 0..3000 {
        lock.push_str(&format!("      - conda: {}\n", url(number)));
    }
    lock.push_str("packages:\n");
    for number in 0..20_000 {
        lock.push_str(&format!("- conda: {}\n  sha256: {A}\n  md5: {M}\n  depends:\n", url(number)));
        for depends in 0..4 {
            lock.push_str(&format!("  - package{depends} >=1.0,<2.0a0\n"));
        }
        lock.push_str("  license: MIT\n  size: 1000\n  timestamp: 1700000000000\n");
    }
    assert!(lock.len() > 4 << 20, "{}", lock.len());
    let all = variants_of(&[("spec.toml", &spec("\"pixi.lock\"")), ("pixi.lock", &lock)]);
    assert_eq!(taken(&all[0]).lines().count(), 3001);
    assert_eq!(LockFormat::Pixi.title(), "a lock of pixi");
}

//! Files in which another tool has locked packages.

mod read;
mod refused;
mod wheels;

use imgbuild_environment::LockedList;

use crate::{CondaPackages, Variant};

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
    let channels: Vec<String> = conda.channels.iter().map(|channel| channel.name.to_string()).collect();
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

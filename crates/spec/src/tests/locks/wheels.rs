//! The wheels that locks list beside conda's packages.

use imgbuild_environment::LockFormat;
use imgbuild_requirement::RequirementSource;
use insta::assert_snapshot;

use crate::tests::locks::{A, B};
use crate::tests::{message_of, variants_of};
use crate::{PipPackages, Variant};

fn pixi() -> String {
    format!(
        "version: 6
environments:
  default:
    channels:
    - url: https://conda.example/forge/
    packages:
      linux-64:
      - conda: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
      - pypi: https://me:s3cret@files.example/a/Sphinx_Theme-7.0-py3-none-any.whl?token=s3cret#x
      - pypi: direct+https://files.example/torch-2.3.0%2Bcu118-1-cp311-cp311-linux_x86_64.whl
      linux-aarch64:
      - conda: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
      - pypi: https://files.example/old-1.0.tar.gz
      - pypi: ./mine
      - pypi: git+https://me:s3cret@git.example/theirs?branch=main&subdirectory=python#0123
      - pypi: https://files.example/bare-1.0-py3-none-any.whl
      - pypi: ./built/own-1.0-py3-none-any.whl
      - pypi: https://files.example/six-1.16.0-py2.py3-none-any.whl
packages:
- conda: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
  sha256: {A}
- pypi: https://me:s3cret@files.example/a/Sphinx_Theme-7.0-py3-none-any.whl?token=s3cret#x
  name: sphinx-theme
  version: '7.0'
  sha256: {A}
  size: 31
- pypi: direct+https://files.example/torch-2.3.0%2Bcu118-1-cp311-cp311-linux_x86_64.whl
  name: torch
  sha256: {B}
- pypi: https://files.example/old-1.0.tar.gz
  name: old
  sha256: {A}
- pypi: ./mine
  name: mine
  version: 0.1.0
  sha256: {B}
  editable: true
- pypi: git+https://me:s3cret@git.example/theirs?branch=main&subdirectory=python#0123
  name: theirs
- pypi: https://files.example/bare-1.0-py3-none-any.whl
  name: bare
- pypi: ./built/own-1.0-py3-none-any.whl
  name: own
- pypi: https://files.example/six-1.16.0-py2.py3-none-any.whl
  name: six
  sha256: {A}
"
    )
}

const CONDA_LOCK: &str = "version: 1
metadata: { channels: [], platforms: [linux-64] }
package:
- name: python
  manager: conda
  platform: linux-64
  url: https://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda
  hash: { md5: 0123456789abcdef0123456789abcdef }
- name: six
  manager: pip
  platform: linux-64
  url: https://files.example/six-1.16.0-py2.py3-none-any.whl
  hash: { sha256: abababababababababababababababababababababababababababababababab }
";

const SPEC: &str = "name = \"a\"\nplatforms = [\"linux/amd64\"]\nenv = \"pixi.lock\"\n";

fn shown(variant: &Variant) -> String {
    let PipPackages::Listed(listed) = &variant.pip.as_ref().unwrap().packages else { panic!("{variant:?}") };
    let line = |it: &imgbuild_environment::ListedPackage| {
        let (name, version) = (it.name.as_ref().map(ToString::to_string), it.version.as_deref());
        let sha256 = it.sha256.map(|sha256| sha256.hex()[..4].to_owned());
        let place = match &it.source {
            RequirementSource::Index => "index".to_owned(),
            RequirementSource::Url(url) => url.to_string(),
            RequirementSource::Git { url, revision, subdirectory } => {
                format!("{url} {} {subdirectory:?}", revision.as_deref().unwrap_or_default())
            }
            RequirementSource::Path { path, editable } => format!("{} {editable}", path.display()),
        };
        let (name, version) = (name.unwrap_or_default(), version.unwrap_or_default());
        format!("{name} {version} {place} {sha256:?} {:?} {:?} <- {}\n", it.md5, it.size, it.origin)
    };
    listed.packages.iter().map(line).collect()
}

#[test]
fn those_of_pixi() {
    let variant = variants_of(&[("spec.toml", SPEC), ("pixi.lock", &pixi())]).remove(0);
    assert_snapshot!(shown(&variant), @r#"
    sphinx-theme 7.0 https://files.example/a/Sphinx_Theme-7.0-py3-none-any.whl Some("abab") None Some(31) <- pixi.lock:22
    torch 2.3.0+cu118 https://files.example/torch-2.3.0%2Bcu118-1-cp311-cp311-linux_x86_64.whl Some("1234") None None <- pixi.lock:27
    "#);
    assert!(!format!("{variant:?}").contains("s3cret"));
}

#[test]
fn those_of_conda_lock_and_of_its_explicit_list() {
    let spec = SPEC.replace("pixi.lock", "conda-lock.yml");
    let of_lock = variants_of(&[("spec.toml", &spec), ("conda-lock.yml", CONDA_LOCK)]).remove(0);
    assert_snapshot!(shown(&of_lock), @r#"six 1.16.0 https://files.example/six-1.16.0-py2.py3-none-any.whl Some("abab") None None <- conda-lock.yml:9"#);
    let list = format!(
        "@EXPLICIT\nhttps://conda.example/forge/linux-64/python-3.11.2-0_cpython.conda\n\
         # pip six @ https://files.example/six-1.16.0-py2.py3-none-any.whl#sha256={A}\n"
    );
    let spec = SPEC.replace("pixi.lock", "list.txt");
    let of_list = variants_of(&[("spec.toml", &spec), ("list.txt", &list)]).remove(0);
    assert_eq!(
        shown(&of_list).split(" <- ").next(),
        shown(&of_lock).split(" <- ").next(),
        "a wheel is the same one wherever it is listed"
    );
    let PipPackages::Listed(listed) = of_list.pip.unwrap().packages else { panic!() };
    assert_eq!((listed.format, listed.file.as_str()), (LockFormat::Explicit, "list.txt"));
}

#[test]
fn a_lock_is_stale_when_its_wheels_are_others() {
    let inputs = |lock: &str| variants_of(&[("spec.toml", SPEC), ("pixi.lock", lock)])[0].inputs();
    let before = inputs(&pixi());
    assert_ne!(inputs(&pixi().replace(B, &"cd".repeat(32))), before);
    assert_ne!(inputs(&pixi().replace("Theme-7.0", "Theme-7.1")), before);
    assert_eq!(inputs(&pixi().replace("six-1.16.0", "six-1.17.0").replace("s3cret", "other")), before);
}

#[test]
fn what_is_built_and_what_has_no_hash() {
    let spec = SPEC.replace("amd64", "arm64").replace("pixi.lock", "below/pixi.lock");
    let variant = variants_of(&[("spec.toml", &spec), ("below/pixi.lock", &pixi())]).remove(0);
    assert_snapshot!(shown(&variant), @r#"
    old  https://files.example/old-1.0.tar.gz Some("abab") None None <- below/pixi.lock:30
    mine 0.1.0 below/mine true None None None <- below/pixi.lock:33
    theirs  https://git.example/theirs 0123 Some("python") None None None <- below/pixi.lock:38
    bare 1.0 https://files.example/bare-1.0-py3-none-any.whl None None None <- below/pixi.lock:40
    own 1.0 below/built/own-1.0-py3-none-any.whl false None None None <- below/pixi.lock:42
    six 1.16.0 https://files.example/six-1.16.0-py2.py3-none-any.whl Some("abab") None None <- below/pixi.lock:44
    "#);
    assert!(!format!("{variant:?}").contains("s3cret"));
    // conda-lock has the commit of a repository in the place of a hash, and of some indexes MD5 alone.
    let spec = SPEC.replace("pixi.lock", "conda-lock.yml");
    let lock = format!(
        "{CONDA_LOCK}- name: theirs\n  version: 1.0\n  manager: pip\n  platform: linux-64\n  \
         url: git+https://git.example/theirs.git@0123456789012345678901234567890123456789\n  \
         hash: {{ sha256: 0123456789012345678901234567890123456789 }}\n\
         - name: old\n  version: 1.0\n  manager: pip\n  platform: linux-64\n  url: https://files.example/old-1.0.zip\n  \
         hash: {{ md5: 0123456789abcdef0123456789abcdef }}\n"
    );
    let variant = variants_of(&[("spec.toml", &spec), ("conda-lock.yml", &lock)]).remove(0);
    assert_snapshot!(shown(&variant), @r#"
    six 1.16.0 https://files.example/six-1.16.0-py2.py3-none-any.whl Some("abab") None None <- conda-lock.yml:9
    theirs 1.0 https://git.example/theirs.git 0123456789012345678901234567890123456789 None None None None <- conda-lock.yml:14
    old 1.0 https://files.example/old-1.0.zip None Some(Md5([1, 35, 69, 103, 137, 171, 205, 239, 1, 35, 69, 103, 137, 171, 205, 239])) None <- conda-lock.yml:20
    "#);
}

#[test]
fn what_cannot_be_had() {
    let strange = pixi().replace("./mine", "hg+https://h.example/mine");
    let spec = SPEC.replace("amd64", "arm64");
    assert_snapshot!(message_of(&[("spec.toml", &spec), ("pixi.lock", &strange)]), @r#"
     × `pixi.lock` has PyPI packages that cannot be had from where it says that they are: `mine`
       ╭─[pixi.lock:33:3]
    32 │   sha256: abababababababababababababababababababababababababababababababab
    33 │ - pypi: hg+https://h.example/mine
       ·   ▲
       ·   ╰── the first of them
    34 │   name: mine
       ╰────
     help: a wheel or an archive of sources is at a URL of `https` or at a path, a repository at a
           URL of git, a project in a folder
    "#);
    let bad = pixi().replace(B, "1234");
    assert_snapshot!(message_of(&[("spec.toml", SPEC), ("pixi.lock", &bad)]), @r#"
     × `pixi.lock` cannot be used: `1234` is not a sha256
       ╭─[pixi.lock:27:3]
    26 │   size: 31
    27 │ - pypi: direct+https://files.example/torch-2.3.0%2Bcu118-1-cp311-cp311-linux_x86_64.whl
       ·   ▲
       ·   ╰── here
    28 │   name: torch
       ╰────
    "#);
}

#[test]
fn something_beside_listed_wheels() {
    let with = |section: &str| {
        let spec = format!("{SPEC}{section}");
        message_of(&[("spec.toml", &spec), ("pixi.lock", &pixi()), ("c.txt", "six<2\n")])
    };
    assert_snapshot!(with("pip.packages = [\"six\"]\n"), @r#"
     × `pip.packages` and `env` exclude each other
      ╭─[spec.toml:4:17]
    3 │ env = "pixi.lock"
    4 │ pip.packages = ["six"]
      ·                 ──┬──
      ·                   ╰── asked for here
      ╰────
     help: `pixi.lock` is a lock of pixi that lists wheels: change it with the tool that wrote it
    "#);
    assert_snapshot!(with("pip.constraints = [\"c.txt\"]\n"), @r#"
     × `pip.constraints` and `env` exclude each other
      ╭─[spec.toml:4:20]
    3 │ env = "pixi.lock"
    4 │ pip.constraints = ["c.txt"]
      ·                    ───┬───
      ·                       ╰── asked for here
      ╰────
     help: `pixi.lock` is a lock of pixi that lists wheels: change it with the tool that wrote it
    "#);
    // What builds may do has nothing to say, and is no mistake.
    let spec = format!("{SPEC}pip.allow-builds = [\"x\"]\n");
    assert_eq!(variants_of(&[("spec.toml", &spec), ("pixi.lock", &pixi())]).len(), 1);
}

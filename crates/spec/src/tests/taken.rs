//! What pip and conda take, and what becomes of it here: each line with its notes.

use imgbuild_environment::LockedList;
use imgbuild_oci::Platform;
use imgbuild_requirement::{FindLinks, PipUrl, RequirementSource};
use insta::assert_snapshot;

use crate::tests::load;
use crate::{CondaPackages, PipPackages, Spec, Variant};

const PYTHON: &str = "python = \"3.11\"\n";

fn spec_of(files: &[(&str, &str)]) -> Spec {
    load(files).unwrap_or_else(|error| panic!("{}", super::render(&error)))
}

fn notes(spec: &Spec) -> String {
    spec.notes().iter().map(|note| format!("{note}\n")).collect()
}

fn only(spec: &Spec) -> Variant {
    spec.variants(Platform::LinuxAmd64).unwrap().remove(0)
}

/// What is asked for by a requirements file, and the notes.
fn file(text: &str) -> String {
    let spec = format!("name = \"a\"\n{PYTHON}pip.requirements = \"sub/r.txt\"\n");
    let spec = spec_of(&[("spec.toml", &spec), ("sub/r.txt", text)]);
    shown(&spec)
}

/// What is asked for by the pip part of an environment file, and the notes.
fn pip_part(lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("    - {line}\n")).collect();
    let environment = format!("dependencies:\n  - python\n  - pip:\n{lines}");
    let spec = "name = \"a\"\nenv = \"sub/e.yml\"\n";
    shown(&spec_of(&[("spec.toml", spec), ("sub/e.yml", &environment)]))
}

fn shown(spec: &Spec) -> String {
    let pip = only(spec).pip.unwrap();
    let PipPackages::Requirements(requirements) = &pip.packages else { panic!("{pip:?}") };
    let mut text = String::new();
    for it in requirements {
        let name = it.name.as_ref().map_or("?", |name| name.as_str());
        text.push_str(&format!("{name} {:?}: {}", it.extras, it.text));
        match &it.source {
            RequirementSource::Index => {}
            source => text.push_str(&format!(" {source:?}")),
        }
        text.push('\n');
    }
    let urls: Vec<&str> =
        pip.index_url.iter().chain(&pip.extra_index_urls).map(|it: &PipUrl| it.secret().whole()).collect();
    let links: Vec<String> = pip.find_links.iter().map(FindLinks::shown).collect();
    if !urls.is_empty() || !links.is_empty() || pip.no_index {
        text.push_str(&format!("indexes {urls:?} links {links:?} none {}\n", pip.no_index));
    }
    text + &notes(spec)
}

#[test]
fn what_pip_freeze_writes_of_editable_projects() {
    let lines = [
        "-e git+https://git.example/team/x.git@0a1b2c#egg=x",
        "-e git+ssh://git@git.example/team/y.git@v1#egg=y[cli,dev]&subdirectory=src/y",
        "-e git+git@git.example:team/z.git@main#egg=z",
        "--editable=git+https://git.example/w#subdirectory=w&egg=w[a]",
        "-e git+https://me:s3cret@git.example/v#egg=v",
        "-e v2 @ git+https://git.example/v",
        "-e .",
        "-e .[dev]",
        "-e '../my folder'",
    ];
    let text = file(&lines.join("\n"));
    assert_snapshot!(text, @r#"
    x []: git+https://git.example/team/x.git@0a1b2c#egg=x Git { url: "https://git.example/team/x.git", revision: Some("0a1b2c"), subdirectory: None }
    y ["cli", "dev"]: git+ssh://git@git.example/team/y.git@v1#egg=y[cli,dev]&subdirectory=src/y Git { url: "ssh://git@git.example/team/y.git", revision: Some("v1"), subdirectory: Some("src/y") }
    z []: git+git@git.example:team/z.git@main#egg=z Git { url: "ssh://git@git.example/team/z.git", revision: Some("main"), subdirectory: None }
    w ["a"]: git+https://git.example/w#subdirectory=w&egg=w[a] Git { url: "https://git.example/w", revision: None, subdirectory: Some("w") }
    v []: git+https://git.example/v#egg=v Git { url: "https://git.example/v", revision: None, subdirectory: None }
    v2 []: v2 @ git+https://git.example/v Git { url: "https://git.example/v", revision: None, subdirectory: None }
    ? []: ./sub Path { path: "sub", editable: true }
    ? ["dev"]: ./sub[dev] Path { path: "sub", editable: true }
    ? []: ./sub/../my folder Path { path: "sub/../my folder", editable: true }
    sub/r.txt:1: `git+https://git.example/team/x.git@0a1b2c#egg=x` is installed in the usual way, not as `-e` says
    sub/r.txt:2: `git+ssh://git@git.example/team/y.git@v1#egg=y[cli,dev]&subdirectory=src/y` is installed in the usual way, not as `-e` says
    sub/r.txt:3: `git+git@git.example:team/z.git@main#egg=z` is installed in the usual way, not as `-e` says
    sub/r.txt:4: `git+https://git.example/w#subdirectory=w&egg=w[a]` is installed in the usual way, not as `-e` says
    sub/r.txt:5: `git+https://git.example/v#egg=v` is installed in the usual way, not as `-e` says
    sub/r.txt:6: `v2 @ git+https://git.example/v` is installed in the usual way, not as `-e` says
    sub/r.txt:7: `./sub` is installed in the usual way, not as `-e` says
    sub/r.txt:8: `./sub[dev]` is installed in the usual way, not as `-e` says
    sub/r.txt:9: `./sub/../my folder` is installed in the usual way, not as `-e` says
    "#);
    let in_environment = pip_part(&lines.map(|line| format!("{line:?}")).each_ref().map(String::as_str));
    let without_places = |text: &str| {
        let line = |line: &str| line.split_once(": ").map_or(line.to_owned(), |(_, rest)| rest.to_owned());
        text.lines().map(line).collect::<Vec<_>>()
    };
    assert_eq!(without_places(&in_environment), without_places(&text));
    // In the spec, `-e` of a folder is the project's own word.
    let spec =
        format!("name = \"a\"\n{PYTHON}[pip]\npackages = [\"-e .\", \"-e git+https://git.example/x\"]\n");
    assert_snapshot!(notes(&spec_of(&[("spec.toml", &spec)])), @"spec.toml:4: `git+https://git.example/x` is installed in the usual way, not as `-e` says");
}

#[test]
fn options_that_are_followed() {
    assert_snapshot!(file(
        "-f wheels\n--find-links=../more\n--find-links https://links.example/x.html\n-fhttps://links.example/${TOKEN}/y.html\n\
         -f file:///srv/wheels\n-f wheels\n--no-index\nsix\n"
    ), @r#"
    six []: six
    indexes [] links ["sub/wheels", "sub/../more", "https://links.example/x.html", "https://links.example/${TOKEN}/y.html", "/srv/wheels"] none true
    "#);
    assert_snapshot!(file(
        "-i https://a.example/simple\n--extra-index-url https://b.example\n--extra-index-url=https://c.example\n\
         --extra-index \"https://d.example\" --pre\n--index-url=https://a.example/simple\nsix\n"
    ), @r#"
    six []: six
    indexes ["https://a.example/simple", "https://b.example", "https://c.example", "https://d.example"] links [] none false
    "#);
    // What the spec says goes first.
    let spec = format!(
        "name = \"a\"\n{PYTHON}[pip]\nindex-url = \"https://own.example\"\nrequirements = \"r.txt\"\nallow-builds = [\"six\"]\n"
    );
    let files = [
        ("spec.toml", spec.as_str()),
        ("r.txt", "--no-index\n--only-binary six,numpy\n--only-binary numpy\nsix\n"),
    ];
    assert_snapshot!(shown(&spec_of(&files)), @r#"
    six []: six
    indexes ["https://own.example"] links [] none false
    r.txt:1: `--no-index` is not followed: `[pip] index-url` names an index
    r.txt:2: `--only-binary six,numpy` is not followed: `[pip] allow-builds` permits to build where no wheel fits
    "#);
}

#[test]
fn options_that_do_nothing_here_are_told() {
    let lines = [
        "--trusted-host wheels.example --trusted-host=other.example:8080",
        "--use-feature=fast-deps",
        "--no-binary :all:",
        "--no-binary=h5py,numpy",
        "--no-binary :none:",
        "--only-binary=:all:",
        "--prefer-binary",
        "--process-dependency-links",
        "--allow-external x",
        "six --config-settings a=b",
        "numpy --global-option=\"--x\" --global-option=--y",
    ];
    let text = file(&lines.join("\n"));
    assert_snapshot!(text, @"
    six []: six
    numpy []: numpy
    sub/r.txt:1: `--trusted-host wheels.example` is not followed: certificates are always checked, and `http://` needs no permission
    sub/r.txt:1: `--trusted-host other.example:8080` is not followed: certificates are always checked, and `http://` needs no permission
    sub/r.txt:2: `--use-feature fast-deps` does nothing here: it is about pip itself
    sub/r.txt:3: `--no-binary :all:` is not followed: a wheel is taken where there is one that fits
    sub/r.txt:4: `--no-binary h5py,numpy` is not followed: a wheel is taken where there is one that fits
    sub/r.txt:8: `--process-dependency-links` does nothing here, nor in pip for years
    sub/r.txt:9: `--allow-external` does nothing here, nor in pip for years
    sub/r.txt:10: `--config-settings` is not followed: it is about building, and a wheel is taken
    sub/r.txt:11: `--global-option` is not followed: it is about building, and a wheel is taken
    ");
}

#[test]
fn variables_stand_anywhere() {
    assert_snapshot!(file(
        "numpy==${SET_1}.26\n-e ./${SET_FOLDER}/x\nsix @ https://${UNSET}@h.example/six-1-py3-none-any.whl\n\
         --extra-index-url https://${UNSET}:${SET_X}@i.example\n${SET_PANDAS}\n"
    ), @r#"
    numpy []: numpy==1.26
    ? []: ./sub/folder/x Path { path: "sub/folder/x", editable: true }
    six []: six @ https://h.example/six-1-py3-none-any.whl Url("https://h.example/six-1-py3-none-any.whl")
    pandas []: pandas
    indexes ["https://${UNSET}:${SET_X}@i.example"] links [] none false
    sub/r.txt:2: `./sub/folder/x` is installed in the usual way, not as `-e` says
    "#);
}

#[test]
fn files_in_other_encodings() {
    let utf_16: Vec<u8> =
        "\u{feff}numpy==1.26.4\r\n# é\r\nsix\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let environment: Vec<u8> =
        "\u{feff}dependencies:\r\n  - python\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let read = |path: &std::path::Path, _: usize| match path.to_str() {
        Some("spec.toml") => {
            Ok("\u{feff}name = \"a\"\nenv = \"e.yml\"\npip.requirements = [\"r.txt\", \"l.txt\"]\n".into())
        }
        Some("r.txt") => Ok(utf_16.clone()),
        Some("e.yml") => Ok(environment.clone()),
        _ => Ok(b"# -*- coding: latin-1 -*-\nrich # \xe9\n".to_vec()),
    };
    let surroundings = imgbuild_document::files::Surroundings { read: &read, variables: &|_: &str| None };
    let spec = Spec::load_with(std::path::Path::new("spec.toml"), surroundings).unwrap();
    assert_snapshot!(shown(&spec), @"
    numpy []: numpy==1.26.4
    six []: six
    rich []: rich
    ");
}

#[test]
fn an_environment_file_may_say_more_than_is_meant_here() {
    let environment = "\
name: e
platforms: [linux-64]
category: dev
dependecies: [x]
channels: $SET_MINE
dependencies:
  - python 3.11.*
  - numpy[version='>=1.20,<2']
  - scipy=1.2=py_0
  - other::pkg
  - conda-forge/noarch::six
  - numpy[version='>=1.20,<2']
  - \"pandas >=1 # why\"
  - sel(linux): on-linux
  - sel(unix): [on-unix, {sel(win): never, sel(linux): deep}]
  - sel(win): on-windows
  - sel(osx): [on-macs]
  - pip:
  - pip: one
  - uv: [two]
variables:
  FLAG: true
  OFF: False
  NUMBER: 1.10
  EMPTY:
prefix: C:\\Users\\me\\e
";
    let spec = spec_of(&[("spec.toml", "name = \"a\"\nenv = \"e.yml\"\n"), ("e.yml", environment)]);
    let conda = only(&spec).conda.unwrap();
    let CondaPackages::Requirements(requirements) = &conda.packages else { panic!("{conda:?}") };
    let names: Vec<&str> = requirements.iter().map(|it| it.text.whole()).collect();
    let channels: Vec<&str> = conda.channels.iter().map(|it| it.name.secret().whole()).collect();
    let variables: Vec<String> =
        conda.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_snapshot!(format!("{names:?}\n{channels:?}\n{variables:?}\n{}", shown(&spec)), @r#"
    ["python 3.11.*", "numpy[version='>=1.20,<2']", "scipy=1.2=py_0", "other::pkg", "conda-forge/noarch::six", "numpy[version='>=1.20,<2']", "pandas >=1 # why", "on-linux", "on-unix", "deep"]
    ["${SET_MINE}", "other", "conda-forge"]
    ["EMPTY=", "FLAG=true", "NUMBER=1.10", "OFF=False"]
    one []: one
    two []: two
    e.yml:2: `platforms` is no key of an environment file, and does nothing
    e.yml:3: `category` is no key of an environment file, and does nothing
    e.yml:4: `dependecies` is no key of an environment file, and does nothing; did you mean `dependencies`?
    "#);
}

#[test]
fn nothing_is_something_too() {
    for environment in
        ["dependencies:\n", "dependencies: []\n", "name: x\nchannels:\ndependencies:\nvariables:\n"]
    {
        let spec = spec_of(&[("spec.toml", "name = \"a\"\nenv = \"e.yml\"\n"), ("e.yml", environment)]);
        assert!(only(&spec).conda.is_some() && spec.notes().is_empty(), "{environment}");
    }
    let spec =
        "name = \"a\"\nenv = \"e.yml\"\n[conda]\nchannels = [\"one\"]\npackages = [\"two::x\", \"one::y\"]\n";
    let environment = "channels: [three, nodefaults, defaults]\ndependencies: [four::z]\n";
    let conda = only(&spec_of(&[("spec.toml", spec), ("e.yml", environment)])).conda.unwrap();
    let channels: Vec<&str> = conda.channels.iter().map(|it| it.name.secret().whole()).collect();
    assert_eq!(channels, ["one", "three", "defaults", "two", "four"]);
}

#[test]
fn a_list_of_conda_is_taken_as_it_is() {
    let list = "# This file may be used to create an environment using:\n# $ conda create --name <env> --file <this file>\n\
                # platform: linux-64\npython=3.9.18=h955ad1f_0\nNumPy=1.24.3=py39h14f4228_0\ntorch=2.1.0+cu118=pypi_0\nold=1.0=<pip>\n";
    let spec = spec_of(&[("spec.toml", "name = \"a\"\nenv = \"packages.txt\"\n"), ("packages.txt", list)]);
    let variant = only(&spec);
    let CondaPackages::Locked(locked) = &variant.conda.as_ref().unwrap().packages else {
        panic!("{variant:?}")
    };
    let LockedList::Builds(builds) = &locked.packages else { panic!("{locked:?}") };
    let builds: Vec<String> =
        builds.iter().map(|it| format!("{}={}={}", it.name, it.version, it.build)).collect();
    assert_eq!(builds, ["python=3.9.18=h955ad1f_0", "numpy=1.24.3=py39h14f4228_0"]);
    assert_snapshot!(shown(&spec), @"
    torch []: torch==2.1.0+cu118
    old []: old==1.0
    ");
    // Who adds a name has it solved.
    let changed = format!("{list}scipy\n");
    let spec =
        spec_of(&[("spec.toml", "name = \"a\"\nenv = \"packages.txt\"\n"), ("packages.txt", &changed)]);
    assert!(matches!(only(&spec).conda.unwrap().packages, CondaPackages::Requirements(it) if it.len() == 3));
}

//! Wheels: what `[pip]`, requirements files and environment files ask for.

use imgbuild_oci::Platform;
use imgbuild_requirement::RequirementSource;
use insta::assert_snapshot;

use crate::tests::{load, variants_of};
use crate::{AllowBuilds, Pip, PipPackages};

/// The wheels of a spec that has a Python.
fn pip(section: &str, files: &[(&str, &str)]) -> Pip {
    let spec = format!("name = \"a\"\npython = \"3.11\"\n{section}");
    let files = [&[("spec.toml", spec.as_str())], files].concat();
    variants_of(&files)[0].pip.clone().unwrap()
}

/// What was read: a line for each requirement, and what is said of all of them.
fn shown(pip: &Pip) -> String {
    let PipPackages::Requirements(requirements) = &pip.packages else { panic!("{pip:?}") };
    let mut text = String::new();
    for it in requirements {
        let name = it.name.as_ref().map_or("?", |name| name.as_str());
        text.push_str(&format!("{name}: {} <- {}", it.text, it.origin));
        match &it.source {
            RequirementSource::Index => {}
            source => text.push_str(&format!(" {source:?}")),
        }
        text.push_str(&format!("{}\n", if it.hashes.is_empty() { "" } else { " hashed" }));
    }
    for it in &pip.constraints {
        text.push_str(&format!("constraint {} <- {}\n", it.text, it.origin));
    }
    let urls: Vec<&str> = pip.extra_index_urls.iter().map(|url| url.secret().whole()).collect();
    let index = pip.index_url.as_ref().map(|url| url.secret().whole());
    text + &format!(
        "index {index:?} {urls:?} pre {} hashes {} builds {:?} <- {}\n",
        pip.prereleases, pip.require_hashes, pip.allow_builds, pip.origin
    )
}

#[test]
fn every_key_of_the_section() {
    let section = r#"[pip]
packages = [
  "Transformers >= 4.40, <5",
  "tool[cli, extra] @ git+https://git.example/tool@v1#subdirectory=python ; python_version < '3.12'",
  "./local-project",
  "-e ./local-project",
  "https://files.example/six-1.16.0-py2.py3-none-any.whl",
]
requirements = ["requirements.txt", "more/dev.txt"]
constraints = "constraints.txt"
index-url = "https://me:secret@index.example/simple"
extra-index-urls = ["https://wheels.example/simple"]
allow-builds = ["Local.Project", "tool"]
"#;
    let files = [
        ("requirements.txt", "numpy\n"),
        ("more/dev.txt", "--index-url https://other.example/simple\n-c ../constraints.txt\n./mine[test]\n"),
        ("constraints.txt", "numpy<2 # the old one\n"),
        ("more/../constraints.txt", "numpy<2\n"),
    ];
    assert_snapshot!(shown(&pip(section, &files)), @r#"
    transformers: Transformers>=4.40,<5 <- spec.toml:5
    tool: tool[cli,extra] @ git+https://git.example/tool@v1#subdirectory=python ; python_version < '3.12' <- spec.toml:6 Git { url: "https://git.example/tool", revision: Some("v1"), subdirectory: Some("python") }
    ?: ./local-project <- spec.toml:7 Path { path: "local-project", editable: false }
    ?: ./local-project <- spec.toml:8 Path { path: "local-project", editable: true }
    six: https://files.example/six-1.16.0-py2.py3-none-any.whl <- spec.toml:9 Url("https://files.example/six-1.16.0-py2.py3-none-any.whl")
    numpy: numpy <- requirements.txt:1
    ?: ./more/mine[test] <- more/dev.txt:3 Path { path: "more/mine", editable: false }
    constraint numpy<2 <- more/../constraints.txt:1
    constraint numpy<2 <- constraints.txt:1
    index Some("https://me:secret@index.example/simple") ["https://wheels.example/simple"] pre false hashes false builds Named([ProjectName("local-project"), ProjectName("tool")]) <- spec.toml:5
    "#);
}

#[test]
fn a_requirements_file_is_read_as_pip_reads_it() {
    let files = [
        (
            "requirements.txt",
            "# what we need\n\
             \u{20} numpy>=1.26   # numbers\n\
             pandas (>=2.0) ; \\\n\
             \u{20}   python_version >= \"3.9\" and platform_machine != 'i686'\n\
             -r more/requirements.txt\n\
             -cconstraints.txt\n\
             --extra-index-url=https://${USER}:${PASSWORD}@wheels.example/simple\n\
             --pre --only-binary :all:\n\
             --prefer-binary\n\
             -e 'folder with spaces'\n\
             name @ file:///srv/wheels/name-1.0-py3-none-any.whl\n\
             git+ssh://git@git.example/team/x.git@main#egg=x&subdirectory=src\n\
             ./wheels/Some_Thing-1.0+cu118-py3-none-any.whl\n\
             zipp===3.1\n\
             --editable=./proj[dev] ; python_version >= '3.9'\n\
             a @ https://files.example/a-1.0.tar.gz; os_name == 'posix'\n\
             b @ file:./b\n",
        ),
        ("more/requirements.txt", "-i https://index.example/simple\n../beside\n-r deeper.txt\n"),
        ("more/deeper.txt", "scipy\r\n\r\nother @ ./other\r\n"),
        ("constraints.txt", "scipy!=1.12\n"),
    ];
    assert_snapshot!(shown(&pip("[pip]\nrequirements = \"requirements.txt\"\n", &files)), @r#"
    numpy: numpy>=1.26 <- requirements.txt:2
    pandas: pandas>=2.0 ; python_version >= "3.9" and platform_machine != 'i686' <- requirements.txt:3
    ?: ./more/../beside <- more/requirements.txt:2 Path { path: "more/../beside", editable: false }
    scipy: scipy <- more/deeper.txt:1
    other: other @ ./more/other <- more/deeper.txt:3 Path { path: "more/other", editable: false }
    ?: ./folder with spaces <- requirements.txt:10 Path { path: "folder with spaces", editable: true }
    name: name @ file:///srv/wheels/name-1.0-py3-none-any.whl <- requirements.txt:11 Path { path: "/srv/wheels/name-1.0-py3-none-any.whl", editable: false }
    x: git+ssh://git@git.example/team/x.git@main#egg=x&subdirectory=src <- requirements.txt:12 Git { url: "ssh://git@git.example/team/x.git", revision: Some("main"), subdirectory: Some("src") }
    some-thing: ./wheels/Some_Thing-1.0+cu118-py3-none-any.whl <- requirements.txt:13 Path { path: "wheels/Some_Thing-1.0+cu118-py3-none-any.whl", editable: false }
    zipp: zipp===3.1 <- requirements.txt:14
    ?: ./proj[dev] ; python_version >= '3.9' <- requirements.txt:15 Path { path: "proj", editable: true }
    a: a @ https://files.example/a-1.0.tar.gz ; os_name == 'posix' <- requirements.txt:16 Url("https://files.example/a-1.0.tar.gz")
    b: b @ ./b <- requirements.txt:17 Path { path: "b", editable: false }
    constraint scipy!=1.12 <- constraints.txt:1
    index Some("https://index.example/simple") ["https://${USER}:${PASSWORD}@wheels.example/simple"] pre true hashes false builds None <- requirements.txt:2
    "#);
}

#[test]
fn the_pip_part_of_an_environment_file_comes_last() {
    let environment = "\
dependencies:
  - python=3.11
  - pip
  - pip:
      - transformers[torch]>=4.40; python_version < '3.12'
      - -r requirements.txt
      - --index-url https://index.example/simple
      - -e .
      - ./sub/project
      - tool @ git+https://git.example/tool
";
    let spec = "name = \"a\"\nenv = \"envs/environment.yml\"\n[pip]\npackages = [\"six\"]\n";
    let files = [
        ("spec.toml", spec),
        ("envs/environment.yml", environment),
        ("envs/requirements.txt", "datasets\n-c ../constraints.txt\n"),
        ("envs/../constraints.txt", "datasets<3\n"),
    ];
    let variant = &variants_of(&files)[0];
    assert_snapshot!(shown(variant.pip.as_ref().unwrap()), @r#"
    six: six <- spec.toml:4
    transformers: transformers[torch]>=4.40 ; python_version < '3.12' <- envs/environment.yml:5
    datasets: datasets <- envs/requirements.txt:1
    ?: ./envs <- envs/environment.yml:8 Path { path: "envs", editable: true }
    ?: ./envs/sub/project <- envs/environment.yml:9 Path { path: "envs/sub/project", editable: false }
    tool: tool @ git+https://git.example/tool <- envs/environment.yml:10 Git { url: "https://git.example/tool", revision: None, subdirectory: None }
    constraint datasets<3 <- envs/../constraints.txt:1
    index Some("https://index.example/simple") [] pre false hashes false builds None <- spec.toml:4
    "#);
    let conda = variant.conda.as_ref().unwrap();
    let crate::CondaPackages::Requirements(requirements) = &conda.packages else { panic!("{conda:?}") };
    assert_eq!(requirements.len(), 2);
    // An export: conda's part is taken as it is, and pip's is requirements.
    let export =
        "dependencies:\n  - python=3.11.2=0_cpython\n  - pip:\n      - six==1.16.0\nprefix: /home/me/e\n";
    let variant = &variants_of(&[("spec.toml", "name = \"a\"\nenv = \"e.yml\"\n"), ("e.yml", export)])[0];
    assert!(matches!(variant.conda.as_ref().unwrap().packages, crate::CondaPackages::Locked(_)));
    assert!(shown(variant.pip.as_ref().unwrap()).starts_with("six: six==1.16.0 <- e.yml:4\n"));
}

/// The requirements of conda's part, and where the part for pip stands that made it want pip.
fn conda_part(top: &str, environment: &str) -> Option<(Vec<String>, Option<String>)> {
    let spec = format!("name = \"a\"\nenv = \"e.yml\"\n{top}");
    let variant = variants_of(&[("spec.toml", &spec), ("e.yml", environment)]).remove(0);
    let conda = variant.conda?;
    let crate::CondaPackages::Requirements(requirements) = &conda.packages else { panic!("{conda:?}") };
    let texts = requirements.iter().map(|it| it.text.public()).collect();
    Some((texts, conda.pip_part.map(|origin| origin.to_string())))
}

#[test]
fn a_part_for_pip_brings_pip_where_nothing_else_brings_python() {
    let part = "  - pip: [six]\n";
    let of = |listed: &str| conda_part("", &format!("dependencies:\n{listed}{part}")).unwrap();
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(of("  - numpy\n"), (texts(&["numpy", "pip"]), Some("e.yml:3".to_owned())));
    assert_eq!(of(""), (texts(&["pip"]), Some("e.yml:2".to_owned())));
    for listed in ["python", "python=3.11", "pip", "pip>=20", "conda-forge::pip", "Python >=3"] {
        assert_eq!(of(&format!("  - {listed}\n")), (texts(&[listed]), None));
    }
    // The spec's own key says which Python.
    let with = |top: &str| conda_part(top, &format!("dependencies:\n  - numpy\n{part}")).unwrap();
    assert_eq!(with("python = \"3.11\"\n"), (texts(&["numpy"]), None));
    assert_eq!(with("python = { version = \"3.11\", from = \"debian\" }\n"), (texts(&["numpy"]), None));
    assert_eq!(with("conda.packages = [\"python\"]\n"), (texts(&["python", "numpy"]), None));
    // No part for pip, no pip.
    assert_eq!(conda_part("", "dependencies:\n  - numpy\n").unwrap(), (texts(&["numpy"]), None));
}

#[test]
fn pip_is_added_to_python_unless_something_speaks_against_it() {
    let pip = |spec: &str| {
        let variant =
            variants_of(&[("spec.toml", &format!("name = \"a\"\npython = \"3.11\"\n{spec}"))]).remove(0);
        variant.conda.unwrap().pip
    };
    assert!(pip(""));
    assert!(pip("conda.pip = true\n"));
    assert!(pip("pip.packages = [\"six\"]\n"));
    assert!(!pip("conda.pip = false\n"));
    // That wheel is the pip of the environment.
    assert!(!pip("pip.packages = [\"pip==24.0\"]\n"));
}

#[test]
fn env_may_name_what_the_section_may() {
    let requirements = ("requirements.txt", "six\n");
    let by_env = variants_of(&[
        (
            "spec.toml",
            "name = \"a\"\npython = { version = \"3.11\", from = \"debian\" }\nenv = \"requirements.txt\"\n",
        ),
        requirements,
    ]);
    let by_key = variants_of(&[
        (
            "spec.toml",
            "name = \"a\"\npython = { version = \"3.11\", from = \"debian\" }\npip.requirements = \"requirements.txt\"\n",
        ),
        requirements,
    ]);
    assert_eq!(by_env[0].inputs(), by_key[0].inputs());
    assert!(by_env[0].conda.is_none(), "wheels alone need no conda environment");
    // Nor does an environment file that names nothing else.
    let spec =
        "name = \"a\"\npython = { version = \"3.11\", from = \"debian\" }\nenv = \"environment.yml\"\n";
    let environment = "name: e\ndependencies:\n  - pip:\n    - six\n";
    let variant = &variants_of(&[("spec.toml", spec), ("environment.yml", environment)])[0];
    assert!(variant.conda.is_none() && variant.pip.is_some());
}

#[test]
fn a_pylock_is_taken_as_it_is() {
    for name in ["pylock.toml", "locks/pylock.cuda.toml"] {
        for key in ["env", "pip.requirements"] {
            let spec =
                format!("name = \"a\"\npython = \"3.11\"\n{key} = \"{name}\"\npip.allow-builds = true\n");
            let variant = variants_of(&[("spec.toml", &spec), (name, "lock-version = \"1.0\"\n")]).remove(0);
            let pip = variant.pip.unwrap();
            let PipPackages::Pylock(file) = &pip.packages else { panic!("{pip:?}") };
            assert_eq!((file.path.to_str(), file.text.as_str()), (Some(name), "lock-version = \"1.0\"\n"));
            assert_eq!((file.origin.line(), pip.allow_builds), (3, AllowBuilds::All));
        }
    }
}

#[test]
fn hashes_hold_every_requirement() {
    let (a, b) = ("ab".repeat(32), "CD".repeat(32));
    let hashed = format!(
        "six==1.16.0 \\\n    --hash=sha256:{a} \\\n    --hash sha256:{b} \\\n    --hash=sha512:00\n\
         x @ https://files.example/x-1-py3-none-any.whl --hash=sha256:{a}\n"
    );
    let pip = pip("pip.requirements = \"requirements.txt\"\n", &[("requirements.txt", &hashed)]);
    assert!(pip.require_hashes);
    let PipPackages::Requirements(requirements) = &pip.packages else { panic!("{pip:?}") };
    let hashes: Vec<String> = requirements[0].hashes.iter().map(ToString::to_string).collect();
    assert_eq!(hashes, [format!("sha256:{a}"), format!("sha256:{}", b.to_lowercase())]);
    assert_eq!(requirements[0].text.whole(), "six==1.16.0");
}

#[test]
fn nothing_to_install_is_nothing() {
    for (section, text) in [
        ("pip = {}\n", ""),
        ("pip.packages = []\n", ""),
        ("pip.index-url = \"https://index.example\"\n", ""),
        ("pip.requirements = \"requirements.txt\"\n", "# nothing yet\n\n"),
        ("pip.constraints = [\"requirements.txt\"]\n", "six==1\n"),
    ] {
        let spec = format!("name = \"a\"\nbase = \"scratch\"\n{section}");
        let variants = variants_of(&[("spec.toml", &spec), ("requirements.txt", text)]);
        assert!(variants[0].pip.is_none(), "{section}");
    }
}

#[test]
fn a_python_may_be_asked_for_in_four_ways() {
    for (spec, environment) in [
        ("python = \"3.11\"\n", "{}"),
        ("python = { version = \"3.11\", from = \"debian\" }\n", "{}"),
        ("conda.packages = [\"forge::python >=3.9\"]\n", "{}"),
        ("", "dependencies: [Python=3.11]\n"),
        ("", "dependencies: [python=3.11=0_cpython]\nprefix: /e\n"),
    ] {
        let spec = format!("name = \"a\"\nenv = \"e.yml\"\n{spec}pip.packages = [\"six\"]\n");
        assert!(variants_of(&[("spec.toml", &spec), ("e.yml", environment)])[0].pip.is_some(), "{spec}");
    }
}

#[test]
fn passwords_are_used_and_never_shown() {
    let section = "[pip]\npackages = [\"x @ git+https://me:s3cret@git.example/x\"]\nindex-url = \"https://me:s3cret@i.example/\"\n\
        extra-index-urls = [\"https://me:s3cret@j.example/\"]\n";
    let with = |secret: &str| {
        let spec = format!("name = \"a\"\npython = \"3.11\"\n{}", section.replace("s3cret", secret));
        variants_of(&[("spec.toml", &spec)]).remove(0)
    };
    let variant = with("s3cret");
    assert!(!format!("{variant:?}").contains("s3cret"));
    assert!(shown(variant.pip.as_ref().unwrap()).contains("https://me:s3cret@i.example/"));
    assert_eq!(variant.inputs(), with("other").inputs());
}

#[test]
fn a_matrix_may_choose_a_file() {
    let spec = "name = \"a\"\ntags = [\"{which}\"]\npython = \"3.11\"\n[pip]\nrequirements = \"{which}.txt\"\n[matrix]\nwhich = [\"a\", \"b\"]\n";
    let all = variants_of(&[
        ("spec.toml", spec),
        ("a.txt", "six\n-r both.txt\n"),
        ("b.txt", "-r both.txt\n"),
        ("both.txt", "numpy\n"),
    ]);
    let counts: Vec<usize> = all
        .iter()
        .map(|variant| match &variant.pip.as_ref().unwrap().packages {
            PipPackages::Requirements(requirements) => requirements.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(counts, [2, 1]);
}

#[test]
fn a_file_may_be_named_twice_and_many_lines_are_read() {
    let many: String = (0..20_000).map(|number| format!("package{number}==1.{number}\n")).collect();
    let spec = "name = \"a\"\npython = \"3.11\"\npip.requirements = [\"a.txt\", \"b.txt\"]\n";
    let files =
        [("spec.toml", spec), ("a.txt", "-r many.txt\n"), ("b.txt", "-r ./many.txt\n"), ("many.txt", &many)];
    let variant = load(&files).unwrap().variants(Platform::LinuxAmd64).unwrap().remove(0);
    let PipPackages::Requirements(requirements) = variant.pip.unwrap().packages else { panic!() };
    assert_eq!(requirements.len(), 40_000);
}

/// The names that a spec with Debian's Python asks for, and whose they are then.
fn with_debians_python(spec: &str, files: &[(&str, &str)]) -> Option<(String, bool)> {
    let spec = format!("name = \"a\"\npython = {{ version = \"3.11\", from = \"debian\" }}\n{spec}");
    let files = [&[("spec.toml", spec.as_str())], files].concat();
    let pip = variants_of(&files)[0].pip.clone()?;
    let PipPackages::Requirements(requirements) = &pip.packages else { panic!("{pip:?}") };
    let names =
        requirements.iter().map(|it| format!("{} {}", it.text, it.origin.key().trim_end_matches("[0]")));
    Some((names.collect::<Vec<_>>().join(", "), pip.writable))
}

#[test]
fn people_who_work_in_an_image_have_pip() {
    let names = |spec: &str| with_debians_python(spec, &[]).unwrap_or_default().0;
    let wheels = "[pip]\npackages = [\"six\"]\n";
    assert_eq!(names("jupyter = true"), "jupyterlab jupyter, pip jupyter");
    assert_eq!(names(&format!("ssh = true\n{wheels}")), "six pip.packages, pip ssh");
    assert_eq!(names(&format!("devcontainer = true\n{wheels}")), "six pip.packages, pip devcontainer");
    assert_eq!(names("ssh = true\npip.packages = [\"pip <26\"]"), "pip<26 pip.packages");
    // Nobody works in these, or asks for wheels, or would find what he installs.
    assert_eq!(names(wheels), "six pip.packages");
    assert_eq!(
        names(&format!("ssh = false\ndevcontainer = false\njupyter = false\n{wheels}")),
        "six pip.packages"
    );
    assert_eq!(names("ssh = true"), "");
    assert_eq!(names("jupyter = true\nuser.site-packages = false"), "jupyterlab jupyter");
}

#[test]
fn pip_is_left_out_where_it_has_no_hash() {
    let files = [(
        "r.txt",
        "six==1.16.0 --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254\n",
    )];
    let spec = "ssh = true\n[pip]\nrequirements = \"r.txt\"\n";
    assert_eq!(with_debians_python(spec, &files).unwrap().0.trim_end(), "six==1.16.0");
}

#[test]
fn a_writable_environment_has_pip() {
    let found = with_debians_python("pip.writable = true", &[]);
    assert_eq!(found, Some(("pip pip.writable".to_owned(), true)));
    // Who asks for pip itself does not give the environment away.
    let found = with_debians_python("pip.packages = [\"pip\"]", &[]);
    assert_eq!(found, Some(("pip pip.packages".to_owned(), false)));
}

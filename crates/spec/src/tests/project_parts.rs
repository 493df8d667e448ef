//! What of a project is taken of its `uv.lock` or its `pylock.toml`.

use imgbuild_requirement::{ProjectName, ProjectParts};
use insta::assert_snapshot;

use crate::PipPackages;
use crate::tests::{message_of, variants_of};

const LOCK: &str = "version = 1\n[[package]]\nname = \"app\"\nsource = { virtual = \".\" }\n";

/// The spec, and the files of a project in the folder `app`.
fn parts(spec: &str, pyproject: Option<&str>) -> ProjectParts {
    let spec = format!("name = \"x\"\npython = {{ version = \"3.11\", from = \"debian\" }}\n{spec}\n");
    let mut files = vec![("spec.toml", spec.as_str()), ("app/uv.lock", LOCK), ("app/pylock.toml", LOCK)];
    files.extend(pyproject.map(|text| ("app/pyproject.toml", text)));
    let variant = variants_of(&files).remove(0);
    match variant.pip.unwrap().packages {
        PipPackages::Pylock(file) => file.parts,
        packages => panic!("{packages:?}"),
    }
}

fn shown(names: &[ProjectName]) -> String {
    names.iter().map(ProjectName::as_str).collect::<Vec<_>>().join(" ")
}

#[test]
fn without_a_choice_the_groups_are_those_that_uv_syncs() {
    let of = |pyproject| {
        let parts = parts("env = \"app/uv.lock\"", pyproject);
        assert_eq!((parts.groups, parts.extras.len()), (None, 0));
        shown(&parts.default_groups)
    };
    assert_eq!(of(None), "dev");
    assert_eq!(of(Some("[project]\nname = \"app\"\n")), "dev");
    assert_eq!(of(Some("[tool.uv]\ndefault-groups = []\n")), "");
    assert_eq!(of(Some("[tool.uv]\ndefault-groups = [\"Test_A\", \"dev\"]\n")), "test-a dev");
    let all = "[dependency-groups]\ntest = []\nlint = [\"ruff\"]\n[tool.uv]\ndefault-groups = \"all\"\n";
    assert_eq!(of(Some(all)), "test lint");
}

#[test]
fn extras_and_groups_are_chosen_by_name() {
    let chosen = parts(
        "env = \"app/uv.lock\"\n[pip]\nextras = [\"CUDA\"]\ngroups = [\"serving\"]",
        Some("[tool.uv]\ndefault-groups = \"all\"\n"),
    );
    assert_eq!(
        (shown(&chosen.extras), chosen.groups.as_deref().map(shown)),
        ("cuda".to_owned(), Some("serving".to_owned()))
    );
    assert_eq!(shown(&chosen.default_groups), "");
    let none = parts("[pip]\nrequirements = \"app/uv.lock\"\ngroups = []", None);
    assert_eq!(none.groups, Some(Vec::new()));
    // A `pylock.toml` says its own.
    assert_eq!(parts("env = \"app/pylock.toml\"", None), ProjectParts::default());
}

#[test]
fn parts_of_what_is_no_project() {
    let told = |pip: &str| {
        message_of(&[
            (
                "spec.toml",
                &format!(
                    "name = \"x\"\npython = {{ version = \"3.11\", from = \"debian\" }}\n[pip]\n{pip}\n"
                ),
            ),
            ("uv.lock", LOCK),
            ("pyproject.toml", "[tool.uv\n"),
        ])
    };
    assert_snapshot!(told("packages = [\"uvicorn\"]\nextras = [\"standard\"]"), @r#"
     × `pip.extras` chooses from a `uv.lock` or a `pylock.toml`, and no such file is named
      ╭─[spec.toml:5:10]
    4 │ packages = ["uvicorn"]
    5 │ extras = ["standard"]
      ·          ──────┬─────
      ·                ╰── asked for here
      ╰────
     help: a requirement has its extras in brackets: `name[extra]`
    "#);
    assert_snapshot!(told("packages = [\"uvicorn\"]\ngroups = [\"dev\"]"), @r#"
     × `pip.groups` chooses from a `uv.lock` or a `pylock.toml`, and no such file is named
      ╭─[spec.toml:5:10]
    4 │ packages = ["uvicorn"]
    5 │ groups = ["dev"]
      ·          ───┬───
      ·             ╰── asked for here
      ╰────
     help: name the lock: `env = "uv.lock"`
    "#);
    assert_snapshot!(told("requirements = \"uv.lock\"\nextras = [\"a b\"]"), @r#"
      × `spec.toml` has 2 mistakes

    Error:
      × `a b` is not the name of a project
       ╭─[spec.toml:5:11]
     4 │ requirements = "uv.lock"
     5 │ extras = ["a b"]
       ·           ──┬──
       ·             ╰── here
       ╰────
      help: write the name alone, in letters, digits, `-`, `_` and `.`

    Error:
      × this is not valid TOML: unclosed table, expected `]`
       ╭─[pyproject.toml:1:9]
     1 │ [tool.uv
       ·         ▲
       ·         ╰── here
       ╰────
    "#);
    assert_snapshot!(told("requirements = \"uv.lock\""), @r"
     × this is not valid TOML: unclosed table, expected `]`
      ╭─[pyproject.toml:1:9]
    1 │ [tool.uv
      ·         ▲
      ·         ╰── here
      ╰────
    ");
}

//! Links in the spec's folder that lead out of it.

use std::fs;
use std::os::unix::fs::symlink;

use imgbuild_oci::Platform;

use crate::Spec;
use crate::tests::render_in;

/// What a spec says, in whose folder `link` leads to a folder beside it that holds `secret`.
fn told(spec: &str) -> String {
    let place = tempfile::tempdir().unwrap();
    let (home, folder) = (place.path().join("home"), place.path().join("project"));
    fs::create_dir_all(home.join("lib")).unwrap();
    fs::write(home.join("secret"), "numpy\n").unwrap();
    fs::create_dir(&folder).unwrap();
    symlink("../home", folder.join("link")).unwrap();
    symlink("../home/secret", folder.join("requirements.txt")).unwrap();
    fs::write(folder.join("nested.txt"), "-e link/lib\n").unwrap();
    let path = folder.join("spec.toml");
    fs::write(&path, format!("name = \"x\"\n{spec}")).unwrap();
    let result = Spec::load(&path).and_then(|spec| spec.variants(Platform::LinuxAmd64));
    let text = result.map_or_else(|error| render_in(&error, 1000), |_| "taken".to_owned());
    text.replace(&place.path().display().to_string(), "…")
}

#[test]
fn no_key_of_a_spec_follows_a_link_out_of_its_folder() {
    for spec in [
        "[[copy]]\nfrom = \"link/secret\"\nto = \"/s\"",
        "[[copy]]\nfrom = \"./link/lib/..\"\nto = \"/s\"",
        "env = \"link/secret\"",
        "env = \"requirements.txt\"",
        "base = { layout = \"link/lib\" }",
        "base = { debian = \"bookworm\", keyring = \"link/secret\" }",
        "python = \"3.11\"\n[pip]\nrequirements = \"requirements.txt\"",
        "python = \"3.11\"\n[pip]\nrequirements = \"nested.txt\"",
        "python = \"3.11\"\n[pip]\nconstraints = \"link/secret\"",
        "python = \"3.11\"\n[pip]\npackages = [\"./link/lib\"]\nallow-builds = true",
        "python = \"3.11\"\n[pip]\npackages = [\"lib @ file:link/lib\"]\nallow-builds = true",
        "[base]\ndebian = \"bookworm\"\n[base.sources.own]\nurl = \"https://packages.example/debian\"\nsuite = \"bookworm\"\nkeyring = \"link/secret\"",
    ] {
        let told = told(spec);
        assert!(
            told.contains("a link leads from there to") || told.contains("leads out of"),
            "{spec}\n{told}"
        );
    }
    // What is named by itself is copied as the link that it is; what says that it is elsewhere is taken from there.
    for spec in [
        "[[copy]]\nfrom = \"link\"\nto = \"/s\"",
        "[[copy]]\nfrom = \"requirements.txt\"\nto = \"/s\"",
        "python = \"3.11\"\n[pip]\nrequirements = \"../home/secret\"",
    ] {
        assert_eq!(told(spec), "taken", "{spec}");
    }
}

#[test]
fn the_line_that_names_it_is_shown() {
    insta::assert_snapshot!(told("[[copy]]\nfrom = \"link/secret\"\nto = \"/s\""), @r#"
     × `link` is in the spec's folder, but a link leads from there to `…/home`
      ╭─[…/project/spec.toml:2:1]
    1 │ name = "x"
    2 │ [[copy]]
      · ────┬───
      ·     ╰── this is copied
    3 │ from = "link/secret"
      ╰────
     help: name what the link leads to, or put it into the spec's folder
    "#);
    insta::assert_snapshot!(told("python = \"3.11\"\n[pip]\nrequirements = \"nested.txt\""), @r#"
     × `link/lib` is in the spec's folder, but a link leads from there to `…/home/lib`
      ╭─[…/project/nested.txt:1:1]
    1 │ -e link/lib
      · ─────┬─────
      ·      ╰── here
      ╰────
     help: name what the link leads to, or put it into the spec's folder
    "#);
}

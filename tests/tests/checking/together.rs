//! Mistakes that are told together.

use insta::assert_snapshot;

use super::{BASE, Bench, PYTHON};

#[test]
fn all_mistakes_are_told_at_once_each_with_its_line() {
    let bench = Bench::new();
    let spec = "tags = [\"{py}\"]\npython = \"{py}\"\n[matrix]\npy = [\"3.10\", \"3.11\"]\n[base]\nmirror = \"URL/debian\"\n\
                [conda]\npackages = [\"numpy >>1\", \"six\", \"scipy ==1,\"]\n[pip]\npackages = [\"./nowhere\"]\n";
    assert_snapshot!(bench.refuses(spec), @r#"
      × `spec.toml` has 3 mistakes

    Error: 
      × cannot lock the conda environment of `x:3.10 (linux/amd64)`
      ╰─▶ `numpy >>1` is not a conda match spec: unable to parse version spec: >>1

    Advice: 
      ☞ it was asked for here
        ╭─[spec.toml:10:13]
      9 │ [conda]
     10 │ packages = ["numpy >>1", "six", "scipy ==1,"]
        ·             ─────┬─────
        ·                  ╰── this requirement
     11 │ [pip]
        ╰────

    Error: 
      × cannot lock the conda environment of `x:3.10 (linux/amd64)`
      ╰─▶ `scipy ==1,` is not a conda match spec: unable to parse version spec: ==1,

    Advice: 
      ☞ it was asked for here
        ╭─[spec.toml:10:33]
      9 │ [conda]
     10 │ packages = ["numpy >>1", "six", "scipy ==1,"]
        ·                                 ──────┬─────
        ·                                       ╰── this requirement
     11 │ [pip]
        ╰────

    Error: 
      × cannot lock the wheels of `x:3.10 (linux/amd64)`
      ╰─▶ the folder `nowhere` cannot be installed: it is not there

    Advice: 
      ☞ it was asked for here
        ╭─[spec.toml:12:13]
     11 │ [pip]
     12 │ packages = ["./nowhere"]
        ·             ─────┬─────
        ·                  ╰── this requirement
        ╰────
    "#);
}

/// What is wrong with the form of a spec hides nothing that is wrong with the rest.
#[test]
fn mistakes_of_form_are_told_with_all_others() {
    let bench = Bench::new();
    let spec = "pythn = \"3.11\"\n[base]\nmirror = \"URL/debian\"\npackages = [3]\n\
                [conda]\npackages = [\"numpy >>1\", 1.5, \"numpy\"]\n\
                [pip]\npackages = [\"./nowhere\", \"requests = 1\"]\n";
    let copied = "[[copy]]\nfrom = \"gone\"\nto = \"/gone\"\n[[copy]]\nto = \"gone\"\n";
    let told = bench.refuses(spec);
    assert_eq!(told.matches("Error:").count(), 6, "{told}");
    let building: &[&[&str]] = &[&["check", "spec.toml"], &["build", "spec.toml"]];
    let of_build = bench.refuses_by(&format!("{spec}{copied}"), building);
    assert_snapshot!(of_build, @r#"
      × `spec.toml` has 9 mistakes

    Error: 
      × unknown key `pythn`
       ╭─[spec.toml:3:1]
     2 │ platforms = ["linux/amd64"]
     3 │ pythn = "3.11"
       · ──┬──
       ·   ╰── here
     4 │ [base]
       ╰────
      help: did you mean `python`?

    Error: 
      × `base.packages[0]` must be a string, but is an integer
       ╭─[spec.toml:6:13]
     5 │ mirror = "URL/debian"
     6 │ packages = [3]
       ·             ┬
       ·             ╰── here
     7 │ [conda]
       ╰────

    Error: 
      × `conda.packages[1]` must be a string, but is a float
       ╭─[spec.toml:8:26]
     7 │ [conda]
     8 │ packages = ["numpy >>1", 1.5, "numpy"]
       ·                          ─┬─
       ·                           ╰── here
     9 │ [pip]
       ╰────

    Error: 
      × the key `copy[1].from` is missing
        ╭─[spec.toml:14:1]
     13 │ to = "/gone"
     14 │ [[copy]]
        · ────┬───
        ·     ╰── here
     15 │ to = "gone"
        ╰────

    Error: 
      × `gone` is not a path in the image: it does not begin with `/`
        ╭─[spec.toml:15:6]
     14 │ [[copy]]
     15 │ to = "gone"
        ·      ───┬──
        ·         ╰── here
        ╰────
      help: write it from the image's root, like `/workspace`

    Error: 
      × `requests = 1` is not a requirement: `= 1` is not a comparison with a version
        ╭─[spec.toml:10:26]
      9 │ [pip]
     10 │ packages = ["./nowhere", "requests = 1"]
        ·                          ───────┬──────
        ·                                 ╰── here
     11 │ [[copy]]
        ╰────
      help: did you mean `requests==1`?

    Error: 
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ `numpy >>1` is not a conda match spec: unable to parse version spec: >>1

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:8:13]
     7 │ [conda]
     8 │ packages = ["numpy >>1", 1.5, "numpy"]
       ·             ─────┬─────
       ·                  ╰── this requirement
     9 │ [pip]
       ╰────

    Error: 
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ the folder `nowhere` cannot be installed: it is not there

    Advice: 
      ☞ it was asked for here
        ╭─[spec.toml:10:13]
      9 │ [pip]
     10 │ packages = ["./nowhere", "requests = 1"]
        ·             ─────┬─────
        ·                  ╰── this requirement
     11 │ [[copy]]
        ╰────

    Error: 
      × `gone` cannot be copied
      ╰─▶ No such file or directory (os error 2)

    Advice: 
      ☞ it was asked for here
        ╭─[spec.toml:11:1]
     10 │ packages = ["./nowhere", "requests = 1"]
     11 │ [[copy]]
        · ────┬───
        ·     ╰── this is copied
     12 │ from = "gone"
        ╰────
    "#);
    // What is copied need not be there to lock.
    let of_lock = bench.refuses_by(&format!("{spec}{copied}"), &[&["lock", "spec.toml"]]);
    assert!(!of_lock.contains("`gone` cannot be copied"), "{of_lock}");
    assert_eq!(of_lock.matches("Error:").count(), of_build.matches("Error:").count() - 1);
}

#[test]
fn of_many_mistakes_the_first_are_shown() {
    let bench = Bench::new();
    let paths: Vec<String> = (0..300).map(|number| format!("./none/{number}")).collect();
    let said = bench.refuses_by(
        &format!("{BASE}{PYTHON}[pip]\npackages = {paths:?}\n"),
        &[&["check", "spec.toml"], &["lock", "spec.toml"]],
    );
    assert!(said.contains("`spec.toml` has 300 mistakes"), "{said}");
    assert!(said.contains("and 280 more mistakes, which are shown when those above are mended"), "{said}");
    assert_eq!(said.matches("it is not there").count(), 20, "{said}");
    assert!(said.lines().count() < 400, "{said}");
}

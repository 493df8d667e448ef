//! What is wrong with what a spec allows.

use insta::assert_snapshot;

use super::{message, variants};

fn said(more: &str) -> String {
    message(&format!("name = \"a\"\n[licenses]\n{more}\n"))
}

#[test]
fn licences_are_those_of_spdx() {
    assert_snapshot!(said("allow = [\"MIT\", \"BSD\"]"), @r#"
     × `BSD` is no licence of SPDX's list
      ╭─[spec.toml:3:17]
    2 │ [licenses]
    3 │ allow = ["MIT", "BSD"]
      ·                 ──┬──
      ·                   ╰── here
      ╰────
     help: write one identifier of https://spdx.org/licenses, like `MIT`, or one that packages have
           for their own, like `LicenseRef-Terms-Of-Use`; what is under no such licence is allowed by
           its name, in `except`
    "#);
    assert_snapshot!(said("allow = [\"MIT OR Apache-2.0\"]"), @r#"
     × `MIT OR Apache-2.0` is no licence of SPDX's list
      ╭─[spec.toml:3:10]
    2 │ [licenses]
    3 │ allow = ["MIT OR Apache-2.0"]
      ·          ─────────┬─────────
      ·                   ╰── here
      ╰────
     help: write one identifier of https://spdx.org/licenses, like `MIT`, or one that packages have
           for their own, like `LicenseRef-Terms-Of-Use`; what is under no such licence is allowed by
           its name, in `except`
    "#);
}

#[test]
fn a_list_of_licences_has_some_and_none_twice() {
    assert_snapshot!(said("allow = []"), @r#"
     × `licenses.allow` must not be empty
      ╭─[spec.toml:3:9]
    2 │ [licenses]
    3 │ allow = []
      ·         ─┬
      ·          ╰── here
      ╰────
     help: name the licences, for example `allow = ["MIT", "BSD-3-Clause"]`
    "#);
    assert_snapshot!(said("allow = [\"MIT\", \"MIT\"]"), @r#"
     × `licenses.allow` has `MIT` twice
      ╭─[spec.toml:3:17]
    2 │ [licenses]
    3 │ allow = ["MIT", "MIT"]
      ·                 ──┬──
      ·                   ╰── again
      ╰────
    "#);
    assert_snapshot!(said("except = { numpy = \"looked at\" }"), @r#"
     × the key `licenses.allow` is missing
      ╭─[spec.toml:2:1]
    1 │ name = "a"
    2 │ [licenses]
      · ─────┬────
      ·      ╰── here
    3 │ except = { numpy = "looked at" }
      ╰────
    "#);
}

#[test]
fn exceptions_are_packages_with_a_reason() {
    assert_snapshot!(said("allow = [\"MIT\"]\nexcept = { \"npm/left-pad\" = \"looked at\" }"), @r#"
     × `npm/left-pad` is not the name of a package
      ╭─[spec.toml:4:12]
    3 │ allow = ["MIT"]
    4 │ except = { "npm/left-pad" = "looked at" }
      ·            ───────┬──────
      ·                   ╰── here
      ╰────
     help: write its name, like `numpy`, or with its ecosystem: `conda/`, `pypi/`, `debian/` or `apk/
           `, behind which `*` stands for all of it
    "#);
    assert_snapshot!(said("allow = [\"MIT\"]\nexcept = { numpy = \" \" }"), @r#"
     × there is no reason here
      ╭─[spec.toml:4:20]
    3 │ allow = ["MIT"]
    4 │ except = { numpy = " " }
      ·                    ─┬─
      ·                     ╰── here
      ╰────
     help: say in a line why this is allowed
    "#);
    assert_snapshot!(said("allow = [\"MIT\"]\nexcept = [\"numpy\"]"), @r#"
     × `licenses.except` must be a table, but is a list
      ╭─[spec.toml:4:10]
    3 │ allow = ["MIT"]
    4 │ except = ["numpy"]
      ·          ────┬────
      ·              ╰── here
      ╰────
    "#);
}

#[test]
fn what_is_allowed_is_known_by_its_identifiers_and_where_it_stands() {
    let text = "name = \"a\"\n[licenses]\nallow = [\"mit\", \"GPL-3.0-only WITH GCC-exception-3.1\"]\nexcept = { \"conda/mkl\" = \"bought\" }\n";
    let [variant] = &variants(text)[..] else { panic!("one") };
    let licences = variant.licences.as_ref().unwrap();
    let allowed: Vec<String> = licences.allow.iter().map(ToString::to_string).collect();
    assert_eq!(allowed, ["MIT", "GPL-3.0-only WITH GCC-exception-3.1"]);
    let excepted: Vec<_> = licences
        .except
        .iter()
        .map(|it| (it.package.as_str(), it.reason.as_str(), it.origin.line()))
        .collect();
    assert_eq!(excepted, [("conda/mkl", "bought", 4)]);
    assert_eq!(licences.origin.line(), 3);
}

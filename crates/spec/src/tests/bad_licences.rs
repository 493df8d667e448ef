//! What is wrong with what a spec allows.

use insta::assert_snapshot;

use super::{message, variants};

fn said(more: &str) -> String {
    message(&format!("name = \"a\"\n[licenses]\n{more}\n"))
}

#[test]
fn licences_are_those_of_spdx() {
    assert_snapshot!(said("allow = [\"MIT\", \"BSD\"]"), @"");
    assert_snapshot!(said("allow = [\"MIT OR Apache-2.0\"]"), @"");
}

#[test]
fn a_list_of_licences_has_some_and_none_twice() {
    assert_snapshot!(said("allow = []"), @"");
    assert_snapshot!(said("allow = [\"MIT\", \"MIT\"]"), @"");
    assert_snapshot!(said("except = { numpy = \"looked at\" }"), @"");
}

#[test]
fn exceptions_are_packages_with_a_reason() {
    assert_snapshot!(said("allow = [\"MIT\"]\nexcept = { \"npm/left-pad\" = \"looked at\" }"), @"");
    assert_snapshot!(said("allow = [\"MIT\"]\nexcept = { numpy = \" \" }"), @"");
    assert_snapshot!(said("allow = [\"MIT\"]\nexcept = [\"numpy\"]"), @"");
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

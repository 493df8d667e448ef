//! What a pin holds a package to, and what one gets that cannot be kept.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails shall say where"
)]

#[path = "support/archive.rs"]
mod archive;

use archive::{Archive, Package, plain_deb};
use imgbuild_debian::Locked;
use imgbuild_spec::Pin;
use insta::assert_snapshot;

fn package(name: &'static str, fields: &'static str) -> Package {
    Package { name, fields, deb: plain_deb(name) }
}

/// `tool` in two versions of Debian, and in a newer one of a vendor.
fn archive() -> Archive {
    let mut archive = Archive::new(vec![
        package("tool", "Version: 1:1.4-1\n"),
        package("tool", "Version: 1:1.5-1\nProvides: drill\n"),
        package("user", "Depends: tool (>= 1:1.5)\n"),
        package("driller", "Depends: drill\n"),
    ]);
    archive.add_flat("vendor", &[package("tool", "Version: 1:2.0-1\nProvides: drill\n")]);
    archive
}

fn pin(package: &str, version: Option<&str>, source: Option<&str>) -> Pin {
    Pin {
        package: package.parse().unwrap(),
        version: version.map(|it| it.parse().unwrap()),
        source: source.map(|it| it.parse().unwrap()),
        origin: archive::origin(),
    }
}

fn tool(locked: &Locked) -> (&str, &str) {
    let tool = locked.packages.iter().find(|it| it.name == "tool").unwrap();
    (&tool.version, &tool.archive)
}

#[test]
fn only_what_fits_is_taken() {
    let mut archive = archive();
    assert_eq!(tool(&archive.lock(&["tool"]).unwrap()), ("1:2.0-1", "vendor"));
    for (version, source, expected) in [
        (Some("1:1.*"), None, ("1:1.5-1", "debian")),
        (Some("1:1.4-1"), None, ("1:1.4-1", "debian")),
        (Some("1:1.4*"), Some("debian"), ("1:1.4-1", "debian")),
        (None, Some("debian"), ("1:1.5-1", "debian")),
        (None, Some("vendor"), ("1:2.0-1", "vendor")),
    ] {
        archive.pins = vec![pin("tool", version, source)];
        assert_eq!(tool(&archive.lock(&["tool"]).unwrap()), expected, "{version:?} {source:?}");
        assert_eq!(archive.lock(&["tool"]).unwrap().set.pins.get("tool").map(String::as_str), version);
    }
}

#[test]
fn a_pin_holds_what_others_depend_on() {
    let mut archive = archive();
    archive.pins = vec![pin("tool", None, Some("debian"))];
    assert_eq!(tool(&archive.lock(&["user"]).unwrap()), ("1:1.5-1", "debian"));
    assert_eq!(tool(&archive.lock(&["driller"]).unwrap()), ("1:1.5-1", "debian"));
    archive.pins = vec![pin("tool", Some("1:1.4*"), None)];
    assert_snapshot!(archive.failure(&["user"]), @r#"
    the dependency `tool (>= 1:1.5)` cannot be met in the suite `test`: `user` → `tool (>= 1:1.5)`
    hint: the suite has `tool 1:1.4-1`
    "#);
    assert_snapshot!(archive.failure(&["driller"]), @r#"
    the dependency `drill` cannot be met in the suite `test`: `driller` → `drill`
    hint: the suite has no package of that name
    "#);
}

#[test]
fn what_was_locked_stays_only_where_it_fits() {
    let mut archive = archive();
    let first = archive.lock(&["tool"]).unwrap();
    let again = |archive: &Archive, keep: &Locked| {
        archive.lock_with(&["tool"], &archive.keyring(), false, &keep.packages).unwrap()
    };
    archive.pins = vec![pin("tool", Some("1:1.4-1"), None)];
    let second = again(&archive, &first);
    assert_eq!(tool(&second), ("1:1.4-1", "debian"));
    archive.pins = vec![pin("tool", Some("1:1.*"), None)];
    assert_eq!(tool(&again(&archive, &second)), ("1:1.4-1", "debian"), "it fits still");
    archive.pins = vec![pin("tool", None, Some("vendor"))];
    assert_eq!(tool(&again(&archive, &second)), ("1:2.0-1", "vendor"));
}

#[test]
fn a_pin_that_cannot_be_kept() {
    let mut archive = archive();
    let mut failure = |pinned: Pin| {
        archive.pins = vec![pinned];
        archive.failure(&["tool"])
    };
    assert_snapshot!(failure(pin("tool", Some("1:3.*"), None)), @r#"
    the pin of `tool` cannot be kept: there is no `tool` with the version `1:3.*`
    hint: it can be `1:2.0-1` from `vendor`, `1:1.5-1` from `debian`, `1:1.4-1` from `debian`
    "#);
    assert_snapshot!(failure(pin("tool", Some("1:2.0-1"), Some("debian"))), @r#"
    the pin of `tool` cannot be kept: there is no `tool` with the version `1:2.0-1` from `debian`
    hint: it can be `1:2.0-1` from `vendor`, `1:1.5-1` from `debian`, `1:1.4-1` from `debian`
    "#);
    assert_snapshot!(failure(pin("tool", None, Some("debian-security"))), @r#"
    the pin of `tool` cannot be kept: there is no `tool` from `debian-security`
    hint: it can be `1:2.0-1` from `vendor`, `1:1.5-1` from `debian`, `1:1.4-1` from `debian`
    "#);
    assert_snapshot!(failure(pin("toool", Some("1"), None)), @r#"
    the pin of `toool` cannot be kept: there is no such package
    hint: did you mean `tool`?
    "#);
    assert_snapshot!(failure(pin("user", Some("1"), None)), @r#"
    the pin of `user` pins nothing: the image does not have the package
    hint: add `user` to `[base] packages`, or remove the pin
    "#);
}

//! What advisories say of an image, by advisories that are made up.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::path::{Path, PathBuf};

use imgbuild_archive::ImagePath;
use imgbuild_audit::{AdvisoryError, Cure, Report, Severity, audit};
use imgbuild_diagnostic::told;
use imgbuild_inventory::{Inventory, Kind, Package, PackageId, System};
use imgbuild_oci::Platform;
use tempfile::TempDir;

fn place() -> ImagePath {
    ImagePath::new("opt/conda").unwrap()
}

/// Debian's libssl3, conda's numpy, which is PyPI's, and zlib, which is nobody's, and a wheel.
fn inventory() -> Inventory {
    let system = System {
        id: "debian".to_owned(),
        version: Some("12".to_owned()),
        codename: Some("bookworm".to_owned()),
    };
    let mut ssl = Package::new(PackageId::of_system(Kind::Debian, "libssl3"), "3.0.11-1~deb12u1");
    ssl.source = Some("openssl".to_owned());
    let mut gcc = Package::new(PackageId::of_system(Kind::Debian, "libgcc-s1"), "12.2.0-14");
    gcc.source = Some("gcc-12 (4:12.2.0-14+b1)".to_owned());
    let mut numpy = Package::new(PackageId::of_environment(Kind::Conda, "numpy", &place()), "1.21.0");
    numpy.distributions = vec!["numpy 1.21.0".to_owned().try_into().unwrap()];
    let zlib = Package::new(PackageId::of_environment(Kind::Conda, "zlib", &place()), "1.2.13");
    let wheel = Package::new(PackageId::of_environment(Kind::Pypi, "ruamel-yaml", &place()), "0.15.0");
    Inventory::new(Platform::LinuxAmd64, Some(system), [ssl, gcc, numpy, zlib, wheel])
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(&path, text).unwrap();
    path
}

/// An advisory about a package of PyPI, with further fields.
fn advisory(id: &str, name: &str, events: &str, more: &str) -> String {
    format!(
        r#"{{"id": "{id}", "summary": "What {id} is", "affected": [{{"package": {{"ecosystem": "PyPI", "name": "{name}"}},
            "ranges": [{{"type": "GIT", "repo": "x", "events": [{{"introduced": "0"}}]}},
                       {{"type": "ECOSYSTEM", "events": [{events}]}}]}}]{more}}}"#
    )
}

fn of(texts: &[&str]) -> Report {
    let folder = TempDir::new().unwrap();
    for (number, text) in texts.iter().enumerate() {
        write(folder.path(), &format!("{number}.json"), text);
    }
    audit(&inventory(), &[folder.path().to_owned()]).unwrap()
}

fn lines(report: &Report) -> String {
    let line = |it: &imgbuild_audit::Finding| {
        let aliases = it.aliases.join(" ");
        format!(
            "{} [{aliases}] {} {} {}: {:?}\n",
            it.id,
            it.severity,
            it.package.short(),
            it.version,
            it.cure
        )
    };
    report.findings.iter().map(line).collect()
}

#[test]
fn a_version_is_affected_from_where_it_was_introduced_until_it_was_fixed() {
    let judged = |events: &str| lines(&of(&[&advisory("X-1", "numpy", events, "")]));
    let fixed = |version: &str| format!("X-1 [] unknown conda/numpy 1.21.0: {version}\n");
    // Up to the fix, which is the next one behind the version.
    assert_eq!(judged(r#"{"introduced": "0"}, {"fixed": "1.22"}"#), fixed(r#"Version("1.22")"#));
    assert_eq!(judged(r#"{"introduced": "0"}, {"fixed": "1.21.0"}"#), "");
    assert_eq!(judged(r#"{"introduced": "1.21"}, {"fixed": "1.21.1rc1"}"#), fixed(r#"Version("1.21.1rc1")"#));
    assert_eq!(judged(r#"{"introduced": "1.21.1"}"#), "");
    // Events stand in any order, and it may come back.
    let back = r#"{"fixed": "1.22"}, {"introduced": "1.21"}, {"fixed": "1.20"}, {"introduced": "0"}"#;
    assert_eq!(judged(back), fixed(r#"Version("1.22")"#));
    // Nobody knows a version without it.
    assert_eq!(judged(r#"{"introduced": "0"}"#), fixed("None"));
    assert_eq!(judged(r#"{"introduced": "0"}, {"last_affected": "1.21"}"#), fixed("None"));
    assert_eq!(judged(r#"{"introduced": "0"}, {"last_affected": "1.20.9"}"#), "");
}

#[test]
fn a_version_that_is_listed_is_affected() {
    let listed = |version: &str| {
        let text = format!(
            r#"{{"id": "X-1", "affected": [{{"package": {{"ecosystem": "PyPI", "name": "Ruamel.YAML"}}, "versions": ["{version}"]}}]}}"#
        );
        of(&[&text]).findings.len()
    };
    assert_eq!([listed("0.15.0"), listed("0.15"), listed("0.15.1")], [1, 1, 0]);
}

#[test]
fn what_cannot_be_compared_is_told_and_not_guessed() {
    let report = of(&[&advisory("X-1", "numpy", r#"{"introduced": "0"}, {"fixed": "next-week"}"#, "")]);
    assert!(report.findings.is_empty());
    let unclear: Vec<String> = report.unclear.iter().map(|(id, package)| format!("{id} {package}")).collect();
    assert_eq!(unclear, ["X-1 conda/numpy in /opt/conda"]);
}

#[test]
fn what_was_withdrawn_counts_for_nothing() {
    let withdrawn =
        advisory("X-1", "numpy", r#"{"introduced": "0"}"#, r#", "withdrawn": "2026-01-01T00:00:00Z""#);
    assert!(of(&[&withdrawn]).findings.is_empty());
}

/// Three databases tell of one vulnerability, one by a name that only another knows: it is told once, as bad as the worst of them says.
#[test]
fn the_same_of_several_databases_is_one() {
    let events = r#"{"introduced": "0"}, {"fixed": "1.22"}"#;
    let later = r#"{"introduced": "0"}, {"fixed": "1.22.1"}"#;
    let vector =
        r#", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]"#;
    let report = of(&[
        &advisory("PYSEC-2026-1", "numpy", events, r#", "aliases": ["GHSA-aaaa"]"#),
        &advisory("GHSA-bbbb", "numpy", events, r#", "database_specific": {"severity": "MODERATE"}"#),
        &advisory("GHSA-aaaa", "numpy", later, &format!(r#", "aliases": ["CVE-2026-1"]{vector}"#)),
        &advisory("Y-1", "numpy", events, r#", "upstream": ["CVE-2026-1"]"#),
        &advisory("Y-2", "numpy", events, r#", "upstream": ["CVE-2026-1", "CVE-2026-2"]"#),
    ]);
    insta::assert_snapshot!(lines(&report), @r#"
    CVE-2026-1 [GHSA-aaaa PYSEC-2026-1 Y-1] critical conda/numpy 1.21.0: Version("1.22.1")
    GHSA-bbbb [] medium conda/numpy 1.21.0: Version("1.22")
    Y-2 [] unknown conda/numpy 1.21.0: Version("1.22")
    "#);
    let cures: Vec<_> = report.cures().into_iter().map(|(package, cure)| (package.short(), cure)).collect();
    assert_eq!(cures, [("conda/numpy".to_owned(), Cure::Version("1.22.1".to_owned()))]);
    assert_eq!(report.at_least(Severity::High).count(), 1);
    // Of what nobody says how bad it is, nobody has said that it is harmless either.
    assert_eq!(report.at_least(Severity::Low).count(), 3);
}

#[test]
fn advisories_of_a_system_are_about_source_packages_of_its_release() {
    let text = |ecosystem: &str, name: &str, fixed: &str| {
        format!(
            r#"{{"id": "DEBIAN-{ecosystem}-{name}", "affected": [{{"package": {{"ecosystem": "{ecosystem}", "name": "{name}"}},
               "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}, {{"fixed": "{fixed}"}}]}}],
               "ecosystem_specific": {{"urgency": "low**"}}}}]}}"#
        )
    };
    let report = of(&[
        &text("Debian:12", "openssl", "3.0.13-1~deb12u1"),
        &text("Debian:11", "openssl", "3.0.13-1~deb12u1"),
        &text("Ubuntu:12", "openssl", "3.0.13-1~deb12u1"),
        &text("Debian:12", "libssl3", "3.0.13-1~deb12u1"),
        &text("Debian:12", "gcc-12", "12.2.0-15"),
        &text("Debian:12", "gcc-12", "4:12.2.0-14+b2"),
    ]);
    insta::assert_snapshot!(lines(&report), @r#"
    DEBIAN-Debian:12-gcc-12 [] low debian/libgcc-s1 4:12.2.0-14+b1: Version("4:12.2.0-14+b2")
    DEBIAN-Debian:12-openssl [] low debian/libssl3 3.0.11-1~deb12u1: Version("3.0.13-1~deb12u1")
    "#);
}

/// As OSV publishes what Alpine's `secdb` says (schema 1.7): of source packages, a branch at a time, with the score of the CVE.
const ALPINE: &str = r#"{
  "schema_version": "1.7.3", "id": "ALPINE-CVE-2026-20", "published": "2026-02-01T10:15:08Z", "modified": "2026-03-02T07:00:00.11Z",
  "upstream": ["CVE-2026-20"], "details": "Reads behind the end.",
  "affected": [
    {"package": {"name": "busybox", "ecosystem": "Alpine:v3.19", "purl": "pkg:apk/alpine/busybox?arch=source"},
     "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]},
    {"package": {"name": "busybox", "ecosystem": "Alpine:v3.20", "purl": "pkg:apk/alpine/busybox?arch=source"},
     "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.36.1-r29"}]}],
     "versions": ["1.36.1-r27", "1.36.1-r28"], "database_specific": {"source": "https://secdb.example/3.20"}}
  ],
  "severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"},
               {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N"}]
}"#;

/// As OSV publishes Wolfi's and Chainguard's.
const WOLFI: &str = r#"{
  "schema_version": "1.7.3", "id": "CGA-2222-3333-4444", "modified": "2026-03-02T07:00:00Z", "upstream": ["CVE-2026-21"],
  "affected": [
    {"package": {"name": "openssl", "ecosystem": "Chainguard", "purl": "pkg:apk/chainguard/openssl"},
     "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.4.0-r2"}]}]},
    {"package": {"name": "openssl", "ecosystem": "Wolfi", "purl": "pkg:apk/wolfi/openssl"},
     "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.4.0-r1"}]}]}
  ]
}"#;

/// An image of others: its packages, by source package and version.
fn of_apk(id: &str, version: &str, packages: &[(&str, &str, &str)]) -> Inventory {
    let system = System { id: id.to_owned(), version: Some(version.to_owned()), codename: None };
    let package = |(name, source, version): &(&str, &str, &str)| {
        let mut package = Package::new(PackageId::of_system(Kind::Apk, *name), *version);
        package.source = Some((*source).to_owned());
        package
    };
    Inventory::new(Platform::LinuxAmd64, Some(system), packages.iter().map(package))
}

#[test]
fn alpines_and_wolfis_advisories_are_about_source_packages() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "alpine.json", ALPINE);
    write(folder.path(), "wolfi.json", WOLFI);
    write(folder.path(), "nobodys.json", &ALPINE.replace("Alpine:v", "Alpine:"));
    let report = |id: &str, version: &str, packages: &[(&str, &str, &str)]| {
        audit(&of_apk(id, version, packages), &[folder.path().to_owned()]).unwrap()
    };
    let judged = |id: &str, version: &str, packages: &[(&str, &str, &str)]| {
        let report = report(id, version, packages);
        assert_eq!((report.judged, report.nameless.len()), (packages.len(), 0));
        lines(&report)
            + &report
                .unclear
                .iter()
                .map(|(id, package)| format!("unclear {id} {package}\n"))
                .collect::<String>()
    };
    let busybox = |version| [("busybox-binsh", "busybox", version), ("musl", "musl", "1.2.5-r0")];
    // CVSS 4 says it is critical, CVSS 3 that it is low: the worse counts.
    insta::assert_snapshot!(judged("alpine", "3.20.1", &busybox("1.36.1-r28")), @r#"CVE-2026-20 [ALPINE-CVE-2026-20] critical apk/busybox-binsh 1.36.1-r28: Version("1.36.1-r29")"#);
    assert_eq!(judged("alpine", "3.20.1", &busybox("1.36.1-r29")), "");
    assert_eq!(judged("alpine", "3.20.1", &busybox("1.36.1-r100")), "");
    assert_eq!(judged("alpine", "3.2.0", &busybox("1.0-r0")), "");
    insta::assert_snapshot!(judged("alpine", "3.19.7", &busybox("1.36.1-r29")), @"CVE-2026-20 [ALPINE-CVE-2026-20] critical apk/busybox-binsh 1.36.1-r29: None");
    insta::assert_snapshot!(judged("alpine", "3.20.1", &busybox("1.36.1-beta")), @"unclear ALPINE-CVE-2026-20 apk/busybox-binsh");
    insta::assert_snapshot!(judged("wolfi", "20230201", &[("libssl3", "openssl", "3.4.0-r0")]), @r#"CVE-2026-21 [CGA-2222-3333-4444] unknown apk/libssl3 3.4.0-r0: Version("3.4.0-r1")"#);
    insta::assert_snapshot!(judged("chainguard", "20230214", &[("libssl3", "openssl", "3.4.0-r1")]), @r#"CVE-2026-21 [CGA-2222-3333-4444] unknown apk/libssl3 3.4.0-r1: Version("3.4.0-r2")"#);
    assert_eq!(judged("wolfi", "20230201", &[("libssl3", "openssl", "3.4.0-r1")]), "");
    // What is on its way to a branch is of none; of that, and of a system that no database knows, no package is judged.
    for (id, version) in [("alpine", "3.20.0_alpha20240315"), ("alpine", "edge"), ("postmarketos", "v24.06")]
    {
        let report = report(id, version, &busybox("1.0-r0"));
        assert_eq!(
            (lines(&report), report.judged, report.nameless.len()),
            (String::new(), 0, 2),
            "{id} {version}"
        );
    }
}

#[test]
fn packages_of_a_release_that_no_database_knows_are_not_judged() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "advisory.json", &advisory("X-1", "numpy", r#"{"introduced": "0"}"#, ""));
    let counted = |system: Option<(&str, Option<&str>, Option<&str>)>| {
        let text = |it: Option<&str>| it.map(str::to_owned);
        let system = system.map(|(id, version, codename)| System {
            id: id.to_owned(),
            version: text(version),
            codename: text(codename),
        });
        let package = Package::new(PackageId::of_system(Kind::Debian, "bash"), "5.2-1");
        let inventory = Inventory::new(Platform::LinuxAmd64, system, [package]);
        let report = audit(&inventory, &[folder.path().to_owned()]).unwrap();
        (report.judged, report.nameless.len())
    };
    for known in
        [("debian", Some("12"), None), ("debian", None, Some("trixie")), ("ubuntu", Some("24.04"), None)]
    {
        assert_eq!(counted(Some(known)), (1, 0), "{known:?}");
    }
    for unknown in [("debian", None, None), ("ubuntu", None, None), ("kali", Some("2026.1"), None)] {
        assert_eq!(counted(Some(unknown)), (0, 1), "{unknown:?}");
    }
    assert_eq!(counted(None), (0, 1));
}

#[test]
fn a_vector_of_cvss_4_says_how_bad_it_is() {
    let report = |score: &str, word: &str| {
        let more = format!(
            r#", "severity": [{{"type": "CVSS_V4", "score": "{score}"}}], "database_specific": {{"severity": "{word}"}}"#
        );
        of(&[&advisory("X-1", "numpy", r#"{"introduced": "0"}"#, &more)]).findings[0].severity
    };
    let vector = "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
    assert_eq!(report(vector, "LOW"), Severity::High);
    // What cannot be read leaves the database's word.
    assert_eq!(report("CVSS:4.0/AV:L", "LOW"), Severity::Low);
    assert_eq!(report("CVSS:3.1/AV:N", "CRITICAL"), Severity::Critical);
    assert_eq!(report("AV:N/AC:L/Au:N/C:P/I:P/A:P", "MODERATE"), Severity::Medium);
}

const TRACKER: &str = r#"{
  "openssl": {
    "CVE-2026-10": {"description": "Reads behind the end\nand more", "scope": "remote", "releases": {
      "bookworm": {"status": "resolved", "fixed_version": "3.0.13-1~deb12u1", "urgency": "high"},
      "trixie": {"status": "open", "urgency": "high"}}},
    "CVE-2026-11": {"releases": {"bookworm": {"status": "resolved", "fixed_version": "3.0.11-1~deb12u1", "urgency": "high"}}},
    "CVE-2026-12": {"releases": {"bookworm": {"status": "resolved", "fixed_version": "0", "urgency": "unimportant"}}},
    "CVE-2026-13": {"releases": {"bookworm": {"status": "open", "urgency": "unimportant"}}},
    "CVE-2026-14": {"releases": {"bookworm": {"status": "undetermined", "urgency": "not yet assigned"}}},
    "CVE-2026-15": {"releases": {"trixie": {"status": "open", "urgency": "high"}}}
  },
  "bash": {"CVE-2026-16": {"releases": {"bookworm": {"status": "open", "urgency": "high"}}}}
}"#;

#[test]
fn debians_tracker_is_read_as_it_is_published() {
    let report = of(&[TRACKER]);
    insta::assert_snapshot!(lines(&report), @r#"
    CVE-2026-10 [] high debian/libssl3 3.0.11-1~deb12u1: Version("3.0.13-1~deb12u1")
    CVE-2026-13 [] low debian/libssl3 3.0.11-1~deb12u1: None
    "#);
    assert_eq!(report.findings[0].summary.as_deref(), Some("Reads behind the end"));
    assert_eq!(report.unclear.len(), 1);
    let nameless: Vec<String> = report.nameless.iter().map(PackageId::short).collect();
    assert_eq!((report.advisories, report.judged, nameless), (7, 4, vec!["conda/zlib".to_owned()]));
}

/// OSV publishes a zip for each ecosystem, with a file for each advisory.
#[test]
fn a_zip_a_folder_and_a_list_hold_the_same() {
    let folder = TempDir::new().unwrap();
    let one = advisory("X-1", "numpy", r#"{"introduced": "0"}"#, "");
    let zipped = folder.path().join("all.zip");
    let mut writer = zip::ZipWriter::new(fs_err::File::create(&zipped).unwrap().into_parts().0);
    for name in ["X-1.json", "readme.txt"] {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(one.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    let list = write(folder.path(), "list.json", &format!(" [{one}]"));
    write(folder.path(), "deep/er/X-1.json", &one);
    write(folder.path(), "deep/er/X-1.txt", "nothing of ours");
    write(folder.path(), "deep/.git/settings.json", "{}");
    let expected = of(&[&one]);
    for place in [zipped, list, folder.path().join("deep")] {
        assert_eq!(audit(&inventory(), &[place]).unwrap(), expected);
    }
}

fn refused(name: &str, text: &str) -> String {
    let folder = TempDir::new().unwrap();
    let place = write(folder.path(), name, text);
    let error: AdvisoryError = audit(&inventory(), &[place]).unwrap_err();
    told(&error).replace(&folder.path().display().to_string(), "FOLDER")
}

#[test]
fn a_damaged_file_is_named_with_the_place() {
    insta::assert_snapshot!(refused("cut.json", "{\"id\": \"X-1\",\n \"affected\": ["), @"
    the advisory file `FOLDER/cut.json` is damaged
    EOF while parsing a list at line 2 column 14
    hint: fetch it again: advisories are files of OSV's form, or Debian's security tracker as `data/json`
    ");
    insta::assert_snapshot!(refused("wrong.json", "{\"id\": \"X-1\",\n \"affected\": 5}"), @"
    the advisory file `FOLDER/wrong.json` is damaged
    invalid type: integer `5`, expected a sequence at line 2 column 14
    hint: fetch it again: advisories are files of OSV's form, or Debian's security tracker as `data/json`
    ");
    insta::assert_snapshot!(refused("other.json", "{\"packages\": []}"), @"
    the advisory file `FOLDER/other.json` is damaged
    invalid type: sequence, expected a map at line 1 column 13
    hint: fetch it again: advisories are files of OSV's form, or Debian's security tracker as `data/json`
    ");
    insta::assert_snapshot!(refused("cut.zip", "PK\u{3}\u{4} and no more"), @"
    the zip of advisories `FOLDER/cut.zip` is damaged
    the archive is truncated or is not a zip
    hint: fetch it again
    ");
    insta::assert_snapshot!(refused("empty.json", "[]"), @"
    there are no advisories in `FOLDER/empty.json`
    hint: name a `.json` file of OSV's form or of Debian's security tracker, a `.zip` of OSV's, or a folder of them
    ");
}

#[test]
fn a_place_that_is_not_there_is_told() {
    let error = audit(&inventory(), &["/nowhere/at-all".into()]).unwrap_err();
    insta::assert_snapshot!(told(&error), @"
    the advisories `/nowhere/at-all` cannot be read
    No such file or directory (os error 2)
    ");
}

/// What cannot be held against a package is told, and never taken for a package that is not affected.
#[test]
fn what_says_commits_alone_or_meets_no_version_is_unclear() {
    let about = |name: &str, rest: &str| {
        format!(
            r#"{{"id": "X-1", "affected": [{{"package": {{"ecosystem": "PyPI", "name": "{name}"}}, {rest}}}]}}"#
        )
    };
    let unclear = |text: &str, inventory: &Inventory| {
        let folder = TempDir::new().unwrap();
        let file = write(folder.path(), "a.json", text);
        let report = audit(inventory, &[file]).unwrap();
        assert_eq!(lines(&report), "");
        report.unclear.len()
    };
    let commits =
        about("numpy", r#""ranges": [{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]"#);
    assert_eq!(unclear(&commits, &inventory()), 1);
    let listed = about("odd", r#""versions": ["1.0"]"#);
    let of_version = |version: &str| {
        let odd = Package::new(PackageId::of_environment(Kind::Pypi, "odd", &place()), version);
        Inventory::new(Platform::LinuxAmd64, None, [odd])
    };
    assert_eq!(unclear(&listed, &of_version("no version")), 1);
    assert_eq!(unclear(&listed, &of_version("2.0")), 0);
}

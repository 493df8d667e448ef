//! What bad input gets: whole messages, from an archive in memory that a key of the test signed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails shall say where"
)]

#[path = "support/archive.rs"]
mod archive;

use archive::{Archive, NOW, Package, ar, control, deb, entry, plain_deb, tarball, xz};
use imgbuild_debian::Keyring;
use insta::assert_snapshot;
use tar::EntryType;

fn package(name: &'static str, fields: &'static str) -> Package {
    Package { name, fields, deb: plain_deb(name) }
}

fn names(locked: &imgbuild_debian::Locked) -> Vec<&str> {
    locked.packages.iter().map(|it| it.name.as_str()).collect()
}

/// The message that a package with this `.deb` gets.
fn hostile(bytes: Vec<u8>) -> String {
    let archive = Archive::new(vec![Package { name: "evil", fields: "", deb: bytes }]);
    archive.failure(&["evil"])
}

fn hostile_entry(name: &str, kind: EntryType, link: &str, body: &[u8]) -> String {
    hostile(deb("evil", &tarball(&[entry(name, kind, link, body)])))
}

#[test]
fn a_good_archive_is_locked_and_then_needs_no_network() {
    let mut archive =
        Archive::new(vec![package("a", "Depends: b | c\n"), package("b", ""), package("c", "")]);
    let locked = archive.lock(&["a"]).unwrap();
    assert_eq!(names(&locked), ["a", "apt", "b", "ca-certificates", "tini", "tzdata"]);
    archive.files.retain(|path, _| path.contains("/pool/"));
    assert_eq!(archive.lock_with(&["a"], &archive.keyring(), true, &[]).unwrap(), locked);
    assert!(archive.lock(&["a"]).is_err(), "without `offline` the index is asked for again");
}

#[test]
fn what_was_locked_is_kept() {
    let archive = Archive::new(vec![package("a", "Depends: b | c\n"), package("b", ""), package("c", "")]);
    let first = archive.lock(&["c"]).unwrap();
    let again = archive.lock_with(&["a"], &archive.keyring(), false, &first.packages).unwrap();
    assert_eq!(names(&again), ["a", "apt", "c", "ca-certificates", "tini", "tzdata"]);
}

#[test]
fn a_versioned_provides_meets_a_versioned_dependency_only() {
    let archive = Archive::new(vec![
        package("a", "Depends: virtual (>= 2)\n"),
        package("plain", "Provides: virtual\n"),
        package("versioned", "Provides: virtual (= 2)\nPriority: extra\n"),
    ]);
    assert!(names(&archive.lock(&["a"]).unwrap()).contains(&"versioned"));
}

#[test]
fn offline_without_a_cache() {
    let archive = Archive::new(vec![]);
    let error = archive.lock_with(&[], &archive.keyring(), true, &[]).unwrap_err();
    assert_snapshot!(archive.shown(&error), @"
    the index of the suite `test` is not in the cache, and `--offline` forbids fetching it
    hint: run `imgbuild lock` once without `--offline`
    ");
}

#[test]
fn a_changed_inrelease() {
    let mut archive = Archive::new(vec![]);
    let signed = archive.files.get_mut("debian/dists/test/InRelease").unwrap();
    let text = String::from_utf8(signed.clone()).unwrap().replace("Components: main", "Components: evil");
    *signed = text.into_bytes();
    assert_snapshot!(archive.failure(&[]), @"
    cannot trust the index `http://127.0.0.1/debian/dists/test/InRelease` of the suite `test`: no key of the keyring made any of its signatures, or its text was changed
    hint: where the mirror is not Debian's own, name its keys with `[base] keyring`
    ");
}

#[test]
fn another_key() {
    let archive = Archive::new(vec![]);
    let error = archive.lock_with(&[], &Keyring::debian().unwrap(), false, &[]).unwrap_err();
    assert_snapshot!(archive.shown(&error), @"
    cannot trust the index `http://127.0.0.1/debian/dists/test/InRelease` of the suite `test`: no key of the keyring made any of its signatures, or its text was changed
    hint: where the mirror is not Debian's own, name its keys with `[base] keyring`
    ");
}

#[test]
fn an_expired_signature() {
    let mut archive = Archive::new(vec![]);
    (archive.signed_at, archive.lifetime) = (NOW - 7200, 3600);
    archive.publish("debian", "test", "");
    assert_snapshot!(archive.failure(&[]), @"
    cannot trust the index `http://127.0.0.1/debian/dists/test/InRelease` of the suite `test`: the signature by the key `KEY` expired at 2029-12-31T23:00:00Z
    hint: where the mirror is not Debian's own, name its keys with `[base] keyring`
    ");
}

#[test]
fn a_signature_from_the_future() {
    let mut archive = Archive::new(vec![]);
    archive.signed_at = NOW + 10 * 24 * 3600;
    archive.publish("debian", "test", "");
    assert_snapshot!(archive.failure(&[]), @"
    cannot trust the index `http://127.0.0.1/debian/dists/test/InRelease` of the suite `test`: the signature by the key `KEY` was made at 2030-01-11T00:00:00Z, which is in the future
    hint: where the mirror is not Debian's own, name its keys with `[base] keyring`
    ");
}

#[test]
fn an_expired_release() {
    let mut archive = Archive::new(vec![]);
    let release = "Suite: test\nDate: Mon, 31 Dec 2029 00:00:00 UTC\nValid-Until: Mon, 31 Dec 2029 12:00:00 UTC\nSHA256:\n";
    archive.sign("debian", "test", release);
    assert_snapshot!(archive.failure(&[]), @"
    cannot trust the index `http://127.0.0.1/debian/dists/test/InRelease` of the suite `test`: it was valid until 2029-12-31T12:00:00Z
    hint: the mirror is out of date, or this machine's clock is wrong
    ");
}

#[test]
fn a_release_that_is_not_valid_yet() {
    let mut archive = Archive::new(vec![]);
    let release = "Suite: test\nDate: Sat, 05 Jan 2030 00:00:00 UTC\nSHA256:\n";
    archive.sign("debian", "test", release);
    assert_snapshot!(archive.failure(&[]), @"
    cannot trust the index `http://127.0.0.1/debian/dists/test/InRelease` of the suite `test`: its date is 2030-01-05T00:00:00Z, which is in the future
    hint: the mirror is out of date, or this machine's clock is wrong
    ");
}

#[test]
fn an_architecture_that_is_not_there() {
    let mut archive = Archive::new(vec![]);
    let file = format!(" {} 0 main/binary-arm64/Packages\n", imgbuild_oci::Digest::of("").hex());
    let release = format!(
        "Suite: test\nDate: Mon, 31 Dec 2029 00:00:00 UTC\nArchitectures: arm64\nComponents: main\nSHA256:\n{file}"
    );
    archive.sign("debian", "test", &release);
    assert_snapshot!(archive.failure(&[]), @"
    the suite `test` has no component `main` for `amd64`
    hint: it has the components `main` for `arm64`
    ");
}

#[test]
fn a_mirror_in_the_middle_of_a_sync_has_the_index_by_its_hash() {
    let mut archive = Archive::new(vec![package("a", "")]);
    let path = "debian/dists/test/main/binary-amd64/Packages.xz";
    let packed = archive.files[path].clone();
    let mut index = String::new();
    std::io::Read::read_to_string(&mut lzma_rust2::XzReader::new(packed.as_slice(), true), &mut index)
        .unwrap();
    archive.publish_with("debian", "test", &index, "Acquire-By-Hash: yes\n");
    let packed = archive.files.insert(path.to_owned(), b"the next one".to_vec()).unwrap();
    let by_hash = format!(
        "debian/dists/test/main/binary-amd64/by-hash/SHA256/{}",
        imgbuild_oci::Digest::of(&packed).hex()
    );
    archive.files.insert(by_hash, packed);
    archive.lock(&["a"]).unwrap();
    // Without, it is told what the matter may be.
    let mut archive = Archive::new(vec![]);
    archive.files.insert(path.to_owned(), b"the next one".to_vec());
    let message = archive.failure(&[]);
    assert!(
        message.ends_with(
            "the mirror may be in the middle of an update: try again, or take another with `[base] mirror`"
        ),
        "{message}"
    );
}

#[test]
fn another_suite() {
    let mut archive = Archive::new(vec![]);
    let other = archive.files["debian/dists/test-updates/InRelease"].clone();
    archive.files.insert("debian/dists/test/InRelease".to_owned(), other);
    assert_snapshot!(archive.failure(&[]), @"
    cannot trust the index `http://127.0.0.1/debian/dists/test/InRelease` of the suite `test`: it is that of the suite `test-updates`
    hint: the mirror answers with another suite than was asked for
    ");
}

#[test]
fn a_suite_that_is_not_there() {
    let mut archive = Archive::new(vec![]);
    archive.files.clear();
    assert_snapshot!(archive.failure(&[]), @"
    the mirror has no suite `test`: `http://127.0.0.1/debian/dists/test/InRelease` is not there
    hint: the suites are called by their code names, such as `bookworm` and `trixie`
    ");
}

#[test]
fn a_component_that_is_not_there() {
    let mut archive = Archive::new(vec![]);
    archive.components.push("contirb".parse().unwrap());
    assert_snapshot!(archive.failure(&[]), @"
    the suite `test` has no component `contirb` for `amd64`
    hint: it has the components `main` for `amd64`
    ");
}

#[test]
fn updates_may_lack_a_component_and_the_suite_may_not() {
    let mut archive = Archive::new(vec![package("a", "")]);
    let release = "Suite: test-updates\nDate: Mon, 31 Dec 2029 00:00:00 UTC\nComponents: contrib\nSHA256:\n";
    archive.sign("debian", "test-updates", release);
    archive.lock(&["a"]).unwrap();
    let release = "Suite: test-updates\nDate: Mon, 31 Dec 2029 00:00:00 UTC\nComponents: main\nSHA256:\n";
    archive.sign("debian", "test-updates", release);
    // It says that it has the component, and has not.
    assert_snapshot!(archive.failure(&["a"]), @"
    the suite `test-updates` has no component `main` for `amd64`
    hint: it has the components `main` for
    ");
}

#[test]
fn a_flat_repository_is_as_good_as_any() {
    let mut archive = Archive::new(vec![package("a", "")]);
    let newer = deb("a", &tarball(&[entry("./opt/a", EntryType::Regular, "", b"newer")]));
    archive
        .add_flat("tools", &[Package { name: "b", fields: "Version: 1\nDepends: a\n", deb: plain_deb("b") }]);
    let locked = archive.lock(&["b"]).unwrap();
    assert_eq!(names(&locked), ["a", "apt", "b", "ca-certificates", "tini", "tzdata"]);
    let b = locked.packages.iter().find(|it| it.name == "b").unwrap();
    assert_eq!((b.archive.as_str(), b.filename.as_str()), ("tools", "pool/b.deb"));
    assert_eq!(archive.lock_with(&["b"], &archive.keyring(), true, &[]).unwrap(), locked, "offline");
    // The newest of all counts, and what was locked stays for as long as its source is asked for.
    archive.repositories.clear();
    let source = |archive: &Archive| {
        archive.lock(&["a"]).unwrap().packages.into_iter().find(|it| it.name == "a").unwrap().archive
    };
    archive.add_flat("tools", &[Package { name: "a", fields: "Version: 1\n", deb: newer.clone() }]);
    assert_eq!(source(&archive), "debian", "of equal versions the first source's");
    archive.repositories.clear();
    archive.add_flat("tools", &[Package { name: "a", fields: "Version: 1.1\n", deb: newer }]);
    assert_eq!(source(&archive), "tools");
    archive.repositories.clear();
    let error = archive.lock_with(&["b"], &archive.keyring(), false, &locked.packages).unwrap_err();
    assert_snapshot!(archive.shown(&error), @"the suite `test` has no package `b`");
}

#[test]
fn a_source_that_asks_not_to_be_used_is_used_where_nothing_else_serves() {
    let mut archive = Archive::new(vec![package("a", "Version: 1\n")]);
    let index = archive.stanza("backports", "a", "Version: 2\n", &plain_deb("a"))
        + &archive.stanza("backports", "new", "Version: 1\nDepends: a (>= 2)\n", &plain_deb("new"));
    let fields = "NotAutomatic: yes\nButAutomaticUpgrades: yes\n";
    archive.publish_with("backports", "test-backports", &index, fields);
    archive.ask_for("backports", "test-backports", &["main"]);
    let version = |packages: &[&str]| {
        let locked = archive.lock(packages);
        locked.map(|it| it.packages.into_iter().find(|it| it.name == "a").unwrap().version)
    };
    assert_eq!(version(&["a"]).unwrap(), "1");
    assert_eq!(version(&["a=2"]).unwrap(), "2");
    assert_eq!(version(&["new"]).unwrap(), "2");
}

#[test]
fn a_source_that_is_not_what_it_says() {
    let mut archive = Archive::new(vec![]);
    archive.add_flat("tools", &[]);
    archive.repositories[0].keyring = Keyring::debian().unwrap();
    assert_snapshot!(archive.failure(&[]), @"
    cannot trust the index `http://127.0.0.1/tools/Release` of the suite `./`: no key of the keyring made any of its signatures, or its text was changed
    hint: name the keys of this source with `keyring` in `[base.sources.tools]`
    ");
    archive.repositories[0].keyring = archive.keyring();
    let release = archive.files.get_mut("tools/Release").unwrap();
    release.push(b'\n');
    assert_snapshot!(archive.failure(&[]), @"
    cannot trust the index `http://127.0.0.1/tools/Release` of the suite `./`: no key of the keyring made any of its signatures, or its text was changed
    hint: name the keys of this source with `keyring` in `[base.sources.tools]`
    ");
    archive.files.remove("tools/Release.gpg");
    assert_snapshot!(archive.failure(&[]), @"
    the source `tools` has no suite `./`: `http://127.0.0.1/tools/InRelease` is not there
    hint: the folder of a flat repository holds `InRelease`, or `Release` with `Release.gpg`
    ");
    archive.repositories.clear();
    archive.publish("tools", "stable", "");
    archive.ask_for("tools", "testing", &["main"]);
    assert_snapshot!(archive.failure(&[]), @"
    the source `tools` has no suite `testing`: `http://127.0.0.1/tools/dists/testing/InRelease` is not there
    hint: a repository without the folder `dists` is flat: its suite ends with a slash, like `./`
    ");
    let stable = archive.files["tools/dists/stable/InRelease"].clone();
    archive.files.insert("tools/dists/testing/InRelease".to_owned(), stable);
    assert_snapshot!(archive.failure(&[]), @r#"
    cannot trust the index `http://127.0.0.1/tools/dists/testing/InRelease` of the suite `testing`: it is that of the suite `stable`
    hint: where that is the one, write `suite = "stable"` in `[base.sources.tools]`
    "#);
}

#[test]
fn a_changed_index() {
    let mut archive = Archive::new(vec![]);
    let packages = archive.files.get_mut("debian/dists/test/main/binary-amd64/Packages.xz").unwrap();
    *packages.last_mut().unwrap() ^= 1;
    let message = archive.failure(&[]);
    let shown: Vec<_> =
        message.lines().map(|line| line.split("sha256:").next().unwrap().trim_end()).collect();
    assert_snapshot!(shown.join("\n").replace(|it: char| it.is_ascii_digit(), "0"), @"
    `http://000.0.0.0/debian/dists/test/main/binary-amd00/Packages.xz` is not the file that the signed index names
    expected: 000 bytes,
       found: 000 bytes,
    hint: the mirror may be in the middle of an update: try again, or take another with `[base] mirror`
    ");
}

#[test]
fn a_changed_package() {
    let mut archive = Archive::new(vec![]);
    archive.files.get_mut("debian/pool/tini.deb").unwrap()[100] ^= 1;
    assert_snapshot!(archive.failure(&[]), @"
    cannot fetch the package `tini` from `http://127.0.0.1/debian/pool/tini.deb`
    caused by: `http://127.0.0.1/debian/pool/tini.deb` has another hash than the index says
    ");
}

#[test]
fn an_unknown_package() {
    let archive = Archive::new(vec![package("less", "")]);
    assert_snapshot!(archive.failure(&["les"]), @"
    the suite `test` has no package `les`
    hint: did you mean `less`?
    ");
    assert_snapshot!(archive.failure(&["less=2"]), @"
    the suite `test` has no version `2` of `less`
    hint: it has `1`
    ");
}

#[test]
fn a_dependency_that_cannot_be_met() {
    let archive = Archive::new(vec![
        package("a", "Depends: b\n"),
        package("b", "Pre-Depends: c (>= 2), d\n"),
        package("c", ""),
    ]);
    assert_snapshot!(archive.failure(&["a"]), @"
    the dependency `c (>= 2)` cannot be met in the suite `test`: `a` → `b` → `c (>= 2)`
    hint: the suite has `c 1`
    ");
}

#[test]
fn packages_that_conflict() {
    let archive = Archive::new(vec![
        package("a", "Depends: b\n"),
        package("b", ""),
        package("c", "Breaks: b (<< 2)\n"),
    ]);
    assert_snapshot!(archive.failure(&["a", "c"]), @"
    `c` and `b` cannot be installed together: `c` breaks `b (<< 2)`
    c: `c`
    b: `a` → `b`
    ");
}

#[test]
fn packages_that_hold_the_same_path() {
    let data = tarball(&[entry("./bin/x", EntryType::Regular, "", b"x")]);
    let twin = |name, fields| Package { name, fields, deb: deb(name, &data) };
    let archive = Archive::new(vec![twin("a", ""), twin("b", "")]);
    assert_snapshot!(archive.failure(&["a", "b"]), @"
    the packages `a` and `b` both hold `/usr/bin/x`, and neither replaces the other's files
    hint: leave one of them out
    ");
    let archive = Archive::new(vec![twin("a", ""), twin("b", "Replaces: a (<< 2)\n")]);
    let excluded = archive.lock(&["a", "b"]).unwrap().set.excluded;
    assert_eq!(excluded.len(), 1);
    assert_eq!(excluded[0].to_owned().part.as_str(), "debian/a");
    assert_eq!(excluded[0].path.as_str(), "usr/bin/x");
}

#[test]
fn bad_ar_members() {
    assert_snapshot!(hostile(b"hello".to_vec()), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is not a Debian package: it is too short
    ");
    let good = plain_deb("evil");
    let mut cut = good.clone();
    cut.truncate(good.len() - 700);
    assert_snapshot!(hostile(cut), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is not a Debian package: its member `data.tar` is cut off: 2048 bytes are declared
    ");
    let mut header = good.clone();
    header[66] = b'X';
    assert_snapshot!(hostile(header), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is not a Debian package: a member's header is not one of `ar`
    ");
    let twice = ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar", &control("evil")),
        ("control.tar", &control("evil")),
    ]);
    assert_snapshot!(hostile(twice), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is not a Debian package: its member `control.tar` stands where `data.tar` belongs
    ");
    let mut more = good.clone();
    more.extend(ar(&[("data.tar", b"")])[8..].iter());
    assert_snapshot!(hostile(more), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is not a Debian package: something follows its third member
    ");
    let version = ar(&[("debian-binary", b"3.0\n"), ("control.tar", &control("evil")), ("data.tar", b"")]);
    assert_snapshot!(hostile(version), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is not a Debian package: its format is `3.0` and not `2.0`
    ");
}

#[test]
fn hostile_members() {
    assert_snapshot!(hostile_entry("./../etc/passwd", EntryType::Regular, "", b"x"), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is hostile or damaged: the path `./../etc/passwd` has a component `..`
    ");
    assert_snapshot!(hostile_entry("/etc/passwd", EntryType::Regular, "", b"x"), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is hostile or damaged: the path `/etc/passwd` is absolute
    ");
    assert_snapshot!(hostile_entry("./dev/sda", EntryType::Block, "", b""), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is hostile or damaged: the archive holds a device node at `/dev/sda`
    ");
    assert_snapshot!(hostile_entry("./pipe", EntryType::Fifo, "", b""), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is hostile or damaged: the archive holds a named pipe at `/pipe`
    ");
    assert_snapshot!(hostile_entry("./x", EntryType::Link, "../../etc/passwd", b""), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is hostile or damaged: the path `../../etc/passwd` has a component `..`
    ");
    assert_snapshot!(hostile_entry("./x", EntryType::XHeader, "", b"11 path=yy\n"), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is hostile or damaged: the archive is ambiguous at `./x`: it is a PAX header, which not all of its readers know
    ");
}

#[test]
fn a_write_through_a_link() {
    let data = tarball(&[
        entry("./usr/x", EntryType::Symlink, "/etc", b""),
        entry("./usr/x/passwd", EntryType::Regular, "", b"x"),
    ]);
    assert_snapshot!(hostile(deb("evil", &data)), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is hostile or damaged: `debian/evil` holds the path `/usr/x/passwd` below `/usr/x`, which is not a folder
    ");
}

#[test]
fn two_long_names() {
    let long = entry("././@LongLink", EntryType::GNULongName, "", b"./one\0");
    let data = tarball(&[long.clone(), long, entry("./x", EntryType::Regular, "", b"")]);
    assert_snapshot!(hostile(deb("evil", &data)), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is hostile or damaged: the archive is ambiguous at ``: two long names for one entry
    ");
}

#[test]
fn something_behind_the_tar() {
    let mut data = tarball(&[entry("./x", EntryType::Regular, "", b"")]);
    data.extend_from_slice(&entry("./y", EntryType::Regular, "", b""));
    assert_snapshot!(hostile(deb("evil", &data)), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` is hostile or damaged: the archive is ambiguous at ``: there is data behind its end
    ");
}

#[test]
fn a_bomb() {
    let zeros = vec![0; 70 << 20];
    let data = tarball(&[entry("./zeros", EntryType::Regular, "", &zeros)]);
    let members = |name, packed: &[u8]| {
        ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control("evil")), (name, packed)])
    };
    let message = hostile(members("data.tar.xz", &xz(&data)));
    assert_snapshot!(message, @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` unpacks to more than 67129344 bytes, far more than a package does of the size that its index declares
    ");
    assert_eq!(hostile(members("data.tar.zst", &zstd::encode_all(&data[..], 1).unwrap())), message);
    let data = tarball(&[entry("./control", EntryType::Regular, "", &zeros)]);
    let bomb = ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar.zst", &zstd::encode_all(&data[..], 1).unwrap()),
        ("data.tar", b""),
    ]);
    assert_snapshot!(hostile(bomb), @"
    cannot use the package `evil`
    caused by: the archive `FOLDER/evil.deb` unpacks to more than 67108864 bytes, far more than a package does of the size that its index declares
    ");
}

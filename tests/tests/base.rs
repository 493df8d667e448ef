//! What a spec says of its base, held against the real apt and dpkg inside the image.
//!
//! Needs root, and the build host's mirror.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use imgbuild_tests::{Answer, Bench, Container, DebianArchive, Image, Imgbuild, Server, capture};
use insta::assert_snapshot;

/// Runs a shell's line in an unpacked image, with the network of this machine.
fn inside(root: &Path, line: &str) -> String {
    for name in ["resolv.conf", "hosts"] {
        fs_err::copy(Path::new("/etc").join(name), root.join("etc").join(name)).unwrap();
    }
    let mut command = Command::new("chroot");
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("DEBIAN_FRONTEND", "noninteractive");
    let outcome = capture(command.arg(root).args(["/bin/sh", "-c", line]));
    outcome.success().stdout
}

/// The devices that apt and gpgv open.
fn with_devices(image: &Image) -> Container {
    let container = Container::new(image);
    for (name, minor) in [("null", "3"), ("random", "8"), ("urandom", "9")] {
        let path = container.root().join("dev").join(name);
        if !path.exists() {
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            capture(Command::new("mknod").args(["-m", "666"]).arg(path).args(["c", "1", minor])).success();
        }
    }
    container
}

#[test]
fn apt_inside_goes_on_with_the_sources_of_the_spec() {
    let archive = DebianArchive::new();
    archive.flat("vendor", &[("vendor-tool", "1.0"), ("vendor-extra", "2.0")]);
    let server = Server::new(archive.folder());
    let url = server.url();
    for suite in ["bookworm", "trixie"] {
        let imgbuild = Imgbuild::new();
        fs_err::copy(archive.keyring(), imgbuild.path("vendor.asc")).unwrap();
        let spec = format!(
            "name = \"base\"\n[base]\ndebian = \"{suite}\"\ncomponents = [\"main\", \"contrib\"]\npackages = [\"vendor-tool\"]\n[base.sources.vendor]\nurl = \"{url}/vendor\"\nsuite = \"./\"\nkeyring = \"vendor.asc\"\n"
        );
        let image = imgbuild.build(&spec, &[]).image();
        let file = |path: &str| String::from_utf8(image.file(path)).unwrap().replace(&url, "http://SERVER");
        let expected =
            "Types: deb\nURIs: http://SERVER/vendor\nSuites: ./\nSigned-By: /etc/apt/keyrings/vendor.asc\n";
        assert_eq!(file("etc/apt/sources.list.d/vendor.sources"), expected);
        assert!(file("etc/apt/sources.list.d/debian.sources").contains("\nComponents: main contrib\n"));
        assert!(file("etc/apt/keyrings/vendor.asc").starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----\n"));
        assert!(!String::from_utf8_lossy(&image.file("usr/share/imgbuild/spec.lock")).contains("PRIVATE"));

        let container = with_devices(&image);
        let root = container.root();
        assert_eq!(inside(&root, "dpkg-query -W -f '${Version}' vendor-tool"), "1.0");
        inside(&root, "apt-get update");
        let policy = inside(&root, "apt-cache policy vendor-extra");
        assert!(policy.contains("Candidate: 2.0") && policy.contains("/vendor ./ Packages"), "{policy}");
        inside(&root, "apt-get install -y vendor-extra");
        assert_eq!(inside(&root, "dpkg --verify"), "");
    }
}

#[test]
fn a_source_must_have_what_is_asked_of_it() {
    let bench = Bench::new();
    bench.archive.flat("vendor", &[("vendor-tool", "1.0")]);
    let url = bench.mirror.url();
    let spec = |more: &str| {
        bench.spec("", "");
        let base = bench.imgbuild.read("spec.toml").trim_end().to_owned();
        bench.imgbuild.write("spec.toml", format!("{base}\n{more}"));
    };
    let vendor = format!("[base.sources.vendor]\nurl = \"{url}/vendor\"\nsuite = \"./\"\n");
    spec(&format!("packages = [\"vendor-tool\"]\n{vendor}keyring = \"keyring.asc\"\n"));
    let first = bench.build(&[]);
    // Another store, and only what the lock says: the package comes from its source.
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    assert_eq!(bench.build(&["--locked"]), first);
    fs_err::remove_dir_all(bench.imgbuild.path("out")).unwrap();
    spec(&format!("{vendor}keyring = \"keyring.asc\"\n"));
    let stale = bench.imgbuild.run(["lock", "--check", "spec.toml"]).failure();
    assert!(stale.stderr.contains("is stale"), "{}", stale.stderr);
    spec(&vendor);
    assert_snapshot!(bench.fails(&[]), @"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ cannot trust the index `http://MIRROR/vendor/Release` of the suite `./`: no key of the keyring made any of its signatures, or its text was changed
    help: name the keys of this source with `keyring` in `[base.sources.vendor]`
    ");
    spec(&format!("{vendor}keyring = \"nowhere.asc\"\n"));
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot use the keyring `nowhere.asc`
      ╰─▶ No such file or directory (os error 2)

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:10:11]
      9 │ suite = "./"
     10 │ keyring = "nowhere.asc"
        ·           ──────┬──────
        ·                 ╰── this keyring
        ╰────
    "#);
    spec("components = [\"main\", \"contrib\"]\n");
    assert_snapshot!(bench.fails(&[]), @"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ the suite `trixie` has no component `contrib` for `amd64`
    help: it has the components `main` for `amd64`, `arm64`
    ");
}

#[test]
fn a_version_that_the_mirror_has_no_more() {
    let bench = Bench::new();
    bench.spec("", "");
    bench.run(&["lock", "spec.toml"]);
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    fs_err::remove_file(bench.archive.folder().join("debian/pool/tini_1_all.deb")).unwrap();
    assert_snapshot!(bench.fails(&["--locked"]), @"
    × cannot get `tini_1_all`
    ╰─▶ `http://MIRROR/debian/pool/tini_1_all.deb` is not there
    help: mirrors keep a version only for as long as its release has it: `imgbuild lock --upgrade` takes the present ones, and a mirror of `[base] snapshot` keeps old ones
    ");
}

#[test]
fn apt_inside_keeps_to_the_pins_of_the_spec() {
    let archive = DebianArchive::new();
    archive.flat("vendor", &[("vendor-tool", "1.0"), ("vendor-tool", "1.1"), ("vendor-tool", "2.0")]);
    let server = Server::new(archive.folder());
    let url = server.url();
    let imgbuild = Imgbuild::new();
    fs_err::copy(archive.keyring(), imgbuild.path("vendor.asc")).unwrap();
    let spec = format!(
        "name = \"base\"\n[base]\npackages = [\"vendor-tool\"]\npin.vendor-tool = \"1.*\"\npin.tini = {{ source = \"debian\" }}\n[base.sources.vendor]\nurl = \"{url}/vendor\"\nsuite = \"./\"\nkeyring = \"vendor.asc\"\n"
    );
    let image = imgbuild.build(&spec, &[]).image();
    let preferences = String::from_utf8(image.file("etc/apt/preferences.d/imgbuild")).unwrap();
    assert_eq!(preferences, "Package: vendor-tool\nPin: version 1.*\nPin-Priority: 1001\n");

    let container = with_devices(&image);
    let root = container.root();
    assert_eq!(inside(&root, "dpkg-query -W -f '${Version}' vendor-tool"), "1.1");
    inside(&root, "apt-get update");
    let policy = inside(&root, "apt-cache policy vendor-tool");
    assert!(policy.contains("Candidate: 1.1") && policy.contains(" 2.0 500"), "{policy}");
    inside(&root, "apt-get upgrade -y");
    assert_eq!(inside(&root, "dpkg-query -W -f '${Version}' vendor-tool"), "1.1");
}

#[test]
fn a_pin_that_nothing_meets_is_shown_where_it_stands() {
    let bench = Bench::new();
    bench.spec("", "");
    let base = bench.imgbuild.read("spec.toml").trim_end().to_owned();
    bench.imgbuild.write("spec.toml", format!("{base}\npin.tini = \"2.*\"\n"));
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the Debian base of `x:latest (linux/amd64)`
      ╰─▶ the pin of `tini` cannot be kept: there is no `tini` with the version `2.*`
      help: it can be `1` from `debian`

    Advice:
      ☞ it was pinned here
       ╭─[spec.toml:7:12]
     6 │ keyring = "keyring.asc"
     7 │ pin.tini = "2.*"
       ·            ──┬──
       ·              ╰── this pin
       ╰────
    "#);
}

/// Asks for the base, and for it as it was at a time.
fn ask_for(bench: &Bench, time: Option<&str>) {
    bench.spec("", "");
    let base = bench.imgbuild.read("spec.toml").trim_end().to_owned();
    let url = bench.mirror.url();
    let snapshot = time.map(|time| {
        format!("snapshot = {{ time = \"{time}\", mirror = \"{url}/snapshot/{{archive}}/{{time}}\" }}\n")
    });
    bench.imgbuild.write("spec.toml", format!("{base}\n{}", snapshot.unwrap_or_default()));
}

/// The lock but for what says which spec it is of.
fn lock_of(bench: &Bench) -> String {
    let lock = bench.imgbuild.read("spec.lock");
    lock.lines().filter(|line| !line.starts_with("inputs")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_snapshot_is_the_archive_as_it_was() {
    let mut archive = DebianArchive::new();
    archive.release_fields = "Valid-Until: Wed, 08 Jan 2020 00:00:00 UTC\n".to_owned();
    archive.publish();
    for time in ["20191230T000000Z", "20191231T000000Z", "20200102T000000Z", "20200109T000000Z"] {
        for name in ["debian", "debian-security"] {
            let to = archive.folder().join("snapshot").join(name);
            fs_err::create_dir_all(&to).unwrap();
            let mut copy = Command::new("cp");
            capture(copy.arg("-r").arg(archive.folder().join(name)).arg(to.join(time))).success();
        }
    }
    let mut bench = Bench::with(archive, |_| Answer::File);
    ask_for(&bench, None);
    assert!(bench.fails(&[]).contains("it was valid until 2020-01-08"));
    ask_for(&bench, Some("20191230T000000Z"));
    assert_snapshot!(bench.fails(&[]), @r#"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ cannot trust the index `http://MIRROR/snapshot/debian/20191230T000000Z/dists/trixie/InRelease` of the suite `trixie`: its date is 2020-01-01T00:00:00Z, which is after the snapshot's time
    help: the mirror of `[base] snapshot` answers with another time than was asked for
    "#);
    ask_for(&bench, Some("20200109T000000Z"));
    assert_snapshot!(bench.fails(&[]), @r#"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ cannot trust the index `http://MIRROR/snapshot/debian/20200109T000000Z/dists/trixie/InRelease` of the suite `trixie`: it was valid until 2020-01-08T00:00:00Z, which is before the snapshot's time
    help: the mirror of `[base] snapshot` answers with another time than was asked for
    "#);
    ask_for(&bench, Some("20191231T000000Z"));
    bench.run(&["lock", "spec.toml"]);
    ask_for(&bench, Some("20200102T000000Z"));
    bench.run(&["lock", "spec.toml"]);
    let then = lock_of(&bench);
    let image = bench.build(&[]);

    // The same archive, while it was valid.
    bench.archive.release_fields.clear();
    bench.archive.publish();
    ask_for(&bench, None);
    bench.run(&["lock", "spec.toml"]);
    assert_eq!(lock_of(&bench), then);
    // It goes on.
    bench.archive.add("tini", "2", "", "");
    bench.archive.publish();
    fs_err::remove_file(bench.archive.folder().join("debian/pool/tini_1_all.deb")).unwrap();
    bench.run(&["lock", "spec.toml", "--upgrade"]);
    assert_ne!(lock_of(&bench), then);
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    fs_err::remove_dir_all(bench.imgbuild.path("out")).unwrap();
    ask_for(&bench, Some("20200102T000000Z"));
    bench.run(&["lock", "spec.toml"]);
    assert_eq!(bench.build(&[]), image);
}

//! A base without its package manager.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Container, Imgbuild};

const SLIM: &str = "name = \"slim\"\n[base]\ndebian = \"bookworm\"\npackage-manager = false\n";

#[test]
fn a_slim_base_has_no_package_manager_and_tells_scanners_what_it_has() {
    let imgbuild = Imgbuild::new();
    let output = imgbuild.build(SLIM, &[]);
    let container = Container::new(&output.image());
    let root = container.root();
    for path in
        ["usr/bin/apt", "usr/bin/dpkg", "usr/bin/perl", "etc/apt", "var/lib/dpkg/status", "var/lib/dpkg/info"]
    {
        assert!(!root.join(path).exists(), "{path}");
    }
    // What scanners of images without dpkg read: a stanza for each package.
    let record = fs_err::read_to_string(root.join("var/lib/dpkg/status.d/libc6")).unwrap();
    assert!(record.starts_with("Package: libc6\n") && record.contains("\nVersion: 2.36-"), "{record}");
    assert!(root.join("var/lib/dpkg/status.d/libc6.md5sums").is_file());
    // Every package of the lock has one, and none besides.
    let lock = imgbuild.read("spec.lock");
    let mut locked: Vec<String> = lock
        .lines()
        .skip_while(|line| *line != "[[debian]]")
        .filter_map(|line| line.strip_prefix("name = \""))
        .map(|line| line.trim_end_matches('"').to_owned())
        .collect();
    locked.sort();
    let folder = fs_err::read_dir(root.join("var/lib/dpkg/status.d")).unwrap();
    let names = folder.map(|item| item.unwrap().file_name().into_string().unwrap());
    let mut present: Vec<String> = names.filter(|name| !name.ends_with(".md5sums")).collect();
    present.sort();
    assert_eq!(present, locked);
    // It is a system all the same.
    let said =
        |script: &str| container.start_with(&["bash", "-c", script]).success().stdout.trim().to_owned();
    assert_eq!(
        said("id -un; getent group users | cut -d: -f3; TZ=Asia/Tokyo date -d @0 +%R"),
        "user\n100\n09:00"
    );
    assert_eq!(
        said("grep -c BEGIN /etc/ssl/certs/ca-certificates.crt | grep -qE '^1[0-9][0-9]$' && echo many"),
        "many"
    );
    assert_eq!(
        said(
            "printf 'b\\na\\n' | sort | tar --version > /dev/null; ldd /usr/bin/tar | grep -c 'not found'; true"
        ),
        "0"
    );
}

/// Files are whose the lists of hashes beside the packages' stanzas say; of links and configuration, which are in none of these, the
/// archives of the lock's packages say it.
#[test]
fn whose_a_file_is_is_known_without_dpkgs_lists() {
    let imgbuild = Imgbuild::new();
    let output = imgbuild.build(SLIM, &[]);
    let whose = |imgbuild: &Imgbuild, path: &str| {
        let said = imgbuild.run(["why", output.path().to_str().unwrap(), path]).success().stdout;
        said.lines().next().unwrap().to_owned()
    };
    for (path, package) in [
        ("/usr/bin/tar", "tar"),
        ("/usr/bin/sh", "dash"),
        ("/usr/lib/x86_64-linux-gnu/libz.so.1", "zlib1g"),
        ("/etc/bash.bashrc", "bash"),
    ] {
        assert_eq!(whose(&imgbuild, path), format!("{path} belongs to debian/{package}"));
    }
    assert_eq!(whose(&imgbuild, "/etc/passwd"), "/etc/passwd is in no package's list of files");
    // On a machine that has none of them that is told.
    let elsewhere = Imgbuild::with_private_store();
    assert_eq!(whose(&elsewhere, "/usr/bin/tar"), "/usr/bin/tar belongs to debian/tar");
    let said = whose(&elsewhere, "/etc/bash.bashrc");
    let rest =
        said.strip_prefix("/etc/bash.bashrc is in no package's list of files, and the archives of ").unwrap();
    assert!(rest.ends_with(" packages of the base are not here"), "{said}");
    // What is no package's is not said to be one's that is not here: what is in another layer than the base's packages.
    imgbuild.write("own", "own\n");
    let spec = format!("{SLIM}[[copy]]\nfrom = \"own\"\nto = \"/etc/own\"\n");
    let output = imgbuild.build(&spec, &[]);
    let said = |path: &str| elsewhere.run(["why", output.path().to_str().unwrap(), path]);
    let first = |path: &str| said(path).success().stdout.lines().next().unwrap().to_owned();
    assert_eq!(first("/etc/own"), "/etc/own is in no package's list of files");
    // One that is here and damaged is told.
    let lock: toml::Table = imgbuild.read("spec.lock").parse().unwrap();
    let bash = lock["debian"].as_array().unwrap().iter().find(|it| it["name"].as_str() == Some("bash"));
    let digest: imgbuild_oci::Digest = bash.unwrap()["sha256"].as_str().unwrap().parse().unwrap();
    let archive = imgbuild_store::Store::open(elsewhere.store()).unwrap().archive_path(&digest);
    fs_err::write(&archive, "damaged\n").unwrap();
    let told = said("/etc/bash.bashrc").failure().stderr;
    insta::assert_snapshot!(told.replace(&archive.display().to_string(), "ARCHIVE"), @"
    × an archive in the cache cannot be read
    ╰─▶ the archive `ARCHIVE` is not a Debian package: it does not begin with `!<arch>`
    help: where it is damaged, `imgbuild cache verify` removes it, and the next build gets it anew
    ");
}

/// dpkg's lists say all that its packages have.
#[test]
fn no_archive_is_asked_for_where_dpkg_has_its_lists() {
    let imgbuild = Imgbuild::new();
    let output = imgbuild.build("name = \"whole\"\nbase = { debian = \"bookworm\" }\n", &[]);
    let elsewhere = Imgbuild::with_private_store();
    let said = elsewhere.run(["why", output.path().to_str().unwrap(), "/etc/passwd"]).success().stdout;
    assert_eq!(said.lines().next().unwrap(), "/etc/passwd is in no package's list of files");
}

#[test]
fn python_runs_without_a_package_manager() {
    let imgbuild = Imgbuild::new();
    let spec = format!("python = {{ version = \"3.11\", from = \"debian\" }}\n{SLIM}");
    let container = Container::new(&imgbuild.build(&spec, &[]).image());
    let script =
        "import ssl, sqlite3, lzma, zoneinfo; print(len(ssl.create_default_context().get_ca_certs()) > 100)";
    assert_eq!(container.start_with(&["python", "-c", script]).success().stdout, "True\n");
}

#[test]
fn a_package_is_configured_by_a_package_manager_that_is_not_in_the_image() {
    let imgbuild = Imgbuild::with_private_store();
    let output = imgbuild.build(&format!("{SLIM}packages = [\"cron\"]\n"), &[]);
    let container = Container::new(&output.image());
    let root = container.root();
    assert!(!root.join("usr/bin/dpkg").exists() && !root.join("var/lib/dpkg/status").exists());
    assert!(root.join("var/lib/dpkg/status.d/cron").is_file());
    // The group that its script makes.
    assert!(container.start_with(&["getent", "group", "crontab"]).success().stdout.starts_with("crontab:x:"));
    let report = imgbuild.run(["build", "spec.toml", "--output", "out"]).success().stderr;
    assert!(report.contains("ran in the sandbox"), "{report}");
}

//! Debian packages that dpkg configures in the sandbox, through the program, from the machine's own mirror.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use imgbuild_tests::{Container, DebianArchive, Imgbuild, SUITE, Server, capture};
use insta::assert_snapshot;

fn spec(suite: &str, platform: &str, packages: &[&str], more: &str) -> String {
    format!(
        "name = \"base\"\nplatforms = [\"{platform}\"]\n{more}\n[base]\ndebian = \"{suite}\"\npackages = {packages:?}\n"
    )
}

/// Runs a program inside of `root` as root, with the network of this machine.
fn inside(root: &Path, command: &str) -> String {
    let mut chroot = Command::new("chroot");
    chroot.arg(root).args(["/bin/sh", "-c", command]).env("DEBIAN_FRONTEND", "noninteractive");
    let outcome = capture(&mut chroot).success();
    format!("{}{}", outcome.stdout, outcome.stderr)
}

#[test]
fn apt_goes_on_where_dpkg_has_configured() {
    let imgbuild = Imgbuild::new();
    let output = imgbuild.build(&spec("bookworm", "linux/amd64", &["nginx-light"], ""), &[]);
    let container = Container::without_hidden(&output.image());
    let root = container.root();
    for (name, device) in [("null", "3"), ("random", "8"), ("urandom", "9")] {
        let mut mknod = Command::new("mknod");
        fs_err::create_dir_all(root.join("dev")).unwrap();
        capture(mknod.args(["-m", "666"]).arg(root.join("dev").join(name)).args(["c", "1", device]))
            .success();
    }
    for file in ["etc/resolv.conf", "etc/hosts"] {
        fs_err::copy(Path::new("/").join(file), root.join(file)).unwrap();
    }
    fs_err::write(root.join("usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n").unwrap();
    capture(Command::new("chmod").arg("755").arg(root.join("usr/sbin/policy-rc.d"))).success();
    assert_eq!(inside(&root, "dpkg --verify"), "");
    inside(&root, "apt-get update");
    inside(&root, "apt-get install -y --no-install-recommends libpng16-16 cron");
    assert!(inside(&root, "ldconfig -p").contains("libpng16.so.16"));
    inside(&root, "apt-get upgrade -y");
    inside(&root, "apt-get purge -y libpng16-16 cron nginx-light");
    // What dpkg installs now it lists with what it leaves out, and then misses that: no more of `--verify`.
    assert_eq!(inside(&root, "dpkg --audit"), "");
}

#[test]
fn the_same_bytes_whoever_configures() {
    let text = spec("bookworm", "linux/amd64", &["nginx-light", "cron"], "");
    let first = Imgbuild::with_private_store();
    let digests = first.build(&text, &[]).digests();
    let ids = first.write("ids", "nobody:1000000:65536\n");
    let words = "umask 077; mount --bind \"$0\" /etc/subuid && mount --bind \"$0\" /etc/subgid && \
        exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"";
    let through = ["unshare", "--mount", "sh", "-c", words, ids.to_str().unwrap()];
    let again = Imgbuild::with_private_store().through(through).variable("TZ", "Pacific/Kiritimati");
    let home = again.folder().to_owned();
    let again = again.variable("HOME", home);
    again.write("spec.lock", first.read("spec.lock"));
    again.write("spec.toml", &text);
    let folder = again.folder().to_str().unwrap().to_owned();
    capture(Command::new("chown").args(["-R", "65534:65534", &folder])).success();
    capture(Command::new("chmod").args(["755", &folder])).success();
    assert_eq!(again.build_again(&["--locked"]).digests(), digests);
}

#[test]
fn a_script_that_fails() {
    let mut archive = DebianArchive::new();
    archive.add("editor", "1", "Depends: spelling\n", "#!/bin/sh\ntrue ${1:?}\n");
    archive.add("spelling", "1", "", "#!/bin/sh\necho 'no such word'\nexit 3\n");
    archive.publish();
    let server = Server::new(archive.folder());
    let imgbuild = Imgbuild::new();
    fs_err::copy(archive.keyring(), imgbuild.path("keyring.asc")).unwrap();
    let source = format!(
        "[base.sources.own]\nurl = \"{}/debian\"\nsuite = \"{SUITE}\"\nkeyring = \"keyring.asc\"\n",
        server.url()
    );
    imgbuild.write("spec.toml", spec("trixie", "linux/amd64", &["editor", "tini"], "") + &source);
    let outcome = imgbuild.run(["build", "spec.toml", "--output", "out", "--quiet"]).failure();
    assert!(!imgbuild.path("out").exists());
    let said: Vec<&str> = outcome.stderr.lines().map(str::trim_end).collect();
    assert_snapshot!(said.join("\n"), @r#"
      × cannot configure the Debian packages of `base:latest (linux/amd64)`
      ╰─▶ configuring the package `spelling` failed: installed spelling package post-installation script subprocess returned error exit status 3
          it printed:
            no such word
      help: their maintainer scripts run in the sandbox, off the network; `[base] configure = false` names them while locking

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ debian = "trixie"
     6 │ packages = ["editor", "tini"]
       ·             ────┬───
       ·                 ╰── this package
     7 │ [base.sources.own]
       ╰────
    "#);
}

#[test]
fn arm64_is_configured_and_run_by_an_emulator() {
    let python = "python = { version = \"3.11\", from = \"debian\" }\n\
        [[check]]\nrun = [\"python\", \"-c\", \"import platform, ssl; print(platform.machine())\"]\nexpect = \"aarch64\"\n\
        [[check]]\nrun = [\"dpkg\", \"--verify\"]\n\
        [[check]]\nrun = [\"dpkg-query\", \"--show\", \"--showformat=${{Architecture}} ${{Status}}\", \"cron\"]\nexpect = \"arm64 install ok installed\"\n";
    let imgbuild = Imgbuild::new();
    let output = imgbuild.build(&spec("bookworm", "linux/arm64", &["cron"], python), &[]);
    let checks = output.report["images"][0]["checks"].as_array().unwrap();
    let skipped: Vec<_> = checks.iter().map(|check| check["skipped"].clone()).collect();
    assert_eq!(skipped, vec![serde_json::Value::Null; 3]);
    let execution = &output.report["images"][0]["executions"][0];
    assert!(execution["of"].as_array().unwrap().iter().any(|it| it.as_str().unwrap().starts_with("cron ")));
}

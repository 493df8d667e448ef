//! Injected faults: locks that lie, servers that misbehave, disks that are full, builds that are killed. The next run
//! succeeds, and nothing partial ever bears a final name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use imgbuild_tests::{Answer, Bench, DebianArchive, SUITE, Server, capture, channel_folder, names};
use insta::assert_snapshot;

/// Edits the lock, and gives what a build of it says.
fn after_edit(bench: &Bench, lock: &str, from: &str, to: &str) -> String {
    assert!(lock.contains(from), "`{from}` is not in\n{lock}");
    bench.imgbuild.write("spec.lock", lock.replacen(from, to, 1));
    bench.fails(&[])
}

/// The line of the lock that begins so.
fn line<'a>(lock: &'a str, start: &str) -> &'a str {
    lock.lines()
        .find(|line| line.trim_start().starts_with(start))
        .unwrap_or_else(|| panic!("`{start}`: {lock}"))
}

#[test]
fn facts_of_the_lock_that_do_not_hold() {
    let bench = Bench::new();
    bench.explicit(&["noarch/odd-activate-static-1.0-0.conda"]);
    bench.run(&["lock", "spec.toml"]);
    let lock = bench.imgbuild.read("spec.lock");
    let (_, conda) = lock.split_once("[[conda]]").unwrap();
    let zeros = "0".repeat(64);
    let paths = line(conda, "paths = ");
    assert_snapshot!(after_edit(&bench, &lock, paths, &format!("paths = \"sha256:{zeros}\"")), @"
    × cannot put `conda/odd-activate-static` into a layer
    ╰─▶ the lock says of its paths `sha256:SHA256`, and the archive `sha256:SHA256`
    ");
    let size = line(conda, "installed-size = ");
    assert_snapshot!(after_edit(&bench, &lock, size, "installed-size = 1"), @"
    × cannot put `conda/odd-activate-static` into a layer
    ╰─▶ the lock says of its installed size `1`, and the archive `139`
    ");
    assert_snapshot!(after_edit(&bench, &lock, size, &format!("{size}\nentry-points = [\"x = y:z\"]")), @"
    × cannot put `conda/odd-activate-static` into a layer
    ╰─▶ the lock says of its entry points `x = y:z`, and the archive ``
    ");
    let version = line(conda, "version = ");
    assert_snapshot!(after_edit(&bench, &lock, version, "version = \"2.0\""), @"
    × cannot put `conda/odd-activate-static` into a layer
    ╰─▶ the lock says of its version `2.0`, and the archive `1.0`
    ");
    let value = line(conda, "value = ");
    assert_snapshot!(after_edit(&bench, &lock, value, "value = \"other\""), @"
    × cannot put `conda/odd-activate-static` into a layer
    ╰─▶ the lock says of its activation `ODD_FOO=other, ODD_HOME=$CONDA_PREFIX/share/odd, ODD_QUOTED=a b`, and the archive `ODD_FOO=bar, ODD_HOME=$CONDA_PREFIX/share/odd, ODD_QUOTED=a b`
    ");
    let sha256 = line(conda, "sha256 = ");
    let wrong = after_edit(&bench, &lock, sha256, &format!("sha256 = \"sha256:{zeros}\""));
    assert_snapshot!(wrong, @"
    × cannot get `odd-activate-static-1.0-0.conda`
    ╰─▶ `file://FOLDER/channel/noarch/odd-activate-static-1.0-0.conda` has the sha256 `SHA256`, and `SHA256` was expected
    ");
    // As it was, it builds.
    bench.imgbuild.write("spec.lock", &lock);
    bench.build(&["--locked"]);
    // A layer that is there was checked when it was made; where there is none, Debian's facts are checked as well.
    let bench = Bench::new();
    bench.conda(&[]);
    bench.run(&["lock", "spec.toml"]);
    let lock = bench.imgbuild.read("spec.lock");
    let debian = "[debian.facts]\ninstalled-size = ";
    assert_snapshot!(after_edit(&bench, &lock, debian, &format!("{debian}1")), @"
    × cannot put `debian/apt` into a layer
    ╰─▶ the archive `STORE/archives/SHA256` is not what its index says: the lock says 15 bytes, the newest of 1000000000, and it holds 5 bytes, the newest of 1000000000
    help: the lock was changed by hand, or written by another version: run `imgbuild lock`
    ");
}

#[test]
fn the_python_distributions_of_the_lock_that_do_not_hold() {
    let bench = Bench::new();
    let conda = "[conda]\nchannels = [\"./channel\"]\npackages = [\"six\"]\n[layers]\nbytecode = false";
    bench.spec("python = \"3.11\"", conda);
    bench.run(&["lock", "spec.toml"]);
    let lock = bench.imgbuild.read("spec.lock");
    let held = line(&lock, "distributions = [\"six");
    assert_snapshot!(after_edit(&bench, &lock, held, "distributions = [\"six 1.16.0\"]"), @"
    × cannot put `conda/six` into a layer
    ╰─▶ the lock says of its distributions `six 1.16.0`, and the archive `six 1.17.0`
    ");
    assert_snapshot!(after_edit(&bench, &lock, held, ""), @"
    × cannot put `conda/six` into a layer
    ╰─▶ the lock says nothing of the Python distributions in it: `six 1.17.0`
    help: the lock was changed by hand, or written by another version: run `imgbuild lock`
    ");
    // Locking again takes nothing from a lock that says nothing of them, and changes nothing else.
    bench.run(&["lock", "spec.toml"]);
    assert_eq!(bench.imgbuild.read("spec.lock"), lock);
}

#[test]
fn a_lock_without_what_it_names() {
    let bench = Bench::new();
    let conda = "[conda]\nchannels = [\"./channel\"]\npackages = [\"odd-modes\"]";
    bench.spec("platforms = [\"linux/amd64\", \"linux/arm64\"]", conda);
    bench.run(&["lock", "spec.toml"]);
    let lock = bench.imgbuild.read("spec.lock");
    let (variants, packages) = lock.split_at(lock.find("[[debian]]").unwrap());
    // Without its packages, without its second variant, and with the two exchanged.
    bench.imgbuild.write("spec.lock", variants);
    assert_snapshot!(bench.fails(&[]), @"
    × cannot use the lock `spec.lock`
    ╰─▶ the lock does not list `file://FOLDER/channel/noarch/odd-modes-1.0-0.conda`, which the variant `latest` needs
    help: remove it and run `imgbuild lock` to make it anew
    ");
    let (head, rest) = variants.split_at(variants.find("[[variant]]").unwrap());
    let second = rest.rfind("[[variant]]").unwrap();
    bench.imgbuild.write("spec.lock", format!("{head}{}{packages}", &rest[..second]));
    assert_snapshot!(bench.fails(&["--locked"]), @"
    × the lock `spec.lock` is stale: the spec asks for something else than it was made for
    help: run `imgbuild lock` to renew it
    ");
    bench.imgbuild.write("spec.lock", format!("{head}{}{}{packages}", &rest[second..], &rest[..second]));
    assert_snapshot!(bench.fails(&["--locked"]), @"
    × the lock `spec.lock` is stale: the spec asks for something else than it was made for
    help: run `imgbuild lock` to renew it
    ");
    bench.run(&["build", "spec.toml"]);
    assert_eq!(bench.imgbuild.read("spec.lock"), lock, "it is made anew");
}

#[test]
fn a_mirror_with_another_archive() {
    let channel =
        Server::with(&channel_folder(), |request| match request.path.ends_with("odd-modes-1.0-0.conda") {
            true if request.range.is_none() => Answer::Bytes(b"something else".to_vec()),
            _ => Answer::File,
        });
    let bench = Bench::new();
    bench.spec("", &format!("[conda]\nchannels = [\"{}\"]\npackages = [\"odd-modes\"]", channel.url()));
    assert_snapshot!(bench.fails(&[]), @"
    × cannot get `odd-modes-1.0-0.conda`
    ╰─▶ `http://127.0.0.1:PORT/noarch/odd-modes-1.0-0.conda` has 14 bytes, and 1498 were expected
    ");
    // The same size, and another byte.
    let mut bytes = fs_err::read(channel_folder().join("noarch/odd-modes-1.0-0.conda")).unwrap();
    bytes[100] ^= 1;
    let channel = Server::with(&channel_folder(), move |request| {
        match request.path.ends_with("odd-modes-1.0-0.conda") {
            true if request.range.is_none() => Answer::Bytes(bytes.clone()),
            _ => Answer::File,
        }
    });
    bench.spec("", &format!("[conda]\nchannels = [\"{}\"]\npackages = [\"odd-modes\"]", channel.url()));
    assert_snapshot!(bench.fails(&[]), @"
    × cannot get `odd-modes-1.0-0.conda`
    ╰─▶ `http://127.0.0.1:PORT/noarch/odd-modes-1.0-0.conda` has the sha256 `SHA256`, and `SHA256` was expected
    ");
}

#[test]
fn a_download_that_breaks_goes_on_where_it_stopped() {
    let file = "noarch/odd-long-paths-1.0-0.conda";
    let size = fs_err::metadata(channel_folder().join(file)).unwrap().len();
    let half = usize::try_from(size / 2).unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let channel = Server::with(&channel_folder(), move |request| {
        let whole = request.range.is_none() && request.path.ends_with(file);
        if whole && !broken.swap(true, Ordering::SeqCst) { Answer::Truncated(half) } else { Answer::File }
    });
    let bench = Bench::new();
    bench.spec("", &format!("[conda]\nchannels = [\"{}\"]\npackages = [\"odd-long-paths\"]", channel.url()));
    bench.build(&[]);
    let ranges: Vec<_> = channel.requests().into_iter().filter(|it| it.path.ends_with(file)).collect();
    let last = ranges.last().unwrap();
    assert_eq!(last.range, Some(format!("{half}-")), "{ranges:?}");
}

#[test]
fn a_download_that_always_breaks() {
    let channel = Server::with(&channel_folder(), |request| {
        let whole = request.path.ends_with("odd-modes-1.0-0.conda") && request.range.is_none();
        if whole { Answer::Truncated(0) } else { Answer::File }
    });
    let bench = Bench::new();
    bench.spec("", &format!("[conda]\nchannels = [\"{}\"]\npackages = [\"odd-modes\"]", channel.url()));
    assert_snapshot!(bench.fails(&[]), @"
    × cannot get `odd-modes-1.0-0.conda`
    ├─▶ `http://127.0.0.1:PORT/noarch/odd-modes-1.0-0.conda` cannot be reached
    ├─▶ error decoding response body
    ├─▶ request or response body error
    ├─▶ error reading a body from connection
    ╰─▶ end of file before message length reached
    ");
}

/// Everything below the store, without what is temporary by its place.
fn finished(bench: &Bench) -> Vec<String> {
    let mut all = Vec::new();
    for folder in ["archives", "blobs/sha256", "layers-v1", "bytecode-v1", "tools-v1"] {
        let path = bench.imgbuild.store().join(folder);
        if path.exists() {
            all.extend(names(&path).into_iter().map(|name| format!("{folder}/{name}")));
        }
    }
    all
}

#[test]
fn a_build_that_is_killed_at_any_moment() {
    let bench = Bench::new();
    bench.spec("python = \"3.11\"", "[conda]\nchannels = [\"./channel\"]");
    // Later and later: while it locks, downloads, writes layers, compiles, delivers.
    let mut killed = 0;
    for step in 0..16 {
        let mut command = bench.imgbuild.command(["build", "spec.toml", "--output", "out"]);
        let mut child =
            command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(50).mul_f64(1.35_f64.powi(step)));
        if child.try_wait().unwrap().is_some_and(|status| status.success()) {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
        // No tarball under its own name that is not whole, and in the store only what its name says; the lock is whole or not there.
        let out = bench.imgbuild.path("out");
        let left = if out.exists() { names(&out) } else { Vec::new() };
        assert!(
            left.iter()
                .filter(|name| name.ends_with(".tar") && !name.starts_with(".imgbuild-"))
                .all(|name| imgbuild_oci::validate(&out.join(name)).is_ok()),
            "{left:?}"
        );
        for path in
            finished(&bench).iter().filter(|path| path.starts_with("archives") || path.starts_with("blobs"))
        {
            let found = imgbuild_oci::Digest::of(fs_err::read(bench.imgbuild.store().join(path)).unwrap());
            assert!(path.ends_with(&found.hex()), "{path}");
        }
        if bench.imgbuild.path("spec.lock").exists() {
            bench.run(&["lock", "--check", "spec.toml"]);
        }
    }
    assert!(killed > 2, "the build was too fast to be killed");
    let digest = bench.build(&[]);
    bench.run(&["cache", "verify"]);
    assert_eq!(names(&bench.imgbuild.store().join("tmp")), [""; 0]);
    assert_eq!(names(&bench.imgbuild.store().join("locks")), [""; 0]);
    // What the killed ones had begun changes nothing.
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    assert_eq!(bench.build(&[]), digest);
}

#[test]
fn an_interrupted_build() {
    let channel = Server::with(&channel_folder(), |request| {
        let whole = request.path.ends_with("odd-modes-1.0-0.conda") && request.range.is_none();
        if whole { Answer::Stalled(10) } else { Answer::File }
    });
    let bench = Bench::new();
    bench.spec("", &format!("[conda]\nchannels = [\"{}\"]\npackages = [\"odd-modes\"]", channel.url()));
    let mut command = bench.imgbuild.command(["build", "spec.toml", "--output", "out"]);
    let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let stalled = || {
        channel.requests().iter().any(|it| it.path.ends_with("odd-modes-1.0-0.conda") && it.range.is_none())
    };
    while !stalled() {
        std::thread::sleep(Duration::from_millis(10));
    }
    capture(Command::new("kill").args(["-INT", &child.id().to_string()])).success();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_snapshot!(text.lines().last().unwrap(), @"interrupted: nothing was written under its final name, and the next run goes on from here");
    assert_eq!(output.stdout, b"");
    bench.nothing_is_there();
}

/// What a build says when one byte of a file of the mirror is another.
fn tampered(end: &'static str) -> String {
    let archive = DebianArchive::new();
    let root = archive.folder().to_owned();
    let bench = Bench::with(archive, move |request| {
        if !request.path.ends_with(end) {
            return Answer::File;
        }
        let mut bytes = fs_err::read(root.join(request.path.trim_start_matches('/'))).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        Answer::Bytes(bytes)
    });
    bench.conda(&["odd-empty"]);
    let message = bench.fails(&[]);
    assert!(!bench.imgbuild.path("spec.lock").exists());
    message
}

#[test]
fn a_tampered_release() {
    assert_snapshot!(tampered("trixie/InRelease"), @"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ cannot trust the index `http://MIRROR/debian/dists/trixie/InRelease` of the suite `trixie`: no key of the keyring made any of its signatures, or its text was changed
    help: where the mirror is not Debian's own, name its keys with `[base] keyring`
    ");
}

#[test]
fn a_tampered_index() {
    assert_snapshot!(tampered("debian/dists/trixie/main/binary-amd64/Packages.xz"), @r#"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ `http://MIRROR/debian/dists/trixie/main/binary-amd64/Packages.xz` is not the file that the signed index names
        expected: 480 bytes, sha256:SHA256
           found: 480 bytes, sha256:SHA256
    help: the mirror may be in the middle of an update: try again, or take another with `[base] mirror`
    "#);
}

#[test]
fn a_tampered_package() {
    assert_snapshot!(tampered("pool/tini_1_all.deb"), @"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ├─▶ cannot fetch the package `tini` from `http://MIRROR/debian/pool/tini_1_all.deb`
    ╰─▶ `http://MIRROR/debian/pool/tini_1_all.deb` has the sha256 `SHA256`, and `SHA256` was expected
    ");
}

#[test]
fn an_unsigned_release() {
    let archive = DebianArchive::new();
    let bench = Bench::with(archive, |request| {
        if request.path.ends_with("InRelease") {
            Answer::Bytes(format!("Suite: {SUITE}\nCodename: {SUITE}\n").into_bytes())
        } else {
            Answer::File
        }
    });
    bench.conda(&["odd-empty"]);
    assert_snapshot!(bench.fails(&[]), @"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ cannot trust the index `http://MIRROR/debian/dists/trixie/InRelease` of the suite `trixie`: it is not a signed text: not enough bytes in buffer: cleartext header
    help: where the mirror is not Debian's own, name its keys with `[base] keyring`
    ");
}

#[test]
fn a_release_by_somebody_else() {
    let bench = Bench::new();
    fs_err::copy(DebianArchive::new().keyring(), bench.imgbuild.path("keyring.asc")).unwrap();
    bench.conda(&["odd-empty"]);
    assert_snapshot!(bench.fails(&[]), @"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ cannot trust the index `http://MIRROR/debian/dists/trixie/InRelease` of the suite `trixie`: no key of the keyring made any of its signatures, or its text was changed
    help: where the mirror is not Debian's own, name its keys with `[base] keyring`
    ");
}

#[test]
fn an_expired_release() {
    let mut archive = DebianArchive::new();
    archive.release_fields = "Valid-Until: Wed, 08 Jan 2020 00:00:00 UTC\n".to_owned();
    archive.publish();
    let bench = Bench::with(archive, |_| Answer::File);
    bench.conda(&["odd-empty"]);
    assert_snapshot!(bench.fails(&[]), @"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ cannot trust the index `http://MIRROR/debian/dists/trixie/InRelease` of the suite `trixie`: it was valid until 2020-01-08T00:00:00Z
    help: the mirror is out of date, or this machine's clock is wrong
    ");
}

#[test]
fn an_expired_signature() {
    let mut archive = DebianArchive::new();
    archive.lifetime = 1;
    archive.publish();
    std::thread::sleep(Duration::from_millis(2100));
    let bench = Bench::with(archive, |_| Answer::File);
    bench.conda(&["odd-empty"]);
    let message = bench.fails(&[]);
    let (before, _) = message.split_once("20").unwrap();
    assert_snapshot!(before, @"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ cannot trust the index `http://MIRROR/debian/dists/trixie/InRelease` of the suite `trixie`: the signature by the key `KEY` expired at 
    ");
}

/// Changes one byte of a file.
fn damage(path: &Path) {
    let mut bytes = fs_err::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_store_is_found_and_mended() {
    let bench = Bench::new();
    bench.conda(&["odd-modes"]);
    let digest = bench.build(&[]);
    let store = bench.imgbuild.store().to_owned();
    let archives = names(&store.join("archives"));
    let blobs = names(&store.join("blobs/sha256"));
    let (archives_count, blobs_count) = (archives.len(), blobs.len());
    damage(&store.join("archives").join(&archives[0]));
    damage(&bench.layer_blob());
    // Nothing is delivered that is not what its name says, in any form.
    let before = fs_err::read(bench.imgbuild.path("out/x-latest.tar")).unwrap();
    let [told, of_folder] = ["oci", "oci-dir"].map(|form| {
        let words = ["build", "spec.toml", "--output", "elsewhere", "--locked", "--format", form];
        bench.message(&bench.imgbuild.run(words).failure())
    });
    // What is there already is right, and is left as it is.
    bench.imgbuild.run(["build", "spec.toml", "--output", "out", "--locked"]).success();
    assert_eq!(told, of_folder);
    assert_snapshot!(told, @"
    × a layer in the cache is damaged: the blob `sha256:SHA256` holds something else: its digest is `sha256:SHA256`
    help: `imgbuild cache verify` removes what is damaged, and the next build makes it anew
    ");
    assert_eq!(names(&bench.imgbuild.path("elsewhere")), [""; 0]);
    assert_eq!(names(&bench.imgbuild.path("out")), ["x-latest.tar"]);
    assert_eq!(fs_err::read(bench.imgbuild.path("out/x-latest.tar")).unwrap(), before);
    let outcome = bench.imgbuild.run(["cache", "verify"]).failure();
    assert_snapshot!(format!("{}{}", imgbuild_tests::named(&outcome.stdout), bench.message(&outcome)), @r#"
    archive SHA256: its sha256 is `SHA256`
    blob SHA256: its sha256 is `SHA256`
    layer SHA256: it is not as it was written, or its blob is gone or has another size
    checked 19 things
      × 3 damaged things were found in the cache, and removed
      help: the next build makes or downloads them anew
    "#);
    assert_eq!(names(&store.join("archives")).len(), archives_count - 1);
    assert_eq!(names(&store.join("blobs/sha256")).len(), blobs_count - 1);
    fs_err::remove_dir_all(bench.imgbuild.path("out")).unwrap();
    assert_eq!(bench.build(&["--locked"]), digest);
    bench.run(&["cache", "verify"]);
}

#[test]
fn nothing_is_made_of_a_damaged_archive() {
    let bench = Bench::new();
    bench.conda(&["odd-modes"]);
    bench.run(&["lock", "spec.toml"]);
    for name in names(&bench.imgbuild.store().join("archives")) {
        damage(&bench.imgbuild.store().join("archives").join(name));
    }
    let outcome = bench.imgbuild.run(["build", "spec.toml", "--output", "out"]).failure();
    let message = bench.message(&outcome);
    let name = message.split('`').nth(1).unwrap().to_owned();
    assert_snapshot!(message.replace(&name, "PACKAGE"), @"
    × cannot get `PACKAGE`
    ╰─▶ the cache holds something else under its hash
    help: `imgbuild cache verify` finds and removes what is damaged
    ");
    assert!(!bench.imgbuild.path("out").exists());
    bench.imgbuild.run(["cache", "verify"]).failure();
    bench.build(&[]);
}

#[test]
fn a_blob_that_was_cut_is_made_anew() {
    let bench = Bench::new();
    bench.conda(&["odd-modes"]);
    let digest = bench.build(&[]);
    let blobs = bench.imgbuild.store().join("blobs/sha256");
    for name in names(&blobs) {
        let size = fs_err::metadata(blobs.join(&name)).unwrap().len();
        fs_err::OpenOptions::new().write(true).open(blobs.join(&name)).unwrap().set_len(size / 2).unwrap();
    }
    assert_eq!(bench.build(&[]), digest);
    bench.run(&["cache", "verify"]);
}

#[test]
fn two_builds_at_once() {
    let bench = Bench::new();
    bench.spec("python = \"3.11\"", "[conda]\nchannels = [\"./channel\"]\npackages = [\"requests\"]");
    bench.run(&["lock", "spec.toml"]);
    let build = |output: &str| {
        let mut command = bench.imgbuild.command(["build", "spec.toml", "--json", "--output", output]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = ["one", "two", "three"].map(build).into();
    let mut made = Vec::new();
    let mut digests = Vec::new();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let image = &report["images"][0];
        digests.push(image["digest"].as_str().unwrap().to_owned());
        let layers = image["layers"].as_array().unwrap();
        made.extend(
            layers
                .iter()
                .filter(|it| it["reused"] == false)
                .map(|it| it["digest"].as_str().unwrap().to_owned()),
        );
        // Which of them made a layer is chance; that one did is not.
        assert!(layers.len() > 5);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
    let count = made.len();
    made.sort();
    made.dedup();
    assert_eq!(made.len(), count, "a layer was made twice");
    assert_eq!(names(&bench.imgbuild.store().join("layers-v1")).len(), count);
}

#[test]
fn a_link_in_place_of_the_output() {
    let bench = Bench::new();
    bench.conda(&["odd-empty"]);
    fs_err::create_dir(bench.imgbuild.path("out")).unwrap();
    bench.imgbuild.write("precious", "kept");
    symlink("../precious", bench.imgbuild.path("out/x-latest.tar")).unwrap();
    bench.build(&[]);
    assert_eq!(bench.imgbuild.read("precious"), "kept");
    assert!(!bench.imgbuild.path("out/x-latest.tar").is_symlink());
}

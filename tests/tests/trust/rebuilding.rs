//! Images that are built once more of their own lock.

use imgbuild_tests::{Imgbuild, Registry, channel};
use insta::assert_snapshot;

use super::{imgbuild, key, plain, push, small};

fn rebuilt(registry: &Registry, imgbuild: &Imgbuild, more: &[&str]) -> String {
    let name = format!("{}/small:latest", registry.address());
    let outcome =
        imgbuild.run([&["verify", "--quiet", name.as_str(), "--rebuild", "spec.toml"], more].concat());
    plain(&format!("{}{}[{}]", outcome.stderr, outcome.stdout, outcome.code.unwrap()), registry.address())
}

#[test]
fn an_image_is_what_its_lock_makes_or_the_first_byte_is_told() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    push(&imgbuild, &target, &["--sign-key", &key("p256.key")]);
    assert_snapshot!(rebuilt(&registry, &imgbuild, &["--key", &key("p256.pub")]), @"
    REGISTRY/small:latest is sha256:…
    signed: with the key PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=: bundle sha256:…, tag sha256-….sig
    lock: sha256:…
    rebuilt: bit for bit the same, of spec.toml
    [0]
    ");
    // What is copied is not in the lock.
    imgbuild.write("one", "one\n".repeat(4000).replacen("one\none\n", "one\nonE\n", 1));
    assert_snapshot!(rebuilt(&registry, &imgbuild, &[]), @"
      × `REGISTRY/small:latest` is not what its lock makes: in layer 2 (copied files) `/one` of `copied files` has 0x65 at byte 6, and not 0x45
      help: files that the spec copies are not in the lock: they must be as they were. If they are, somebody changed the image, or imgbuild has a fault
    [1]
    ");
    imgbuild.write("one", "one\n");
    assert_snapshot!(rebuilt(&registry, &imgbuild, &[]), @"
      × `REGISTRY/small:latest` is not what its lock makes: in layer 2 (copied files) `/one` of `copied files` has 0x6f at byte 4, and not its end
      help: files that the spec copies are not in the lock: they must be as they were. If they are, somebody changed the image, or imgbuild has a fault
    [1]
    ");
    imgbuild.write("one", "one\n".repeat(4000));
    let spec = fs_err::read_to_string(imgbuild.path("spec.toml")).unwrap();
    imgbuild.write("spec.toml", format!("{spec}[image]\nworkdir = \"/srv\"\n"));
    assert_snapshot!(rebuilt(&registry, &imgbuild, &[]), @r#"
      × `REGISTRY/small:latest` is not what its lock makes: its configuration has `null` at `/config/WorkingDir`, and not `"/srv"`
      help: files that the spec copies are not in the lock: they must be as they were. If they are, somebody changed the image, or imgbuild has a fault
    [1]
    "#);
    imgbuild.write("spec.toml", spec.replace("[layers]", "tags = [\"2\"]\n[layers]"));
    assert_snapshot!(rebuilt(&registry, &imgbuild, &[]), @"
      × the lock in `REGISTRY/small:latest` is not one of the spec `spec.toml`
      help: name the spec as it was when the image was built: `git log` of the spec tells when it changed
    [1]
    ");
}

/// Another user than the one who built: by a number that nobody has here, with no rights but its own.
const OTHER: &str = "54321";

/// Pushes an image, and builds it again on a second machine, in another folder and as another user, with an empty store, other settings,
/// and nothing but the spec and the files that it copies: what differs from the first one, and what is left in the cache.
fn rebuilt_elsewhere(spec: &dyn Fn(&Imgbuild) -> String) -> String {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let spec = |imgbuild: &Imgbuild| {
        let text = spec(imgbuild).replace("conda-forge", &channel());
        imgbuild.write("spec.toml", text);
    };
    spec(&imgbuild);
    push(&imgbuild, &format!("{}/small", registry.address()), &["--provenance"]);
    let home = imgbuild_tests::scratch("home");
    // Root has used podman there, whose folder is nobody else's.
    let script = format!(
        "mkdir -p /run/containers; mount -t tmpfs -o mode=0700 none /run/containers; umask 077
         exec setpriv --reuid={OTHER} --regid={OTHER} --clear-groups \"$@\""
    );
    let second = super::imgbuild()
        .through(["unshare", "--mount", "taskset", "--cpu-list", "0", "sh", "-c", script.as_str(), "sh"])
        .without("XDG_RUNTIME_DIR")
        .variable("HOME", home.path())
        .variable("LC_ALL", "tr_TR.UTF-8")
        .variable("TZ", "Pacific/Kiritimati");
    spec(&second);
    // What it works with is its own: files that are copied have other owners as well.
    for folder in [second.folder(), home.path()] {
        let owner = format!("{OTHER}:{OTHER}");
        let mut chown = std::process::Command::new("chown");
        imgbuild_tests::capture(chown.args(["-R", "-h", &owner]).arg(folder)).success();
    }
    let said = rebuilt(&registry, &second, &[]);
    assert!(!second.path("spec.lock").exists(), "the lock is the image's own");
    // Nothing of the build is kept: it was made to be compared.
    for folder in ["scratch", "images-v1", "layers-v1"] {
        let left: Vec<_> = fs_err::read_dir(second.store().join(folder)).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
    said
}

/// What is told of an image that is bit for bit the same.
#[track_caller]
fn is_made_anew(spec: &dyn Fn(&Imgbuild) -> String) {
    assert_eq!(
        rebuilt_elsewhere(spec),
        "REGISTRY/small:latest is sha256:…\n\
         provenance (not signed): built by https://github.com/imgbuild/imgbuild#unattested-machine\n\
         lock: sha256:…\n\
         rebuilt: bit for bit the same, of spec.toml\n\
         [0]"
    );
}

#[test]
fn conda_packages_are_made_anew_on_a_second_machine() {
    is_made_anew(&|imgbuild| imgbuild.example("six-packages"));
}

#[test]
fn debian_and_wheels_are_made_anew_on_a_second_machine() {
    is_made_anew(&|imgbuild| imgbuild.example("quickstart"));
}

#[test]
fn wheels_alone_are_made_anew_on_a_second_machine() {
    let spec = "name = \"small\"\nplatforms = [\"linux/amd64\"]\npython = { version = \"3.11\", from = \"debian\" }\n\
                [base]\ndebian = \"bookworm\"\n[pip]\npackages = [\"click\", \"markupsafe\"]\n";
    is_made_anew(&|_| spec.to_owned());
}

#[test]
fn layers_of_the_own_store_are_not_taken_over() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    push(&imgbuild, &format!("{}/small", registry.address()), &[]);
    let right = rebuilt(&registry, &imgbuild, &[]);
    // One that is damaged there changes nothing.
    fs_err::remove_dir_all(imgbuild.store().join("blobs")).unwrap();
    assert_eq!(rebuilt(&registry, &imgbuild, &[]), right);
    assert!(right.ends_with("of spec.toml\n[0]"), "{right}");
}

//! Images are read from mirrors, and from where their registry has moved to; they are written where their names say.

use imgbuild_oci::{ContainerConfig, Platform};
use imgbuild_tests::{HandmadeLayer, Registry, write_layout};

use crate::Home;

/// Puts an image into a registry, whose file says `text`, and gives its digest.
fn fill(home: &Home, registry: &Registry, name: &str, text: &str) -> String {
    let layer = HandmadeLayer::new().file("etc/motd", text.as_bytes()).tar();
    let layout = home.imgbuild.path(text);
    write_layout(&layout, &[Platform::LinuxAmd64], vec![layer], &ContainerConfig::default());
    home.run(&["push", text, &format!("{}/{name}", registry.address())], "").success();
    digest(&fs_err::read_to_string(layout.join("index.json")).unwrap())
}

/// The digest of the image that a layout has.
fn digest(index: &str) -> String {
    let index: serde_json::Value = serde_json::from_str(index).unwrap();
    index["manifests"][0]["digest"].as_str().unwrap().to_owned()
}

fn conf(home: &Home, text: &str) {
    home.write(".config/containers/registries.conf", text);
}

fn pull(home: &Home, image: &str) -> imgbuild_tests::Outcome {
    home.run(&["pull", image, "--output", "pulled.tar"], "")
}

/// The digest of what is pulled.
fn pulled(home: &Home, image: &str) -> String {
    pull(home, image).success();
    let index = imgbuild_tests::capture(
        std::process::Command::new("tar").arg("-xOf").arg(home.imgbuild.path("pulled.tar")).arg("index.json"),
    );
    digest(&index.success().stdout)
}

#[test]
fn the_first_mirror_that_has_an_image() {
    let (home, first, second, own) = (Home::new(), Registry::new(), Registry::new(), Registry::new());
    let of_second = fill(&home, &second, "hub/team/image:1.0", "second");
    let of_own = fill(&home, &own, "team/image:1.0", "own");
    let only_own = fill(&home, &own, "team/other:1.0", "other");
    let host = own.address();
    // One that nobody listens at, one that has nothing, and one that has it elsewhere.
    let mirrors = |rest: &str| {
        format!(
            "[[registry]]\nlocation = \"{host}\"\n[[registry.mirror]]\nlocation = \"r.invalid\"\n\
             [[registry.mirror]]\nlocation = \"{}/hub\"\n[[registry.mirror]]\nlocation = \"{}/hub\"\n{rest}",
            first.address(),
            second.address()
        )
    };
    conf(&home, &mirrors(""));
    assert_eq!(pulled(&home, &format!("{host}/team/image:1.0")), of_second);
    assert_eq!(pulled(&home, &format!("{host}/team/other:1.0")), only_own);
    // It is asked for nothing but digests, and so this is the registry's own.
    conf(&home, &mirrors("pull-from-mirror = \"digest-only\"\n"));
    assert_eq!(pulled(&home, &format!("{host}/team/image:1.0")), of_own);
    assert_eq!(pulled(&home, &format!("{host}/team/image@{of_second}")), of_second);
    // What is pushed goes to the registry itself.
    let new = format!("{host}/team/new:1.0");
    home.run(&["push", "second", &new], "").success();
    conf(&home, "");
    assert_eq!(pulled(&home, &new), of_second);
}

/// A mirror may have an older image by a tag: it is not what is signed.
#[test]
fn what_is_signed_is_what_the_registry_has() {
    let (home, mirror, own) = (Home::new(), Registry::new(), Registry::new());
    let of_mirror = fill(&home, &mirror, "hub/team/image:1.0", "second");
    let of_own = fill(&home, &own, "team/image:1.0", "own");
    let host = own.address();
    conf(
        &home,
        &format!(
            "[[registry]]\nlocation = \"{host}\"\n[[registry.mirror]]\nlocation = \"{}/hub\"\n",
            mirror.address()
        ),
    );
    let key = imgbuild_tests::workspace_root().join("crates/signature/src/tests/keys/ed.key");
    let signed = ["--sign-key", key.to_str().unwrap()];
    let (by_tag, by_digest) = (format!("{host}/team/image:1.0"), format!("{host}/team/image@{of_mirror}"));
    let image = |words: &[&str], place: &str, image: &str, more: &[&str]| {
        let target = format!("{}/{place}:1", own.address());
        let words = match words {
            ["index", "create"] => [words, &[&target, image], more].concat(),
            _ => [words, &[image, &target], more].concat(),
        };
        home.run(&words, "").success();
        let told = home.run(&["inspect", &target, "--json"], "").success().stdout;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        told["digest"].as_str().unwrap().to_owned()
    };
    for (place, words) in [("copied", &["copy"][..]), ("pushed", &["push"]), ("joined", &["index", "create"])]
    {
        assert_eq!(image(words, &format!("{place}/plain"), &by_tag, &[]), of_mirror, "{place}");
        assert_eq!(image(words, &format!("{place}/signed"), &by_tag, &signed), of_own, "{place}");
        // What has a digest is the same one everywhere.
        assert_eq!(image(words, &format!("{place}/same"), &by_digest, &signed), of_mirror, "{place}");
    }
    let attached = home.run(&["sbom", &by_tag, "--attach"], "").success();
    assert!(attached.stdout.ends_with(&format!("{of_own}\n")), "{}", attached.stdout);
}

/// What is joined is what was looked at.
#[test]
fn what_is_joined_is_what_the_registry_has() {
    let (home, mirror, own) = (Home::new(), Registry::new(), Registry::new());
    let host = own.address();
    home.imgbuild.write("src/new", "new");
    home.imgbuild.write(
        "spec.toml",
        "name = \"x\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\", \"linux/arm64\"]\n\
         [[copy]]\nfrom = \"src\"\nto = \"/data\"\n",
    );
    let target = format!("{host}/team/x:1");
    home.run(&["build", "spec.toml", "--push", &target, "--platform-tags"], "").success();
    let of_mirror = fill(&home, &mirror, "hub/team/x:1-amd64", "second");
    conf(
        &home,
        &format!(
            "[[registry]]\nlocation = \"{host}\"\n[[registry.mirror]]\nlocation = \"{}/hub\"\n",
            mirror.address()
        ),
    );
    assert_eq!(pulled(&home, &format!("{target}-amd64")), of_mirror);
    home.run(&["push", "spec.toml", &target, "--complete"], "").success();
    conf(&home, "");
    let image = |name: &str| {
        let words = ["inspect", name, "--platform", "linux/amd64", "--json"];
        let told = home.run(&words, "").success().stdout;
        serde_json::from_str::<serde_json::Value>(&told).unwrap()["digest"].clone()
    };
    assert_eq!(image(&target), image(&format!("{target}-amd64")));
}

#[test]
fn a_registry_that_has_moved() {
    let (home, registry) = (Home::new(), Registry::new());
    let digest = fill(&home, &registry, "moved/image:1.0", "moved");
    let address = registry.address();
    conf(&home, &format!("[[registry]]\nprefix = \"old.invalid/team\"\nlocation = \"{address}/moved\"\n"));
    assert_eq!(pulled(&home, "old.invalid/team/image:1.0"), digest);
    pull(&home, "old.invalid/others/image:1.0").failure();
    conf(&home, &format!("[[registry]]\nlocation = \"{address}\"\nblocked = true\n"));
    let said = home.said(&pull(&home, &format!("{address}/moved/image:1.0")).failure(), address);
    insta::assert_snapshot!(said, @r"
    × `HOST/moved/image` is blocked on this machine: `HOME/.config/containers/registries.conf` has `blocked = true` for `HOST`
    help: whoever keeps that file decides; name another registry
    ");
}

#[test]
fn what_an_image_stands_on() {
    let (home, mirror) = (Home::new(), Registry::new());
    fill(&home, &mirror, "hub/team/base:1", "base");
    // Nobody listens at the registry itself.
    conf(
        &home,
        &format!(
            "[[registry]]\nlocation = \"r.invalid\"\n[[registry.mirror]]\nlocation = \"{}/hub\"\n",
            mirror.address()
        ),
    );
    home.imgbuild.write("src/new", "new");
    home.imgbuild.write(
        "spec.toml",
        "name = \"x\"\nplatforms = [\"linux/amd64\"]\nbase = { image = \"r.invalid/team/base:1\" }\n\
         [[copy]]\nfrom = \"src\"\nto = \"/data\"\n",
    );
    home.run(&["lock", "spec.toml"], "").success();
    let lock = home.imgbuild.read("spec.lock");
    assert!(lock.contains("r.invalid/team/base") && !lock.contains(mirror.address()), "{lock}");
    home.run(&["build", "spec.toml", "--locked"], "").success();
}

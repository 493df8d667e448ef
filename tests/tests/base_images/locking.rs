//! What is locked of an image of a registry, and when it moves.

use imgbuild_oci::Platform;
use imgbuild_tests::HandmadeLayer;
use insta::assert_snapshot;

use crate::{Site, conda, config, system};

fn names(site: &Site) -> Vec<(Platform, String, bool)> {
    let lock = site.lock();
    let name = |it: &imgbuild_lock::Variant| {
        let image = it.image.clone().unwrap();
        (it.platform, site.shown(&image.name.unwrap()), image.index.is_some())
    };
    lock.variants.iter().map(name).collect()
}

#[test]
fn a_list_is_looked_up_once_for_all_platforms() {
    let site = Site::new();
    site.put_base("team/base:1");
    site.spec("team/base:1", &conda());
    let spec =
        site.imgbuild.read("spec.toml").replace("[\"linux/amd64\"]", "[\"linux/amd64\", \"linux/arm64\"]");
    site.imgbuild.write("spec.toml", &spec);
    site.imgbuild.run(["lock", "spec.toml"]).success();
    let name = "127.0.0.1:50000/team/base:1".to_owned();
    assert_eq!(
        names(&site),
        [(Platform::LinuxAmd64, name.clone(), true), (Platform::LinuxArm64, name, true)]
    );
    let lock = site.lock();
    let [amd64, arm64] = [0, 1].map(|index| lock.variants[index].image.clone().unwrap());
    assert_eq!(amd64.index, arm64.index);
    assert_ne!(amd64.manifest, arm64.manifest);
    assert_eq!((amd64.glibc.as_deref(), amd64.system.as_deref()), (Some("2.36"), Some("test 1")));
    assert_eq!(site.imgbuild.build_again(&["--locked"]).digests().len(), 2);
}

#[test]
fn a_further_platform_is_that_of_the_list_that_was_locked() {
    let site = Site::new();
    site.put_base("team/base:1");
    site.spec("team/base:1", &conda());
    site.imgbuild.run(["lock", "spec.toml"]).success();
    let before = site.lock().variants[0].image.clone().unwrap();
    let other = vec![system(), HandmadeLayer::new().file("etc/new", "")];
    site.put("team/base:1", &[Platform::LinuxAmd64, Platform::LinuxArm64], other, &config());
    let spec =
        site.imgbuild.read("spec.toml").replace("[\"linux/amd64\"]", "[\"linux/amd64\", \"linux/arm64\"]");
    site.imgbuild.write("spec.toml", &spec);
    site.imgbuild.run(["lock", "spec.toml"]).success();
    let lock = site.lock();
    assert!(lock.variants.iter().all(|it| it.image.as_ref().unwrap().index == before.index));
}

#[test]
fn a_tag_that_moved_is_taken_when_it_is_asked_for() {
    let site = Site::new();
    site.put("team/base:1", &[Platform::LinuxAmd64], vec![system()], &config());
    site.spec("team/base:1", &conda());
    let lock = |words: &[&str]| {
        let mut all = vec!["lock"];
        all.extend(words);
        site.shown(&site.imgbuild.run(all).success().stdout)
    };
    assert_snapshot!(lock(&["spec.toml"]), @"
    + base/127.0.0.1:50000/team/base:1 sha256:d5349cc67b3401b97ad66314c1df87e4969836de4be31f6e8a4755bf35bb83d2
    + conda/odd-noarch-generic 1.0 0
    spec.lock: 1 packages, 1 changed
    ");
    let before = site.imgbuild.read("spec.lock");
    let other = vec![system(), HandmadeLayer::new().file("etc/new", "")];
    site.put("team/base:1", &[Platform::LinuxAmd64], other, &config());
    assert_snapshot!(lock(&["spec.toml"]), @"spec.lock: 1 packages, 0 changed");
    assert_eq!(site.imgbuild.read("spec.lock"), before);
    let name = site.name("team/base:1");
    assert_snapshot!(lock(&["spec.toml", "--upgrade", &name]), @"
    ~ base/127.0.0.1:50000/team/base:1 sha256:d5349cc67b3401b97ad66314c1df87e4969836de4be31f6e8a4755bf35bb83d2 -> sha256:ec5421824306074aac2537fdce68a563256fdb93eb6a897d52ceb51ad7f0a76d
    spec.lock: 1 packages, 0 changed
    ");
    assert_snapshot!(lock(&["spec.toml", "--upgrade"]), @"spec.lock: 1 packages, 0 changed");
    let image = site.imgbuild.build_again(&["--locked"]).image();
    assert!(image.file("etc/new").is_empty());
    // A digest does not move.
    let digest = site.lock().variants[0].image.clone().unwrap().manifest;
    site.spec(&format!("team/base:1@{digest}"), &conda());
    site.imgbuild.run(["lock", "spec.toml"]).success();
    site.put("team/base:1", &[Platform::LinuxAmd64], vec![system()], &config());
    assert_snapshot!(lock(&["spec.toml", "--upgrade"]), @"spec.lock: 1 packages, 0 changed");
}

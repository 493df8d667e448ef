//! Engines pull what was pushed.

use std::process::Command;

use imgbuild_tests::{Containerd, Docker, Image, Podman, Registry, capture};

use crate::{imgbuild, push, small};

#[test]
fn engines_and_tools_pull_what_was_pushed() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let address = registry.address();
    small(&imgbuild, "platforms = [\"linux/amd64\", \"linux/arm64\"]", "[image]\ncmd = [\"/one\"]\n");
    let report = push(&imgbuild, &format!("{address}/team/small:1"), &[]);
    let (index, amd64) =
        (report["pushed"][0]["digest"].as_str().unwrap(), report["images"][0]["digest"].as_str().unwrap());
    let name = format!("{address}/team/small:1");

    let podman = Podman::new(&imgbuild.path("podman"));
    podman.run(&["pull", "--tls-verify=false", &name]).success();
    let digests = podman.run(&["image", "inspect", "--format", "{{.RepoDigests}}", &name]).success().stdout;
    assert!(digests.contains(index) || digests.contains(amd64), "{digests}");

    let docker = Docker::start(&imgbuild.path("docker"));
    docker.run(&["pull", &name]).success();
    let digests = docker.run(&["image", "inspect", "--format", "{{.RepoDigests}}", &name]).success().stdout;
    assert!(digests.contains(index), "{digests}");

    let containerd = Containerd::start(&imgbuild.path("containerd"));
    containerd.run(&["images", "pull", "--plain-http", "--platform", "linux/amd64", &name]).success();
    let listed = containerd.run(&["images", "list", &format!("name=={name}")]).success().stdout;
    assert!(listed.contains(index), "{listed}");

    let layout = format!("oci:{}:1", imgbuild.path("copied").display());
    let words = ["copy", "--all", "--src-tls-verify=false", &format!("docker://{name}"), &layout];
    capture(Command::new("skopeo").args(words)).success();

    // What we pull is what we have pushed.
    imgbuild.run(["pull", &name, "-o", "pulled", "--format", "oci-dir"]).success();
    let images = Image::all(&imgbuild.path("pulled"));
    assert_eq!(images[0].digest.to_string(), amd64);
    capture(Command::new("skopeo").args([
        "inspect",
        "--raw",
        &format!("oci:{}", imgbuild.path("pulled").display()),
    ]))
    .success();
}

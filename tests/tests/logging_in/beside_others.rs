//! docker, podman and skopeo read what is kept, and what they keep is found.

use std::process::Command;

use imgbuild_tests::{Outcome, Registry, capture};

use crate::{FILE, Home};

/// Where podman and skopeo keep what they are told.
const PODMANS: &str = "run/containers/auth.json";

fn other(home: &Home, words: &[&str]) -> Outcome {
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .env("HOME", home.home.path())
        .env("XDG_RUNTIME_DIR", home.home.path().join("run"));
    for name in ["REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    capture(&mut command)
}

/// Whether the registry lets each of them in.
fn all_are_let_in(home: &Home, host: &str) {
    for program in ["skopeo", "podman"] {
        let user = other(home, &[program, "login", "--get-login", host]).success();
        assert_eq!(user.stdout, "user\n", "{program}");
    }
    let tags =
        other(home, &["skopeo", "list-tags", "--tls-verify=false", &format!("docker://{host}/team/image")]);
    assert!(tags.success().stdout.contains("\"1.0\""));
}

#[test]
fn others_read_what_is_kept() {
    let registry = Registry::with_password();
    registry.push("team/image", "1.0", "application/vnd.oci.image.layer.v1.tar", b"layer");
    let (home, host) = (Home::new(), registry.address());
    home.login(host, "hunter2").success();
    all_are_let_in(&home, host);
    let image = format!("{host}/team/image:1.0");
    let manifest = other(&home, &["docker", "manifest", "inspect", "--insecure", &image]).success();
    assert!(manifest.stdout.contains("application/vnd.oci.image.layer.v1.tar"));
    // Where podman has a file of its own, that is the one that it reads first.
    home.logout(host).success();
    home.write(PODMANS, "{}");
    home.login(host, "hunter2").success();
    assert!(home.read(PODMANS).contains(host) && !home.read(FILE).contains(host));
    all_are_let_in(&home, host);
}

#[test]
fn what_others_keep_is_found() {
    let registry = Registry::with_password();
    let host = registry.address();
    for program in ["skopeo", "podman"] {
        let home = Home::new();
        let login = [program, "login", "--tls-verify=false", "-u", "user", "-p", "hunter2", host];
        other(&home, &login).success();
        assert!(home.read(PODMANS).contains(host));
        let said = home.logout(host).success().stdout;
        let path = home.home.path().join(PODMANS);
        assert_eq!(said, format!("logged out of `{host}`: `{}` holds nothing for it\n", path.display()));
        other(&home, &[program, "login", "--get-login", host]).failure();
    }
    // Docker Hub has names of its own in each of their files.
    let home = Home::new();
    let entry = r#"{ "auth": "dXNlcjpodW50ZXIy" }"#;
    home.write(PODMANS, &format!(r#"{{ "auths": {{ "docker.io": {entry} }} }}"#));
    home.write(FILE, &format!(r#"{{ "auths": {{ "https://index.docker.io/v1/": {entry} }} }}"#));
    let said = home.logout("docker.io").success().stdout;
    assert_eq!(said.matches("logged out of `docker.io`").count(), 2, "{said}");
    assert!(!home.read(PODMANS).contains("docker.io") && !home.read(FILE).contains("docker.io"));
}

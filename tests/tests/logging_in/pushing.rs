//! What is kept is what registries are shown.

use imgbuild_oci::{ContainerConfig, Platform};
use imgbuild_tests::{HandmadeLayer, Outcome, Registry, named, write_layout};
use insta::assert_snapshot;

use crate::{FILE, Home};

/// Somebody with an image, and a registry that wants to know who asks.
fn somebody() -> (Home, Registry) {
    let home = Home::new();
    let layer = HandmadeLayer::new().file("etc/motd", b"hello\n").tar();
    write_layout(
        &home.imgbuild.path("image"),
        &[Platform::LinuxAmd64],
        vec![layer],
        &ContainerConfig::default(),
    );
    (home, Registry::with_password())
}

fn push(home: &Home, registry: &Registry) -> Outcome {
    home.run(&["-vv", "push", "image", &format!("{}/team/image:1.0", registry.address())], "")
}

/// The error alone: what stands before it is of libraries.
fn error(home: &Home, registry: &Registry) -> String {
    let outcome = push(home, registry).failure();
    assert!(!outcome.stderr.contains("hunter"), "{}", outcome.stderr);
    let said = home.said(&outcome, registry.address());
    // Which blob is refused first is chance.
    named(&said[said.find("  ×").unwrap()..])
}

#[test]
fn with_what_login_keeps() {
    let (home, registry) = somebody();
    let host = registry.address();
    assert_snapshot!(error(&home, &registry), @r"
    × `HOST/team/image`: the blob `sha256:SHA256` cannot be written: the registry wants a credential (401): UNAUTHORIZED (authentication required)
    help: sign in with `imgbuild login HOST`, or see docs/registry-credentials.md for CI
    ");
    home.login(host, "hunter2").success();
    let said = push(&home, &registry).success();
    assert_eq!(said.stdout.split('@').next().unwrap().trim(), format!("{host}/team/image:1.0"));
    assert!(!said.stderr.contains("hunter2") && !said.stderr.contains("dXNlcjpodW50ZXIy"), "{}", said.stderr);
    // Somebody has changed the password since.
    home.write(
        FILE,
        &format!(r#"{{ "auths": {{ "{host}": {{ "username": "user", "password": "hunter3" }} }} }}"#),
    );
    assert_snapshot!(error(&home, &registry), @r"
    × `HOST/team/image`: the blob `sha256:SHA256` cannot be written: the registry does not accept the credential (401): UNAUTHORIZED (authentication required)
    help: sign in anew with `imgbuild login HOST`, or see to it that who is signed in may use `team/image`
    ");
    home.logout(host).success();
    push(&home, &registry).failure();
}

#[test]
fn with_variables() {
    let (home, registry) = somebody();
    let host = registry.address();
    let ci = home.set("IMGBUILD_REGISTRY_USER", "user").set("IMGBUILD_REGISTRY_PASSWORD", "hunter2");
    let ci = ci.set("IMGBUILD_REGISTRY_HOST", host);
    push(&ci, &registry).success();
    // They are for another one.
    let other = ci.set("IMGBUILD_REGISTRY_HOST", "r.example");
    push(&other, &registry).failure();
    let whole = format!(r#"{{ "auths": {{ "{host}": {{ "auth": "dXNlcjpodW50ZXIy" }} }} }}"#);
    push(&other.set("DOCKER_AUTH_CONFIG", &whole), &registry).success();
}

#[test]
fn with_programs_that_keep_it() {
    let (home, registry) = somebody();
    home.program("good", r#"echo '{"Username":"user","Secret":"hunter2"}'"#);
    home.write(FILE, r#"{ "credsStore": "good" }"#);
    push(&home, &registry).success();
    let home = home.set("IMGBUILD_CREDENTIAL_HELPER_TIMEOUT", "1");
    home.program("hangs", "sleep 600");
    home.write(FILE, r#"{ "credsStore": "hangs" }"#);
    assert_snapshot!(error(&home, &registry), @r"
    × it cannot be found out who asks at `HOST`
    ╰─▶ `docker-credential-hangs` did not answer for `HOST` within 1 s, and was ended
    help: it may wait for somebody to unlock what it keeps; `IMGBUILD_CREDENTIAL_HELPER_TIMEOUT` sets how many seconds it may take
    ");
}

#[test]
fn with_files_that_cannot_be_read() {
    let (home, registry) = somebody();
    home.write(FILE, r#"{ "auths": { "r.example": "hunter2" } }"#);
    let wrong = error(&home, &registry);
    home.write(FILE, "{}");
    home.write(".config/containers/registries.conf", "[[registry]]\nlocation = 5000\n");
    assert_snapshot!([wrong, error(&home, &registry)].join("\n"), @r"
     × it cannot be found out who asks at `HOST`
     ╰─▶ `HOME/.docker/config.json` cannot be read as credentials: a value of another kind at line 1, column 35
     help: it is JSON in the form of docker's `config.json`; correct it, or take it away and log in anew

     × `registry[0].location` must be a string, but is an integer
      ╭─[HOME/.config/containers/registries.conf:2:12]
    1 │ [[registry]]
    2 │ location = 5000
      ·            ──┬─
      ·              ╰── here
      ╰────
    ");
}

//! Logging in to registries and out of them: with passwords that are piped in and typed, with programs that keep them, beside
//! docker, podman and skopeo, with TLS and without.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod beside_others;
mod helpers;
mod mirrors;
mod pushing;
mod terminal;
mod transport;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use imgbuild_tests::{Answer, Imgbuild, Outcome, Registry, Server, scratch};
use insta::assert_snapshot;
use tempfile::TempDir;

/// A home, with the program in it.
struct Home {
    imgbuild: Imgbuild,
    home: TempDir,
}

impl Home {
    fn new() -> Self {
        let home = scratch("home");
        let path = |name: &str| home.path().join(name);
        for name in ["run", "bin"] {
            fs_err::create_dir(path(name)).unwrap();
        }
        let programs = format!("{}:{}", path("bin").display(), std::env::var("PATH").unwrap());
        let mut imgbuild = Imgbuild::new()
            .variable("HOME", home.path())
            .variable("XDG_RUNTIME_DIR", path("run"))
            .variable("PATH", programs);
        for name in ["REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "XDG_CONFIG_HOME"] {
            imgbuild = imgbuild.without(name);
        }
        Self { imgbuild, home }
    }

    fn set(self, name: &str, value: &str) -> Self {
        Self { imgbuild: self.imgbuild.variable(name, value), ..self }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.home.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.home.path().join(name)).unwrap()
    }

    /// A script of the shell as the program `docker-credential-NAME`.
    fn program(&self, name: &str, script: &str) {
        let path = format!("bin/docker-credential-{name}");
        self.write(&path, &format!("#!/bin/sh\n{script}\n"));
        let path = self.home.path().join(path);
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the program with a text on its standard input.
    fn run(&self, arguments: &[&str], input: &str) -> Outcome {
        let mut command = self.imgbuild.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may have ended without reading it.
        let _ended = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Outcome { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    fn login(&self, host: &str, password: &str) -> Outcome {
        self.run(&["login", host, "--user", "user", "--password-stdin"], password)
    }

    fn logout(&self, host: &str) -> Outcome {
        self.run(&["logout", host], "")
    }

    /// What was said, with names in the place of what each run has others of.
    fn said(&self, outcome: &Outcome, host: &str) -> String {
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        said.replace(self.home.path().to_str().unwrap(), "HOME").replace(host, "HOST")
    }
}

const FILE: &str = ".docker/config.json";

#[test]
fn a_password_that_is_piped_in_is_kept_once_the_registry_accepts_it() {
    let registry = Registry::with_password();
    let (home, host) = (Home::new(), registry.address());
    let refused = home.login(host, "hunter3\n").failure();
    assert!(!home.home.path().join(FILE).exists());
    let done = home.login(host, "hunter2\n").success();
    assert_eq!(
        home.read(FILE),
        format!(
            "{{\n\t\"auths\": {{\n\t\t\"{host}\": {{\n\t\t\t\"auth\": \"dXNlcjpodW50ZXIy\"\n\t\t}}\n\t}}\n}}\n"
        )
    );
    let mode = fs_err::metadata(home.home.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let all = [refused, done, home.logout(host).success(), home.logout(host).success()];
    assert_snapshot!(all.map(|it| home.said(&it, host)).join("\n"), @r"
      × cannot log in to `HOST` as `user`
      ╰─▶ `HOST`: nobody can sign in: the registry does not accept the credential (401): UNAUTHORIZED (authentication required)
      help: check the user and the password: many registries want an access token as the password

    logged in to `HOST` as `user`: `HOME/.docker/config.json` holds the password, for all who can read it

    logged out of `HOST`: `HOME/.docker/config.json` holds nothing for it

    nobody was logged in to `HOST`
    ");
    assert_eq!(home.read(FILE), "{\n\t\"auths\": {}\n}\n");
    assert_eq!(home.run(&["--quiet", "logout", host], "").success().stdout, "");
}

#[test]
fn what_is_not_enough_to_log_in() {
    let home = Home::new();
    let all = [
        home.run(&["login", "r.example"], "hunter2\n"),
        home.run(&["login", "r.example", "--user", "user"], "hunter2\n"),
        home.run(&["login", "r.example", "--password-stdin"], "hunter2\n"),
        home.run(&["login", "https://r.example"], "hunter2\n"),
        home.login("r.example", ""),
        home.login("r.example", &"x".repeat((64 << 10) + 1)),
        home.run(&["login", "r.example", "--user", "a:b", "--password-stdin"], "hunter2\n"),
    ];
    let said: Vec<String> = all.into_iter().map(|it| home.said(&it.failure(), "HOST")).collect();
    assert!(!said.join("").contains("hunter2"));
    assert_snapshot!(said.join("\n"), @r"
      × nobody can be asked for the password: standard input is no terminal
      help: pipe it in: `imgbuild login r.example --user USER --password-stdin < FILE`, or let a variable hold it: docs/registry-credentials.md

      × nobody can be asked for the password: standard input is no terminal
      help: pipe it in: `imgbuild login r.example --user USER --password-stdin < FILE`, or let a variable hold it: docs/registry-credentials.md

    error: the following required arguments were not provided:
      --user <USER>

    Usage: imgbuild login --user <USER> --password-stdin <HOST[:PORT]>

    For more information, try '--help'.

    error: invalid value 'https://r.example' for '<HOST[:PORT]>': `https://r.example` is not a valid host of a registry: the port is a number from 1 to 65535

    For more information, try '--help'.

      × the password for `user` is empty

      × cannot read the password from standard input
      ╰─▶ it has more than 65536 bytes

      × `a:b` can be no user of a registry
      help: a user's name is not empty, and has no `:` and no control characters
    ");
}

#[test]
fn a_registry_whose_tokens_are_elsewhere() {
    let folder = scratch("token");
    let server =
        Server::with(folder.path(), |request| match (request.path.as_str(), &request.authorization) {
            ("/token", Some(basic)) if basic == "Basic dXNlcjpodW50ZXIy" => {
                Answer::Bytes(br#"{"token":"T0KEN"}"#.to_vec())
            }
            ("/token", _) => Answer::Status(401),
            ("/v2/", Some(token)) if token == "Bearer T0KEN" => Answer::Bytes(b"{}".to_vec()),
            _ => {
                Answer::Challenge(format!("Bearer realm=\"http://{}/token\",service=\"test\"", request.host))
            }
        });
    let (home, host) = (Home::new(), server.url().replace("http://", ""));
    let refused = home.login(&host, "hunter3").failure();
    assert_snapshot!(home.said(&refused, &host), @r"
    × cannot log in to `HOST` as `user`
    ╰─▶ `HOST`: nobody can sign in: the registry does not accept the credential (401): its server of tokens gives none (401)
    help: check the user and the password: many registries want an access token as the password
    ");
    home.login(&host, "hunter2").success();
    // Nobody is asked for a repository that nobody named.
    let requests = server.requests();
    let token: Vec<_> = requests.iter().filter(|it| it.path == "/token").map(|it| it.query.clone()).collect();
    assert_eq!(token, [Some("service=test".to_owned()), Some("service=test".to_owned())]);
}

#[test]
fn registries_that_do_not_answer_as_they_should() {
    let folder = scratch("registry");
    let all = [404, 403, 429].map(|status| {
        let server = Server::with(folder.path(), move |_| Answer::Status(status));
        let (home, host) = (Home::new(), server.url().replace("http://", ""));
        home.said(&home.login(&host, "hunter2").failure(), &host)
    });
    assert_snapshot!(all.join("\n"), @r"
    × cannot log in to `HOST` as `user`
    ╰─▶ `HOST`: nobody can sign in: it is not there (404)
    help: nothing at `HOST` speaks as registries do: check its name and its port

    × cannot log in to `HOST` as `user`
    ╰─▶ `HOST`: nobody can sign in: the registry does not allow it (403)
    help: check the user and the password: many registries want an access token as the password

    × cannot log in to `HOST` as `user`
    ╰─▶ `HOST`: nobody can sign in: the registry takes no more requests (429)
    help: `HOST` takes no more requests for now: try again later, or sign in for a higher limit
    ");
}

#[test]
fn variables_go_before_what_is_kept() {
    let registry = Registry::with_password();
    let host = registry.address();
    let home = Home::new()
        .set("IMGBUILD_REGISTRY_HOST", host)
        .set("IMGBUILD_REGISTRY_USER", "ci")
        .set("IMGBUILD_REGISTRY_PASSWORD", "s3cret");
    let all = [home.login(host, "hunter2").success(), home.logout(host).success()];
    assert_snapshot!(all.map(|it| home.said(&it, host)).join("\n"), @r"
    logged in to `HOST` as `user`: `HOME/.docker/config.json` holds the password, for all who can read it
    note: `IMGBUILD_REGISTRY_USER` is set, and goes before it

    logged out of `HOST`: `HOME/.docker/config.json` holds nothing for it
    note: `IMGBUILD_REGISTRY_USER` is set, and holds credentials for it
    ");
    let home = home.set("IMGBUILD_REGISTRY_HOST", "");
    let failed = home.logout(host).failure();
    assert_snapshot!(home.said(&failed, host), @r"
    × `IMGBUILD_REGISTRY_USER` is set, and nothing says which registry it is for
    help: name the registry in `IMGBUILD_REGISTRY_HOST`: no other one is shown the credentials
    ");
}

#[test]
fn what_is_there_stays_where_it_cannot_be_written_anew() {
    let registry = Registry::with_password();
    let host = registry.address();
    let mut home = Home::new();
    let before = format!("{{\"auths\": {{}}, \"note\": \"{}\"}}", "x".repeat(5000));
    home.write(FILE, &before);
    // No file may become larger than this, as if the disk were full.
    let limited = "trap '' XFSZ; exec prlimit --fsize=4096 \"$@\"";
    home.imgbuild = home.imgbuild.through(["sh", "-c", limited, "sh"]);
    let failed = home.login(host, "hunter2").failure();
    assert_snapshot!(home.said(&failed, host), @r"
    × cannot write the credentials to `HOME/.docker/config.json`
    ╰─▶ File too large (os error 27)
    help: nothing was changed; `REGISTRY_AUTH_FILE` names another file
    ");
    assert_eq!(home.read(FILE), before);
    let names = fs_err::read_dir(home.home.path().join(".docker")).unwrap().count();
    assert_eq!(names, 1);
}

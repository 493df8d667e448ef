//! The first screen of the README: its spec is built, and every command of it runs and prints what stands there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt as _;

use imgbuild_tests::{
    Client, Imgbuild, Outcome, Registry, Run, blocks, commands, get, port, prints, shell, token,
    workspace_root,
};

/// A shell that finds the program, and this person's key.
struct Shell {
    imgbuild: Imgbuild,
    client: Client,
}

impl Shell {
    fn new() -> Self {
        let (imgbuild, client) = (Imgbuild::new(), Client::new(&port()));
        imgbuild.write(".ssh/id_ed25519.pub", client.public_key());
        // OpenSSH's client looks for keys in the home that the machine says.
        let options: Vec<String> = client.options().iter().map(|word| format!("'{word}'")).collect();
        let ssh =
            imgbuild.write("bin/ssh", format!("#!/bin/sh\nexec /usr/bin/ssh {} \"$@\"\n", options.join(" ")));
        fs_err::set_permissions(ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { imgbuild, client }
    }

    fn run(&self, line: &str) -> Outcome {
        shell(&self.imgbuild, line)
    }
}

#[test]
fn the_first_screen() {
    let readme = fs_err::read_to_string(workspace_root().join("README.md")).unwrap();
    let screen = readme.split("\n## ").next().unwrap();
    let shell = Shell::new();
    let [spec] = blocks(screen, "toml").try_into().unwrap();
    for key in ["jupyter", "ssh", "cuda"] {
        assert!(spec.lines().any(|line| line.starts_with(key)), "{key}");
    }
    assert_eq!(spec.lines().count(), 6);
    shell.imgbuild.write("spec.toml", &spec);
    let (jupyter, registry, mut running) = (port(), Registry::new(), None);
    for (line, shown) in blocks(screen, "console").iter().flat_map(|console| commands(console)) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            // What the tests run is made by cargo as well.
            ["cargo", "install", "--locked", "--path", crate_folder, ..] => {
                let manifest = workspace_root().join(crate_folder).join("Cargo.toml");
                assert!(fs_err::read_to_string(manifest).unwrap().contains("name = \"imgbuild\""));
            }
            ["imgbuild", "run", "--publish", ..] => {
                let key = format!("SSH_AUTHORIZED_KEYS={}", shell.client.public_key().trim_end());
                assert!(
                    line.contains("--env SSH_AUTHORIZED_KEYS=\"$(cat ~/.ssh/id_ed25519.pub)\""),
                    "{line}"
                );
                let publish = [format!("{jupyter}:8888"), format!("{}:2222", shell.client.port)];
                let words = ["run", "--publish", &publish[0], "--publish", &publish[1], "--env", &key];
                let words = [words.as_slice(), &[*line.split(' ').next_back().as_ref().unwrap()]].concat();
                let (run, said) = Run::until(&shell.imgbuild, &words, "is running at");
                prints(&said, &shown, &line);
                running = Some((run, token(&said)));
            }
            ["ssh", "-p", "2222", ..] => {
                let line = line.replacen("-p 2222 ", "", 1);
                prints(&shell.run(&line).stdout, &shown, &line);
            }
            ["imgbuild", ..] => {
                // The registry of the README is one here.
                let outcome = shell.run(&line.replace("registry.example", registry.address()));
                let said = format!("{}{}", outcome.stderr, outcome.stdout);
                prints(&said.replace(registry.address(), "registry.example"), &shown, &line);
            }
            _ => panic!("nobody tries `{line}`"),
        }
    }
    let (run, token) = running.unwrap();
    assert_eq!(get(&jupyter, &format!("/api/contents?token={token}")).0, 200);
    drop(run);
}

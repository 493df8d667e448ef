//! The folders of certificates.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use imgbuild_diagnostic::told;
use insta::assert_snapshot;

use super::*;

/// A certificate that signs itself, and its key.
fn certificate() -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    command.args(["-subj", "/CN=test", "-out", "own.cert", "-keyout", "own.key"]).current_dir(folder.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    (read("own.cert"), read("own.key"))
}

struct Machine(tempfile::TempDir);

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn read(&self, host: &str) -> Result<Certificates, SettingsError> {
        let home = self.0.path().join("home").display().to_string();
        Certificates::read(&folders(&[("HOME".to_owned(), home)].into(), self.0.path()), host)
    }

    /// Whether there is a folder, how many authorities it has, and whether there is something to be shown.
    fn found(&self, host: &str) -> (bool, usize, bool) {
        let found = self.read(host).unwrap();
        let authorities = String::from_utf8(found.authorities).unwrap();
        (found.is_there, authorities.matches("BEGIN CERTIFICATE").count(), found.identity.is_some())
    }

    fn fails(&self) -> String {
        told(&self.read("r.example").unwrap_err()).replace(self.0.path().to_str().unwrap(), "ROOT")
    }
}

#[test]
fn those_of_docker_and_podman_count_together() {
    let (authority, key) = certificate();
    let machine = Machine::new(&[
        ("etc/docker/certs.d/r.example:5000/ca.crt", &authority),
        ("etc/docker/certs.d/r.example:5000/readme.txt", "not read"),
        ("etc/containers/certs.d/r.example:5000/b.crt", &authority),
        ("home/.config/docker/certs.d/r.example:5000/c.crt", &authority),
        ("home/.docker/certs.d/r.example:5000/d.crt", &authority),
        ("home/.config/containers/certs.d/r.example:5000/client.cert", &authority),
        ("home/.config/containers/certs.d/r.example:5000/client.key", &key),
        ("etc/docker/certs.d/empty.example/x", ""),
    ]);
    assert_eq!(machine.found("r.example:5000"), (true, 4, true));
    assert_eq!(machine.found("r.example"), (false, 0, false));
    assert_eq!(machine.found("empty.example"), (true, 0, false));
}

#[test]
fn what_is_not_for_everybody_is_passed_over() {
    let (authority, _) = certificate();
    let machine = Machine::new(&[("etc/docker/certs.d/r.example/ca.crt", &authority)]);
    fs::set_permissions(machine.0.path().join("etc/docker/certs.d"), fs::Permissions::from_mode(0o000))
        .unwrap();
    // root reads it all the same.
    let is_root = rustix::process::geteuid().is_root();
    assert_eq!(machine.found("r.example"), (is_root, usize::from(is_root), false));
}

#[test]
fn what_cannot_be_used() {
    let (authority, key) = certificate();
    let folder = "etc/docker/certs.d/r.example";
    let one = |name: &str, text: &str| Machine::new(&[(&format!("{folder}/{name}"), text)]).fails();
    let two = Machine::new(&[(&format!("{folder}/a.cert"), &authority), (&format!("{folder}/a.key"), "x")]);
    let all = [
        one("ca.crt", "no certificate"),
        one("client.cert", &authority),
        one("client.key", &key),
        two.fails(),
        one("ca.crt/below", ""),
    ];
    assert_snapshot!(all.join("\n\n"), @r"
    the certificates for `r.example` in `ROOT/etc/docker/certs.d/r.example/ca.crt` cannot be read
    it holds no certificate in PEM

    `ROOT/etc/docker/certs.d/r.example/client.cert` stands without `client.key`
    hint: `NAME.cert` and `NAME.key` are shown to a registry together; its own authorities are in files called `*.crt`

    `ROOT/etc/docker/certs.d/r.example/client.key` stands without `client.cert`
    hint: `NAME.cert` and `NAME.key` are shown to a registry together; its own authorities are in files called `*.crt`

    the certificates for `r.example` in `ROOT/etc/docker/certs.d/r.example/a.cert` cannot be read
    a certificate and a key without a password, in PEM, are what is needed

    the certificates for `r.example` in `ROOT/etc/docker/certs.d/r.example/ca.crt` cannot be read
    it holds no certificate in PEM
    ");
}

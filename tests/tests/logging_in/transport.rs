//! Registries with certificates of their own, and without any.

use std::process::Command;

use imgbuild_tests::{Daemon, Registry, capture, scratch};
use insta::assert_snapshot;
use serde_json::json;
use tempfile::TempDir;

use crate::Home;

const EXTENSIONS: &str = "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = test\n\
    [authority]\nbasicConstraints = critical, CA:TRUE\n[leaf]\nsubjectAltName = IP:127.0.0.1\n";

/// A registry that speaks TLS to whoever shows a certificate of the test's own authority, which has signed its own too.
struct Guarded {
    address: String,
    folder: TempDir,
    _daemon: Daemon,
}

impl Guarded {
    /// With `authority.pem`, and `own.pem` with `own.key` for who asks.
    fn new(asks_who: bool) -> Self {
        let folder = scratch("guarded");
        let path = |name: &str| folder.path().join(name);
        fs_err::write(path("extensions.cnf"), EXTENSIONS).unwrap();
        for (name, extensions) in [("authority", "authority"), ("server", "leaf"), ("own", "leaf")] {
            let mut command = Command::new("openssl");
            command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
            command.args(["-nodes", "-days", "2", "-config", "extensions.cnf", "-extensions", extensions]);
            command.args(["-out", &format!("{name}.pem"), "-keyout", &format!("{name}.key")]);
            if name != "authority" {
                command.args(["-CA", "authority.pem", "-CAkey", "authority.key"]);
            }
            capture(command.current_dir(folder.path())).success();
        }
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut tls = json!({ "certificate": path("server.pem"), "key": path("server.key") });
        if asks_who {
            tls["clientcas"] = json!([path("authority.pem")]);
        }
        let config = json!({
            "version": "0.1",
            "log": { "level": "error", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": path("store") } },
            "http": { "addr": address, "tls": tls },
        });
        fs_err::write(path("config.yml"), config.to_string()).unwrap();
        let file = path("config.yml");
        let ready = || std::net::TcpStream::connect(&address).is_ok();
        let arguments = ["serve", file.to_str().unwrap()];
        let daemon = Daemon::start("docker-registry", &arguments, &path("log"), ready);
        Self { address, folder, _daemon: daemon }
    }

    /// Puts files of it into a folder of certificates for it, in somebody's home.
    fn certify(&self, home: &Home, folder: &str, files: &[(&str, &str)]) {
        for (from, to) in files {
            let text = fs_err::read_to_string(self.folder.path().join(from)).unwrap();
            home.write(&format!("{folder}/{}/{to}", self.address), &text);
        }
    }
}

#[test]
fn an_authority_of_its_own() {
    let guarded = Guarded::new(false);
    let (home, host) = (Home::new(), guarded.address.as_str());
    let unknown = home.login(host, "any").failure();
    assert_snapshot!(home.said(&unknown, host), @r"
    × cannot log in to `HOST` as `user`
    ├─▶ `HOST`: nobody can sign in
    ├─▶ `https://HOST/v2/` cannot be reached
    ├─▶ error sending request
    ├─▶ client error (Connect)
    ╰─▶ invalid peer certificate: UnknownIssuer
    help: `SSL_CERT_FILE` names a file of the authorities that are trusted, in place of the system's; for one registry, `certs.d` has further ones (docs/registry-credentials.md)
    ");
    for folder in [".config/docker/certs.d", ".docker/certs.d", ".config/containers/certs.d"] {
        let home = Home::new();
        guarded.certify(&home, folder, &[("authority.pem", "ca.crt")]);
        home.login(host, "any").success();
    }
    // It counts for this registry alone.
    let other = Guarded::new(false);
    guarded.certify(&home, ".docker/certs.d", &[("authority.pem", "ca.crt")]);
    home.login(host, "any").success();
    home.login(&other.address, "any").failure();
}

#[test]
fn a_registry_that_wants_to_see_a_certificate() {
    let guarded = Guarded::new(true);
    let (home, host) = (Home::new(), guarded.address.as_str());
    let folder = ".config/docker/certs.d";
    guarded.certify(&home, folder, &[("authority.pem", "ca.crt")]);
    home.login(host, "any").failure();
    guarded.certify(&home, folder, &[("own.pem", "client.cert")]);
    assert_snapshot!(home.said(&home.login(host, "any").failure(), host), @r"
    × cannot log in to `HOST` as `user`
    ╰─▶ `HOME/.config/docker/certs.d/HOST/client.cert` stands without `client.key`
    help: `NAME.cert` and `NAME.key` are shown to a registry together; its own authorities are in files called `*.crt`
    ");
    guarded.certify(&home, folder, &[("own.key", "client.key")]);
    home.login(host, "any").success();
}

#[test]
fn what_needs_no_certificate() {
    let guarded = Guarded::new(false);
    let (home, host) = (Home::new(), guarded.address.as_str());
    let conf = |text: &str| home.write(".config/containers/registries.conf", &text.replace("HOST", host));
    conf("[[registry]]\nlocation = \"HOST\"\ninsecure = true\n");
    home.login(host, "any").success();
    conf("[[registry]]\nlocation = \"HOST\"\nblocked = true\n");
    assert_snapshot!(home.said(&home.login(host, "any").failure(), host), @r"
    × cannot log in to `HOST` as `user`
    ╰─▶ `HOST/any` is blocked on this machine: `HOME/.config/containers/registries.conf` has `blocked = true` for `HOST`
    help: whoever keeps that file decides; name another registry
    ");
    conf("[[registry]]\nlocation = \"https://HOST\"\n");
    assert_snapshot!(home.said(&home.login(host, "any").failure(), host), @r#"
     × `https://HOST` names no registry
      ╭─[HOME/.config/containers/registries.conf:2:12]
    1 │ [[registry]]
    2 │ location = "https://HOST"
      ·            ────────────┬────────────
      ·                        ╰── here
      ╰────
     help: write it as `registry.example:5000` or `registry.example/team`, without `https://`
    "#);
}

#[test]
fn without_tls_only_where_it_was_asked_for() {
    let registry = Registry::with_password();
    // It leads to this machine, and is none of the addresses that never leave it.
    let host = &registry.address().replace("127.0.0.1", "0.0.0.0");
    let home = Home::new();
    let refused = home.login(host, "hunter2").failure();
    assert_snapshot!(home.said(&refused, host), @r"
    × cannot log in to `HOST` as `user`
    ├─▶ `HOST`: nobody can sign in
    ├─▶ `https://HOST/v2/` cannot be reached
    ├─▶ error sending request
    ├─▶ client error (Connect)
    ╰─▶ received corrupt message of type InvalidContentType
    help: the server seems to speak no TLS: its URL begins with `http://`; for a registry, docs/registry-credentials.md says how to allow it
    ");
    home.run(&["login", host, "--user", "user", "--password-stdin", "--plain-http"], "hunter2").success();
    home.logout(host).success();
    home.write(
        ".config/containers/registries.conf",
        &format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n"),
    );
    home.login(host, "hunter2").success();
}

//! Registries with certificates of their own, and without any.

use imgbuild_tests::distribution::Certificates;
use imgbuild_tests::{Guard, Registry};
use insta::assert_snapshot;

use crate::Home;

/// A registry that speaks TLS, by a certificate of the test's own authority.
struct Guarded {
    registry: Registry,
    certificates: Certificates,
}

impl Guarded {
    /// One that everybody may use, or who shows a certificate of the same authority alone.
    fn new(asks_clients: bool) -> Self {
        let certificates = Certificates::new(&[]);
        let registry = Registry::guarded(Guard { tls: Some(&certificates), asks_clients, password: false });
        Self { registry, certificates }
    }

    fn address(&self) -> &str {
        self.registry.address()
    }

    /// Puts certificates into a folder for it, in somebody's home: its authority's, or the client's, with its key.
    fn certify(&self, home: &Home, folder: &str, names: &[&str]) {
        for name in names {
            let file = match *name {
                "ca.crt" => self.certificates.authority(),
                _ => self.certificates.identity(),
            };
            home.write(
                &format!("{folder}/{}/{name}", self.address()),
                &fs_err::read_to_string(file).unwrap(),
            );
        }
    }
}

#[test]
fn an_authority_of_its_own() {
    let guarded = Guarded::new(false);
    let (home, host) = (Home::new(), guarded.address());
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
        guarded.certify(&home, folder, &["ca.crt"]);
        home.login(host, "any").success();
    }
    // It counts for this registry alone.
    let other = Guarded::new(false);
    guarded.certify(&home, ".docker/certs.d", &["ca.crt"]);
    home.login(host, "any").success();
    home.login(other.address(), "any").failure();
}

#[test]
fn a_registry_that_wants_to_see_a_certificate() {
    let guarded = Guarded::new(true);
    let (home, host) = (Home::new(), guarded.address());
    let folder = ".config/docker/certs.d";
    guarded.certify(&home, folder, &["ca.crt"]);
    home.login(host, "any").failure();
    guarded.certify(&home, folder, &["client.cert"]);
    assert_snapshot!(home.said(&home.login(host, "any").failure(), host), @r"
    × cannot log in to `HOST` as `user`
    ╰─▶ `HOME/.config/docker/certs.d/HOST/client.cert` stands without `client.key`
    help: `NAME.cert` and `NAME.key` are shown to a registry together; its own authorities are in files called `*.crt`
    ");
    guarded.certify(&home, folder, &["client.key"]);
    home.login(host, "any").success();
}

#[test]
fn what_needs_no_certificate() {
    let guarded = Guarded::new(false);
    let (home, host) = (Home::new(), guarded.address());
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

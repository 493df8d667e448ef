//! The files of docker and podman, in the shapes that are found with people.

use std::fs;
use std::os::unix::fs::symlink;

use imgbuild_diagnostic::told;
use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn file(text: &str) -> ConfigFile {
    ConfigFile::parse("config.json", text.as_bytes()).unwrap()
}

/// What a file has for a repository: its own entry, and the program.
fn of(text: &str, host: &str, repository: &str) -> String {
    let (file, host) = (file(text), host.parse().unwrap());
    let credential = match file.credential(&host, repository).unwrap() {
        None => "-".to_owned(),
        Some(Credential::Basic { user, password }) => format!("{user}:{password}"),
        Some(Credential::IdentityToken(token)) => format!("identity {token}"),
        Some(Credential::RegistryToken(token)) => format!("bearer {token}"),
        Some(other) => format!("{other:?}"),
    };
    match file.helper(&host).unwrap() {
        None => credential,
        Some(helper) => format!("{credential} {} by {}", helper.program, helper.setting),
    }
}

#[test]
fn what_docker_login_writes() {
    let text = r#"{
	"auths": {
		"https://index.docker.io/v1/": { "auth": "aHViOnB3" },
		"ghcr.io": { "auth": "bWU6Z2hwX3g=" },
		"localhost:5000": { "auth": "bG9jYWw6cHc=", "email": "me@example.org" },
		"https://old.example/v1/": { "auth": "b2xkOnB3" }
	},
	"HttpHeaders": { "User-Agent": "Docker-Client/19.03.13 (linux)" },
	"currentContext": "default",
	"psFormat": "table {{.ID}}\\t{{.Names}}",
	"plugins": { "-x-cli-hints": { "enabled": "true" } }
}"#;
    assert_eq!(of(text, "docker.io", "library/debian"), "hub:pw");
    assert_eq!(of(text, "index.docker.io", "library/debian"), "hub:pw");
    assert_eq!(of(text, "ghcr.io", "a/b"), "me:ghp_x");
    assert_eq!(of(text, "localhost:5000", "x"), "local:pw");
    assert_eq!(of(text, "localhost", "x"), "-");
    assert_eq!(of(text, "old.example", "x"), "old:pw");
    assert_eq!(of(text, "quay.io", "x"), "-");
}

#[test]
fn what_stands_there_with_programs() {
    let desktop =
        r#"{ "auths": { "ghcr.io": {}, "https://index.docker.io/v1/": {} }, "credsStore": "desktop.exe" }"#;
    assert_eq!(of(desktop, "ghcr.io", "x"), "- docker-credential-desktop.exe by credsStore");
    let cloud = r#"{
        "credsStore": "secretservice",
        "credHelpers": {
            "123.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login",
            "https://index.docker.io/v1/": "pass",
            "gcr.io": "gcloud"
        }
    }"#;
    let ecr = "123.dkr.ecr.eu-west-1.amazonaws.com";
    assert_eq!(of(cloud, ecr, "x"), "- docker-credential-ecr-login by credHelpers");
    assert_eq!(of(cloud, "docker.io", "x"), "- docker-credential-pass by credHelpers");
    assert_eq!(of(cloud, "eu.gcr.io", "x"), "- docker-credential-secretservice by credsStore");
    // What is empty is none.
    assert_eq!(of(r#"{ "credHelpers": {}, "credsStore": "", "auths": null }"#, "gcr.io", "x"), "-");
}

#[test]
fn tokens_of_each_kind() {
    let text = r#"{ "auths": {
        "acr.example": { "auth": "MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwOg==", "identitytoken": "refresh" },
        "bearer.example": { "registrytoken": "token", "identitytoken": "refresh" },
        "secret.example": { "username": "robot$team", "password": "p:w", "email": "x@example.org", "auth": "" },
        "half.example": { "username": "me" },
        "empty.example": null
    } }"#;
    assert_eq!(of(text, "acr.example", "x"), "identity refresh");
    assert_eq!(of(text, "bearer.example", "x"), "bearer token");
    assert_eq!(of(text, "secret.example", "x"), "robot$team:p:w");
    assert_eq!(of(text, "half.example", "x"), "-");
    assert_eq!(of(text, "empty.example", "x"), "-");
}

#[test]
fn the_longest_key_wins_as_with_podman() {
    let text = r#"{ "auths": {
        "quay.io/team/image": { "auth": "aW1hZ2U6cHc=" },
        "quay.io/team": { "auth": "dGVhbTpwdw==" },
        "quay.io": { "auth": "YWxsOnB3" },
        "quay.io/team/other": {},
        "only.example/team": { "auth": "dGVhbTpwdw==" }
    } }"#;
    assert_eq!(of(text, "quay.io", "team/image"), "image:pw");
    assert_eq!(of(text, "quay.io", "team/image/more"), "image:pw");
    assert_eq!(of(text, "quay.io", "team/imagery"), "team:pw");
    assert_eq!(of(text, "quay.io", "teams/image"), "all:pw");
    // An entry without anything says nothing.
    assert_eq!(of(text, "quay.io", "team/other"), "team:pw");
    assert_eq!(of(text, "only.example", "other/image"), "-");
}

#[test]
fn what_is_there_and_cannot_be_read_is_told_without_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    assert!(ConfigFile::read(&path).unwrap().is_none());
    assert!(ConfigFile::read(&path.join("below")).unwrap().is_none());
    let told = |error: &CredentialError| told(error).replace(folder.path().to_str().unwrap(), "HOME");
    let wrong = |text: &str| {
        fs::write(&path, text).unwrap();
        told(&ConfigFile::read(&path).map(|_| ()).unwrap_err())
    };
    let mut all = vec![
        wrong("{ \"auths\": { \"r.example\": { \"auth\": s3cret } } }"),
        wrong("{ \"auths\": { \"r.example\": \"s3cret\" } }"),
        wrong("{ \"auths\": { \"r.example\": { \"auth\": \"s3cret"),
        wrong("[1]"),
        wrong(&" ".repeat(CREDENTIAL_FILE_LIMIT + 1)),
    ];
    let host = "r.example".parse().unwrap();
    let entry = file("{ \"auths\": { \"https://r.example/v2/\": { \"auth\": \"s3cret\" } } }");
    all.push(told(&entry.credential(&host, "x").unwrap_err()));
    let program = file("{ \"credHelpers\": { \"r.example\": \"../bin/x\" } }");
    all.push(told(&program.helper(&host).unwrap_err()));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    all.push(told(&ConfigFile::read(&path).map(|_| ()).unwrap_err()));
    let all = all.join("\n\n");
    assert!(!all.contains("s3cret"), "{all}");
    assert_snapshot!(all, @r"
    `HOME/config.json` cannot be read as credentials: it is no JSON at line 1, column 37
    hint: it is JSON in the form of docker's `config.json`; correct it, or take it away and log in anew

    `HOME/config.json` cannot be read as credentials: a value of another kind at line 1, column 34
    hint: it is JSON in the form of docker's `config.json`; correct it, or take it away and log in anew

    `HOME/config.json` cannot be read as credentials: the text ends at line 1, column 43
    hint: it is JSON in the form of docker's `config.json`; correct it, or take it away and log in anew

    `HOME/config.json` cannot be read as credentials: a value of another kind at line 1, column 2
    hint: it is JSON in the form of docker's `config.json`; correct it, or take it away and log in anew

    `HOME/config.json` has more than 4194304 bytes, which no file of credentials has

    the `auth` of `https://r.example/v2/` in `config.json` is no user and password in base64
    hint: correct it: `USER:PASSWORD` in base64, or `username` and `password` in its place

    `config.json` has `../bin/x` as its `credHelpers`, which can be no program's name
    hint: correct it there: `pass` stands for the program `docker-credential-pass`

    cannot read the credentials in `HOME/config.json`
    it is not a file
    hint: let it be a file that you can read, or take it away; `REGISTRY_AUTH_FILE` names another one
    ");
}

#[test]
fn what_is_empty_says_nothing_and_links_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    // As Kubernetes mounts secrets.
    fs::create_dir(folder.path().join("..data")).unwrap();
    fs::write(folder.path().join("..data/config.json"), " \n").unwrap();
    symlink("..data/config.json", &path).unwrap();
    let file = ConfigFile::read(&path).unwrap().unwrap();
    assert!(file.credential(&"r.example".parse().unwrap(), "x").unwrap().is_none());
}

proptest! {
    /// Whatever a file holds, it is read or refused.
    #[test]
    fn no_file_stops_the_program(
        text in r#"(\{"auths":\{"[a-z:/.é]{0,20}":(\{"auth":"[A-Za-z0-9+/=]{0,12}"\}|null|1)\},?)?.{0,40}"#,
        key in r"(https?://)?[a-zA-Z0-9.:/\[\]é-]{0,20}",
        repository in "[a-z/]{0,12}",
    ) {
        let host: RegistryHost = "r.example:5000".parse().unwrap();
        let place = Place::of_key(&key);
        let _ = (place.is_whole(), place.is_registry(), place.nearness(&host, &repository));
        if let Ok(file) = ConfigFile::parse("config.json", text.as_bytes()) {
            let _ = (file.credential(&host, &repository).is_ok(), file.helper(&host).is_ok(), file.keys(&host).count());
        }
    }

    /// What is kept for a place is found for it, and only there.
    #[test]
    fn what_is_kept_is_found(
        user in "[^:\\x00-\\x1f\\x7f]{1,12}",
        password in "[^\\x00-\\x1f\\x7f]{1,12}",
        repository in "[a-z]{1,4}(/[a-z]{1,4}){0,2}",
        other in "[a-z]{1,4}(/[a-z]{1,4}){0,2}",
    ) {
        let entry = serde_json::json!({ "auth": crate::basic::encoded(&user, &password) });
        let text = serde_json::json!({ "auths": { format!("r.example/{repository}"): entry } }).to_string();
        let file = ConfigFile::parse("config.json", text.as_bytes()).unwrap();
        let host: RegistryHost = "r.example".parse().unwrap();
        let found = file.credential(&host, &repository).unwrap();
        prop_assert_eq!(found, Some(Credential::Basic { user, password }));
        let is_below = format!("{other}/").starts_with(&format!("{repository}/"));
        prop_assert_eq!(file.credential(&host, &other).unwrap().is_some(), is_below);
    }
}

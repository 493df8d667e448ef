//! What is written, and what stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use imgbuild_diagnostic::told;
use insta::assert_snapshot;

use super::*;
use crate::Credential;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn credentials(&self, set: &[(&str, &str)]) -> Credentials {
        let home = self.0.path().display().to_string();
        let mut variables: BTreeMap<String, String> =
            [("HOME".to_owned(), home.clone()), ("XDG_RUNTIME_DIR".to_owned(), format!("{home}/run"))].into();
        variables.insert("PATH".to_owned(), format!("{home}/bin:/usr/bin:/bin"));
        variables.extend(set.iter().map(|(name, value)| ((*name).to_owned(), value.replace("~", &home))));
        Credentials::of_machine(&variables).unwrap()
    }

    fn told(&self, error: &CredentialError) -> String {
        told(error).replace(self.0.path().to_str().unwrap(), "~")
    }
}

fn host(text: &str) -> RegistryHost {
    text.parse().unwrap()
}

fn login(user: &str, password: &str) -> Login {
    Login::new(user.to_owned(), password.to_owned()).unwrap()
}

/// What a file holds: in which order is decided by features of the library that others choose.
fn content(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[tokio::test]
async fn the_first_login_makes_dockers_file() {
    let home = Home::new();
    let credentials = home.credentials(&[]);
    let kept = credentials.store(&host("r.example:5000"), &login("me", "p:w")).await.unwrap();
    let path = home.path(".docker/config.json");
    assert_eq!(kept, KeptIn::File(path.clone()));
    assert_eq!((mode(&path), mode(&home.path(".docker"))), (0o600, 0o700));
    credentials.store(&host("docker.io"), &login("hub", "pw")).await.unwrap();
    let written = home.read(".docker/config.json");
    assert!(written.starts_with("{\n\t\"auths\": {\n\t\t\""), "{written}");
    let auths = json!({ "https://index.docker.io/v1/": { "auth": "aHViOnB3" }, "r.example:5000": { "auth": "bWU6cDp3" } });
    assert_eq!(content(&written), json!({ "auths": auths }));
    let found = credentials.find(&host("r.example:5000"), "x").await.unwrap();
    assert_eq!(found, Some(Credential::Basic { user: "me".to_owned(), password: "p:w".to_owned() }));
    // Nothing but the file is left.
    assert_eq!(fs::read_dir(home.path(".docker")).unwrap().count(), 1);
}

#[tokio::test]
async fn the_file_that_is_read_first_is_written_and_all_else_in_it_stays() {
    let home = Home::new();
    let text = r#"{
        "auths": {
            "https://r.example/v1/": { "auth": "b2xkOnB3" },
            "r.example/team": { "auth": "dGVhbTpwdw==" },
            "other.example": { "auth": "b3RoZXI6cHc=", "email": "x" }
        },
        "detachKeys": "ctrl-e,e",
        "plugins": { "a": { "b": [1, 2.5, null] } }
    }"#;
    home.write("settings/auth.json", text);
    fs::create_dir_all(home.path(".config/containers")).unwrap();
    symlink("../../settings/auth.json", home.path(".config/containers/auth.json")).unwrap();
    home.write(".docker/config.json", "{}");
    let credentials = home.credentials(&[]);
    credentials.store(&host("r.example"), &login("new", "pw")).await.unwrap();
    assert_eq!(home.read(".docker/config.json"), "{}");
    assert!(fs::symlink_metadata(home.path(".config/containers/auth.json")).unwrap().is_symlink());
    assert_eq!(mode(&home.path("settings/auth.json")), 0o600);
    let mut expected = content(text);
    expected["auths"].as_object_mut().unwrap().remove("https://r.example/v1/");
    expected["auths"]["r.example"] = json!({ "auth": "bmV3OnB3" });
    assert_eq!(content(&home.read("settings/auth.json")), expected);

    let removed = credentials.remove(&host("r.example")).await.unwrap();
    let path = home.path(".config/containers/auth.json");
    assert_eq!(removed.from, [KeptIn::File(path.clone())]);
    assert_eq!(removed.left, [("r.example/team".to_owned(), path)]);
    assert!(credentials.find(&host("r.example"), "other/image").await.unwrap().is_none());
    assert!(credentials.find(&host("other.example"), "x").await.unwrap().is_some());
    assert_eq!(credentials.remove(&host("r.example")).await.unwrap().from, []);
}

#[tokio::test]
async fn a_file_that_a_variable_names() {
    let home = Home::new();
    let credentials = home.credentials(&[("REGISTRY_AUTH_FILE", "~/deep/below/auth.json")]);
    let error = credentials.find(&host("r.example"), "x").await.unwrap_err();
    assert_snapshot!(home.told(&error), @r"
    `~/deep/below/auth.json` is not there, which `REGISTRY_AUTH_FILE` names
    hint: `imgbuild login` writes it; or unset the variable, for the usual files to be read
    ");
    home.write(".docker/config.json", r#"{ "auths": { "other.example": { "auth": "b3RoZXI6cHc=" } } }"#);
    let nothing = credentials.remove(&host("r.example")).await.unwrap();
    assert_eq!(nothing, Removed::default());
    credentials.store(&host("r.example"), &login("me", "pw")).await.unwrap();
    assert!(credentials.find(&host("r.example"), "x").await.unwrap().is_some());
    // It is the only one.
    assert!(credentials.find(&host("other.example"), "x").await.unwrap().is_none());
}

#[tokio::test]
async fn a_program_that_the_file_names_keeps_it_and_the_file_says_so() {
    let home = Home::new();
    let script =
        "#!/bin/sh\ncase $1 in\nstore) cat > ~/kept ;;\nget) cat ~/kept ;;\nerase) rm ~/kept ;;\nesac\n";
    home.write("bin/docker-credential-own", &script.replace('~', home.0.path().to_str().unwrap()));
    let program = home.path("bin/docker-credential-own");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    home.write(
        ".docker/config.json",
        r#"{ "auths": { "r.example": { "auth": "b2xkOnB3" } }, "credsStore": "own" }"#,
    );
    let credentials = home.credentials(&[]);
    let kept = credentials.store(&host("r.example"), &login("me", "s3cret")).await.unwrap();
    assert_eq!(kept, KeptIn::Helper("docker-credential-own".to_owned()));
    let written = content(&home.read(".docker/config.json"));
    assert_eq!(written, json!({ "auths": { "r.example": {} }, "credsStore": "own" }));
    let found = credentials.find_with_origin(&host("r.example"), "x").await.unwrap().unwrap();
    assert_eq!(found.from, "docker-credential-own");
    let removed = credentials.remove(&host("r.example")).await.unwrap();
    assert_eq!(removed.from, [KeptIn::Helper("docker-credential-own".to_owned())]);
    assert_eq!(content(&home.read(".docker/config.json")), json!({ "auths": {}, "credsStore": "own" }));
}

#[tokio::test]
async fn what_cannot_be_kept() {
    let home = Home::new();
    let credentials = home.credentials(&[]);
    let registry = host("r.example");
    let mut all = Vec::new();
    let nowhere = Credentials::of_machine(&BTreeMap::new()).unwrap();
    all.push(told(&nowhere.store(&registry, &login("me", "p")).await.unwrap_err()));
    home.write("file", "");
    let below = home.credentials(&[("DOCKER_CONFIG", "~/file/below")]);
    all.push(home.told(&below.store(&registry, &login("me", "p")).await.unwrap_err()));
    home.write(".docker/config.json", "{ \"auths\": [] }");
    all.push(home.told(&credentials.store(&registry, &login("me", "p")).await.unwrap_err()));
    assert_eq!(home.read(".docker/config.json"), "{ \"auths\": [] }");
    assert_snapshot!(all.join("\n\n"), @r"
    there is no place to keep credentials in: none of `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG` and `HOME` is set
    hint: name a file in `REGISTRY_AUTH_FILE`

    cannot write the credentials to `~/file/below/config.json`
    Not a directory (os error 20)
    hint: nothing was changed; `REGISTRY_AUTH_FILE` names another file

    `~/.docker/config.json` cannot be read as credentials: a value of another kind at line 1, column 11
    hint: it is JSON in the form of docker's `config.json`; correct it, or take it away and log in anew
    ");
}

#[tokio::test]
async fn what_variables_hold_stays() {
    let home = Home::new();
    let whole = r#"{ "auths": { "r.example": { "auth": "b3RoZXI6cHc=" } } }"#;
    let of = |host: &'static str, set: &[(&str, &str)]| {
        let credentials = home.credentials(set);
        async move {
            let host: RegistryHost = host.parse().unwrap();
            let removed = credentials.remove(&host).await.unwrap();
            (removed.variable, credentials.variable_before_files(&host))
        }
    };
    let ci = [("IMGBUILD_REGISTRY_HOST", "r.example"), ("IMGBUILD_REGISTRY_TOKEN", "t")];
    let token = Some("IMGBUILD_REGISTRY_TOKEN");
    assert_eq!(of("r.example", &ci).await, (token, token));
    assert_eq!(of("other.example", &ci).await, (None, None));
    assert_eq!(of("r.example", &[("DOCKER_AUTH_CONFIG", whole)]).await, (Some("DOCKER_AUTH_CONFIG"), None));
}

//! Where credentials are looked for, and in which order.

use std::fs;

use super::*;

const REGISTRY: &str = "r.example";

/// A home with a file for each place, whose user is the place's name.
fn home() -> (tempfile::TempDir, Variables) {
    let folder = tempfile::tempdir().unwrap();
    let places =
        ["run/containers/auth.json", ".config/containers/auth.json", ".docker/config.json", "named.json"];
    for place in places {
        let path = folder.path().join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(
            path,
            format!(r#"{{ "auths": {{ "{REGISTRY}": {{ "username": "{place}", "password": "p" }} }} }}"#),
        )
        .unwrap();
    }
    let home = folder.path().display().to_string();
    let variables = [("HOME", home.clone()), ("XDG_RUNTIME_DIR", format!("{home}/run"))];
    (folder, variables.map(|(name, value)| (name.to_owned(), value)).into())
}

async fn user(variables: &Variables) -> String {
    let credentials = Credentials::of_machine(variables).unwrap();
    match credentials.find(&REGISTRY.parse().unwrap(), "team/image").await.unwrap() {
        Some(Credential::Basic { user, .. }) => user,
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn variables_go_before_podmans_files_and_those_before_dockers() {
    let (folder, mut variables) = home();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let whole = format!(r#"{{ "auths": {{ "{REGISTRY}": {{ "username": "whole", "password": "p" }} }} }}"#);
    variables.insert("DOCKER_AUTH_CONFIG".to_owned(), whole);
    for place in ["run/containers/auth.json", ".config/containers/auth.json", ".docker/config.json"] {
        assert_eq!(user(&variables).await, place);
        fs::remove_file(path(place)).unwrap();
    }
    assert_eq!(user(&variables).await, "whole");
    variables.insert("REGISTRY_AUTH_FILE".to_owned(), path("named.json"));
    assert_eq!(user(&variables).await, "named.json");
    for (name, value) in [("HOST", REGISTRY), ("USER", "ci"), ("PASSWORD", "p")] {
        variables.insert(format!("IMGBUILD_REGISTRY_{name}"), value.to_owned());
    }
    assert_eq!(user(&variables).await, "ci");
}

#[tokio::test]
async fn the_folders_that_variables_name() {
    let (folder, mut variables) = home();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (from, to) in [(".config", "config"), (".docker", "docker")] {
        fs::rename(path(from), path(to)).unwrap();
    }
    fs::remove_dir_all(path("run")).unwrap();
    assert_eq!(user(&variables).await, "None");
    variables.insert("DOCKER_CONFIG".to_owned(), path("docker"));
    assert_eq!(user(&variables).await, ".docker/config.json");
    variables.insert("XDG_CONFIG_HOME".to_owned(), path("config"));
    assert_eq!(user(&variables).await, ".config/containers/auth.json");
}

#[test]
fn nothing_that_variables_hold_is_shown() {
    let mut variables = Variables::new();
    for (name, value) in [("IMGBUILD_REGISTRY_HOST", REGISTRY), ("IMGBUILD_REGISTRY_TOKEN", "s3cret")] {
        variables.insert(name.to_owned(), value.to_owned());
    }
    variables.insert("DOCKER_AUTH_CONFIG".to_owned(), "s3cret".to_owned());
    let shown = format!("{:?}", Credentials::of_machine(&variables).unwrap());
    assert!(shown.starts_with("Credentials { files: ") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn how_long_programs_may_take() {
    let of = |text: &str| {
        let variables = [("IMGBUILD_CREDENTIAL_HELPER_TIMEOUT".to_owned(), text.to_owned())].into();
        Credentials::of_machine(&variables)
            .map(|it| it.helpers.patience.as_secs())
            .map_err(|it| it.to_string())
    };
    assert_eq!((of(""), of("5")), (Ok(60), Ok(5)));
    for text in ["0", "-1", "1.5", "a"] {
        let error = "which is not a number of seconds from 1 on";
        assert_eq!(
            of(text).unwrap_err(),
            format!("`IMGBUILD_CREDENTIAL_HELPER_TIMEOUT` is `{text}`, {error}")
        );
    }
}

//! Programs that keep credentials, good ones and bad ones.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use imgbuild_diagnostic::told;
use insta::assert_snapshot;

use super::*;

/// A folder with the program `docker-credential-test`, a script of the shell, whose first argument is what it is to do.
struct Program(tempfile::TempDir);

impl Program {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-credential-test");
        fs::write(&path, format!("#!/bin/sh\ncd {}\n{script}\n", folder.path().display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn helpers(&self) -> Helpers {
        Helpers {
            folders: vec!["relative".into(), self.0.path().to_owned()],
            patience: Duration::from_secs(60),
        }
    }

    async fn get(&self, host: &str) -> Result<Option<Credential>, CredentialError> {
        self.helpers().get(&helper(host)).await
    }

    async fn fails(&self) -> String {
        told(&self.get("r.example").await.unwrap_err())
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }
}

fn helper(host: &str) -> HelperName {
    HelperName::new("test", "credsStore", "config.json", &host.parse().unwrap()).unwrap()
}

fn login() -> Login {
    Login::new("me".to_owned(), "s3cret".to_owned()).unwrap()
}

fn basic(user: &str, password: &str) -> Credential {
    Credential::Basic { user: user.to_owned(), password: password.to_owned() }
}

#[tokio::test]
async fn what_a_program_keeps() {
    let answer = r#"cat > asked; echo "warning: old" >&2
        echo '{"ServerURL":"https://r.example","Username":"me","Secret":"s3cret"}'"#;
    let program = Program::new(answer);
    assert_eq!(program.get("r.example:5000").await.unwrap(), Some(basic("me", "s3cret")));
    assert_eq!(program.read("asked"), "r.example:5000");
    program.get("docker.io").await.unwrap();
    assert_eq!(program.read("asked"), "https://index.docker.io/v1/");

    let token = Program::new(r#"echo '{"Username":"<token>","Secret":"refresh"}'"#);
    let token = token.get("r.example").await.unwrap();
    assert_eq!(token, Some(Credential::IdentityToken("refresh".to_owned())));
}

#[tokio::test]
async fn a_program_that_keeps_nothing() {
    for script in [
        "echo 'credentials not found in native keychain'; exit 1",
        "echo 'credentials not found in native keychain' >&2; exit 1",
        r#"echo '{"ServerURL":"","Username":"","Secret":""}'"#,
    ] {
        assert_eq!(Program::new(script).get("r.example").await.unwrap(), None, "{script}");
    }
    // podman has its own name for docker's registry.
    let podmans = r#"read name; test "$name" = docker.io || { echo 'credentials not found in native keychain'; exit 1; }
        echo '{"Username":"me","Secret":"s3cret"}'"#;
    // The name comes without a line's end.
    let podmans = podmans.replace("read name;", "name=$(cat);");
    assert_eq!(Program::new(&podmans).get("docker.io").await.unwrap(), Some(basic("me", "s3cret")));
}

#[tokio::test]
async fn programs_that_fail() {
    let missing = Helpers { folders: vec!["/no/such/folder".into()], patience: Duration::from_secs(60) };
    let broken = Program::new("");
    fs::write(broken.0.path().join("docker-credential-test"), "#!/no/such/interpreter\n").unwrap();
    let secret = r#"echo '{"Username":"me","Secret":"s3cret"}'"#;
    let all = [
        told(&missing.get(&helper("r.example")).await.unwrap_err()),
        broken.fails().await,
        Program::new("echo 'pass not initialized: exit status 1: Error'; exit 1").fails().await,
        Program::new("echo 'no session bus' >&2; exit 3").fails().await,
        Program::new(&format!("{secret}; exit 1")).fails().await,
        Program::new("kill -9 $$").fails().await,
        Program::new("echo s3cret").fails().await,
        Program::new(r#"echo '{"Username":"me"}'"#).fails().await,
        Program::new("true").fails().await,
        Program::new("yes s3cret").fails().await,
    ]
    .join("\n\n");
    assert!(!all.contains("s3cret"), "{all}");
    assert_snapshot!(all, @r"
    `docker-credential-test` is not installed, and `config.json` says that it keeps the credentials of `r.example`
    hint: install it where `PATH` finds it, or take it out of `credsStore` in `config.json`

    `docker-credential-test` cannot be run for the credentials of `r.example`
    No such file or directory (os error 2)
    hint: `config.json` names it in `credsStore`

    `docker-credential-test get` failed for `r.example`: pass not initialized: exit status 1: Error
    hint: set the program up, or take it out of `credsStore` in `config.json`

    `docker-credential-test get` failed for `r.example`: no session bus
    hint: set the program up, or take it out of `credsStore` in `config.json`

    `docker-credential-test get` failed for `r.example`: it ended with 1
    hint: set the program up, or take it out of `credsStore` in `config.json`

    `docker-credential-test get` failed for `r.example`: signal 9 ended it
    hint: set the program up, or take it out of `credsStore` in `config.json`

    `docker-credential-test` answers for `r.example` with what is no credential
    hint: `config.json` names it in `credsStore`: such a program prints a JSON object with `Username` and `Secret`

    `docker-credential-test` answers for `r.example` with what is no credential
    hint: `config.json` names it in `credsStore`: such a program prints a JSON object with `Username` and `Secret`

    `docker-credential-test` answers for `r.example` with what is no credential
    hint: `config.json` names it in `credsStore`: such a program prints a JSON object with `Username` and `Secret`

    `docker-credential-test` answers for `r.example` with more than 1048576 bytes
    hint: `config.json` names it in `credsStore`
    ");
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_with_all_that_it_started() {
    let program = Program::new("sleep 600 & echo $! > child; echo $$ > own; wait");
    let helpers = Helpers { patience: Duration::from_secs(1), ..program.helpers() };
    let error = helpers.get(&helper("r.example")).await.unwrap_err();
    assert_snapshot!(told(&error), @r"
    `docker-credential-test` did not answer for `r.example` within 1 s, and was ended
    hint: it may wait for somebody to unlock what it keeps; `IMGBUILD_CREDENTIAL_HELPER_TIMEOUT` sets how many seconds it may take
    ");
    for name in ["own", "child"] {
        let number = program.read(name);
        let stat = format!("/proc/{}/stat", number.trim());
        // It may not have been collected yet, as a zombie.
        let mut ends = 0;
        while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            ends += 1;
            assert!(ends < 3000, "{name} still runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn what_is_kept_and_forgotten_comes_in_no_argument() {
    let script = r#"echo "$@" >> arguments
        case $1 in
            store) cat > kept ;;
            get) cat > /dev/null; test -e kept || { echo 'credentials not found in native keychain'; exit 1; }; cat kept ;;
            erase) cat >> erased; rm -f kept ;;
        esac"#;
    let program = Program::new(script);
    let (helpers, name) = (program.helpers(), helper("r.example"));
    assert!(!helpers.erase(&name).await.unwrap());
    helpers.store(&name, &login()).await.unwrap();
    assert_eq!(program.read("kept"), r#"{"ServerURL":"r.example","Username":"me","Secret":"s3cret"}"#);
    assert_eq!(helpers.get(&name).await.unwrap(), Some(basic("me", "s3cret")));
    assert!(helpers.erase(&name).await.unwrap());
    assert_eq!(helpers.get(&name).await.unwrap(), None);
    assert_eq!(program.read("erased"), "r.example");
    assert_eq!(program.read("arguments"), "get\nstore\nget\nget\nerase\nget\n");
    let refused = Program::new("test $1 = get && exit 0; echo 'the keychain is locked'; exit 1");
    let error = refused.helpers().store(&name, &login()).await.unwrap_err();
    assert_snapshot!(told(&error), @r"
    `docker-credential-test store` failed for `r.example`: the keychain is locked
    hint: set the program up, or take it out of `credsStore` in `config.json`
    ");
}

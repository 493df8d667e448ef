//! Programs that keep passwords, and those that should and do not.

use imgbuild_tests::Registry;
use insta::assert_snapshot;

use crate::{FILE, Home};

/// Keeps one password in a file, and notes what the process table shows while it runs.
const KEEPER: &str = r#"
echo "$@" >> "$HOME/arguments"
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2> /dev/null | tr '\0' '\n' >> "$HOME/processes"
case $1 in
store) cat > "$HOME/kept" ;;
get) cat > /dev/null; test -e "$HOME/kept" || { echo 'credentials not found in native keychain'; exit 1; }; cat "$HOME/kept" ;;
erase) rm "$HOME/kept" ;;
esac
"#;

#[test]
fn a_program_keeps_the_password_and_nobody_else_sees_it() {
    let registry = Registry::with_password();
    let (home, host) = (Home::new(), registry.address());
    home.program("keeper", KEEPER);
    home.write(FILE, "{\"credsStore\": \"keeper\"}");
    let login = ["-vv", "login", host, "--user", "user", "--password-stdin"];
    let said = home.run(&login, "hunter2\n").success();
    assert_eq!(
        home.read("kept"),
        format!(r#"{{"ServerURL":"{host}","Username":"user","Secret":"hunter2"}}"#)
    );
    let file: serde_json::Value = serde_json::from_str(&home.read(FILE)).unwrap();
    assert_eq!(file, serde_json::json!({ "auths": { host: {} }, "credsStore": "keeper" }));
    let logout = home.run(&["-vv", "logout", host], "").success();
    assert_eq!(home.read("arguments"), "store\nget\nerase\n");
    assert!(!home.home.path().join("kept").exists());
    let (processes, said) = (home.read("processes"), format!("{}{}", said.stderr, logout.stderr));
    assert!(processes.contains("--password-stdin") && said.contains("docker-credential-keeper store"));
    for text in [&said, &processes] {
        // The password, and what headers and files make of it.
        assert!(!text.contains("hunter2") && !text.contains("dXNlcjpodW50ZXIy"), "{text}");
    }
    let shown = logout.stdout.replace(host, "HOST");
    assert_snapshot!(shown, @r"logged out of `HOST`: `docker-credential-keeper` keeps nothing for it");
}

#[test]
fn programs_that_fail() {
    let registry = Registry::with_password();
    let host = registry.address();
    let mut all = Vec::new();
    for (name, script) in [
        ("missing", None),
        ("hangs", Some("sleep 600")),
        ("refuses", Some("echo 'error storing credentials: the keychain is locked'; exit 1")),
        ("chatters", Some("yes hunter2")),
    ] {
        let home = Home::new().set("IMGBUILD_CREDENTIAL_HELPER_TIMEOUT", "2");
        script.iter().for_each(|script| home.program(name, script));
        let before = format!("{{\"credHelpers\": {{\"{host}\": \"{name}\"}}}}");
        home.write(FILE, &before);
        all.push(home.said(&home.login(host, "hunter2").failure(), host));
        assert_eq!(home.read(FILE), before);
    }
    for (name, script) in [
        ("garbage", "echo hunter2"),
        ("dies", "kill -9 $$"),
        ("tells", r#"echo '{"Username":"user","Secret":"hunter2"}'; exit 1"#),
    ] {
        let home = Home::new();
        home.program(name, script);
        home.write(FILE, &format!("{{\"credsStore\": \"{name}\"}}"));
        all.push(home.said(&home.logout(host).failure(), host));
    }
    let all = all.join("\n");
    assert!(!all.contains("hunter2"), "{all}");
    assert_snapshot!(all, @r"
    × `docker-credential-missing` is not installed, and `HOME/.docker/config.json` says that it keeps the credentials of `HOST`
    help: install it where `PATH` finds it, or take it out of `credHelpers` in `HOME/.docker/config.json`

    × `docker-credential-hangs` did not answer for `HOST` within 2 s, and was ended
    help: it may wait for somebody to unlock what it keeps; `IMGBUILD_CREDENTIAL_HELPER_TIMEOUT` sets how many seconds it may take

    × `docker-credential-refuses store` failed for `HOST`: error storing credentials: the keychain is locked
    help: set the program up, or take it out of `credHelpers` in `HOME/.docker/config.json`

    × `docker-credential-chatters` answers for `HOST` with more than 1048576 bytes
    help: `HOME/.docker/config.json` names it in `credHelpers`

    × `docker-credential-garbage` answers for `HOST` with what is no credential
    help: `HOME/.docker/config.json` names it in `credsStore`: such a program prints a JSON object with `Username` and `Secret`

    × `docker-credential-dies get` failed for `HOST`: signal 9 ended it
    help: set the program up, or take it out of `credsStore` in `HOME/.docker/config.json`

    × `docker-credential-tells get` failed for `HOST`: it ended with 1
    help: set the program up, or take it out of `credsStore` in `HOME/.docker/config.json`
    ");
}

//! Images that people work in, as their browser shows them: Debian's Chromium, in which a program beside this file does what people do.
//!
//! Pictures of what it showed stay in `target/tmp/browser`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::process::Command;

use imgbuild_tests::{
    Container, Daemon, Imgbuild, Start, WORKBENCH, address, capture, jupyter, jupyter_answers, node_modules,
    port, python_tools, temporary, workbench, workspace_root,
};
use serde_json::{Value, json};

/// What a person saw who did what one of the programs does; `pictures` is the folder of the pictures.
fn seen(pictures: &str, program: &str, arguments: &[&str]) -> Value {
    let folder = temporary().join("browser").join(pictures);
    drop(std::fs::remove_dir_all(&folder));
    fs_err::create_dir_all(&folder).unwrap();
    println!("pictures: {}", folder.display());
    let mut node = Command::new("timeout");
    node.args(["--kill-after=10", "300", "node"]).env("NODE_PATH", node_modules());
    node.arg(workspace_root().join("tests/tests/browser").join(program)).arg(&folder).args(arguments);
    serde_json::from_str(&capture(&mut node).success().stdout).unwrap()
}

/// What the Lab's terminal shows of its environment, and what the notebook has plotted, whose size is that of a picture.
fn assert_works(seen: &Value) {
    assert_eq!(seen["cards"][0], "Python 3 (ipykernel)", "{seen}");
    assert_eq!(seen["printed"], json!(["6\n"]), "{seen}");
    assert!(seen["plot"]["width"].as_u64().unwrap() > 100 && seen["plot"]["height"].as_u64().unwrap() > 100);
    assert_eq!(seen["wrong"], json!([]), "{seen}");
}

#[test]
fn a_person_opens_the_printed_address_and_works() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&workbench(&imgbuild));
    let env = vec![("FOO", "a b".to_owned())];
    let (mut started, port) = jupyter(&container, "lab", Start { env, ..Start::default() });
    let address = address(&jupyter_answers(&mut started));
    let server = format!("http://127.0.0.1:{port}");
    let wrong = format!("{server}/lab?token=wrong");
    let seen = seen("lab", "lab.mjs", &[&format!("{server}{address}"), &wrong]);
    assert_works(&seen);
    assert_eq!(seen["terminal"], "a b\n/opt/venv/bin/python\n/home/user\n");
    // Whoever has another token is asked for the right one.
    assert_eq!(seen["refused"], json!({ "path": "/login", "says": "Invalid credentials" }));
}

#[test]
fn a_person_works_where_kubeflow_has_let_it_in() {
    let imgbuild = Imgbuild::new();
    let spec = WORKBENCH.replace("jupyter = true\nssh = true\n", "jupyter = { profile = \"kubeflow\" }\n");
    let container = Container::new(&imgbuild.build(&spec, &[]).image());
    let env = vec![("NB_PREFIX", "/notebook/ns/x".to_owned()), ("FOO", "a b".to_owned())];
    let (mut started, port) = jupyter(&container, "kubeflow", Start { env, ..Start::default() });
    let address = address(&jupyter_answers(&mut started));
    let (path, how) = address.split_once(' ').unwrap();
    assert_eq!((path, how), ("/notebook/ns/x/lab", "(without a token: who stands before it authenticates)"));
    let seen = seen("kubeflow", "lab.mjs", &[&format!("http://127.0.0.1:{port}{path}")]);
    assert_works(&seen);
    assert_eq!(seen["terminal"], "a b\n/opt/venv/bin/python\n/home/jovyan\n");
}

#[test]
fn a_hub_starts_the_server_of_whoever_logs_in() {
    let imgbuild = Imgbuild::new();
    let hub = "jupyter = { profile = \"hub\", hub-version = \"5\" }\n";
    let spec = WORKBENCH.replace("jupyter = true\nssh = true\n", hub);
    let image = imgbuild.build(&spec, &[]).image();
    let container = Container::new(&image);
    let folder = imgbuild.folder().display().to_string();
    let program = python_tools("hub", "tests/tests/browser/tools.txt").join("bin/jupyterhub");
    let ports = [port(), port(), port()];
    // What spawners start: the image's own command, docker-stacks' program, and the hub's own.
    let commands = BTreeMap::from([
        ("ada", image.config.config.cmd.clone()),
        ("bob", vec!["start-singleuser.sh".to_owned()]),
        ("eve", vec!["jupyterhub-singleuser".to_owned()]),
    ]);
    let settings = json!({
        "folder": folder,
        "ports": ports,
        "proxy": node_modules().join(".bin/configurable-http-proxy"),
        "container": container.words("hub", &Start { command: Some(vec![]), ..Start::default() }),
        "commands": commands,
    });
    let settings = format!("HUB={settings}");
    let config = workspace_root().join("tests/tests/browser/jupyterhub_config.py");
    let words = [settings.as_str(), program.to_str().unwrap(), "--config", config.to_str().unwrap()];
    let url = format!("http://127.0.0.1:{}/", ports[0]);
    let is_ready = || TcpStream::connect(format!("127.0.0.1:{}", ports[0])).is_ok();
    let daemon = Daemon::start("env", &words, &imgbuild.path("hub.log"), is_ready);
    let names: Vec<&str> = commands.keys().copied().collect();
    let seen = seen("hub", "hub.mjs", &[&[url.as_str()], names.as_slice()].concat());
    for (name, person) in names.iter().zip(seen["people"].as_array().unwrap()) {
        let wanted =
            json!({ "name": name, "card": "Python 3 (ipykernel)", "printed": format!("{name} 6\n") });
        assert_eq!(person, &wanted);
    }
    assert_eq!((&seen["people"][2]["name"], &seen["wrong"]), (&json!("eve"), &json!([])), "{seen}");
    // Hub and server have told each other their versions. Where the first numbers differ, either warns.
    let said = daemon.said();
    let versions: Vec<&str> = said.lines().filter(|line| line.contains(" _version:")).collect();
    assert!(!versions.is_empty() && versions.iter().all(|line| line.starts_with("[D ")), "{versions:#?}");
}

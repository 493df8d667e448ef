//! Images that people work in: their start, Jupyter, and SSH, as the users and on the file systems that platforms give them.
//!
//! Wheels come from the index that the machine's own settings name.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use imgbuild_tests::{
    Client, Container, Imgbuild, Run, Start, WORKBENCH, address, capture, connected, get, jupyter,
    jupyter_answers, port, ssh, token, workbench,
};

#[test]
fn jupyter_opens_for_every_user_and_on_every_file_system() {
    let imgbuild = Imgbuild::new();
    let image = workbench(&imgbuild);
    let config = &image.config.config;
    assert_eq!(config.entrypoint, ["/usr/bin/tini", "-g", "--", "/usr/local/bin/imgbuild-start"]);
    assert_eq!(
        (config.cmd.as_slice(), config.working_dir.as_str()),
        (["imgbuild-services".to_owned()].as_slice(), "/home/user")
    );
    assert_eq!(config.exposed_ports.keys().collect::<Vec<_>>(), ["2222/tcp", "8888/tcp"]);
    assert_eq!(config.healthcheck.as_ref().unwrap().test, ["CMD", "imgbuild-health"]);
    let container = Container::new(&image);
    let mut tokens = Vec::new();
    for (name, home, start) in [
        ("own", "/home/user", Start::default()),
        ("root", "/root", Start { user: Some("0:0"), ..Start::default() }),
        ("any", "/home/user", Start { user: Some("12345:0"), ..Start::default() }),
        ("foreign", "/tmp/home-12345", Start { user: Some("12345:12345"), ..Start::default() }),
        ("read-only", "/tmp/home-1000", Start { read_only: true, ..Start::default() }),
        ("volume", "/home/user", Start { read_only: true, volume: Some("/home/user"), ..Start::default() }),
    ] {
        let (mut started, port) = jupyter(&container, name, start);
        let said = jupyter_answers(&mut started);
        assert!(!said.contains("Traceback") && !said.contains("Permission"), "{name}: {said}");
        assert_eq!(get(&port, "/api").0, 200, "{name}");
        assert_eq!(get(&port, "/api/contents").0, 403, "{name}");
        assert_eq!(get(&port, "/api/contents?token=wrong").0, 403, "{name}");
        let (status, body) = get(&port, &format!("/api/contents?token={}", token(&said)));
        assert_eq!(status, 200, "{name}: {body}");
        assert_eq!(get(&port, &address(&said)).0, 200, "{name}");
        started.exec(&["imgbuild-health"]).success();
        // The skeleton is there, in a home that a volume hides as well.
        let found = started.exec(&[
            "sh",
            "-c",
            "tr '\\0' '\\n' </proc/$(pgrep -of ^/opt/venv/bin/python)/environ | grep ^HOME=; ls -A $0",
            home,
        ]);
        let found = found.success().stdout;
        assert!(found.starts_with(&format!("HOME={home}\n")) && found.contains(".bashrc"), "{name}: {found}");
        started.signal("TERM");
        let (code, said) = started.end();
        assert_eq!(code, 0, "{name}: {said}");
        tokens.push(token(&said));
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 6, "a token is made at each start");
}

#[test]
fn jupyter_is_started_as_platforms_say() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&workbench(&imgbuild));
    let with = |name: &str, env: &[(&'static str, &str)]| {
        let env = env.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let (mut started, port) = jupyter(&container, name, Start { env, ..Start::default() });
        let said = jupyter_answers(&mut started);
        (started, port, said)
    };
    // Behind a path, as Kubeflow has it.
    let (_started, port, said) = with("prefix", &[("NB_PREFIX", "/notebook/ns/x")]);
    assert_eq!(get(&port, "/notebook/ns/x/api").0, 200);
    assert!(address(&said).starts_with("/notebook/ns/x/lab?token="), "{said}");
    // With a token that is given, which neither kernels nor terminals see.
    let (started, port, _) = with("token", &[("JUPYTER_TOKEN", "hunter2")]);
    assert_eq!(get(&port, "/api/contents?token=hunter2").0, 200);
    assert_eq!(get(&port, "/api/contents").0, 403);
    // What is given is not told again.
    assert!(!started.said().contains("hunter2"), "{}", started.said());
    // What Kubernetes sets where a service is called so is no port.
    let (mut started, _) = jupyter(&container, "service", Start::default());
    drop(jupyter_answers(&mut started));
    let env = vec![("JUPYTER_PORT", "tcp://10.0.0.1:8888".to_owned())];
    let (mut started, _) = jupyter(&container, "service-link", Start { env, ..Start::default() });
    let said = started.wait_until(|said| said.contains("is running at") || said.contains("in use"));
    assert!(said.contains("JUPYTER_PORT is tcp://10.0.0.1:8888, which is no port"), "{said}");
    assert!(said.contains("Jupyter is at http://127.0.0.1:8888/"), "{said}");
    // An empty one opens nothing.
    let (_started, port, said) = with("empty", &[("JUPYTER_TOKEN", "")]);
    assert_eq!(get(&port, "/api/contents").0, 403);
    assert_eq!(get(&port, &format!("/api/contents?token={}", token(&said))).0, 200);
    // A hash of a password needs no token; a password is no hash.
    let hash = "from jupyter_server.auth import passwd; print(passwd('hunter2', algorithm='sha256'))";
    let hash = container.exec(&["python", "-c", hash]).success().stdout;
    let (_started, port, said) = with("password", &[("JUPYTER_PASSWORD", hash.trim())]);
    assert_eq!((token(&said).as_str(), get(&port, "/api/contents").0), ("", 403));
    let env = vec![("JUPYTER_PASSWORD", "hunter2".to_owned())];
    let (mut started, _) = jupyter(&container, "plain", Start { env, ..Start::default() });
    let (code, said) = started.end();
    assert_eq!(code, 78);
    assert!(said.contains("JUPYTER_PASSWORD is not a hash") && !said.contains("hunter2"), "{said}");
    let env = vec![("NOTEBOOK_ARGS", "--ServerApp.custom_display_url=http://x.example/ --debug".to_owned())];
    let (mut started, _) = jupyter(&container, "arguments", Start { env, ..Start::default() });
    started.wait_until(|said| said.contains("http://x.example/"));
}

#[test]
fn old_jupyters_take_the_same_token() {
    for (interface, package) in [("lab", "jupyter_server<2"), ("notebook", "notebook<7")] {
        let imgbuild = Imgbuild::new();
        let spec = format!(
            "name = \"old\"\npython = {{ version = \"3.11\", from = \"debian\" }}\nbase = \"bookworm\"\n\
             [jupyter]\ninterface = \"{interface}\"\n[pip]\npackages = [\"{package}\", \"setuptools<80\"]\n"
        );
        let container = Container::new(&imgbuild.build(&spec, &[]).image());
        for (name, given) in [("made", None), ("given", Some("hunter2"))] {
            let env = given.map(|token| ("JUPYTER_TOKEN", token.to_owned())).into_iter().collect();
            let (mut started, port) = jupyter(&container, name, Start { env, ..Start::default() });
            let said = jupyter_answers(&mut started);
            let token = given.map_or_else(|| token(&said), str::to_owned);
            assert_eq!(get(&port, &format!("/api/contents?token={token}")).0, 200, "{package}: {said}");
            assert_eq!(get(&port, "/api/contents").0, 403, "{package}");
        }
        let hash = "try:\n from notebook.auth import passwd\nexcept ImportError:\n from jupyter_server.auth import passwd\nprint(passwd('hunter2', algorithm='sha256'))";
        let hash = container.exec(&["python", "-c", hash]).success().stdout;
        let env = vec![("JUPYTER_PASSWORD", hash.trim().to_owned())];
        let (mut started, port) = jupyter(&container, "password", Start { env, ..Start::default() });
        let said = jupyter_answers(&mut started);
        assert!(said.contains("(with the password that was given)") && !said.contains("token="), "{said}");
        assert_eq!(get(&port, "/api/contents").0, 403, "{package}");
    }
}

#[test]
fn a_notebook_runs_and_plots() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&workbench(&imgbuild));
    let program = r#"
import json, os, subprocess, sys
cells = ["import numpy, matplotlib.pyplot as plt", "plt.plot(numpy.arange(3))", "import os; print(os.environ.get('JUPYTER_TOKEN'))"]
cell = lambda text: {"cell_type": "code", "source": text, "metadata": {}, "outputs": [], "execution_count": None}
notebook = {"cells": [cell(it) for it in cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
os.chdir("/tmp")
json.dump(notebook, open("a.ipynb", "w"))
subprocess.run(["jupyter", "execute", "--inplace", "a.ipynb"], check=True, stderr=sys.stdout)
outputs = [it for cell in json.load(open("a.ipynb"))["cells"] for it in cell["outputs"]]
print(sorted(key for it in outputs for key in it.get("data", {})))
"#;
    let said = container.start_with(&["python", "-c", program]).success().stdout;
    assert!(said.ends_with("['image/png', 'text/plain', 'text/plain']\n"), "{said}");
}

#[test]
fn people_log_in_whoever_the_server_runs_as() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&workbench(&imgbuild));
    let mut fingerprints = Vec::new();
    for (name, id, home, start) in [
        ("own", "1000 100", "/home/user", Start::default()),
        ("root", "1000 100", "/home/user", Start { user: Some("0:0"), ..Start::default() }),
        ("any", "12345 0", "/home/user", Start { user: Some("12345:0"), ..Start::default() }),
        (
            "foreign",
            "12345 12345",
            "/tmp/home-12345",
            Start { user: Some("12345:12345"), ..Start::default() },
        ),
        (
            "read-only",
            "1000 100",
            "/home/user",
            Start { read_only: true, volume: Some("/home/user"), ..Start::default() },
        ),
    ] {
        let (started, client) = ssh(&container, name, start);
        let said = client.run("user", &["echo $(id -u) $(id -g); pwd; echo $FOO; command -v python; echo [$JUPYTER_TOKEN$SSH_AUTHORIZED_KEYS]"]);
        let wanted = format!("{id}\n{home}\na b\"c\\d\n/opt/venv/bin/python\n[]\n");
        assert_eq!(said.success().stdout, wanted, "{name}");
        let login = client.run("user", &["-tt", "bash -lc 'tty; echo $FOO; command -v python'"]);
        let login = login.success().stdout.replace('\r', "");
        assert!(
            login.starts_with("/dev/pts/") && login.ends_with("\na b\"c\\d\n/opt/venv/bin/python\n"),
            "{login}"
        );
        assert_eq!(client.run("user", &["exit 7"]).code, Some(7));
        let wrong = Client::new(&client.port);
        assert!(wrong.run("user", &["id"]).failure().stderr.contains("Permission denied (publickey)"));
        assert!(client.run("root", &["id"]).failure().stderr.contains("Permission denied (publickey)"));
        started.exec(&["imgbuild-health"]).success();
        let said = started.said();
        assert!(said.contains("Accepted publickey for user"), "{said}");
        let line = |it: &&str| it.contains("host key SHA256:");
        fingerprints.extend(said.lines().filter(line).map(str::to_owned));
    }
    let all = fingerprints.len();
    fingerprints.sort();
    fingerprints.dedup();
    assert_eq!((all, fingerprints.len()), (10, 10), "each container has host keys of its own");
}

#[test]
fn files_tunnels_and_keys_of_ssh() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&workbench(&imgbuild));
    let host_keys = vec![("IMGBUILD_HOSTKEYS", "/tmp/kept".to_owned())];
    let (started, client) = ssh(&container, "files", Start { env: host_keys, ..Start::default() });
    let here = imgbuild.write("here.txt", "hello\n");
    let to = |name: &str| format!("user@127.0.0.1:{name}");
    capture(Command::new("scp").args(client.options()).arg("-q").arg(&here).arg(to("one"))).success();
    let shell = format!("ssh {}", client.options().join(" "));
    capture(Command::new("rsync").args(["-a", "-e", &shell]).arg(&here).arg(to("two"))).success();
    let batch = imgbuild.write("batch", "rename one three\n");
    let mut sftp = Command::new("sftp");
    capture(sftp.args(client.options()).arg("-q").arg("-b").arg(&batch).arg("user@127.0.0.1")).success();
    assert_eq!(client.run("user", &["cat two three; ls"]).success().stdout, "hello\nhello\nthree\ntwo\n");
    // A tunnel to what listens in the container: the server itself says who it is.
    let tunnel = port();
    let forward = format!("{tunnel}:127.0.0.1:{}", client.port);
    let mut through = Command::new("ssh");
    through.args(client.options()).args(["-N", "-L", &forward, "user@127.0.0.1"]);
    let mut through = through.stdin(Stdio::null()).spawn().unwrap();
    let mut banner = [0; 8];
    connected(&tunnel).read_exact(&mut banner).unwrap();
    assert_eq!(&banner, b"SSH-2.0-");
    through.kill().unwrap();
    through.wait().unwrap();
    // No agent, no X11, no password.
    let settings = started.exec(&["sh", "-c", "/usr/sbin/sshd -T -f /tmp/imgbuild-1000/sshd_config"]);
    let settings = settings.success().stdout;
    for line in [
        "passwordauthentication no",
        "permitrootlogin no",
        "allowagentforwarding no",
        "x11forwarding no",
        "allowtcpforwarding yes",
    ] {
        assert!(settings.contains(line), "{line}\n{settings}");
    }
    let kept =
        started.exec(&["sh", "-c", "ssh-keygen -l -f /tmp/kept/ssh_host_ed25519_key"]).success().stdout;
    assert!(started.said().contains(kept.split(' ').nth(1).unwrap()));

    // A key with options does what these say.
    let command = format!("command=\"echo only this\" {}", client.public_key());
    let env = vec![("SSH_AUTHORIZED_KEYS", String::new()), ("PUBLIC_KEY", command)];
    let port = client.port.clone();
    drop(started);
    let env = [env, vec![("IMGBUILD_SSH_PORT", port)]].concat();
    let (_started, _) = ssh(&container, "options", Start { env, ..Start::default() });
    // Another container is another host.
    fs_err::remove_file(client.folder.path().join("known")).unwrap();
    assert_eq!(client.run("user", &["id"]).success().stdout, "only this\n");

    // Without a key nobody could log in, and a private one is not taken.
    for (name, key, message) in [
        ("none", String::new(), "the SSH server is not started: nobody could log in"),
        (
            "private",
            fs_err::read_to_string(client.folder.path().join("key")).unwrap(),
            "what was given is a private key",
        ),
    ] {
        let env = vec![("IMGBUILD_SERVICES", "ssh".to_owned()), ("SSH_AUTHORIZED_KEYS", key)];
        let mut started = container.spawn(name, &Start { env, ..Start::default() });
        let (code, said) = started.end();
        assert_eq!(code, 78, "{said}");
        assert!(said.contains(message) && !said.contains("b3Blbn"), "{said}");
    }
}

#[test]
fn a_container_ends_with_its_command_and_starts_what_it_is_told() {
    let imgbuild = Imgbuild::new();
    imgbuild.write("hooks/10-set.sh", "export HOOKED=yes\n");
    let ran =
        imgbuild.write("hooks/20-run", "#!/bin/sh\necho \"ran with $HOOKED\"\n[ -z \"$STOP\" ] || exit 9\n");
    capture(Command::new("chmod").arg("+x").arg(&ran)).success();
    imgbuild.write("hooks/30-not-a-program", "exit 5\n");
    let copy = "[[copy]]\nfrom = \"hooks\"\nto = \"/etc/imgbuild/start.d\"\n";
    let image = imgbuild.build(&format!("{WORKBENCH}{copy}"), &[]).image();
    let container = Container::new(&image);
    let run = |name: &str, command: &[&'static str], env: &[(&'static str, &str)]| {
        let env = env.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        container.spawn(name, &Start { command: Some(command.to_vec()), env, ..Start::default() }).end()
    };
    let (code, said) = run("command", &["sh", "-c", "echo $HOOKED $HOME $PWD; exit 3"], &[]);
    assert_eq!(code, 3);
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(
        said,
        [
            "ran with yes",
            "imgbuild: /etc/imgbuild/start.d/30-not-a-program cannot be run, and is passed over",
            "yes /home/user /home/user"
        ]
    );
    let (code, said) = run("stopped", &["echo", "started"], &[("STOP", "1")]);
    assert_eq!(code, 9);
    assert!(
        said.contains("20-run failed with the exit code 9, and nothing is started")
            && !said.contains("\nstarted"),
        "{said}"
    );
    let (code, said) = run("unknown", &["true"], &[("IMGBUILD_SERVICES", "ftp")]);
    assert_eq!(code, 64);
    assert!(said.contains("this image has no server ftp"), "{said}");
    // Beside a command, servers run where they are asked for, and end with it.
    let port = port();
    let script = "for _ in $(seq 200); do python -c \"import urllib.request as u; u.urlopen('http://127.0.0.1:$JUPYTER_PORT/api')\" 2>/dev/null && exit 0; sleep 0.1; done; exit 1";
    let (code, said) =
        run("beside", &["sh", "-c", script], &[("IMGBUILD_SERVICES", "jupyter"), ("JUPYTER_PORT", &port)]);
    assert_eq!(code, 0, "{said}");
    // A signal reaches the command, and no zombie stays.
    let command = vec![
        "sh",
        "-c",
        "trap 'echo ended; exit 5' TERM; (sleep 0.1 &); echo ready; while :; do sleep 0.1; done",
    ];
    let mut started = container.spawn("signal", &Start { command: Some(command), ..Start::default() });
    started.wait_until(|said| said.contains("ready"));
    let zombies = "for _ in $(seq 100); do ps -eo stat= | grep -q Z || exit 0; sleep 0.1; done; exit 1";
    started.exec(&["sh", "-c", zombies]).success();
    started.signal("TERM");
    let (code, said) = started.end();
    assert_eq!(code, 5, "{said}");
    assert!(said.ends_with("ended\n"), "{said}");
}

#[test]
fn run_publishes_ports_on_the_loopback_address_alone() {
    let imgbuild = Imgbuild::new();
    imgbuild.build(WORKBENCH, &[]);
    let (outside, inside) = (port(), "8888");
    let publish = format!("{outside}:{inside}");
    let words = ["run", "--publish", &publish, "--env", "IMGBUILD_SERVICES=jupyter", "workbench"];
    let (run, said) = Run::until(&imgbuild, &words, "is running at");
    // Whoever comes before Jupyter listens finds a connection that ends.
    let answers = || std::panic::catch_unwind(|| get(&outside, "/api").0).is_ok_and(|status| status == 200);
    assert!((0..100).any(|_| answers() || {
        std::thread::sleep(Duration::from_millis(50));
        false
    }));
    assert_eq!(get(&outside, &format!("/api/contents?token={}", token(&said))).0, 200);
    // Several at once, and one after the other.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(get(&outside, "/api").0, 200));
        }
    });
    // The same port is not published twice, and no other address of this machine has it.
    let again = imgbuild.run(words).failure();
    assert!(
        again
            .stderr
            .contains(&format!("port {outside} of this machine's loopback address cannot be published")),
        "{}",
        again.stderr
    );
    let listening = fs_err::read_to_string("/proc/net/tcp").unwrap();
    let number = format!(":{:04X} ", outside.parse::<u16>().unwrap());
    let listening = listening.lines().filter(|line| line.contains(&number) && line.contains(" 0A "));
    let addresses: Vec<&str> = listening.map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(addresses, [format!("0100007F{}", number.trim_end())]);
    drop(run);
}

#[test]
fn servers_end_with_the_command_where_it_is_not_process_1() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&workbench(&imgbuild));
    let client = Client::new(&port());
    let run = format!("/tmp/run-{}", client.port);
    let env = vec![
        ("IMGBUILD_SERVICES", "ssh".to_owned()),
        ("IMGBUILD_SSH_PORT", client.port.clone()),
        ("IMGBUILD_RUN", run.clone()),
        ("SSH_AUTHORIZED_KEYS", client.public_key()),
    ];
    let wait =
        format!("for _ in $(seq 300); do imgbuild-health && [ -e {run}/ssh ] && exit 4; sleep 0.1; done");
    let command = Some(vec!["sh", "-c", wait.as_str()]);
    let start = Start { env, command, shares_processes: true, ..Start::default() };
    let (code, said) = container.spawn("shared", &start).end();
    assert_eq!(code, 4, "{said}");
    let settings = format!("{run}/sshd_config");
    let is_there = || {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let mut lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines.any(|line| String::from_utf8_lossy(&line).contains(&settings))
    };
    assert!(
        (0..400).any(|_| !is_there() || {
            std::thread::sleep(Duration::from_millis(50));
            false
        }),
        "the server is still there"
    );
}

#[test]
fn people_get_a_terminal_whatever_group_it_has() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&workbench(&imgbuild));
    for (name, user) in [("own", None), ("foreign", Some("12345:12345"))] {
        let (_started, client) =
            ssh(&container, name, Start { user, has_no_tty_group: true, ..Start::default() });
        let said = client.run("user", &["-tt", "tty"]).success().stdout;
        assert!(said.starts_with("/dev/pts/"), "{name}: {said}");
    }
    // In our own sandbox as well, whose port is published.
    let client = Client::new(&port());
    let publish = format!("{}:2222", client.port);
    let keys = format!("SSH_AUTHORIZED_KEYS={}", client.public_key());
    let words = ["run", "--publish", &publish, "--env", "IMGBUILD_SERVICES=ssh", "--env", &keys, "workbench"];
    let (_run, _) = Run::until(&imgbuild, &words, "Server listening on ");
    let said = client.run("user", &["-tt", "tty"]).success().stdout;
    assert!(said.starts_with("/dev/pts/"), "{said}");
}

#[test]
fn what_a_container_is_given_stays_as_it_is() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&workbench(&imgbuild));
    let given = [
        "file",
        "uid",
        "home",
        "hook",
        "status",
        "port",
        "mode",
        "name",
        "line",
        "main",
        "word",
        "IMAGE_NAME",
    ];
    let env: Vec<_> = given.iter().map(|name| (*name, format!("my {name}"))).collect();
    let wanted: String = given.iter().map(|name| format!("my {name}\n")).collect();
    let script: String = given.iter().map(|name| format!("echo \"${name}\"; ")).collect();
    let command = vec!["sh", "-c", script.as_str()];
    let mut started =
        container.spawn("given", &Start { env: env.clone(), command: Some(command), ..Start::default() });
    assert_eq!(started.end(), (0, wanted.clone()));
    let lines = vec![("LINES", "one\nFAKE=two".to_owned())];
    let (started, client) =
        ssh(&container, "session", Start { env: [env, lines].concat(), ..Start::default() });
    assert_eq!(client.run("user", &[&script]).success().stdout, wanted);
    assert_eq!(client.run("user", &["echo ${FAKE-unset}"]).success().stdout, "unset\n");
    assert!(started.said().contains("sessions do not have the variable LINES"), "{}", started.said());
}

#[test]
fn what_others_have_prepared_is_not_used() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&workbench(&imgbuild));
    let hook = |script: &str| {
        let folder = container.root().join("etc/imgbuild/start.d");
        fs_err::write(folder.join("prepare.sh"), script).unwrap();
    };
    // A home and a folder for servers that somebody else has made.
    let prepared = "mkdir -m 0777 /tmp/home-12345 /tmp/imgbuild-12345 /tmp/imgbuild-0; chown -R 1000:1000 /tmp/home-12345 /tmp/imgbuild-12345 /tmp/imgbuild-0; \
        echo 'echo stolen' >/tmp/home-12345/.bash_profile; ln -s /etc/victim /tmp/imgbuild-0/sshd_config; ";
    let as_them = "\"$@\"";
    for (user, home) in [("12345:12345", "/tmp/home-12345."), ("0:0", "/root")] {
        let script =
            format!("{prepared}exec setpriv --reuid ${{U%:*}} --regid ${{U#*:}} --clear-groups {as_them}");
        let words = [
            "sh",
            "-c",
            script.as_str(),
            "sh",
            "/usr/local/bin/imgbuild-start",
            "bash",
            "-lc",
            "imgbuild-health; echo $HOME; id -u",
        ];
        let env =
            vec![("U", user.to_owned()), ("HOME", "/".to_owned()), ("IMGBUILD_STARTED", "1".to_owned())];
        // The outer start does nothing but become the command; the inner one is a container's own.
        let words = [&words[..4], &["env", "-u", "IMGBUILD_STARTED"], &words[4..]].concat();
        let start = Start { user: Some("0:0"), env, command: Some(words), ..Start::default() };
        let (code, said) = container.spawn("prepared", &start).end();
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(home) && !said.contains("stolen"), "{said}");
    }
    assert!(!container.root().join("etc/victim").exists());
    hook("");

    // Host keys on a volume that gives a group rights, and a file of keys that ends without a line feed.
    let keys = "mkdir -p /tmp/keys; [ -f /tmp/keys/ssh_host_rsa_key ] || ssh-keygen -q -t rsa -N '' -f /tmp/keys/ssh_host_rsa_key; chmod 0660 /tmp/keys/*; printf %s \"$MOUNTED\" >/tmp/mounted\n";
    hook(keys);
    let other = Client::new("0");
    let env = vec![
        ("IMGBUILD_HOSTKEYS", "/tmp/keys".to_owned()),
        ("IMGBUILD_AUTHORIZED_KEYS", "/tmp/mounted".to_owned()),
        ("MOUNTED", other.public_key().trim_end().to_owned()),
    ];
    let (_started, client) = ssh(&container, "volume", Start { env, ..Start::default() });
    client.run("user", &["true"]).success();
    Client { port: client.port.clone(), ..other }.run("user", &["true"]).success();
}

#[test]
fn a_user_of_no_group_saves_what_it_writes() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&workbench(&imgbuild));
    let start = Start { user: Some("12345:12345"), ..Start::default() };
    let (mut started, port) = jupyter(&container, "saves", start);
    let token = token(&jupyter_answers(&mut started));
    let content = r#"{"type":"file","format":"text","content":"x"}"#;
    let mut stream = connected(&port);
    write!(
        stream,
        "PUT /api/contents/a.txt?token={token} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{content}",
        content.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(started.exec(&["cat", "/tmp/home-12345/a.txt"]).success().stdout, "x");
}

#[test]
fn the_scripts_are_sound() {
    let folder = imgbuild_tests::workspace_root().join("crates/runtime/src/scripts");
    // What one of them sets another one reads, and `common` is read from where it is in an image.
    for name in ["common", "imgbuild-start", "imgbuild-services", "imgbuild-health", "ssh"] {
        let mut shellcheck = Command::new("shellcheck");
        shellcheck.args(["--shell=sh", "--exclude=SC1091,SC2034,SC2154"]).arg(folder.join(name));
        capture(shellcheck.current_dir(Path::new(&folder))).success();
    }
}

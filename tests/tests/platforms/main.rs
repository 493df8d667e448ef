//! Images that people work in, where platforms are not like docker: what they mount, which processes, networks and variables they give,
//! and what they write into an image before it starts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use imgbuild_tests::{
    Client, Container, Image, Imgbuild, Start, capture, connected, get, jupyter, jupyter_answers, jupyterlab,
    package_index, port, python_tools, scratch, token, workbench,
};
use serde_json::json;

/// Imports what would come from another place if there were one, and says from where it comes.
const IMPORT: &str = "import sys, ssl, sqlite3, numpy, matplotlib.pyplot, jupyter_server\nprint(sys.executable, numpy.__file__)";

/// What people install; of one project the image has another version.
const INSTALLED: &str = "
    more-1.0-py3-none-any.whl
    another-1.0-py3-none-any.whl
    numpy-99.0-py3-none-any.whl
";

/// The folder of the Python at a prefix: Debian's, or conda's.
fn python(prefix: &str) -> &'static str {
    if prefix == "/opt/venv" { "python3.13" } else { "python3.11" }
}

/// What that says where everything is the image's own.
fn imported(prefix: &str) -> String {
    format!("{prefix}/bin/python {prefix}/lib/{}/site-packages/numpy/__init__.py\n", python(prefix))
}

/// What a server answers to what is sent to it.
fn post(port: &str, path: &str, content: &str) -> String {
    let mut stream = connected(port);
    let length = content.len();
    write!(stream, "POST {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{content}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A home that somebody has used with other Pythons, of the same version: whatever these find there breaks them.
fn used_home(prefix: &str) -> tempfile::TempDir {
    let home = scratch("home");
    let packages = home.path().join(format!(".local/lib/{}/site-packages", python(prefix)));
    for name in ["numpy", "jupyter_server", "traitlets", "tornado"] {
        fs_err::create_dir_all(packages.join(name)).unwrap();
        fs_err::write(packages.join(name).join("__init__.py"), "raise ImportError('of another Python')\n")
            .unwrap();
    }
    fs_err::write(packages.join("usercustomize.py"), "raise SystemExit(9)\n").unwrap();
    fs_err::write(packages.join("other.pth"), "import os; os._exit(9)\n").unwrap();
    let programs = home.path().join(".local/bin");
    fs_err::create_dir_all(&programs).unwrap();
    for name in ["python", "pip", "jupyter"] {
        fs_err::write(programs.join(name), "#!/bin/sh\nexit 9\n").unwrap();
        capture(Command::new("chmod").arg("+x").arg(programs.join(name))).success();
    }
    let kernel = home.path().join(".local/share/jupyter/kernels/python3");
    fs_err::create_dir_all(&kernel).unwrap();
    let other = json!({ "argv": ["/opt/other/bin/python", "-m", "ipykernel"], "display_name": "other" });
    fs_err::write(kernel.join("kernel.json"), other.to_string()).unwrap();
    // Whoever the container runs as is whose home it is.
    capture(Command::new("chmod").args(["-R", "a+rwX"]).arg(home.path())).success();
    home
}

/// A container of an image, and where its environment is.
struct Platforms<'a> {
    image: &'a Image,
    container: Container,
    prefix: &'a str,
}

#[test]
fn platforms_find_debians_python() {
    everywhere(&workbench(&Imgbuild::new()), "/opt/venv");
}

#[test]
fn platforms_find_condas_python() {
    everywhere(&jupyterlab(&Imgbuild::new()), "/opt/conda");
}

fn everywhere(image: &Image, prefix: &str) {
    let platforms = Platforms { image, container: Container::new(image), prefix };
    platforms.where_a_home_is_mounted();
    platforms.what_people_install();
    platforms.apptainer();
    platforms.enroot();
    // It changes the image.
    platforms.container_device_interface();
}

impl Platforms<'_> {
    /// The variables that the image says.
    fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.image.config.config.env.iter().filter_map(|it| it.split_once('='))
    }

    fn where_a_home_is_mounted(&self) {
        let home = used_home(self.prefix);
        let mount = Some((home.path().to_owned(), "/home/user"));
        let (mut started, port) = jupyter(&self.container, "home", Start { mount, ..Start::default() });
        let said = jupyter_answers(&mut started);
        assert_eq!(get(&port, &format!("/api/contents?token={}", token(&said))).0, 200, "{said}");
        assert_eq!(started.exec(&["python", "-c", IMPORT]).success().stdout, imported(self.prefix));
        let login = started.exec(&["bash", "-lc", &format!("python -c '{IMPORT}'")]);
        assert_eq!(login.success().stdout, imported(self.prefix));
        let kernel = post(&port, &format!("/api/kernels?token={}", token(&said)), r#"{"name":"python3"}"#);
        assert!(kernel.starts_with("HTTP/1.1 201"), "{kernel}\n{}", started.said());
        // It does break what looks there.
        started.exec(&["env", "PYTHONUSERBASE=/home/user/.local", "python", "-c", ""]).failure();
    }

    /// What people install by pip is theirs, in their home, and of this image alone.
    fn what_people_install(&self) {
        let folder = scratch("index");
        let index = package_index(&folder.path().join("index"), INSTALLED, |_| None);
        let url = format!("--index-url={}/simple", index.url());
        let install = format!("pip install --quiet --no-cache-dir --disable-pip-version-check {url}");
        let said = |name: &str, user: Option<&str>, mount: Option<&std::path::Path>, script: &str| {
            let mount = mount.map(|home| (home.to_owned(), "/home/user"));
            let command = Some(vec!["sh", "-c", script]);
            let mut started = self.container.spawn(name, &Start { user, mount, command, ..Start::default() });
            started.end()
        };
        // What is there already is the home's own, however pip is asked.
        let home = used_home(self.prefix);
        let script = format!("{install} more && {install} --user another");
        let (code, text) = said("install", None, Some(home.path()), &script);
        assert_eq!(code, 0, "{text}");
        let import =
            "python -c 'import more, another, numpy; print(more.__file__, another.__file__, numpy.__file__)'";
        let (code, text) = said("installed", None, Some(home.path()), import);
        let python = python(self.prefix);
        let base = format!("/home/user/.local/share/imgbuild/{}/lib/{python}/site-packages", self.name());
        let numpy = format!("{}/lib/{python}/site-packages/numpy/__init__.py", self.prefix);
        let found = format!("{base}/more/__init__.py {base}/another/__init__.py {numpy}\n");
        assert_eq!((code, text.as_str()), (0, found.as_str()));
        for left_out in ["python -s", "PYTHONNOUSERSITE=1 python", "python -I"] {
            let (code, text) =
                said("without", None, Some(home.path()), &format!("{left_out} -c 'import more'"));
            assert!(code == 1 && text.contains("No module named 'more'"), "{left_out}: {text}");
        }
        // Whoever the container runs as, also without a home of the image's; and root has its own.
        for user in ["12345:0", "12345:12345", "0:0"] {
            let (code, text) =
                said("user", Some(user), None, &format!("{install} more && python -c 'import more'"));
            assert_eq!(code, 0, "{user}: {text}");
        }
        if self.prefix == "/opt/venv" {
            let (code, text) = said("other", None, Some(home.path()), &format!("{install} numpy==99.0"));
            assert!(code == 1 && text.contains("it will lack sys.path precedence to numpy"), "{text}");
        }
    }

    /// The image's name, by which a home tells images apart.
    fn name(&self) -> &str {
        let base = self.variables().find(|(name, _)| *name == "PYTHONUSERBASE");
        base.and_then(|(_, folder)| folder.rsplit('/').next()).unwrap()
    }

    /// The variables are a script, the root is read-only, and user, home and processes are the machine's own.
    fn apptainer(&self) {
        let home = used_home(self.prefix);
        let export = |(name, value): (&str, &str)| match name {
            "PATH" => format!("export PATH=\"{value}\"\n"),
            _ => format!("export {name}=\"${{{name}:-\"{value}\"}}\"\n"),
        };
        let script: String = self.variables().map(export).chain(["exec \"$@\"\n".to_owned()]).collect();
        let port = port();
        let started = |name: &str, words: &[&str]| {
            let env = [
                ("HOME", "/home/ada"),
                ("PATH", "/opt/machine/bin:/usr/bin:/bin"),
                ("LANG", "C.UTF-8"),
                ("JUPYTER_PORT", &port),
            ];
            let start = Start {
                user: Some("4711:4711"),
                env: env.map(|(name, value)| (name, value.to_owned())).to_vec(),
                command: Some([&["/bin/sh", "-c", &script, "sh"], words].concat()),
                is_bare: true,
                read_only: true,
                mount: Some((home.path().to_owned(), "/home/ada")),
                shares_processes: true,
                ..Start::default()
            };
            self.container.spawn(name, &start)
        };
        // `apptainer exec`
        assert_eq!(started("exec", &["python", "-c", IMPORT]).end(), (0, imported(self.prefix)));
        // `apptainer run`, with a command and without one.
        let config = &self.image.config.config;
        let run = |name: &str, command: &[&str]| {
            let entrypoint = config.entrypoint.iter().map(String::as_str);
            started(name, &entrypoint.chain(command.iter().copied()).collect::<Vec<_>>())
        };
        let (code, said) = run("run", &["python", "-c", IMPORT]).end();
        assert!(code == 0 && said.ends_with(&imported(self.prefix)), "{said}");
        let mut serves = run("serves", &[config.cmd[0].as_str()]);
        let said = jupyter_answers(&mut serves);
        assert_eq!(get(&port, &format!("/api/contents?token={}", token(&said))).0, 200, "{said}");
        assert!(said.contains("Serving notebooks from local directory: /home/ada\n"), "{said}");
    }

    /// The variables are lines of `/etc/environment`, the machine's user is one of the image, and the command is started as it is; so it is
    /// with pyxis.
    fn enroot(&self) {
        let file = |name: &str| self.container.root().join("etc").join(name);
        let lines: String = self.variables().map(|(name, value)| format!("{name}={value}\n")).collect();
        fs_err::write(file("environment"), &lines).unwrap();
        let users = fs_err::read_to_string(file("passwd")).unwrap();
        fs_err::write(file("passwd"), users + "ada:x:4711:4711:ada:/home/ada:/bin/bash\n").unwrap();
        let home = used_home(self.prefix);
        let lines = lines.lines().map(|line| line.split_once('=').unwrap());
        let start = Start {
            user: Some("4711:4711"),
            env: lines.map(|(name, value)| (name, value.to_owned())).collect(),
            command: Some(vec!["python", "-c", IMPORT]),
            is_bare: true,
            read_only: true,
            mount: Some((home.path().to_owned(), "/home/ada")),
            shares_processes: true,
            ..Start::default()
        };
        assert_eq!(self.container.spawn("enroot", &start).end(), (0, imported(self.prefix)));
    }

    /// Before a container starts, its hooks mount libraries, name their folder in a file, and make the linker's cache anew.
    fn container_device_interface(&self) {
        let root = self.container.root();
        let folder = root.join("usr/local/driver");
        fs_err::create_dir_all(&folder).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-nostdlib", "-Wl,-soname,libdriver.so.1", "-x", "c", "/dev/null", "-o"]);
        capture(compiler.arg(folder.join("libdriver.so.1"))).success();
        let load = format!("import ctypes; ctypes.CDLL('libdriver.so.1')\n{IMPORT}");
        let python = || self.container.start_with(&["python", "-c", &load]);
        assert!(python().failure().stderr.contains("libdriver.so.1: cannot open shared object file"));
        fs_err::write(root.join("etc/ld.so.conf.d/00-driver-1.conf"), "/usr/local/driver\n").unwrap();
        capture(Command::new("ldconfig").arg("-r").arg(&root)).success();
        assert_eq!(python().success().stdout, imported(self.prefix));
        let programs = "set -e; sed --version; find --version; perl -v; jupyter lab --version";
        self.container.exec(&["bash", "-lc", programs]).success();
    }
}

#[test]
fn jupyter_serves_and_ends_without_a_pid_namespace() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&workbench(&imgbuild));
    let (mut started, port) =
        jupyter(&container, "shared", Start { shares_processes: true, ..Start::default() });
    let said = jupyter_answers(&mut started);
    assert_eq!(get(&port, &format!("/api/contents?token={}", token(&said))).0, 200, "{said}");
    started.exec(&["imgbuild-health"]).success();
    started.signal("TERM");
    let (code, said) = started.end();
    assert_eq!(code, 0, "{said}");
    TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
}

/// A network with nothing in it but the loopback address of IPv6. It goes when it is dropped, and by itself after five minutes.
struct Ipv6 {
    holder: Child,
}

impl Ipv6 {
    fn new() -> Self {
        let script =
            "ip link set lo up; ip address del 127.0.0.1/8 dev lo; ip -brief address; exec sleep 300";
        let mut holder = Command::new("unshare");
        holder.args(["--net", "sh", "-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut holder = holder.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let new = Self { holder };
        assert!(line.contains("::1/128") && !line.contains("127.0.0.1"), "{line}");
        new
    }

    fn path(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.holder.id()).into()
    }

    /// A command in this network.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display())).arg(program);
        command
    }
}

impl Drop for Ipv6 {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

#[test]
fn both_servers_answer_and_are_sound_where_there_is_ipv6_alone() {
    let imgbuild = Imgbuild::new();
    let container = Container::new(&workbench(&imgbuild));
    let network = Ipv6::new();
    let client = Client::new("2222");
    let env = vec![("SSH_AUTHORIZED_KEYS", client.public_key())];
    let start = Start { env, network: Some(network.path()), ..Start::default() };
    let mut started = container.spawn("ipv6", &start);
    let said =
        started.wait_until(|said| said.contains("is running at") && said.contains("Server listening on ::"));
    let read = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).status)";
    let url = format!("http://[::1]:8888/api/contents?token={}", token(&said));
    assert_eq!(capture(network.command("python3").args(["-c", read, &url])).success().stdout, "200\n");
    let session =
        capture(network.command("ssh").args(client.options()).args(["user@::1", "command -v python"]));
    assert_eq!(session.success().stdout, "/opt/venv/bin/python\n");
    started.exec(&["imgbuild-health"]).success(); // What is offered has no known weakness: 3 would say that something has, 2 that something may be better.
    let audit = python_tools("platforms", "tests/tests/platforms/tools.txt").join("bin/ssh-audit");
    let mut audit = network.command(audit.to_str().unwrap());
    let said = capture(audit.args(["--skip-rate-test", "--level=warn", "--port=2222", "::1"]));
    assert!(matches!(said.code, Some(0 | 2)) && said.stdout.contains("(kex)"), "{said:?}");
}

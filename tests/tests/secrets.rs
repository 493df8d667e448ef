//! Secrets of URLs, variables and files: each is a canary, and after every command each is looked for in all that was said,
//! written, kept, put into the image, and given to other programs as arguments. They are used: the server wants them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imgbuild_tests::{
    Answer, DebianArchive, Imgbuild, Outcome, Request, SUITE, Server, capture, package_index, scratch,
    workspace_root,
};
use tempfile::TempDir;

/// Makes a channel with the package `hello`.
const CHANNEL: &str = r#"
import hashlib, io, json, os, tarfile
index = {'name': 'hello', 'version': '1.0', 'build': '0', 'build_number': 0, 'depends': [], 'subdir': 'noarch', 'noarch': 'generic', 'timestamp': 1600000000000}
paths = {'paths_version': 1, 'paths': [{'_path': 'share/hello', 'path_type': 'hardlink', 'size_in_bytes': 5, 'sha256': hashlib.sha256(b'hello').hexdigest()}]}
os.makedirs('noarch'); os.makedirs('linux-64')
with tarfile.open('noarch/hello-1.0-0.tar.bz2', 'w:bz2') as archive:
    for name, data in (('info/index.json', json.dumps(index)), ('info/paths.json', json.dumps(paths)), ('share/hello', 'hello')):
        info = tarfile.TarInfo(name); info.size = len(data); archive.addfile(info, io.BytesIO(data.encode()))
data = open('noarch/hello-1.0-0.tar.bz2', 'rb').read()
record = {**index, 'sha256': hashlib.sha256(data).hexdigest(), 'size': len(data)}
for subdir, packages in (('noarch', {'hello-1.0-0.tar.bz2': record}), ('linux-64', {})):
    json.dump({'info': {'subdir': subdir}, 'packages': packages, 'packages.conda': {}}, open(subdir + '/repodata.json', 'w'))
"#;

/// A user, a password as a URL has it, and as it is.
const USER: &str = "CanaryUser";
const PASSWORD: (&str, &str) = ("Canary%50ass%21", "CanaryPass!");
const TOKEN: &str = "Canary-token";
const KEY: &str = "CanaryKey";

/// What is served to whoever has the secrets: below `login/` with user and password, below `t/TOKEN/` with the token, below
/// `query/` with the key; `open/` is for everybody.
struct Watched {
    imgbuild: Imgbuild,
    server: Server,
    _root: TempDir,
    /// What the test wrote, which may hold canaries.
    given: Vec<PathBuf>,
    /// The home, and what else is other programs' matter.
    home: TempDir,
    said: Vec<(String, String)>,
}

impl Watched {
    fn new() -> Self {
        Self::with(|_| None)
    }

    /// `fault` is asked first what the server does.
    fn with(fault: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let root = scratch("secrets");
        let archive = DebianArchive::new();
        archive.flat("flat", &[("extra", "1")]);
        let open = root.path().join("open");
        fs_err::create_dir(&open).unwrap();
        capture(Command::new("cp").arg("-r").arg(format!("{}/.", archive.folder().display())).arg(&open))
            .success();
        let channel = open.join("channel");
        fs_err::create_dir(&channel).unwrap();
        capture(Command::new("python3").args(["-c", CHANNEL]).current_dir(&channel)).success();
        for name in ["login", "query", &format!("t/{TOKEN}")] {
            let link = root.path().join(name);
            fs_err::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(&open, link).unwrap();
        }
        let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{}", PASSWORD.1)));
        let server = Server::with(root.path(), move |request| {
            if let Some(answer) = fault(request) {
                return answer;
            }
            let first = request.path.trim_start_matches('/').split('/').next().unwrap_or_default();
            let allowed = match first {
                "login" => request.authorization.as_ref() == Some(&basic),
                "query" => request.query.as_deref() == Some(&format!("key={KEY}")),
                _ => true,
            };
            if allowed { Answer::File } else { Answer::Challenge("Basic realm=\"x\"".to_owned()) }
        });
        let home = scratch("home");
        let imgbuild = Imgbuild::with_private_store()
            .variable("HOME", home.path())
            .variable("UV_CACHE_DIR", home.path().join("uv"))
            .variable("UV_HTTP_RETRIES", "0")
            .variable("TMPDIR", home.path())
            .variable("CANARY_PASSWORD", PASSWORD.0)
            .variable("CANARY_TOKEN", TOKEN)
            .variable("CANARY_QUERY", format!("?key={KEY}"));
        let keyring = imgbuild.path("keyring.asc");
        fs_err::copy(archive.keyring(), &keyring).unwrap();
        Self { imgbuild, server, _root: root, given: vec![keyring], home, said: Vec::new() }
    }

    /// The server's URL with user and password.
    fn login(&self) -> String {
        self.server.url().replace("://", &format!("://{USER}:{}@", PASSWORD.0))
    }

    /// Writes a file that may hold canaries.
    fn give(&mut self, name: &str, text: &str) {
        let path = self.imgbuild.write(name, text);
        self.given.push(path);
    }

    /// A spec with layers that are not compressed, so that they can be searched.
    fn spec(&mut self, base: &str, rest: &str) {
        let text = format!(
            "name = \"x\"\nplatforms = [\"linux/amd64\"]\n[layers]\ncompression = \"none\"\nbytecode = false\n\
             [base]\ndebian = \"{SUITE}\"\nkeyring = \"keyring.asc\"\n{base}\n{rest}\n"
        );
        self.give("spec.toml", &text);
    }

    fn open_mirror(&self) -> String {
        format!("mirror = \"{}/open/debian\"", self.server.url())
    }

    fn run(&mut self, words: &[&str]) -> Outcome {
        let outcome = self.imgbuild.run(words);
        self.said.push((
            format!("what `{}` said", words.join(" ")),
            format!("{}{}", outcome.stdout, outcome.stderr),
        ));
        assert!(!outcome.stderr.contains("panicked at"), "{}", outcome.stderr);
        outcome
    }

    /// Every command, as often as there are ways to say more. All must work.
    fn works(&mut self) {
        self.run(&["check", "spec.toml"]).success();
        self.run(&["lock", "spec.toml", "-vv"]).success();
        self.run(&["lock", "spec.toml", "--upgrade", "-v"]).success();
        self.run(&["lock", "spec.toml", "--vendor", "vendored"]).success();
        self.run(&["build", "spec.toml", "--format", "oci-dir", "--output", "out", "--json", "-vv"])
            .success();
        self.run(&["check", "spec.toml", "--json"]).success();
        self.run(&["cache", "ls", "--json"]).success();
        self.run(&["run", "out/x-latest", "--", "/bin/nothing"]);
        self.run(&["run", "spec.toml", "-vv", "--", "/bin/nothing"]);
        self.holds_no_canary();
    }

    /// The commands that ask a server, all of which must fail.
    fn fails(&mut self, expected: &str) {
        for words in
            [["lock", "spec.toml", "-vv"], ["build", "spec.toml", "-v"], ["build", "spec.toml", "--json"]]
        {
            let outcome = self.run(&words).failure();
            assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
        }
        self.holds_no_canary();
    }

    fn holds_no_canary(&self) {
        let base64 = STANDARD.encode(format!("{USER}:{}", PASSWORD.1));
        let canaries = [USER, PASSWORD.0, PASSWORD.1, TOKEN, KEY, &base64, "anary"];
        let found = |bytes: &[u8]| {
            canaries.iter().find(|canary| bytes.windows(canary.len()).any(|it| it == canary.as_bytes()))
        };
        for (what, text) in &self.said {
            if let Some(canary) = found(text.as_bytes()) {
                let line = text.lines().find(|line| line.contains(canary));
                panic!("{what}: {canary}: {}", line.unwrap_or_default());
            }
        }
        let mut folders = vec![self.imgbuild.folder().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                assert_eq!(found(path.to_str().unwrap().as_bytes()), None, "{}", path.display());
                if path.is_symlink() || self.given.contains(&path) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if let Some(canary) = found(&fs_err::read(&path).unwrap()) {
                    panic!("{} holds {canary}", path.display());
                }
            }
        }
    }

    fn digest(&self) -> String {
        fs_err::read_to_string(self.imgbuild.path("out/x-latest/index.json")).unwrap()
    }

    /// Puts programs before those of the PATH that note their arguments, and gives where they do.
    fn noting(self, programs: &[&str]) -> (Self, PathBuf) {
        let (notes, folder) = (self.home.path().join("arguments"), self.home.path().join("bin"));
        fs_err::create_dir_all(&folder).unwrap();
        for name in programs {
            let script = format!(
                "#!/bin/sh\nprintf '%s ' \"$0\" \"$@\" >>'{}'\nexec '{}' \"$@\"\n",
                notes.display(),
                program(name).display()
            );
            fs_err::write(folder.join(name), script).unwrap();
            fs_err::set_permissions(folder.join(name), PermissionsExt::from_mode(0o755)).unwrap();
        }
        let paths = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths([folder].into_iter().chain(std::env::split_paths(&paths))).unwrap();
        (Self { imgbuild: self.imgbuild.variable("PATH", path), ..self }, notes)
    }
}

fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push(workspace_root().join("target/wheels/tools/bin"));
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|it| it.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is not there\nhint: run `cargo xtask wheels`"))
}

#[test]
#[should_panic(expected = "holds CanaryPass!")]
fn a_canary_is_found_where_there_is_one() {
    let watched = Watched::new();
    watched.imgbuild.write("store/below/file", format!("x{}x", PASSWORD.1));
    watched.holds_no_canary();
}

#[test]
fn channels_and_their_mirrors() {
    let mut watched = Watched::new();
    let (url, login) = (watched.server.url(), watched.login());
    let port = url.rsplit(':').next().unwrap().to_owned();
    let mut digests = Vec::new();
    let public = |name: &str| format!("{url}/{name}/channel");
    for (channels, mirrors, locked) in [
        (format!("\"{login}/login/channel\""), String::new(), public("login")),
        (
            format!("\"http://{USER}:${{{{CANARY_PASSWORD}}}}@127.0.0.1:{port}/login/channel\""),
            String::new(),
            public("login"),
        ),
        (format!("\"{url}/t/{TOKEN}/channel\""), String::new(), format!("{url}/channel")),
        (format!("\"{url}/t/${{{{CANARY_TOKEN}}}}/channel\""), String::new(), format!("{url}/channel")),
        (format!("\"{url}/query/channel?key={KEY}\""), String::new(), public("query")),
        (format!("\"{url}/query/channel${{{{CANARY_QUERY}}}}\""), String::new(), public("query")),
        (
            "\"https://conda.example/channel\"".to_owned(),
            format!("[conda.mirrors]\n\"https://conda.example/channel\" = [\"{login}/login/channel\"]"),
            "https://conda.example/channel".to_owned(),
        ),
        (
            format!("\"https://{USER}:{}@conda.example/t/{TOKEN}/channel\"", PASSWORD.0),
            format!("[conda.mirrors]\n\"https://conda.example/channel\" = [\"{url}/t/{TOKEN}/channel\"]"),
            "https://conda.example/channel".to_owned(),
        ),
    ] {
        let mirror = watched.open_mirror();
        watched
            .spec(&mirror, &format!("[conda]\nchannels = [{channels}]\npackages = [\"hello\"]\n{mirrors}"));
        watched.works();
        let lock = watched.imgbuild.read("spec.lock");
        assert!(lock.contains(&format!("{locked}/noarch/hello-1.0-0.tar.bz2")), "{channels}: {lock}");
        digests.push((locked, watched.digest(), lock));
        for folder in ["out", "store", "vendored"] {
            fs_err::remove_dir_all(watched.imgbuild.path(folder)).unwrap();
        }
        fs_err::remove_file(watched.imgbuild.path("spec.lock")).unwrap();
    }
    // Who has other credentials for the same channel, locks and builds the same.
    for (number, pair) in digests.chunks(2).enumerate() {
        assert_eq!(pair[0].0, pair[1].0);
        // What stands for a query is a variable's name, and part of what was asked for.
        let is_same = (&pair[0].1, &pair[0].2) == (&pair[1].1, &pair[1].2);
        assert_eq!(is_same, number != 2, "{}\n{}", pair[0].2, pair[1].2);
    }
    // A lock is built with the credentials of whoever builds.
    let mirror = watched.open_mirror();
    watched
        .spec(&mirror, &format!("[conda]\nchannels = [\"{login}/login/channel\"]\npackages = [\"hello\"]"));
    watched.imgbuild.write("spec.lock", &digests[0].2);
    watched.run(&["build", "spec.toml", "--locked", "--format", "oci-dir", "--output", "out"]).success();
    assert_eq!(watched.digest(), digests[0].1);
    watched.holds_no_canary();
}

#[test]
fn requirements_and_lists_with_urls() {
    let mut watched = Watched::new();
    let (login, mirror) = (watched.login(), watched.open_mirror());
    watched.spec(
        &mirror,
        &format!("[conda]\nchannels = [\"{login}/login/channel\"]\npackages = [\"{login}/login/channel::hello >=1\"]"),
    );
    watched.works();
    fs_err::remove_dir_all(watched.imgbuild.store()).unwrap();
    fs_err::remove_file(watched.imgbuild.path("spec.lock")).unwrap();
    let url = watched.server.url();
    for list in [
        format!("@EXPLICIT\n{login}/login/channel/noarch/hello-1.0-0.tar.bz2\n"),
        format!("@EXPLICIT\n{url}/t/{TOKEN}/channel/noarch/hello-1.0-0.tar.bz2\n"),
    ] {
        watched.give("list.txt", &list);
        watched.spec(&mirror, "");
        let spec = watched.imgbuild.read("spec.toml").replacen('\n', "\nenv = \"list.txt\"\n", 1);
        watched.give("spec.toml", &spec);
        watched.works();
        fs_err::remove_dir_all(watched.imgbuild.store()).unwrap();
        watched.run(&["build", "spec.toml", "--locked", "--format", "oci-dir", "--output", "out"]).success();
        fs_err::remove_dir_all(watched.imgbuild.store()).unwrap();
    }
    let list = format!("@EXPLICIT\n{login}/login/channel/noarch/hello-9-0.tar.bz2\n");
    watched.give("list.txt", &list);
    watched.fails("does not exist");
}

#[test]
fn files_of_credentials() {
    for store in [
        format!(
            "{{\"127.0.0.1\": {{\"BasicHTTP\": {{\"username\": \"{USER}\", \"password\": \"{}\"}}}}}}",
            PASSWORD.1
        ),
        format!("machine 127.0.0.1 login {USER} password {}\n", PASSWORD.1),
    ] {
        let mut watched = Watched::new();
        let name = if store.starts_with('{') { ".rattler/credentials.json" } else { ".netrc" };
        let path = watched.home.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, store).unwrap();
        let (mirror, url) = (watched.open_mirror(), watched.server.url());
        watched
            .spec(&mirror, &format!("[conda]\nchannels = [\"{url}/login/channel\"]\npackages = [\"hello\"]"));
        watched.works();
    }
}

#[test]
fn debian_mirrors_and_sources() {
    let mut watched = Watched::new();
    let (login, url) = (watched.login(), watched.server.url());
    let source = |url: &str| {
        format!(
            "packages = [\"extra\"]\n[base.sources.own]\nurl = \"{url}/flat\"\nsuite = \"./\"\nkeyring = \"keyring.asc\""
        )
    };
    for (base, image) in [
        (format!("mirror = \"{login}/login/debian\"\n{}", source(&format!("{login}/login"))), "login"),
        (
            format!(
                "mirror = \"{url}/t/${{{{CANARY_TOKEN}}}}/debian\"\n{}",
                source(&format!("{url}/t/{TOKEN}"))
            ),
            "",
        ),
        (
            format!(
                "snapshot = {{ time = \"20240501T000000Z\", mirror = \"{login}/login/{{archive}}?{{time}}\" }}\n{}",
                watched.open_mirror()
            ),
            "open",
        ),
    ] {
        watched.spec(&base, "");
        watched.works();
        let lock = watched.imgbuild.read("spec.lock");
        let shown = format!("{url}/{image}/debian").replace("//debian", "/debian");
        assert!(lock.contains(&format!("\"{shown}\"")), "{lock}");
        for folder in ["out", "store", "vendored"] {
            fs_err::remove_dir_all(watched.imgbuild.path(folder)).unwrap();
        }
        fs_err::remove_file(watched.imgbuild.path("spec.lock")).unwrap();
    }
}

/// The server as a proxy, for `http://mirror.example`. It wants a password.
fn as_proxy(fault: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Watched {
    let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{}", PASSWORD.1)));
    let watched = Watched::with(move |request| {
        let is_proxied = request.method == "CONNECT" || request.path.starts_with("http://");
        match fault(request) {
            None if is_proxied && request.proxy_authorization.as_ref() != Some(&basic) => {
                Some(Answer::Status(407))
            }
            answer => answer,
        }
    });
    let (root, folder) = (watched.server.root().to_owned(), watched.server.root().join("http:"));
    fs_err::create_dir(&folder).unwrap();
    symlink(root, folder.join("mirror.example")).unwrap();
    watched
}

#[test]
fn proxies() {
    let channel = "[conda]\nchannels = [\"http://mirror.example/open/channel\"]\npackages = [\"hello\"]";
    let proxied = "mirror = \"http://mirror.example/open/debian\"";
    for name in ["HTTP_PROXY", "ALL_PROXY", ".condarc"] {
        let mut watched = as_proxy(|_| None);
        let login = watched.login();
        for name in ["NO_PROXY", "no_proxy", "http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY"] {
            watched.imgbuild = watched.imgbuild.without(name);
        }
        let mirror = if name == ".condarc" {
            watched.imgbuild = watched.imgbuild.without("IMGBUILD_NO_CONDARC");
            let text = format!("proxy_servers:\n  http: {login}\n");
            fs_err::write(watched.home.path().join(name), text).unwrap();
            watched.open_mirror()
        } else {
            watched.imgbuild = watched.imgbuild.variable(name, &login);
            proxied.to_owned()
        };
        watched.spec(&mirror, channel);
        watched.works();
        let asked = watched.server.requests();
        let proxied = asked.iter().filter(|it| it.path.starts_with("http://mirror.example/open/channel/"));
        assert_ne!(proxied.count(), 0, "{name}");
    }
}

#[test]
fn proxies_that_refuse() {
    let mut watched = as_proxy(|request| match request.path.as_str() {
        // It answers for a server that wants to be reached through it.
        "conda.example:443" => Some(Answer::Status(403)),
        path if path.starts_with("http://mirror.example/no/") => Some(Answer::Status(407)),
        _ => None,
    });
    let (login, mirror) = (watched.login(), watched.open_mirror());
    watched.imgbuild = watched.imgbuild.variable("NO_PROXY", "127.0.0.1").without("no_proxy");
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        watched.imgbuild = watched.imgbuild.variable(name, &login);
    }
    let channel = |url: &str| format!("[conda]\nchannels = [\"{url}\"]\npackages = [\"hello\"]");
    watched.spec(&mirror, &channel("http://mirror.example/no/channel"));
    watched.fails("may not be read (407");
    watched.spec(&mirror, &channel("https://conda.example/channel"));
    let said = watched.run(&["lock", "spec.toml", "-vv"]).failure().stderr;
    assert!(said.contains("cannot reach the channel `https://conda.example/channel`"), "{said}");
    watched.holds_no_canary();
    // What is no proxy at all.
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        watched.imgbuild =
            watched.imgbuild.variable(name, format!("ftp://{USER}:{}@127.0.0.1:port", PASSWORD.0));
    }
    watched.run(&["check", "spec.toml", "-vv"]);
    watched.holds_no_canary();
}

#[test]
fn what_fails() {
    let mut watched =
        Watched::with(|request| match request.path.split('/').find(|it| it.starts_with("fault-")) {
            Some("fault-401") => Some(Answer::Challenge("Basic realm=\"x\"".to_owned())),
            Some("fault-403") => Some(Answer::Status(403)),
            Some("fault-404") => Some(Answer::Status(404)),
            Some("fault-hash") if request.path.ends_with("-0.tar.bz2") => {
                Some(Answer::Bytes(b"other".to_vec()))
            }
            _ => None,
        });
    let open = watched.server.root().join("open");
    for fault in ["fault-401", "fault-403", "fault-404", "fault-hash"] {
        symlink(&open, watched.server.root().join(fault)).unwrap();
        symlink(&open, open.join(fault)).unwrap();
    }
    let (login, mirror) = (watched.login(), watched.open_mirror());
    for (fault, expected) in [
        ("fault-401", "may not be read (401"),
        ("fault-403", "may not be read (403"),
        ("fault-404", "has no index"),
        ("fault-hash", "hello-1.0-0.tar.bz2"),
    ] {
        for channel in
            [format!("{login}/{fault}/channel"), format!("{login}/t/{TOKEN}/{fault}/channel?key={KEY}")]
        {
            watched.spec(&mirror, &format!("[conda]\nchannels = [\"{channel}\"]\npackages = [\"hello\"]"));
            watched.fails(expected);
        }
        let base = format!("mirror = \"{login}/{fault}/t/{TOKEN}/debian?key={KEY}\"");
        watched.spec(&base, "");
        if fault != "fault-hash" {
            watched.fails(if fault == "fault-404" { "is not there" } else { expected });
        }
    }
    // What is no URL at all, and a server that does not answer.
    for channel in [
        format!("http://{USER}:{}/{KEY}@127.0.0.1:port/channel", PASSWORD.0),
        format!("ftp://{USER}:{}@h.example/t/{TOKEN}/channel", PASSWORD.0),
        format!("http://{USER}:{}@127.0.0.1:1/t/{TOKEN}/channel?key={KEY}", PASSWORD.0),
    ] {
        watched.spec(&mirror, &format!("[conda]\nchannels = [\"{channel}\"]\npackages = [\"hello\"]"));
        watched.run(&["check", "spec.toml"]);
        watched.run(&["lock", "spec.toml", "-vv"]).failure();
        watched.holds_no_canary();
    }
    let bad = format!("mirror = \"http://{USER}:{}/{KEY}@127.0.0.1:port/debian\"", PASSWORD.0);
    watched.spec(&bad, "");
    watched.run(&["check", "spec.toml"]).failure();
    watched.holds_no_canary();
}

/// A base whose packages say that it has a Python, which is enough to choose and install wheels for.
fn with_python(watched: &mut Watched) -> String {
    let mut archive = DebianArchive::new();
    archive.add("python3", "3.13.2-1", "Depends: libpython3.13-stdlib\n", "");
    archive.add("libpython3.13-stdlib", "3.13.2-1", "", "");
    archive.add("python3.13", "3.13.2-1", "", "");
    archive.add("python-is-python3", "3.13.2-1", "", "");
    archive.publish();
    let open = watched.server.root().join("open");
    capture(Command::new("cp").arg("-r").arg(format!("{}/.", archive.folder().display())).arg(&open))
        .success();
    fs_err::copy(archive.keyring(), watched.imgbuild.path("keyring.asc")).unwrap();
    watched.open_mirror()
}

fn pip(watched: &mut Watched, mirror: &str, pip: &str) {
    watched.spec(mirror, &format!("[pip]\n{pip}"));
    let spec = watched.imgbuild.read("spec.toml");
    let spec = spec.replacen('\n', "\npython = { version = \"3.13\", from = \"debian\" }\n", 1);
    watched.give("spec.toml", &spec);
}

#[test]
fn indexes_wheels_and_repositories() {
    let (mut watched, notes) = Watched::new().noting(&["git", "uv"]);
    let mirror = with_python(&mut watched);
    let wheels = scratch("wheels");
    let index =
        package_index(wheels.path(), "good-1.0-py3-none-any.whl\nother-1.0-py3-none-any.whl", |_| None);
    let named = index.url().replace("://", &format!("://{USER}:{}@", PASSWORD.0));
    let host = index.url().replace("http://", "");
    fs_err::copy(
        wheels.path().join("good-1.0-py3-none-any.whl"),
        watched.server.root().join("open/good-1.0-py3-none-any.whl"),
    )
    .unwrap();
    let login = watched.login();
    for text in [
        format!("packages = [\"good\"]\nindex-url = \"{named}/simple\""),
        format!(
            "packages = [\"good\"]\nindex-url = \"http://{USER}:${{{{CANARY_PASSWORD}}}}@{host}/simple\""
        ),
        format!(
            "packages = [\"good\"]\nindex-url = \"http://127.0.0.1:1/simple\"\nextra-index-urls = [\"{named}/simple\"]"
        ),
        format!(
            "packages = [\"good @ {login}/login/good-1.0-py3-none-any.whl\"]\nindex-url = \"{named}/simple\""
        ),
    ] {
        pip(&mut watched, &mirror, &text);
        watched.works();
        for folder in ["out", "store", "vendored"] {
            fs_err::remove_dir_all(watched.imgbuild.path(folder)).unwrap();
        }
        // Who has the lock and the credentials builds it, with an empty store.
        watched.run(&["build", "spec.toml", "--locked", "--format", "oci-dir", "--output", "out"]).success();
        fs_err::remove_dir_all(watched.imgbuild.store()).unwrap();
        fs_err::remove_file(watched.imgbuild.path("spec.lock")).unwrap();
    }
    for text in [
        format!("packages = [\"absent\"]\nindex-url = \"{named}/simple\""),
        format!(
            "packages = [\"good @ {login}/open/absent-1.0-py3-none-any.whl\"]\nindex-url = \"{named}/simple\""
        ),
        format!(
            "packages = [\"good @ git+{login}/login/r.git\"]\nallow-builds = true\nindex-url = \"{named}/simple\""
        ),
        "packages = [\"good @ git+http://127.0.0.1:1/r.git${{CANARY_QUERY}}\"]\nallow-builds = true"
            .to_owned(),
    ] {
        pip(&mut watched, &mirror, &text);
        watched.fails("");
    }
    let arguments = fs_err::read_to_string(&notes).unwrap();
    assert!(arguments.contains("/bin/git ") && arguments.contains("/login/r.git"), "{arguments}");
    assert!(!arguments.contains("anary"), "{arguments}");
    // git was given the login, for this server.
    let asked = watched.server.requests();
    let asked = asked.iter().filter(|it| it.path.starts_with("/login/r.git/") && it.authorization.is_some());
    assert_ne!(asked.count(), 0);
}

#[test]
fn settings_of_pip_and_uv() {
    let (mut watched, notes) = Watched::new().noting(&["uv"]);
    let mirror = with_python(&mut watched);
    let wheels = scratch("wheels");
    let index = package_index(wheels.path(), "good-1.0-py3-none-any.whl", |_| None);
    let named = index.url().replace("://", &format!("://{USER}:{}@", PASSWORD.0));
    pip(&mut watched, &mirror, "packages = [\"good\"]");
    let conf = watched.home.path().join(".config/pip/pip.conf");
    fs_err::create_dir_all(conf.parent().unwrap()).unwrap();
    fs_err::write(&conf, format!("[global]\nindex-url = {named}/simple\n")).unwrap();
    watched.works();
    fs_err::remove_dir_all(watched.imgbuild.store()).unwrap();
    fs_err::remove_file(watched.imgbuild.path("spec.lock")).unwrap();
    watched.imgbuild = watched
        .imgbuild
        .variable("UV_INDEX", format!("own={}/simple", index.url()))
        .variable("UV_INDEX_OWN_USERNAME", USER)
        .variable("UV_INDEX_OWN_PASSWORD", PASSWORD.1)
        .variable("HTTPS_PROXY", format!("http://{USER}:{}@127.0.0.1:1", PASSWORD.0));
    watched.works();
    assert!(!fs_err::read_to_string(&notes).unwrap().contains("anary"));
}

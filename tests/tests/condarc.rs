//! conda's own settings: who serves channels, how they are reached, and what is told of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};

use imgbuild_tests::{Answer, Bench, Server, capture, channel_folder};
use insta::assert_snapshot;

/// A program whose user has this `.condarc`, and nothing else of conda.
fn bench(condarc: &str) -> Bench {
    let bench = Bench::new();
    bench.imgbuild.write("home/.condarc", condarc);
    let home = bench.imgbuild.path("home");
    let mut imgbuild = bench.imgbuild.without("IMGBUILD_NO_CONDARC").variable("HOME", home);
    for name in [
        "CONDARC",
        "CONDA_ROOT",
        "CONDA_PREFIX",
        "XDG_CONFIG_HOME",
        "CONDA_CHANNEL_ALIAS",
        "CONDA_CHANNELS",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NO_PROXY",
        "no_proxy",
    ] {
        imgbuild = imgbuild.without(name);
    }
    Bench { imgbuild, ..bench }
}

/// The test channel under some names.
fn served(bench: &Bench, names: &[&str]) -> Server {
    for name in names {
        let path = bench.imgbuild.path("served").join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(channel_folder(), path).unwrap();
    }
    Server::new(&bench.imgbuild.path("served"))
}

fn spec(bench: &Bench, channel: &str, more: &str) {
    bench.spec("", &format!("[conda]\nchannels = [\"{channel}\"]\npackages = [\"odd-modes\"]\n{more}"));
}

/// What a lock says of where its one package is.
fn url(bench: &Bench) -> String {
    let lock = bench.imgbuild.read("spec.lock").parse::<toml::Table>().unwrap();
    lock["conda"].as_array().unwrap()[0]["url"].as_str().unwrap().to_owned()
}

#[test]
fn settings_say_who_serves_a_channel_and_the_lock_names_the_channel() {
    let place = Bench::new();
    let server = served(&place, &["conda/conda-forge", "cloud/bioconda", "a/pkgs/main", "a/pkgs/r"]);
    let host = server.url().replace("http://", "http://me:s3cret@");
    let bench = bench(&format!(
        "channel_alias: {host}/conda\ncustom_channels:\n  bioconda: {host}/cloud\ndefault_channels:\n  - {host}/a/pkgs/main\n  - {host}/a/pkgs/r\n"
    ));
    for (channel, name, place) in [
        ("conda-forge", "/conda-forge", "/conda/conda-forge/"),
        ("bioconda", "/bioconda", "/cloud/bioconda/"),
        ("defaults", "/pkgs/main", "/a/pkgs/main/"),
    ] {
        spec(&bench, channel, "");
        let outcome = bench.run(&["build", "spec.toml", "--output", "out"]);
        let (url, lock) = (url(&bench), bench.imgbuild.read("spec.lock"));
        assert!(
            url.starts_with("https://") && url.ends_with(&format!("{name}/noarch/odd-modes-1.0-0.conda")),
            "{url}"
        );
        assert!(!lock.contains(&server.url()) && !lock.contains("s3cret"), "{lock}");
        assert!(
            !outcome.stderr.contains("s3cret") && !outcome.stderr.contains("note: "),
            "{}",
            outcome.stderr
        );
        let asked = server.requests().into_iter().filter(|it| it.path.starts_with(place));
        let asked: Vec<_> = asked.collect();
        assert!(!asked.is_empty() && asked.iter().all(|it| it.authorization.is_some()), "{asked:?}");
        fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
        fs_err::remove_file(bench.imgbuild.path("spec.lock")).unwrap();
    }
    // The spec's own mirror goes before them.
    let own = served(&bench, &["own"]);
    spec(&bench, "conda-forge", &format!("[conda.mirrors]\nconda-forge = [\"{}/own\"]", own.url()));
    let before = server.requests().len();
    bench.build(&[]);
    assert_eq!(server.requests().len(), before);
}

#[test]
fn a_folder_of_this_machine_serves_channels_without_a_network() {
    let place = Bench::new();
    for name in ["alias/conda-forge", "custom/team", "mirror"] {
        let path = place.imgbuild.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(channel_folder(), path).unwrap();
    }
    let folder = |name: &str| format!("file://{}", place.imgbuild.path(name).display());
    let (alias, custom, mirror) = (folder("alias"), folder("custom"), folder("mirror"));
    let bench = bench(&format!("channel_alias: {alias}\ncustom_channels: {{team: {custom}}}\n"));
    let mirrors =
        format!("mirrors = {{ other = [\"{mirror}\"], both = [\"http://127.0.0.1:9/x\", \"{mirror}\"] }}");
    // Debian's index is not here before; conda's are.
    bench.spec("", "");
    bench.run(&["lock", "spec.toml"]);
    for (channel, more) in
        [("conda-forge", ""), ("team", ""), ("other", mirrors.as_str()), ("both", mirrors.as_str())]
    {
        spec(&bench, channel, more);
        bench.run(&["lock", "spec.toml", "--offline"]);
        bench.run(&["build", "spec.toml", "--output", "out", "--offline"]);
        assert_eq!(url(&bench), format!("https://conda.anaconda.org/{channel}/noarch/odd-modes-1.0-0.conda"));
    }
    // One that is not there is told before anything is asked.
    spec(&bench, "nobody", "");
    let said = bench.imgbuild.run(["check", "spec.toml"]).stderr.replace(&alias, "ALIAS");
    let said = said.replace(&place.imgbuild.path("alias").display().to_string(), "ALIAS");
    assert_snapshot!(said, @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ the channel `nobody` is the folder `ALIAS/nobody/`, which is not there

    Advice: 
      ☞ it was asked for here
        ╭─[spec.toml:9:13]
      8 │ [conda]
      9 │ channels = ["nobody"]
        ·             ────┬───
        ·                 ╰── this channel
     10 │ packages = ["odd-modes"]
        ╰────
    "#);
}

#[test]
fn settings_that_choose_packages_are_told() {
    let place = Bench::new();
    let server = served(&place, &["team"]);
    let bench = bench(&format!(
        "custom_multichannels:\n  ours: [\"{0}/team\"]\ndefault_channels: [\"{0}/team\"]\nchannel_priority: flexible\n",
        server.url()
    ));
    let notes = |channel: &str, more: &str| {
        spec(&bench, channel, more);
        let said = bench.run(&["lock", "spec.toml"]).stderr;
        let notes: Vec<&str> = said.lines().filter(|line| line.starts_with("note: ")).collect();
        let folder = bench.imgbuild.folder().display().to_string();
        notes.join("\n").replace(&server.url(), "http://SERVER").replace(&folder, "FOLDER")
    };
    assert_snapshot!(notes("ours", ""), @r"
    note: the channel `ours` is `http://SERVER/team` here, by FOLDER/home/.condarc
    note: channels have the priority `flexible`, by FOLDER/home/.condarc:4: the spec says nothing of it
    ");
    // What it chose is in the lock, by a URL of its own.
    assert!(url(&bench).starts_with(&server.url()));
    assert_snapshot!(notes("defaults", "channel-priority = \"strict\""), @"note: the channel `defaults` is `http://SERVER/team` here, by FOLDER/home/.condarc");
    assert_snapshot!(notes("./channel", "channel-priority = \"strict\""), @"");
}

#[test]
fn channels_that_conda_would_add_are_told_and_not_used() {
    let server = served(&Bench::new(), &["team"]);
    let bench = bench(&format!("channels: [{}/team, conda-forge]\n", server.url()));
    bench.imgbuild.write("environment.yml", "channels: [./channel]\ndependencies: [odd-modes]\n");
    bench.spec("env = \"environment.yml\"", "");
    let said = bench.run(&["lock", "spec.toml"]).stderr;
    let notes: Vec<&str> = said.lines().filter(|line| line.starts_with("note: ")).collect();
    let folder = bench.imgbuild.folder().display().to_string();
    assert_snapshot!(notes.join("\n").replace(&server.url(), "http://SERVER").replace(&folder, "FOLDER"), @"note: conda would look in `http://SERVER/team` and `conda-forge` as well, by FOLDER/home/.condarc: here only the channels count that the spec and its files name");
    assert_eq!(server.requests(), []);
}

#[test]
fn a_proxy_for_channels() {
    let place = Bench::new();
    let folder = channel_folder();
    let proxy = Server::with(place.imgbuild.folder(), move |request| {
        let path = request.path.strip_prefix("http://conda.example/forge/");
        match path.map(|path| fs_err::read(folder.join(path))) {
            Some(Ok(bytes)) => Answer::Bytes(bytes),
            _ => Answer::Status(404),
        }
    });
    let bench = bench(&format!("proxy_servers:\n  http: {}\n", proxy.url()));
    spec(&bench, "http://conda.example/forge", "");
    bench.build(&[]);
    assert!(proxy.count("odd-modes-1.0-0.conda") > 0);
    assert_eq!(url(&bench), "http://conda.example/forge/noarch/odd-modes-1.0-0.conda");
}

/// Serves a folder by TLS to whoever shows a certificate of the test's own authority, which has signed the server's too.
const GUARDED: &str = r"
import functools, http.server, ssl, sys
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile='authority.pem')
context.load_cert_chain('server.pem', 'server.key')
context.verify_mode = ssl.CERT_REQUIRED
files = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), files)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
";

const EXTENSIONS: &str = "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = test\n\
    [authority]\nbasicConstraints = critical, CA:TRUE\n[leaf]\nsubjectAltName = IP:127.0.0.1\n";

struct Guarded(Child, String);

impl Guarded {
    /// Writes the certificates into the folder of the bench, as `authority.pem`, `server.pem` and `own.pem`.
    fn new(bench: &Bench) -> Self {
        let folder = bench.imgbuild.folder();
        bench.imgbuild.write("extensions.cnf", EXTENSIONS);
        for (name, extensions) in [("authority", "authority"), ("server", "leaf"), ("own", "leaf")] {
            let mut command = Command::new("openssl");
            command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
            command.args(["-nodes", "-days", "2", "-config", "extensions.cnf", "-extensions", extensions]);
            command.args(["-out", &format!("{name}.pem"), "-keyout", &format!("{name}.key")]);
            if name != "authority" {
                command.args(["-CA", "authority.pem", "-CAkey", "authority.key"]);
            }
            capture(command.current_dir(folder)).success();
        }
        let mut command = Command::new("python3");
        command.args(["-c", GUARDED]).arg(channel_folder()).current_dir(folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self(child, format!("https://127.0.0.1:{}", port.trim()))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn certificates_of_servers_and_the_one_of_this_machine() {
    let mut bench = bench("");
    let guarded = Guarded::new(&bench);
    let folder = bench.imgbuild.folder().display().to_string();
    spec(&bench, &guarded.1, "");
    let own = format!("client_ssl_cert: {folder}/own.pem\nclient_ssl_cert_key: {folder}/own.key\n");
    let authority = format!("ssl_verify: {folder}/authority.pem\n");
    // The server wants the one, and is signed by the other.
    bench.imgbuild.write("home/.condarc", format!("{own}{authority}"));
    bench.build(&[]);
    let lock = bench.imgbuild.read("spec.lock");
    fs_err::remove_dir_all(bench.imgbuild.store()).unwrap();
    // The variable says the same, and counts more.
    bench.imgbuild = bench.imgbuild.variable("REQUESTS_CA_BUNDLE", format!("{folder}/authority.pem"));
    bench.imgbuild.write("home/.condarc", format!("{own}ssl_verify: /no/such/bundle.pem\n"));
    bench.build(&["--locked"]);
    assert_eq!(bench.imgbuild.read("spec.lock"), lock);
    fs_err::remove_dir_all(bench.imgbuild.path("out")).unwrap();
    bench.imgbuild = bench.imgbuild.variable("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem");
    assert_snapshot!(bench.fails(&[]), @r"
      × the certificates in `/no/such/bundle.pem` cannot be read, which `REQUESTS_CA_BUNDLE` names
      ╰─▶ No such file or directory (os error 2)
    ");
}

#[test]
fn settings_that_cannot_be_read() {
    let bench = bench("channel_alias: [a\n");
    spec(&bench, "conda-forge", "");
    assert_snapshot!(bench.fails(&[]), @r"
      × this is not valid YAML: unclosed bracket '['
       ╭─[FOLDER/home/.condarc:1:16]
     1 │ channel_alias: [a
       ·                ┬
       ·                ╰── here
       ╰────
    ");
    bench
        .imgbuild
        .write("home/.condarc", "proxy_servers:\n  http: {a: \"http://me:s3cret@proxy.example\"}\n");
    assert_snapshot!(bench.fails(&[]), @r#"
      × `http` must be a string, but is a table
       ╭─[FOLDER/home/.condarc:2:9]
     1 │ proxy_servers:
     2 │   http: {a: "http://*********@proxy.example"}
       ·         ┬
       ·         ╰── here
       ╰────
    "#);
    bench.imgbuild.write("home/.condarc", "ssl_verify: /no/such/bundle.pem\n");
    assert_snapshot!(bench.fails(&[]), @r"
      × the certificates in `/no/such/bundle.pem` cannot be read: No such file or directory (os error 2)
       ╭─[FOLDER/home/.condarc:1:13]
     1 │ ssl_verify: /no/such/bundle.pem
       ·             ─────────┬─────────
       ·                      ╰── here
       ╰────
    ");
}

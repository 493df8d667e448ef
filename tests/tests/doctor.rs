//! `imgbuild doctor`: what it says of machines that are well and of those that are not, and that it always says something.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use imgbuild_tests::distribution::{Access, Account, Behaviour, Distribution};
use imgbuild_tests::{
    Answer, DebianArchive, Imgbuild, Outcome, SUITE, Server, blocks, capture, commands, port, prints, shell,
    workspace_root,
};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// What nothing that is printed may hold.
const SECRETS: [&str; 4] = ["hunter2", "bWU6aHVudGVyMg", "t0ken", "c2VjcmV0"];
/// What a machine's own variables and files may say, and these tests are not about.
const OTHERS: [&str; 22] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "no_proxy",
    "REGISTRY_AUTH_FILE",
    "DOCKER_AUTH_CONFIG",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "RATTLER_AUTH_FILE",
    "NETRC",
    "IMGBUILD_CONFIG",
    "IMGBUILD_CACHE_SIZE",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
];

/// The program with a store and a home of its own.
fn bench() -> Imgbuild {
    let imgbuild = OTHERS.into_iter().fold(Imgbuild::with_private_store(), Imgbuild::without);
    let home = imgbuild.path("home");
    fs_err::create_dir(&home).unwrap();
    imgbuild
        .variable("DOCKER_CONFIG", home.join("docker"))
        .variable("HOME", home)
        .variable("PIP_CONFIG_FILE", "/dev/null")
}

/// What is told of these areas, with names for what differs from run to run.
fn told(imgbuild: &Imgbuild, outcome: &Outcome, areas: &[&str], named: &[(String, &str)]) -> String {
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    for secret in SECRETS {
        assert!(!all.contains(secret), "{all}");
    }
    assert!(!all.contains("panicked"), "{all}");
    let mut text = String::new();
    for part in outcome.stdout.split("\n\n") {
        let title = part.lines().next().unwrap_or_default();
        let is_conclusion = title.contains("that builds need");
        if areas.contains(&title) || is_conclusion {
            text.push_str(&format!("{}\n\n", part.trim_end()));
        }
    }
    let text = text.replace(&imgbuild.folder().display().to_string(), "FOLDER");
    let text = text.replace(&std::env::temp_dir().display().to_string(), "TMP");
    let text = named.iter().fold(text, |text, (value, name)| text.replace(value, name));
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// A line without numbers that are of this moment: how long an answer took, and how much is free.
fn plain(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let is_unit = |word: &str| ["ms", "ms,", "MB", "GB", "TB", "kB", "B", "B;"].contains(&word);
    let shown = words.iter().enumerate().map(|(place, word)| {
        let next = words.get(place + 1).copied().unwrap_or_default();
        if is_unit(next) && word.parse::<f64>().is_ok() { "N" } else { word }
    });
    let text = shown.collect::<Vec<_>>().join(" ");
    // Which unit it is depends on the disk.
    ["kB", "MB", "GB", "TB"].iter().fold(text, |text, unit| text.replace(&format!("N {unit} at"), "N GB at"))
}

/// The findings in JSON.
fn findings(outcome: &Outcome) -> Vec<Value> {
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    value["findings"].as_array().unwrap().clone()
}

fn finding(outcome: &Outcome, what: &str) -> Value {
    let all = findings(outcome);
    all.iter().find(|it| it["what"] == what).unwrap_or_else(|| panic!("nothing of {what}: {all:#?}")).clone()
}

/// A server that takes connections, and never answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A place where nobody listens.
fn closed() -> String {
    format!("http://127.0.0.1:{}", port())
}

/// The program of somebody else, who may read and write what is in its folder.
fn of_somebody(imgbuild: Imgbuild) -> Imgbuild {
    let folder = imgbuild.folder().to_str().unwrap().to_owned();
    capture(Command::new("chown").args(["-R", "65534:65534", &folder])).success();
    capture(Command::new("chmod").args(["755", &folder])).success();
    imgbuild.through(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
}

#[test]
fn all_is_fine_that_a_spec_needs() {
    let imgbuild = bench();
    let archive = DebianArchive::new();
    let mirror = Server::new(archive.folder());
    let (index, channel) = (imgbuild.path("index"), imgbuild.path("channel/noarch"));
    fs_err::create_dir_all(&channel).unwrap();
    fs_err::create_dir_all(&index).unwrap();
    imgbuild.write("channel/noarch/repodata.json", "{}");
    let index = Server::with(&index, |_| Answer::Page("<html></html>".to_owned()));
    let channel = Server::new(&imgbuild.path("channel"));
    imgbuild.write("home/.netrc", "machine 127.0.0.1 login me password hunter2\n");
    imgbuild.write("home/.config/imgbuild/config.toml", "[cache]\nsize = \"1GB\"\n");
    imgbuild.write(
        "spec.toml",
        format!(
            "name = \"x\"\npython = \"3.11\"\n[base]\ndebian = \"{SUITE}\"\nmirror = \"{}/debian\"\n[pip]\npackages = [\"idna\"]\nindex-url = \"{}/simple\"\n[conda]\nchannels = [\"forge\"]\n[conda.mirrors]\nforge = [\"{}\"]\n",
            mirror.url(),
            index.url().replace("http://", "http://me:t0ken@"),
            channel.url()
        ),
    );
    let outcome = imgbuild.run(["doctor", "spec.toml"]);
    let named = [(mirror.url(), "MIRROR"), (index.url(), "INDEX"), (channel.url(), "CHANNEL")];
    let text = told(&imgbuild, &outcome, &["settings", "disk", "credentials", "network"], &named);
    assert_snapshot!(text, @"
    settings
      fine     settings: `FOLDER/home/.config/imgbuild/config.toml` can be read
      fine     home folder: `FOLDER/home`
      fine     `spec.toml`: it can be read: 1 image

    disk
      fine     cache: `FOLDER/store` is not there yet: the first build makes it
      fine     free space: N GB at `FOLDER/store`
      fine     size of the cache: N B of N GB that it may have
      fine     temporary files: `TMP` can be written

    credentials
      fine     `.netrc`: `FOLDER/home/.netrc` holds users and passwords for `127.0.0.1`

    network
      fine     Debian `MIRROR/debian`: it answers in N ms
      fine     Debian `MIRROR/debian-security`: it answers in N ms
      fine     index of wheels `INDEX/simple`: it answers in N ms, asked with a credential
      fine     channel `CHANNEL/`: it answers in N ms
      fine     servers: 4 of the 4 that were asked answer

    all is fine that builds need
    ");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    let outcome = imgbuild.run(["doctor", "--json", "spec.toml"]).success();
    let of = |what: String| finding(&outcome, &what)["milliseconds"].is_u64();
    assert!(of(format!("channel `{}/`", channel.url())) && !of("cache".to_owned()));
    // Each is asked once a time, as a build asks it.
    let asked: Vec<String> = mirror.requests().into_iter().map(|it| it.path).collect();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(index.requests()[0].authorization.is_some());
}

#[test]
fn servers_that_refuse_hang_or_are_not_there() {
    let imgbuild = bench();
    let nothing = imgbuild.path("nothing");
    fs_err::create_dir(&nothing).unwrap();
    let empty = Server::new(&nothing);
    let guarded = Server::with(&nothing, |_| Answer::Challenge("Basic realm=\"x\"".to_owned()));
    let busy = Server::with(&nothing, |_| Answer::Status(503));
    let ((_held, hanging), closed) = (silent(), closed());
    imgbuild.write(
        "spec.toml",
        format!(
            "name = \"x\"\npython = \"3.11\"\n[base]\ndebian = \"{SUITE}\"\nmirror = \"{}/debian\"\n[base.sources.own]\nurl = \"{closed}/own\"\nsuite = \"stable\"\n\
             [pip]\npackages = [\"idna\"]\nindex-url = \"{hanging}/simple\"\nextra-index-urls = [\"{}/one\", \"{}/two?token=t0ken\"]\n\
             [conda]\nchannels = [\"forge\"]\n[conda.mirrors]\nforge = [\"{}\", \"{}\"]\n",
            empty.url(),
            guarded.url(),
            guarded.url().replace("http://", "http://me:hunter2@"),
            busy.url(),
            empty.url(),
        ),
    );
    let outcome = imgbuild.run(["doctor", "spec.toml"]);
    let named = [
        (empty.url(), "EMPTY"),
        (guarded.url(), "GUARDED"),
        (busy.url(), "BUSY"),
        (hanging, "HANGING"),
        (closed, "CLOSED"),
    ];
    assert_snapshot!(told(&imgbuild, &outcome, &["network"], &named), @"
    network
    ! wrong    Debian `EMPTY/debian`: it answers, and has no `EMPTY/debian/dists/trixie/InRelease` (404)
               -> correct what names it: `[base] mirror` of the spec
    ! wrong    Debian `EMPTY/debian-security`: it answers, and has no `EMPTY/debian-security/dists/trixie-security/InRelease` (404)
               -> correct what names it: `[base] mirror` of the spec
    ! wrong    repository `CLOSED/own`: `CLOSED/own/dists/stable/InRelease` cannot be reached: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)
               -> a closed network has proxies, for `HTTPS_PROXY` and `NO_PROXY`, or mirrors of its own, for `[base.sources]` of the spec
    ! wrong    index of wheels `HANGING/simple`: it does not answer within 5 s
               -> a closed network has proxies, for `HTTPS_PROXY` and `NO_PROXY`, or mirrors of its own, for `[pip]` of the spec
    ! wrong    index of wheels `GUARDED/one`: it does not accept the credential (401)
               -> renew the credential where it is kept: in its URL, in `.netrc`, or in `RATTLER_AUTH_FILE`
    ! wrong    index of wheels `GUARDED/two`: it does not accept the credential (401)
               -> renew the credential where it is kept: in its URL, in `.netrc`, or in `RATTLER_AUTH_FILE`
    ! wrong    channel `BUSY/`: it answers 503 Service Unavailable
               -> try again later, or name another one
    ! wrong    channel `EMPTY/`: it answers, and has no `EMPTY/noarch/repodata.json.zst` (404)
               -> correct what names it: `[conda]` of the spec, or `.condarc`
      fine     servers: 6 of the 8 that were asked answer

    8 things are not fine that builds need: Debian `EMPTY/debian`, Debian `EMPTY/debian-security`, repository `CLOSED/own`, index of wheels `HANGING/simple`, index of wheels `GUARDED/one`, index of wheels `GUARDED/two`, channel `BUSY/`, channel `EMPTY/`
    ");
    assert_eq!(outcome.code, Some(1));
    // Nobody is asked.
    let before = guarded.requests().len();
    let outcome = imgbuild.run(["doctor", "--offline", "spec.toml"]);
    assert_eq!((outcome.code, guarded.requests().len()), (Some(0), before), "{}", outcome.stdout);
}

#[test]
fn registries_are_asked_and_shown_nothing() {
    let imgbuild = bench();
    let registry = Distribution::setup().access(Access::Basic(Account::user())).start();
    let silent = Distribution::with(|_| Behaviour::Silence);
    // By its name, so that it always comes behind the other one.
    let closed = format!("localhost:{}", port());
    let auths = json!({ "auths": {
        registry.address(): { "auth": "bWU6aHVudGVyMg==" },
        closed.clone(): { "registrytoken": "t0ken" },
        "cloud.example": {},
    }, "credHelpers": { silent.address(): "absent" } });
    imgbuild.write("home/docker/config.json", auths.to_string());
    imgbuild.write(
        "spec.toml",
        format!("name = \"x\"\nbase = {{ image = \"{}/team/base:1\" }}\n", registry.address()),
    );
    let outcome = imgbuild.run(["doctor", "spec.toml"]);
    let named = [(registry.address(), "REGISTRY"), (silent.address(), "SILENT"), (closed, "CLOSED")];
    assert_snapshot!(told(&imgbuild, &outcome, &["credentials", "network"], &named), @"
    credentials
      wrong    `SILENT`: `FOLDER/home/docker/config.json` names `docker-credential-absent`, which is not installed
               -> install it where `PATH` finds it, or take it out of that file
      fine     `REGISTRY`: `FOLDER/home/docker/config.json` holds a credential
      fine     `CLOSED`: `FOLDER/home/docker/config.json` holds a credential

    network
      fine     registry `REGISTRY`: it answers in N ms, without TLS, and wants to know who asks
      wrong    registry `SILENT`: it does not answer within 5 s
               -> a network that is closed has proxies, which `HTTPS_PROXY` and `NO_PROXY` name, or mirrors of its own, which `registries.conf` names
      wrong    registry `CLOSED`: `CLOSED`: the registry cannot be reached: `http://CLOSED/v2/` cannot be reached: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)
               -> a network that is closed has proxies, which `HTTPS_PROXY` and `NO_PROXY` name, or mirrors of its own, which `registries.conf` names
      fine     servers: 1 of the 3 that were asked answer

    all is fine that builds need
    ");
    // Those of others are no fault of what this spec needs.
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    let exchanges = registry.exchanges();
    assert!(!exchanges.is_empty());
    assert!(exchanges.iter().all(|it| !it.request.headers.contains_key("authorization")));
}

#[test]
fn a_machine_that_has_nothing() {
    let imgbuild = bench();
    imgbuild.write(
        "spec.toml",
        "name = \"x\"\nbase = { scratch = true }\n[[copy]]\nfrom = \"spec.toml\"\nto = \"/a\"\n",
    );
    // Neither a home nor a path, nor anything else.
    let mut command = imgbuild.command(["doctor", "--json", "--offline", "spec.toml"]);
    command.env_clear().env("IMGBUILD_CACHE", imgbuild.store()).env("IMGBUILD_NO_CONDARC", "1");
    let outcome = capture(&mut command);
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(finding(&outcome, "home folder")["verdict"], "missing");
}

#[test]
fn somebody_whom_the_machine_does_not_know() {
    let imgbuild = bench();
    let folder = imgbuild.folder().to_str().unwrap().to_owned();
    capture(Command::new("chmod").args(["755", &folder])).success();
    let imgbuild = imgbuild.through(["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]);
    let mut command = imgbuild.command(["doctor", "--offline"]);
    let outcome = capture(command.env_clear());
    let text = told(&imgbuild, &outcome, &["settings", "disk"], &[("`/tmp`".to_owned(), "`TMP`")]);
    assert_snapshot!(text, @"
    settings
      fine     settings: there is no file of them, and none is needed
    ! missing  home folder: `HOME` is not set: no settings and credentials are looked for in a home
               -> set `HOME` to a folder: nothing is built until then

    disk
    ! wrong    cache: there is no home folder for the cache
               -> set `IMGBUILD_CACHE` to a folder
      fine     temporary files: `TMP` can be written

    3 things are not fine that builds need: home folder, cache, credentials for channels
    ");
    assert_eq!(outcome.code, Some(1));
}

#[test]
fn a_network_that_is_closed() {
    let imgbuild = bench().variable("http_proxy", format!("http://me:hunter2@{}", &closed()[7..]));
    imgbuild.write(
        "spec.toml",
        format!("name = \"x\"\n[base]\ndebian = \"{SUITE}\"\nmirror = \"http://mirror.example/debian\"\n"),
    );
    let outcome = imgbuild.run(["doctor", "spec.toml"]);
    let proxy =
        outcome.stdout.split("`http_proxy` is `").nth(1).unwrap().split('`').next().unwrap().to_owned();
    assert_snapshot!(told(&imgbuild, &outcome, &["network"], &[(proxy, "PROXY")]), @"
    network
      fine     proxies: `http_proxy` is `PROXY`
    ! wrong    Debian `http://mirror.example/debian`: `http://mirror.example/debian/dists/trixie/InRelease` cannot be reached: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)
               -> correct the proxies above, or except the server by `NO_PROXY`; another server is named by `[base] mirror` of the spec
    ! wrong    Debian `http://mirror.example/debian-security`: `http://mirror.example/debian-security/dists/trixie-security/InRelease` cannot be reached: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)
               -> correct the proxies above, or except the server by `NO_PROXY`; another server is named by `[base] mirror` of the spec
    ! wrong    servers: none of the 2 that were asked answers
               -> without a network, `imgbuild doctor --offline` asks nobody, and `imgbuild build --offline` builds from what the cache has

    3 things are not fine that builds need: Debian `http://mirror.example/debian`, Debian `http://mirror.example/debian-security`, servers
    ");
    assert_eq!(outcome.code, Some(1));
}

#[test]
fn settings_that_are_broken_keep_no_look_from_being_had() {
    let imgbuild = bench();
    let config = imgbuild.write("config.toml", "[cache]\nsize = \"20 elephants\"\n");
    let imgbuild = imgbuild.variable("IMGBUILD_CONFIG", config).variable("SOURCE_DATE_EPOCH", "yesterday");
    imgbuild.write("spec.toml", "name = 3\n");
    let outcome = imgbuild.run(["doctor", "--offline", "spec.toml"]);
    assert_snapshot!(told(&imgbuild, &outcome, &["settings", "disk"], &[]), @"
    settings
    ! wrong    settings: `FOLDER/config.toml` is wrong: TOML parse error at line 2, column 8: `20 elephants` is no size: its unit is none of B, KB, MB, GB, TB, KiB, MiB, GiB, TiB
               -> correct `FOLDER/config.toml`, or name another file in `IMGBUILD_CONFIG`: no command works until then
    ! wrong    `SOURCE_DATE_EPOCH`: it is `yesterday`, which is not a number of seconds since 1970
               -> unset it, or set it to a number of seconds since 1970
      fine     home folder: `FOLDER/home`
    ! wrong    `spec.toml`: `name` must be a string, but is an integer
               -> `imgbuild check spec.toml` shows the lines

    disk
      fine     cache: `FOLDER/store` is not there yet: the first build makes it
      fine     free space: N GB at `FOLDER/store`
      fine     temporary files: `TMP` can be written

    3 things are not fine that builds need: settings, `SOURCE_DATE_EPOCH`, `spec.toml`
    ");
    assert_eq!(outcome.code, Some(1));
    let areas: Vec<&str> = outcome.stdout.split("\n\n").filter_map(|part| part.lines().next()).collect();
    assert_eq!(
        areas[..6],
        ["settings", "disk", "machine", "sandbox", "devices", "credentials"],
        "{}",
        outcome.stdout
    );
}

#[test]
fn a_store_that_cannot_be_read_or_made() {
    let imgbuild = bench();
    imgbuild.write("store/blobs/sha256/x", "");
    let imgbuild = of_somebody(imgbuild);
    fs_err::set_permissions(imgbuild.store(), std::fs::Permissions::from_mode(0o000)).unwrap();
    let unreadable = imgbuild.run(["doctor", "--offline"]);
    fs_err::set_permissions(imgbuild.store(), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_snapshot!(told(&imgbuild, &unreadable, &["disk"], &[]), @"
    disk
    ! wrong    cache: the cache `FOLDER/store` cannot be written: Permission denied (os error 13)
               -> set `IMGBUILD_CACHE` to a folder that you may write
      fine     free space: N GB at `FOLDER/store`
      fine     temporary files: `TMP` can be written

    one thing is not fine that builds need: cache
    ");
    assert_eq!(unreadable.code, Some(1));

    let nowhere = imgbuild.with_store(std::path::Path::new("/proc/nothing"));
    let outcome = nowhere.run(["doctor", "--offline"]);
    assert_snapshot!(told(&nowhere, &outcome, &["disk"], &[]), @"
    disk
    ! wrong    cache: `/proc/nothing` is not there, and cannot be made in `/proc`: Permission denied (os error 13)
               -> set `IMGBUILD_CACHE` to a folder that you may write
      unknown  free space: the file system of `/proc/nothing` does not say it
      fine     temporary files: `TMP` can be written

    one thing is not fine that builds need: cache
    ");

    let file = bench();
    file.write("store", "no folder");
    let outcome = file.run(["doctor", "--offline"]);
    assert_snapshot!(told(&file, &outcome, &["disk"], &[]), @"
    disk
    ! wrong    cache: the cache's `FOLDER/store` cannot be made: it is in the way: a folder of the cache is a folder, and no link to one
               -> let `FOLDER/store` be a folder of yours, or set `IMGBUILD_CACHE` to another one
      fine     free space: N GB at `FOLDER/store`
      fine     temporary files: `TMP` can be written

    one thing is not fine that builds need: cache
    ");
    assert_eq!(outcome.code, Some(1));
}

#[test]
fn somebody_without_rights() {
    let imgbuild = of_somebody(bench());
    let outcome = imgbuild.run(["doctor", "--offline", "--json"]);
    let ids = finding(&outcome, "subordinate ids");
    assert_eq!(ids["verdict"], "missing", "{ids}");
    assert_eq!(ids["found"], "the user 65534 has none in `/etc/subuid` and `/etc/subgid`");
    assert_eq!(ids["remedies"].as_array().unwrap().len(), 1);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
}

#[test]
fn limits_of_a_process() {
    let imgbuild = bench().through(["prlimit", "--nofile=64:64", "--"]);
    let outcome = imgbuild.run(["doctor", "--offline", "--json"]);
    let finding = finding(&outcome, "open files");
    assert_snapshot!(serde_json::to_string_pretty(&finding).unwrap(), @r#"
    {
      "area": "machine",
      "what": "open files",
      "verdict": "wrong",
      "found": "at most 64, and builds need 256",
      "remedies": [
        "the hard limit is 64: whoever starts the container, the job or the session raises it"
      ],
      "needed": true,
      "milliseconds": null
    }
    "#);
    assert_eq!(outcome.code, Some(1));
    // Where not even threads can be made, that is what is said.
    let imgbuild = of_somebody(bench());
    let words = ["--reuid=65534", "--regid=65534", "--clear-groups", "prlimit", "--nproc=3", "--"];
    let imgbuild = imgbuild.through(["setpriv"].iter().chain(&words).copied());
    let outcome = imgbuild.run(["doctor", "--offline"]);
    assert_snapshot!(outcome.stdout, @"
    machine
    ! wrong    threads: not enough threads can be made: Resource temporarily unavailable (os error 11)
               -> raise the limit of processes (`ulimit -u`, or that of the container)

    one thing is not fine that builds need: threads
    ");
    assert_eq!(outcome.code, Some(1));
}

#[test]
fn it_can_be_read_by_programs_and_nobody_has_to() {
    let imgbuild = bench();
    let outcome = imgbuild.run(["doctor", "--offline", "--json"]).success();
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(value["healthy"], true);
    for finding in value["findings"].as_array().unwrap() {
        let verdict = finding["verdict"].as_str().unwrap();
        assert!(["fine", "missing", "wrong", "unknown"].contains(&verdict), "{finding}");
        assert!(
            !finding["found"].as_str().unwrap().is_empty() && finding["needed"].is_boolean(),
            "{finding}"
        );
        let remedies = finding["remedies"].as_array().unwrap();
        assert!(
            ["fine", "unknown"].contains(&verdict) || finding["area"] == "devices" || !remedies.is_empty(),
            "{finding}"
        );
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = imgbuild.command(["doctor", "--offline"]);
    let output = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
}

#[test]
fn the_page_shows_what_it_says() {
    let page = fs_err::read_to_string(workspace_root().join("docs/doctor.md")).unwrap();
    let imgbuild = bench();
    let registry = Distribution::new();
    imgbuild
        .write("spec.toml", format!("name = \"x\"\nbase = {{ image = \"{}/x:1\" }}\n", registry.address()));
    let all = blocks(&page, "console").iter().flat_map(|console| commands(console)).collect::<Vec<_>>();
    assert_eq!(all.len(), 4);
    for (line, shown) in all {
        prints(&shell(&imgbuild, &line).stdout, &shown, &line);
    }
}

//! The table, and each condition with an image that meets it and one that does not.

use std::collections::BTreeSet;

use imgbuild_oci::{ContainerConfig, Empty, Healthcheck, Platform};
use imgbuild_spec::Contract;
use tar::{Builder, EntryType, Header};

use crate::conditions::look;
use crate::{Condition, Inspected, Judge, Scope, Verdict, terms};

/// A file of a layer: its path, its mode, its owner and group, and its content; a folder where that is nothing.
type File = (&'static str, u32, (u64, u64), Option<&'static str>);

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:100::/home/user:/bin/sh\n";

/// What a good image has.
const FILES: [File; 15] = [
    ("etc/passwd", 0o644, (0, 0), Some(PASSWD)),
    ("etc/group", 0o644, (0, 0), Some("root:x:0:user\nusers:x:100:\n")),
    ("etc/ld.so.cache", 0o644, (0, 0), Some("cache")),
    ("etc/ld.so.conf.d", 0o755, (0, 0), None),
    ("usr/bin/tini", 0o755, (0, 0), Some("#!")),
    ("usr/bin/start", 0o755, (0, 0), Some("#!")),
    ("usr/bin/health", 0o755, (0, 0), Some("#!")),
    ("usr/bin/ps", 0o755, (0, 0), Some("#!")),
    ("usr/bin/python3", 0o755, (0, 0), Some("#!")),
    ("start.sh", 0o755, (0, 0), Some("#!")),
    ("home/user", 0o2775, (1000, 0), None),
    ("home/user/.bashrc", 0o664, (1000, 0), Some("")),
    ("usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30", 0o644, (0, 0), Some("")),
    ("var/lib/dpkg/status", 0o644, (0, 0), Some(STATUS)),
    ("lib/python/site-packages/jupyterhub-5.3.0.dist-info", 0o755, (0, 0), None),
];

const STATUS: &str = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n\n";

fn config() -> ContainerConfig {
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let label = r#"[{"id":"a","remoteUser":"root"},{"remoteUser":"user"}]"#;
    ContainerConfig {
        user: "1000".to_owned(),
        exposed_ports: [("8888/tcp".to_owned(), Empty {})].into(),
        env: text(&[
            "PATH=/usr/bin:/bin",
            "PYTHONUSERBASE=/home/user/.local/x",
            "NVIDIA_VISIBLE_DEVICES=all",
            "C=utility,compute",
        ]),
        entrypoint: text(&["/usr/bin/tini", "-g", "--", "/usr/bin/start"]),
        cmd: text(&["serve"]),
        labels: [("devcontainer.metadata".to_owned(), label.to_owned())].into(),
        healthcheck: Some(Healthcheck { test: text(&["CMD", "health"]), ..Healthcheck::default() }),
        ..ContainerConfig::default()
    }
}

/// An image of files in one layer.
fn image(config: ContainerConfig, files: &[File]) -> Inspected {
    image_with_links(config, files, &[])
}

fn image_with_links(config: ContainerConfig, files: &[File], links: &[(&str, &str)]) -> Inspected {
    let mut layer = Builder::new(Vec::new());
    for (path, mode, (uid, gid), body) in files {
        let bytes = body.unwrap_or_default().as_bytes();
        let mut header = Header::new_ustar();
        header.set_path(path).unwrap();
        header.set_entry_type(if body.is_some() { EntryType::Regular } else { EntryType::Directory });
        header.set_mode(*mode);
        header.set_uid(*uid);
        header.set_gid(*gid);
        header.set_size(bytes.len() as u64);
        header.set_mtime(0);
        header.set_cksum();
        layer.append(&header, bytes).unwrap();
    }
    let library = ("usr/lib/x86_64-linux-gnu/libstdc++.so.6", "libstdc++.so.6.0.30");
    for (path, target) in links.iter().copied().chain([library]) {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        layer.append_link(&mut header, path, target).unwrap();
    }
    let layer = layer.into_inner().unwrap();
    let mut image = Inspected::new(Platform::LinuxAmd64, config);
    image.add(&mut layer.as_slice()).unwrap();
    image.finish()
}

fn good() -> Inspected {
    image(config(), &FILES)
}

/// The good image with another configuration.
fn with_config(change: impl FnOnce(&mut ContainerConfig)) -> Inspected {
    let mut config = config();
    change(&mut config);
    image(config, &FILES)
}

/// The good image with a file more, or another in its place.
fn with_file(file: File) -> Inspected {
    let files: Vec<File> = FILES.into_iter().filter(|(path, ..)| *path != file.0).chain([file]).collect();
    image(config(), &files)
}

/// The good image without a file.
fn without(path: &str) -> Inspected {
    let files: Vec<File> = FILES.into_iter().filter(|(known, ..)| *known != path).collect();
    image(config(), &files)
}

/// The good image with a virtual environment, whose settings are these, and no variable of Python's.
fn with_venv(settings: &'static str) -> Inspected {
    let mut config = config();
    config.env = vec!["PATH=/opt/venv/bin".to_owned()];
    let own: [File; 2] = [
        ("opt/venv/pyvenv.cfg", 0o644, (0, 0), Some(settings)),
        ("opt/venv/bin/python3", 0o755, (0, 0), Some("#!")),
    ];
    image(config, &[&FILES[..], &own].concat())
}

/// Conditions, with an image that does not meet them and what is then found.
fn broken() -> Vec<(Condition, Inspected, &'static str)> {
    let port = |port: &'static str| with_config(|it| it.exposed_ports = [(port.to_owned(), Empty {})].into());
    let user = |user: &'static str| with_config(|it| it.user = user.to_owned());
    let label = |label: &'static str| {
        with_config(|it| it.labels = [("devcontainer.metadata".to_owned(), label.to_owned())].into())
    };
    vec![
        (Condition::Starts, with_config(|it| (it.entrypoint, it.cmd) = Default::default()), "nothing"),
        (Condition::StartIsThere, without("usr/bin/start"), "there is no program `/usr/bin/start`"),
        (
            Condition::StartIsThere,
            with_file(("usr/bin/start", 0o644, (0, 0), Some(""))),
            "there is no program `/usr/bin/start`",
        ),
        (Condition::Init, with_config(|it| it.entrypoint = Vec::new()), "it starts `serve`"),
        (Condition::HealthcheckIsThere, without("usr/bin/health"), "it is `health`"),
        (Condition::Layers(0), good(), "it has 1"),
        (Condition::NoGroup, user("1000:100"), "it is `1000:100`"),
        (Condition::NumberNotRoot, user("user"), "it is `user`"),
        (Condition::NumberNotRoot, user("0"), "it is `0`"),
        (Condition::NumberNotRoot, user(""), "it names none, which is root"),
        (Condition::RunsAsRoot, good(), "it is `1000`"),
        (Condition::UserIsKnown, user("ada"), "it has no user or group `ada`"),
        (Condition::HasUser(1000), without("etc/passwd"), "it has no user 1000"),
        (Condition::HomeIs("/home/user"), with_config(|it| it.env.push("HOME=/x".to_owned())), "it is `/x`"),
        (
            Condition::HomeOfGroupRoot,
            with_file(("home/user", 0o755, (1000, 100), None)),
            "`/home/user` is 0755 1000:100",
        ),
        (
            Condition::HomeOfGroupRoot,
            with_file(("home/user", 0o755, (1000, 0), None)),
            "`/home/user` is 0755 1000:0",
        ),
        (Condition::PasswdOfRoot, with_file(("etc/passwd", 0o664, (0, 0), Some(PASSWD))), "it is 0664 0:0"),
        (
            Condition::NothingInHomes,
            with_file(("home/user/.local/bin/tool", 0o755, (0, 0), Some(""))),
            "there is `/home/user/.local/bin/tool`",
        ),
        (
            Condition::NothingInHomes,
            with_file(("root/env/lib/site-packages", 0o755, (0, 0), None)),
            "there is `/root/env/lib/site-packages`",
        ),
        (
            Condition::NothingIn(&["/opt/ml"]),
            with_file(("opt/ml/a", 0o644, (0, 0), Some(""))),
            "there is `/opt/ml/a`",
        ),
        (Condition::Programs(&[&["ps"], &["a", "b"]]), good(), "there is no a or b"),
        (Condition::Program("/start.sh"), without("start.sh"), "it is not there"),
        (Condition::Port(8888), port("8888/udp"), "it names no port"),
        (Condition::PortsOfUsers, port("80/tcp"), "80"),
        (Condition::PortsOfUsers, port("443"), "443"),
        (Condition::PlainValues, with_config(|it| it.env.push("A=$B".to_owned())), "that of `A` does not"),
        (
            Condition::Variable("NVIDIA_VISIBLE_DEVICES", &["void"]),
            with_config(|it| it.env = Vec::new()),
            "it is not set",
        ),
        (Condition::PlainValues, with_config(|it| it.env.push("A=a\\b".to_owned())), "that of `A` does not"),
        (Condition::PlainValues, with_config(|it| it.env.push("A=a\nb".to_owned())), "that of `A` does not"),
        (
            Condition::Variable("NVIDIA_VISIBLE_DEVICES", &["void"]),
            with_config(|it| it.env.push("NVIDIA_VISIBLE_DEVICES=void".to_owned())),
            "`NVIDIA_VISIBLE_DEVICES=void`",
        ),
        (
            Condition::VariableHas("C", &["compute"]),
            with_config(|it| it.env.push("C=utility".to_owned())),
            "`C=utility`",
        ),
        (
            Condition::NoForeignModules,
            with_venv("home = /usr/bin\ninclude-system-site-packages = TRUE\n"),
            "neither `PYTHONNOUSERSITE` nor `PYTHONUSERBASE` is set",
        ),
        (
            Condition::NoForeignModules,
            with_config(|it| it.env = vec!["PATH=/usr/bin".to_owned()]),
            "neither `PYTHONNOUSERSITE` nor `PYTHONUSERBASE` is set",
        ),
        (Condition::Glibc(2, 37), good(), "it has 2.36"),
        (Condition::Glibc(2, 28), without("var/lib/dpkg/status"), "it has none"),
        (Condition::Libstdcxx(31), good(), "it has `libstdc++.so.6.0.30`"),
        (Condition::Libstdcxx(25), without("usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30"), "it has none"),
        (
            Condition::LoaderCache,
            with_file(("etc/ld.so.cache", 0o644, (0, 0), Some(""))),
            "there is no `/etc/ld.so.cache`",
        ),
        (Condition::LoaderCache, without("etc/ld.so.conf.d"), "there is no `/etc/ld.so.conf.d`"),
        (
            Condition::DevContainerLabel,
            with_config(|it| it.labels.clear()),
            "it names nobody, and the image's user is the number 1000",
        ),
        (
            Condition::DevContainerLabel,
            label("[{}]"),
            "it names nobody, and the image's user is the number 1000",
        ),
        (
            Condition::DevContainerLabel,
            label(r#"{"remoteUser":"ada"}"#),
            "it names `ada`, whom the image does not know",
        ),
        (
            Condition::DevContainerLabel,
            label("remoteUser"),
            "its label `devcontainer.metadata` is not JSON of one object or several",
        ),
        (
            Condition::HubVersion,
            without("lib/python/site-packages/jupyterhub-5.3.0.dist-info"),
            "it has no JupyterHub",
        ),
    ]
}

#[test]
fn each_condition_fails_where_it_does_not_hold() {
    for (condition, image, found) in broken() {
        assert_eq!(look(condition, &image).unwrap(), Verdict::Fails(found.to_owned()), "{condition:?}");
    }
}

#[test]
fn each_condition_holds_of_a_good_image() {
    let good = good();
    for (condition, ..) in broken() {
        let verdict = look(condition, &good).unwrap();
        match condition {
            // Those are broken by asking too much of the good image itself.
            Condition::Layers(_)
            | Condition::RunsAsRoot
            | Condition::Programs(_)
            | Condition::Glibc(2, 37)
            | Condition::Libstdcxx(31) => {}
            Condition::HubVersion => {
                let found = "it has 5.3.0: which version the hub has, only the hub knows".to_owned();
                assert_eq!(verdict, Verdict::Unknown(found));
            }
            _ => assert!(matches!(verdict, Verdict::Holds(_)), "{condition:?}: {verdict:?}"),
        }
    }
    for condition in [Condition::Layers(1), Condition::Programs(&[&["a", "ps"]]), Condition::Glibc(2, 36)] {
        assert!(matches!(look(condition, &good), Ok(Verdict::Holds(_))), "{condition:?}");
    }
    let venv = with_venv("include-system-site-packages = false\n");
    assert!(matches!(look(Condition::NoForeignModules, &venv), Ok(Verdict::Holds(_))));
    let named = with_config(|it| (it.user, it.labels) = ("user".to_owned(), Default::default()));
    let verdict = look(Condition::DevContainerLabel, &named).unwrap();
    assert_eq!(verdict, Verdict::Holds("it is `user`".to_owned()));
    let root = with_config(|it| it.user = String::new());
    assert!(matches!(look(Condition::RunsAsRoot, &root), Ok(Verdict::Holds(_))));
}

#[test]
fn users_are_known_where_the_files_that_say_them_are_links() {
    let files: Vec<File> = FILES.into_iter().filter(|(path, ..)| *path != "etc/passwd").collect();
    let moved = [("usr/lib/passwd", 0o644, (0, 0), Some(PASSWD))];
    let mut config = config();
    config.user = "user".to_owned();
    let linked =
        image_with_links(config, &[&files[..], &moved].concat(), &[("etc/passwd", "../usr/lib/passwd")]);
    assert_eq!(look(Condition::UserIsKnown, &linked).unwrap(), Verdict::Holds("1000:100".to_owned()));
}

#[test]
fn settings_that_are_not_read_are_not_said_to_hold() {
    let mut config = config();
    config.env = vec!["PATH=/opt/venv/bin".to_owned()];
    let own: [File; 2] = [
        ("opt/venv/settings", 0o644, (0, 0), Some("include-system-site-packages = true\n")),
        ("opt/venv/bin/python3", 0o755, (0, 0), Some("#!")),
    ];
    let links = [("opt/venv/pyvenv.cfg", "settings")];
    let image = image_with_links(config, &[&FILES[..], &own].concat(), &links);
    assert!(matches!(look(Condition::NoForeignModules, &image), Ok(Verdict::Fails(_))));
}

#[test]
fn what_stands_behind_an_init_is_looked_for_on_the_path() {
    let entrypoint = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        look(Condition::StartIsThere, &with_config(|it| it.entrypoint = words)).unwrap()
    };
    assert_eq!(entrypoint(&["tini", "--", "start"]), Verdict::Holds("`tini`, `start`".to_owned()));
    // No init, so that `--` is an argument of its own.
    assert_eq!(entrypoint(&["start", "--", "none"]), Verdict::Holds("`start`".to_owned()));
    assert_eq!(entrypoint(&["tini", "--", "none"]), Verdict::Fails("there is no program `none`".to_owned()));
}

#[test]
fn every_condition_that_can_be_looked_at_is_tried_above() {
    let name = |condition: Condition| {
        format!("{condition:?}").split(['(', ' ']).next().map(str::to_owned).unwrap_or_default()
    };
    let tried: BTreeSet<String> = broken().into_iter().map(|(condition, ..)| name(condition)).collect();
    for demand in Contract::ALL.into_iter().flat_map(|contract| terms(contract).demands) {
        if !matches!(demand.condition, Condition::Trial(_)) {
            assert!(tried.contains(&name(demand.condition)), "{}", demand.says);
        }
    }
}

#[test]
fn every_demand_says_where_it_is_from_and_what_to_do() {
    for contract in Contract::ALL {
        let terms = terms(contract);
        assert_eq!(terms.contract, contract);
        assert!(!terms.demands.is_empty() && !terms.examples.is_empty(), "{contract}");
        for demand in terms.demands {
            let says = demand.says;
            assert!(!says.is_empty() && !says.ends_with('.'), "{says}");
            assert!(!demand.source.is_empty() && !demand.advice.is_empty(), "{says}");
        }
    }
}

#[test]
fn what_cannot_be_run_here_is_not_said_to_hold() {
    let image = good();
    let judge = Judge::new(&image, Err("no user namespaces".to_owned()));
    let unknown = judge.lines(Contract::Docker);
    let unknown = unknown.iter().filter(|line| {
        matches!(line.demand.condition, Condition::Trial(_)) && line.demand.scope != Scope::Silent
    });
    let verdicts: Vec<&Verdict> = unknown.map(|line| &line.verdict).collect();
    assert_eq!(verdicts, [&Verdict::Unknown("no user namespaces".to_owned()); 2]);
}

#[test]
fn a_demand_is_about_those_images_that_have_what_it_is_about() {
    let image = with_config(|it| it.exposed_ports.clear());
    let judge = Judge::new(&image, Err(String::new()));
    for contract in Contract::ALL {
        for line in judge.lines(contract) {
            let is_other = matches!(line.verdict, Verdict::Other(_));
            // It has a Python, and neither Jupyter, CUDA nor a port.
            let expected = !matches!(line.demand.scope, Scope::All | Scope::Python | Scope::Silent);
            assert_eq!(is_other, expected, "{contract}: {}", line.demand.says);
        }
    }
}

#[test]
fn advice_names_keys_that_there_are() {
    let schema = imgbuild_spec::schema().to_string();
    for demand in Contract::ALL.into_iter().flat_map(|contract| terms(contract).demands) {
        // What stands between backticks: `key = value`, `[table]`, or `key` alone before a table.
        for code in demand.advice.split('`').skip(1).step_by(2) {
            let words = match code.split_once(" = ") {
                Some((key, _)) => vec![key],
                None if code.starts_with('[') => code.trim_matches(['[', ']']).split('.').collect(),
                None => continue,
            };
            for word in words.into_iter().filter(|word| word.chars().all(|it| it.is_lowercase() || it == '-'))
            {
                assert!(schema.contains(&format!("\"{word}\"")), "{code}: {}", demand.advice);
            }
        }
    }
    for key in ["cmd", "entrypoint", "expose", "mode", "to", "port", "budget", "home", "uid", "hub-version"] {
        assert!(schema.contains(&format!("\"{key}\"")), "{key}");
    }
}

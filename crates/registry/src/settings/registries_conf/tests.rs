//! The files of podman, in the shapes that are found with people.

use std::fs;

use imgbuild_diagnostic::told;
use insta::assert_snapshot;

use super::*;

/// A machine with files below `etc/containers` and `home/.config/containers`.
struct Machine(tempfile::TempDir, Variables);

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let home = folder.path().join("home").display().to_string();
        Self(folder, [("HOME".to_owned(), home)].into())
    }

    fn naming(mut self, path: &str) -> Self {
        let path = if path.starts_with('/') { path.into() } else { self.0.path().join(path) };
        self.1.insert("CONTAINERS_REGISTRIES_CONF".to_owned(), path.display().to_string());
        self
    }

    fn read(&self) -> Vec<Registry> {
        read(&self.1, self.0.path()).unwrap()
    }

    fn prefixes(&self) -> Vec<String> {
        self.read().into_iter().map(|registry| registry.prefix).collect()
    }

    fn fails(&self) -> String {
        let error = read(&self.1, self.0.path()).unwrap_err();
        let told = match &error {
            SettingsError::Wrong(wrong) => wrong.each().map(|it| format!("{}\n", told(&it))).collect(),
            other => told(other) + "\n",
        };
        told.replace(self.0.path().to_str().unwrap(), "ROOT")
    }
}

const SYSTEM: &str = "etc/containers/registries.conf";
const OWN: &str = "home/.config/containers/registries.conf";

fn entry(location: &str) -> String {
    format!("[[registry]]\nlocation = \"{location}\"\n")
}

#[test]
fn what_openshift_and_others_write() {
    let text = r#"
unqualified-search-registries = ["registry.access.redhat.com", "docker.io"]
short-name-mode = ""

[[registry]]
  prefix = ""
  location = "quay.io/openshift-release-dev/ocp-release"
  mirror-by-digest-only = true
  insecure = false
  blocked = false

  [[registry.mirror]]
    location = "mirror.example:5000/ocp4/openshift4"

[[registry]]
prefix = "docker.io"
location = "docker.io"

[[registry.mirror]]
location = "hub.mirror.example/proxy/"
insecure = true
pull-from-mirror = "all"
[[registry.mirror]]
location = "tags.mirror.example"
pull-from-mirror = "tag-only"

[[registry]]
prefix = "*.test.example"
insecure = true

[aliases]
"fedora" = "registry.fedoraproject.org/fedora"
"#;
    let machine = Machine::new(&[(SYSTEM, text)]);
    let mirror =
        |location: &str, insecure, serves| Mirror { location: location.to_owned(), insecure, serves };
    let registry = |prefix: &str, mirrors| Registry {
        prefix: prefix.to_owned(),
        location: Some(prefix.to_owned()),
        insecure: false,
        blocked: false,
        mirrors,
        file: machine.0.path().join(SYSTEM).display().to_string(),
    };
    let release = mirror("mirror.example:5000/ocp4/openshift4", false, Serves::DigestOnly);
    let hub = [
        mirror("hub.mirror.example/proxy", true, Serves::All),
        mirror("tags.mirror.example", false, Serves::TagOnly),
    ];
    let expected = [
        registry("quay.io/openshift-release-dev/ocp-release", vec![release]),
        registry("docker.io", hub.into()),
        Registry { location: None, insecure: true, ..registry("*.test.example", vec![]) },
    ];
    assert_eq!(machine.read(), expected);
}

#[test]
fn which_files_are_read() {
    let files = [
        (SYSTEM, entry("system.example")),
        ("etc/containers/registries.conf.d/b.conf", entry("b.example")),
        ("etc/containers/registries.conf.d/a.conf", entry("a.example")),
        ("etc/containers/registries.conf.d/a.toml", "not read".to_owned()),
        ("home/.config/containers/registries.conf.d/c.conf", entry("c.example")),
        (OWN, entry("own.example")),
        ("named.conf", entry("named.example")),
    ];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    assert_eq!(Machine::new(&files).prefixes(), ["own.example", "c.example"]);
    let others: Vec<_> = files.into_iter().filter(|(path, _)| *path != OWN).collect();
    assert_eq!(Machine::new(&others).prefixes(), ["system.example", "a.example", "b.example", "c.example"]);
    let named = Machine::new(&files).naming("named.conf");
    assert_eq!(named.prefixes(), ["named.example", "a.example", "b.example", "c.example"]);
    assert_eq!(Machine::new(&files[..1]).naming("/dev/null").prefixes(), Vec::<String>::new());
    assert_eq!(Machine::new(&[]).prefixes(), Vec::<String>::new());
}

#[test]
fn of_two_entries_that_of_the_later_file_counts() {
    let blocked = format!("{}blocked = true\n", entry("r.example"));
    let machine =
        Machine::new(&[(SYSTEM, &entry("r.example")), ("etc/containers/registries.conf.d/a.conf", &blocked)]);
    let blocked: Vec<bool> = machine.read().into_iter().map(|registry| registry.blocked).collect();
    assert_eq!(blocked, [true]);
}

#[test]
fn what_a_prefix_is_the_beginning_of() {
    let matches = |prefix: &str, image: &str| {
        let machine = Machine::new(&[(SYSTEM, &format!("[[registry]]\nprefix = \"{prefix}\"\n"))]);
        machine.read()[0].matches(image).map(|length| image[length..].to_owned())
    };
    let some = |rest: &str| Some(rest.to_owned());
    assert_eq!(matches("r.example", "r.example/team/image"), some("/team/image"));
    assert_eq!(matches("r.example/team", "r.example/team/image"), some("/image"));
    assert_eq!(matches("r.example/team/image", "r.example/team/image"), some(""));
    assert_eq!(matches("r.example/team", "r.example/teams/image"), None);
    assert_eq!(matches("r.example", "r.example.org/image"), None);
    assert_eq!(matches("r.example", "my.r.example/image"), None);
    // As podman has it.
    assert_eq!(matches("r.example", "r.example:5000/image"), some(":5000/image"));
    assert_eq!(matches("*.example", "a.b.example/image"), some("/image"));
    assert_eq!(matches("*.example", "r.example:5000/image"), some(":5000/image"));
    assert_eq!(matches("*.example", "example/image"), None);
    assert_eq!(matches("*.example", "r.test/x.example/image"), None);
}

#[test]
fn what_is_wrong_is_told_with_its_file() {
    let wrong = "[[registry]]\nlocation = \"https://r.example\"\n[[registry]]\nblocked = true\n\
                 [[registry]]\nprefix = \"r.example\"\n[[registry.mirror]]\nlocation = \"a b\"\n";
    let all = [
        Machine::new(&[(SYSTEM, wrong)]).fails(),
        Machine::new(&[(SYSTEM, "[[registry]]\nlocation = \"r.example\"\ninsecure = \"yes\"\n")]).fails(),
        Machine::new(&[(OWN, "[[registry]\n")]).fails(),
        Machine::new(&[(
            SYSTEM,
            "[[registry]]\nlocation = \"r.example\"\n[[registry.mirror]]\n\
                                 location = \"m.example\"\npull-from-mirror = \"never\"\n",
        )])
        .fails(),
        Machine::new(&[]).naming("named.conf").fails(),
        Machine::new(&[("etc/containers/registries.conf/x", "")]).fails(),
        Machine::new(&[(OWN, &" ".repeat(SETTINGS_FILE_LIMIT + 1))]).fails(),
    ];
    assert_snapshot!(all.join("\n"), @r"
    `https://r.example` names no registry
    hint: write it as `registry.example:5000` or `registry.example/team`, without `https://`
    a `[[registry]]` has neither `prefix` nor `location`
    hint: name a registry in `location`, such as `registry.example:5000`
    `a b` names no registry
    hint: write it as `registry.example:5000` or `registry.example/team`, without `https://`

    `registry[0].insecure` must be a boolean, but is a string

    this is not valid TOML: unclosed array table, expected `]`

    `pull-from-mirror` cannot be `never`
    hint: it can be `all`, `digest-only` or `tag-only`

    `ROOT/named.conf` is not there, which `CONTAINERS_REGISTRIES_CONF` names
    hint: unset the variable, for the usual files to be read, or set it to `/dev/null` for none

    cannot read the settings for registries in `ROOT/etc/containers/registries.conf`
    it is not a file
    hint: let it be a file that you can read, or take it away

    `ROOT/home/.config/containers/registries.conf` is larger than 4194304 bytes
    ");
}

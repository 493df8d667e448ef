//! What an image serves and whom it runs as: `jupyter`, `ssh`, `devcontainer` and `[user]`, held against one another, and what they mean as
//! packages.

use imgbuild_document::{Located, Mistake, Node, Origin, Problem, Requirement, Source, VariableName, list};
use imgbuild_environment::match_spec_name;
use imgbuild_secret::SecretText;

use crate::environment_draft::EnvironmentDraft;
use crate::environments::{Environments, own_is_default};
use crate::language::{
    DevContainerKey, DevContainerTable, Document, Image, JupyterKey, JupyterTable, PythonFrom, SshKey,
    SshTable, Suite, UserTable, build_on_debian,
};
use crate::mistake::SpecMistake;
use crate::pip::{Section, ServicePackage, brings_python};
use crate::python::python_from;
use crate::values::{Home, Interface, JupyterProfile, TcpPort, User, UserName, check_environment_value};
use crate::variant::{Account, Base, Conda, CondaPackages, Debian, DevContainer, Jupyter, Ssh};

/// The number of the user, and that of its group: those of the first user of most machines, so that mounted folders can be
/// written; and `users`.
const NUMBERS: (u32, u32) = (1000, 100);

/// What people and platforms expect of an image that they work in: `ps`, names of services, the C++ library that editors bring
/// programs for, `curl`. `tar`, `gzip` and certificates are in every base.
const WORKBENCH: [&str; 4] = ["procps", "netbase", "libstdc++6", "curl"];
/// The server; a name for a user that the image does not know; and `rsync`, which must be at both ends.
const SSH: [&str; 3] = ["openssh-server", "libnss-wrapper", "rsync"];

/// What an image serves, and its user.
pub(crate) struct Services {
    pub(crate) jupyter: Option<Jupyter>,
    pub(crate) ssh: Option<Ssh>,
    pub(crate) dev_container: Option<DevContainer>,
    pub(crate) account: Account,
    /// What Jupyter needs as packages, unless they are named elsewhere.
    packages: Vec<Package>,
}

/// A package that Jupyter needs: as conda calls it, and as the package index does.
struct Package {
    conda: String,
    wheel: String,
    origin: Origin,
}

/// The keys that say what an image serves, as they are written.
type Keys = (
    Option<Located<JupyterKey>>,
    Option<Located<SshKey>>,
    Option<Located<DevContainerKey>>,
    Option<Located<UserTable>>,
);

impl Services {
    /// What the keys ask for, and what is wrong with them. A platform may want another user of the image.
    pub(crate) fn new(
        (jupyter, ssh, dev_container, user): Keys,
        image: &mut Image,
        source: &Source,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let jupyter = jupyter.and_then(|located| table(located, source));
        let packages = jupyter.as_ref().map(|(table, origin)| packages(table, origin, source));
        let jupyter = jupyter.map(|(table, origin)| self::jupyter(table, origin, source, problems));
        let profile = jupyter.as_ref().map(|jupyter| jupyter.profile).unwrap_or_default();
        let ssh = ssh.and_then(|located| self::ssh(located, profile, source, problems));
        if profile == JupyterProfile::Runpod {
            image.user.get_or_insert(User::Id { uid: 0, gid: None });
        }
        let account = account(user, profile, source, problems);
        let dev_container = dev_container.and_then(|located| self::dev_container(located, source, problems));
        Self { jupyter, ssh, dev_container, account, packages: packages.unwrap_or_default() }
    }

    /// Where each of them was asked for, and the port that it listens on.
    fn ports(&self) -> impl Iterator<Item = (&Origin, TcpPort)> {
        let jupyter = self.jupyter.iter().map(|it| (&it.origin, it.port));
        jupyter.chain(self.ssh.iter().map(|it| (&it.origin, it.port)))
    }

    /// Checks that all of them can listen.
    pub(crate) fn check_ports(&self, image: &Image, base: &Base) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let (Some(jupyter), Some(ssh)) = (&self.jupyter, &self.ssh)
            && jupyter.port == ssh.port
        {
            let problem = Problem::new(SpecMistake::SharedPort { port: ssh.port.get() });
            let problem = problem.at(ssh.origin.source(), ssh.origin.span(), "this one");
            let problem = problem.at(jupyter.origin.source(), jupyter.origin.span(), "and this one");
            problems.push(problem.hint("set another `port` in one of the two"));
        }
        let is_root = match &image.user {
            Some(User::Id { uid, .. }) => *uid == 0,
            Some(User::Name { user, .. }) => user == "root",
            // Whom an existing image runs as is known when it is opened.
            None => base.existing().is_some() && self.account.origin.is_none(),
        };
        for (origin, port) in self.ports().filter(|(_, port)| port.is_privileged() && !is_root) {
            let problem = Problem::new(SpecMistake::PrivilegedPort { port: port.get() });
            let problem = problem.at(origin.source(), origin.span(), "asked for here");
            problems.push(problem.hint("take one above, which engines and Kubernetes can publish as any other; or let the image run as root: `user = \"root\"` in `[image]`"));
        }
        problems
    }

    /// Adds to a Debian base what they need. An empty base has neither users nor shells.
    pub(crate) fn stand_on(&self, base: &mut Base) -> Option<Problem> {
        match base {
            Base::Debian(debian) => {
                self.add_debian_packages(debian);
                return None;
            }
            Base::Layout(_) | Base::Image(_) => return None,
            Base::Scratch => {}
        }
        let jupyter = self.jupyter.as_ref().map(|it| ("Jupyter", &it.origin));
        let served = jupyter.or(self.ssh.as_ref().map(|it| ("an SSH server", &it.origin)));
        let served = served.or(self.dev_container.as_ref().map(|it| ("a dev container", &it.origin)));
        if let Some((what, origin)) = served {
            let problem = Problem::new(SpecMistake::NeedsBase { what: what.to_owned() });
            let problem = problem.at(origin.source(), origin.span(), "asked for here");
            return Some(problem.hint(build_on_debian()));
        }
        let origin = self.account.origin.as_ref()?;
        let problem = Problem::new(SpecMistake::NeedsUsers);
        let problem = problem.at(origin.source(), origin.span(), "asked for here");
        Some(problem.hint("a number needs no user: `user = \"1000\"` in `[image]`"))
    }

    /// Adds to the default environment what Jupyter needs, where Python is conda's. Jupyter runs in that Python, or in Debian's.
    /// `from` is where the spec's Python comes from.
    pub(crate) fn run_in(&self, environments: &mut Environments, from: PythonFrom) -> Option<Problem> {
        let origin = &self.jupyter.as_ref()?.origin;
        let other = environments.others.iter().find_map(|it| it.name.clone());
        let EnvironmentDraft { python, conda, lock, pip, .. } = &mut environments.default;
        let python = python.as_ref().map(|python| python.from);
        let in_conda = match (conda, lock) {
            (Some(conda), None) => {
                self.add_conda_packages(conda, python, pip);
                has_python(conda)
            }
            // What is in it is known for each platform.
            (Some(_), Some(_)) => true,
            (None, _) => false,
        };
        let in_base = from == PythonFrom::Base && environments.default.conda.is_none();
        if python.is_some() || in_conda || in_base {
            return None;
        }
        let problem = Problem::new(SpecMistake::JupyterWithoutPython);
        let problem = problem.at(origin.source(), origin.span(), "asked for here");
        Some(match other {
            None => problem.hint("add it to the spec, for example `python = \"3.11\"`"),
            Some(name) => problem.hint(format!(
                "it runs in the default environment: add `python = \"3.11\"` to the spec, or write `default-env = \"{name}\"`"
            )),
        })
    }

    fn add_debian_packages(&self, debian: &mut Debian) {
        let suite = debian.suite;
        let mut add = |names: &[&str], origin: &Origin| {
            for name in names {
                if !debian.packages.iter().any(|package| package.text.whole() == *name) {
                    debian
                        .packages
                        .push(Requirement { text: SecretText::new(*name), origin: origin.clone() });
                }
            }
        };
        self.ports().for_each(|(origin, _)| add(&WORKBENCH, origin));
        self.dev_container.iter().for_each(|it| add(&WORKBENCH, &it.origin));
        if let Some(ssh) = &self.ssh {
            add(&SSH, &ssh.origin);
            if ssh.forward_x11 {
                add(&["xauth"], &ssh.origin);
            }
            if suite == Suite::Trixie {
                // What makes its user, without all of systemd.
                add(&["systemd-standalone-sysusers"], &ssh.origin);
            }
        }
        if let Some(origin) = self.account.origin.as_ref().filter(|_| self.account.sudo) {
            add(&["sudo"], origin);
        }
    }

    fn add_conda_packages(&self, conda: &mut Conda, python: Option<PythonFrom>, pip: &Section) {
        if matches!(python, Some(PythonFrom::Debian | PythonFrom::Base))
            || python.is_none() && !has_python(conda)
        {
            return;
        }
        let CondaPackages::Requirements(requirements) = &mut conda.packages else { return };
        for Package { conda, wheel, origin } in &self.packages {
            let name = match_spec_name(conda);
            let is_named = requirements.iter().any(|it| match_spec_name(it.text.whole()) == name);
            if !is_named && !pip.names_project(wheel) {
                requirements.push(Requirement { text: SecretText::new(conda), origin: origin.clone() });
            }
        }
    }
}

/// The wheels that Jupyter needs, and pip where people work in the image, if Python is Debian's or an existing image's. conda brings
/// pip by itself.
pub(crate) fn wheels(document: &Document, asks_for_wheels: bool, source: &Source) -> Vec<ServicePackage> {
    if !matches!(python_from(document), Some(PythonFrom::Debian | PythonFrom::Base)) {
        return Vec::new();
    }
    let package = |name: String, origin: Origin, is_optional| ServicePackage {
        requirement: Requirement { text: SecretText::new(name), origin },
        is_optional,
    };
    let own = document.conda.as_ref().map(|located| &located.value);
    // What it serves runs in the default environment.
    let jupyter = document.jupyter.as_ref().filter(|_| own_is_default(&document.default_env, own));
    let jupyter = jupyter.map(|located| (&located.value, located.origin(source)));
    let for_jupyter = match &jupyter {
        None | Some((JupyterKey::Short(false), _)) => Vec::new(),
        Some((JupyterKey::Short(true), origin)) => packages(&JupyterTable::default(), origin, source),
        Some((JupyterKey::Table(table), origin)) => packages(table, origin, source),
    };
    let pip = pip(document, !for_jupyter.is_empty(), asks_for_wheels, source);
    let for_jupyter = for_jupyter.into_iter().map(|it| package(it.wheel, it.origin, false));
    for_jupyter
        .chain(pip.map(|(origin, is_optional)| package("pip".to_owned(), origin, is_optional)))
        .collect()
}

/// Who asks for pip, and whether it is left out where every wheel must have a hash: `[pip] writable`, or else what people work in,
/// unless nothing that they install would be seen.
fn pip(
    document: &Document,
    has_jupyter: bool,
    asks_for_wheels: bool,
    source: &Source,
) -> Option<(Origin, bool)> {
    let writable = document.pip.as_ref().and_then(|located| located.value.writable.as_ref());
    if let Some(located) = writable.filter(|located| located.value) {
        return Some((located.origin(source), false));
    }
    let has_site = document.user.as_ref().and_then(|user| user.value.site_packages.as_ref());
    if has_site.is_some_and(|located| !located.value) {
        return None;
    }
    let jupyter = document.jupyter.as_ref().filter(|_| has_jupyter).map(|located| located.origin(source));
    let ssh = document.ssh.as_ref().filter(|located| !matches!(located.value, SshKey::Short(false)));
    let container = document.devcontainer.as_ref();
    let container = container.filter(|located| !matches!(located.value, DevContainerKey::Short(false)));
    let ssh = ssh.map(|located| located.origin(source));
    let others = ssh.or(container.map(|located| located.origin(source))).filter(|_| asks_for_wheels);
    jupyter.or(others).map(|origin| (origin, true))
}

/// Whether Python is among the packages.
fn has_python(conda: &Conda) -> bool {
    match &conda.packages {
        CondaPackages::Requirements(all) => all.iter().any(|it| brings_python(it.text.whole())),
        CondaPackages::Locked(locked) => locked.version("python").is_some(),
    }
}

fn table(located: Located<JupyterKey>, source: &Source) -> Option<(JupyterTable, Origin)> {
    let origin = located.origin(source);
    match located.value {
        JupyterKey::Short(false) => None,
        JupyterKey::Short(true) => Some((JupyterTable::default(), origin)),
        JupyterKey::Table(table) => Some((*table, origin)),
    }
}

fn packages(table: &JupyterTable, origin: &Origin, source: &Source) -> Vec<Package> {
    let same =
        |name: &str| Package { conda: name.to_owned(), wheel: name.to_owned(), origin: origin.clone() };
    let mut all = match table.interface {
        Interface::Lab => vec![same("jupyterlab")],
        Interface::Notebook => vec![same("notebook")],
        Interface::Server => vec![
            Package {
                conda: "jupyter_server".to_owned(),
                wheel: "jupyter-server".to_owned(),
                origin: origin.clone(),
            },
            same("ipykernel"),
        ],
    };
    if is_spawned(table.profile) {
        let version = table.hub_version.as_ref();
        let text =
            |name: &str| version.map_or(name.to_owned(), |it| format!("{name}{}", it.value.specifier()));
        let origin = version.map_or_else(|| origin.clone(), |it| it.origin(source));
        all.push(Package { conda: text("jupyterhub-singleuser"), wheel: text("jupyterhub"), origin });
    }
    all.extend(table.kernels.iter().chain(&table.extensions).map(|located| {
        let (text, origin) = (located.value.clone(), located.origin(source));
        Package { conda: text.clone(), wheel: text, origin }
    }));
    all
}

/// Whether a hub spawns it.
fn is_spawned(profile: JupyterProfile) -> bool {
    matches!(profile, JupyterProfile::Hub | JupyterProfile::Openshift)
}

fn jupyter(table: JupyterTable, origin: Origin, source: &Source, problems: &mut Vec<Problem>) -> Jupyter {
    if let Some(version) = table.hub_version.as_ref().filter(|_| !is_spawned(table.profile)) {
        let problem = Problem::new(SpecMistake::NoHub).at(source, version.span.clone(), "this version");
        problems.push(problem.hint("write `profile = \"hub\"`, or remove the version"));
    }
    let half = match (&table.certfile, &table.keyfile) {
        (Some(there), None) => Some((there, "keyfile")),
        (None, Some(there)) => Some((there, "certfile")),
        _ => None,
    };
    if let Some((there, missing)) = half {
        let key = there.key.rsplit('.').next().unwrap_or_default().to_owned();
        let missing = missing.to_owned();
        let problem = Problem::new(SpecMistake::HalfCertificate { key, missing: missing.clone() });
        let problem = problem.at(source, there.span.clone(), "this one");
        problems.push(problem.hint(format!("add `{missing}`: a path in the container, where it is mounted")));
    }
    let (port, base_url) = match table.profile {
        JupyterProfile::Openshift => (8080, "/"),
        JupyterProfile::Sagemaker => (8888, "/jupyterlab/default"),
        _ => (8888, "/"),
    };
    Jupyter {
        interface: table.interface,
        port: table.port.map_or(TcpPort::known(port), |located| located.value),
        base_url: table
            .base_url
            .map_or_else(|| base_url.parse().unwrap_or_default(), |located| located.value),
        certificate: table.certfile.map(|it| it.value).zip(table.keyfile.map(|it| it.value)),
        profile: table.profile,
        origin,
    }
}

fn ssh(
    located: Located<SshKey>,
    profile: JupyterProfile,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Option<Ssh> {
    let origin = located.origin(source);
    let table = match located.value {
        SshKey::Short(false) => return None,
        SshKey::Short(true) => SshTable::default(),
        SshKey::Table(table) => *table,
    };
    let keys = table.authorized_keys;
    if let Some(keys) = &keys {
        list::check_unique("ssh.authorized-keys", &keys.value, source, problems);
    }
    // RunPod reaches no other port, and everybody is root there.
    let port = if profile == JupyterProfile::Runpod { 22 } else { 2222 };
    Some(Ssh {
        port: table.port.map_or(TcpPort::known(port), |located| located.value),
        authorized_keys: keys.into_iter().flat_map(|keys| keys.value).map(|key| key.value).collect(),
        forward_agent: table.forward_agent,
        forward_x11: table.forward_x11,
        sftp: table.sftp.unwrap_or(true),
        origin,
    })
}

fn dev_container(
    located: Located<DevContainerKey>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Option<DevContainer> {
    let origin = located.origin(source);
    let table = match located.value {
        DevContainerKey::Short(false) => return None,
        DevContainerKey::Short(true) => DevContainerTable::default(),
        DevContainerKey::Table(table) => *table,
    };
    let extensions = list::unique("devcontainer.extensions", table.extensions, source, problems);
    let ports = list::unique("devcontainer.forward-ports", table.forward_ports, source, problems);
    let (extensions, forward_ports) = (extensions.unwrap_or_default(), ports.unwrap_or_default());
    Some(DevContainer { extensions, forward_ports, origin })
}

/// The user that a spec asks for, or that a platform wants.
fn account(
    table: Option<Located<UserTable>>,
    profile: JupyterProfile,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Account {
    let origin = table.as_ref().map(|located| located.origin(source));
    let table = table.map(|located| located.value).unwrap_or_default();
    let groups = list::unique("user.groups", table.groups, source, problems).unwrap_or_default();
    let name = table.name.map_or_else(|| UserName::of(profile), |located| located.value);
    Account {
        home: table.home.map_or_else(|| Home::of(&name), |located| located.value),
        name,
        uid: table.uid.map_or(NUMBERS.0, |located| located.value.get()),
        gid: table.gid.map_or(NUMBERS.1, |located| located.value.get()),
        shell: table.shell.map(|located| located.value).unwrap_or_default(),
        sudo: table.sudo.is_some_and(|located| located.value),
        groups,
        site_packages: table.site_packages.is_none_or(|located| located.value),
        origin,
    }
}

/// Variables that are secrets, or that would leave Jupyter open to everybody.
const SECRETS: [&str; 3] = ["JUPYTER_TOKEN", "JUPYTER_PASSWORD", "JUPYTERHUB_API_TOKEN"];

/// Secrets among the variables of the image. `root` is the spec.
pub(crate) fn secret_variables(root: &Node, source: &Source) -> Vec<Problem> {
    let variables = root.get("image").and_then(|image| image.get("env"));
    let named = |name: &&str| variables.and_then(|variables| variables.get(name));
    let problem = |name: &str, node: &Node| {
        let problem = Problem::new(SpecMistake::SecretVariable { name: name.to_owned() });
        problem
            .at(source, node.span.clone(), "this value")
            .hint("give it when a container starts; without one Jupyter makes a token of its own")
    };
    SECRETS.iter().filter_map(|name| Some(problem(name, named(name)?))).collect()
}

/// The variables of an environment's file that no image can have.
pub(crate) fn wrong_variables(environment: &EnvironmentDraft) -> Vec<Problem> {
    let problem = |(name, value): (&VariableName, &String)| {
        let problem = match check_environment_value(value) {
            Err(error) => {
                let message = format!("the variable `{name}` of the environment: {error}");
                Problem::new(Mistake::Value { message }).hint_if_any(error.help().map(str::to_owned))
            }
            Ok(()) if SECRETS.contains(&name.as_str()) => {
                Problem::new(SpecMistake::SecretVariable { name: name.to_string() })
                    .hint("give it when a container starts")
            }
            Ok(()) => return None,
        };
        Some(match &environment.file {
            Some(file) => problem.at(file.source(), file.span(), "this environment"),
            None => problem,
        })
    };
    environment.conda.iter().flat_map(|conda| &conda.variables).filter_map(problem).collect()
}

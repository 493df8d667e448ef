//! What a maintainer script leaves on the disk, as data.

use serde::Deserialize;

/// One thing that a script does to a system that is installed for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Effect {
    /// Copies a file of the package, with mode and owner.
    Copy { from: String, to: String },
    /// Writes a file.
    File {
        path: String,
        #[serde(default = "readable")]
        mode: u32,
        #[serde(default = "root")]
        group: String,
        #[serde(default)]
        text: String,
    },
    /// Makes a folder.
    Directory {
        path: String,
        #[serde(default = "executable")]
        mode: u32,
        #[serde(default = "root")]
        group: String,
    },
    /// Makes a symbolic link.
    Link { path: String, target: String },
    /// Calls `update-alternatives --install`.
    Alternative(Alternative),
    /// Calls `deb-systemd-helper enable`.
    EnableUnit(String),
    /// Calls `deb-systemd-helper update-state` for a unit that is not enabled.
    RecordUnit(String),
    /// Calls `deb-systemd-helper --user enable`.
    EnableUserUnit(String),
    /// Calls `update-rc.d … defaults`.
    InitScript(String),
    /// Calls `dpkg-divert`.
    Divert { path: String, to: String },
    /// Calls `addgroup --system`: a group with the next free number from 100 up.
    SystemGroup(String),
    /// Calls `adduser --system`, or `systemd-sysusers`: a user with the next free number, in the group `nogroup`.
    SystemUser(SystemUser),
    /// Calls `ucf` and `ucfr` for a file that is not there yet.
    ConfigurationFile { from: String, to: String },
    /// Makes `ucf`'s records.
    Ucf,
    /// Gives a file of the package another mode, and a group that is made at the same time.
    Regroup { path: String, mode: u32, group: String },
    /// Calls `add-shell`.
    AddShell(String),
    /// Copies `base-passwd`'s master files.
    Accounts,
    /// Calls `shadowconfig on`.
    Shadow,
    /// Calls `update-shells`.
    Shells,
    /// Writes `/etc/pam.d/common-*`.
    Pam,
    /// Writes dpkg's record of the architecture.
    NativeArchitecture,
    /// Diverts the loader's path away from other packages.
    LoaderDiversion,
    /// Enables every certificate, and calls `update-ca-certificates`.
    Certificates,
}

impl Effect {
    /// The file of the package that it needs.
    pub(crate) fn uses(&self) -> Option<&str> {
        match self {
            Self::Copy { from, .. } | Self::ConfigurationFile { from, .. } => Some(from),
            Self::Regroup { path, .. } => Some(path),
            _ => None,
        }
    }
}

fn readable() -> u32 {
    0o644
}

fn executable() -> u32 {
    0o755
}

fn root() -> String {
    "root".to_owned()
}

/// A user that a package needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SystemUser {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) comment: String,
    pub(crate) home: String,
    pub(crate) shell: String,
    pub(crate) by: MadeBy,
}

/// Which program makes a user: they number and lock them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MadeBy {
    /// From 100 up.
    Adduser,
    /// From 999 down.
    Sysusers,
}

/// One choice for a name with alternatives, see `update-alternatives(1)`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Alternative {
    /// The generic name, such as `awk`.
    pub(crate) name: String,
    /// Where it is looked for, such as `/usr/bin/awk`.
    pub(crate) link: String,
    /// What it is, such as `/usr/bin/mawk`.
    pub(crate) path: String,
    /// The highest priority is taken.
    pub(crate) priority: i32,
    /// What goes along, such as manual pages.
    #[serde(default)]
    pub(crate) slaves: Vec<Slave>,
}

/// A link that goes along with an alternative.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Slave {
    pub(crate) name: String,
    pub(crate) link: String,
    pub(crate) path: String,
}

impl Alternative {
    /// Reads the words behind `update-alternatives`; nothing where they are not a plain `--install`.
    pub(crate) fn read(words: &[&str]) -> Option<Self> {
        let plain = |word: &&str| !word.contains(['$', '`', '*', '(', ';', '|', '&', '<', '>', '{']);
        let mut words = words.iter().copied().filter(|it| *it != "--quiet" && *it != "--force");
        if words.next()? != "--install" {
            return None;
        }
        let rest: Vec<&str> = words.collect();
        if !rest.iter().all(plain) {
            return None;
        }
        let [link, name, path, priority, slaves @ ..] = rest.as_slice() else { return None };
        let mut alternative = Self {
            name: (*name).to_owned(),
            link: (*link).to_owned(),
            path: (*path).to_owned(),
            priority: priority.parse().ok()?,
            slaves: Vec::new(),
        };
        for slave in slaves.chunks(4) {
            let ["--slave", link, name, path] = slave else { return None };
            let slave =
                Slave { name: (*name).to_owned(), link: (*link).to_owned(), path: (*path).to_owned() };
            alternative.slaves.push(slave);
        }
        Some(alternative)
    }
}

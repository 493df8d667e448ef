//! What an image says of itself: its operating system, its users, its packages.

use imgbuild_archive::ImagePath;
use imgbuild_layer::{Merged, NodeKind};
use imgbuild_oci::Platform;
use imgbuild_runtime::{AccountFiles, SHELL_FILES};
use serde::{Deserialize, Serialize};

use crate::packages::{DPKG_STATUS, DPKG_STATUS_FOLDER, packages};
use crate::pythons::Pythons;
use crate::{DpkgPackage, NoGlibc, glibc};

const TEXTS: [&str; 7] = [
    "etc/os-release",
    "usr/lib/os-release",
    "etc/passwd",
    "etc/group",
    "etc/shadow",
    "etc/gshadow",
    DPKG_STATUS,
];

/// What was found in an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The version of glibc, such as `2.36`.
    pub glibc: Option<String>,
    /// Whether it has musl.
    pub musl: bool,
    /// Its operating system, by `os-release`.
    pub system: Option<OperatingSystem>,
    /// Whether `/bin`, `/lib` and `/sbin` are links into `/usr`.
    pub merged_usr: bool,
    /// The files that know its users.
    pub accounts: AccountFiles,
    /// The files that shells read, as far as images add a line to them.
    pub shell_files: Vec<ShellFile>,
    /// The packages that dpkg knows as installed, sorted by name.
    pub packages: Vec<DpkgPackage>,
    /// What it has of Python.
    pub pythons: Pythons,
}

/// A file that shells read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellFile {
    /// Its path, which has no link in it.
    pub path: ImagePath,
    /// Its permission bits.
    pub mode: u32,
    /// Its content.
    pub content: Vec<u8>,
}

/// An operating system, by `os-release(5)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatingSystem {
    /// `ID`, such as `debian`.
    pub id: String,
    /// `VERSION_ID`, where it has one.
    pub version: Option<String>,
}

impl ShellFile {
    /// The file of an image at a path; nothing where there is none, or a link.
    pub fn of(merged: &Merged, path: &str) -> Option<Self> {
        let path = ImagePath::new(path).ok()?;
        let node = merged.get(&path).filter(|node| matches!(node.kind, NodeKind::File { .. }))?;
        Some(Self { mode: node.mode, content: merged.content(&path)?.to_vec(), path })
    }
}

impl Facts {
    /// Whether the content of a file is needed for them.
    pub fn needs(path: &ImagePath) -> bool {
        TEXTS.contains(&path.as_str())
            || path.parent().is_some_and(|folder| folder.as_str() == DPKG_STATUS_FOLDER)
            || Self::keeps(path)
            || glibc::needs(path)
            || Pythons::needs(path)
    }

    /// Whether it is asked whether the file is there.
    pub(crate) fn keeps(path: &ImagePath) -> bool {
        SHELL_FILES.iter().any(|(known, _)| path.as_str() == *known)
    }

    /// What the layers of an image of a platform say, whose configuration sets these variables.
    pub fn read(merged: &Merged, platform: Platform, variables: &[String]) -> Self {
        let text = |path: &str| {
            let path = ImagePath::new(path).ok()?;
            merged.content(&path).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        let packages = packages(merged, text(DPKG_STATUS));
        Self {
            glibc: glibc::version(merged, platform, &packages),
            musl: glibc::has_musl(merged, platform),
            system: text("etc/os-release").or_else(|| text("usr/lib/os-release")).and_then(|it| system(&it)),
            merged_usr: ["bin", "lib", "sbin"].iter().all(|name| is_merged(merged, name)),
            accounts: AccountFiles {
                passwd: text("etc/passwd"),
                group: text("etc/group"),
                shadow: text("etc/shadow"),
                gshadow: text("etc/gshadow"),
            },
            shell_files: SHELL_FILES.iter().filter_map(|(path, _)| ShellFile::of(merged, path)).collect(),
            pythons: Pythons::read(merged, &packages, variables),
            packages,
        }
    }

    /// Its glibc.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub fn glibc(&self) -> Result<&str, NoGlibc> {
        match &self.glibc {
            Some(version) => Ok(version),
            None if self.musl => Err(NoGlibc::Musl),
            None => Err(NoGlibc::Nothing),
        }
    }

    /// The numbers of a user as a configuration names it: `user`, `uid`, `user:group`, `uid:gid`; root where it is empty.
    /// Nothing where the image has no such user or group.
    pub fn user(&self, text: &str) -> Option<(u32, u32)> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let (uid, own_group) = match user.parse::<u32>() {
            _ if user.is_empty() => (0, 0),
            Ok(uid) => (uid, self.accounts.user_of_number(uid).map_or(0, |(_, gid)| gid)),
            Err(_) => self.accounts.user(user)?,
        };
        let gid = match group {
            None => own_group,
            Some(group) => match group.parse() {
                Ok(gid) => gid,
                Err(_) => self.accounts.group(group)?,
            },
        };
        Some((uid, gid))
    }
}

fn is_merged(merged: &Merged, name: &str) -> bool {
    let Ok(path) = ImagePath::new(name) else { return false };
    let link = merged.get(&path).is_some_and(|node| matches!(node.kind, NodeKind::Symlink(_)));
    link && merged.find(&path).is_some_and(|(found, _)| found.as_str() == format!("usr/{name}"))
}

/// `NAME=value` lines, with the quotes of a shell.
fn system(text: &str) -> Option<OperatingSystem> {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
        Some(line.trim_matches(['"', '\'']).to_owned()).filter(|value| !value.is_empty())
    };
    Some(OperatingSystem { id: value("ID")?, version: value("VERSION_ID") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_read_with_its_quotes() {
        let os = |text| system(text).map(|os| (os.id, os.version.unwrap_or_default()));
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(os(text), Some(("debian".into(), "12".into())));
        assert_eq!(os("ID='arch'\nID_LIKE=x\n"), Some(("arch".into(), String::new())));
        assert_eq!(os("NAME=x\n"), None);
    }

    #[test]
    fn users_are_found_as_engines_find_them() {
        let facts = Facts {
            accounts: AccountFiles {
                passwd: Some("root:x:0:0:root:/root:/bin/sh\napp:x:500:600::/:/bin/sh\nbroken\n".to_owned()),
                group: Some("root:x:0:\nwheel:x:10:app\n".to_owned()),
                ..AccountFiles::default()
            },
            ..Facts::default()
        };
        assert_eq!(facts.user(""), Some((0, 0)));
        assert_eq!(facts.user("app"), Some((500, 600)));
        assert_eq!(facts.user("500"), Some((500, 600)));
        assert_eq!(facts.user("7"), Some((7, 0)));
        assert_eq!(facts.user("app:wheel"), Some((500, 10)));
        assert_eq!(facts.user("1000:100"), Some((1000, 100)));
        assert_eq!(facts.user("nobody"), None);
        assert_eq!(facts.user("app:nobody"), None);
    }
}

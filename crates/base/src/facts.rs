//! What an image says of itself: its operating system, its users, its packages.

use imgbuild_archive::ImagePath;
use imgbuild_layer::{Merged, NodeKind};
use imgbuild_oci::Platform;
use serde::{Deserialize, Serialize};

use crate::packages::{DPKG_STATUS, DPKG_STATUS_FOLDER, packages};
use crate::{DpkgPackage, NoGlibc, glibc};

const TEXTS: [&str; 5] = ["etc/os-release", "usr/lib/os-release", "etc/passwd", "etc/group", DPKG_STATUS];

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
    /// Its users, in the order of `/etc/passwd`.
    pub users: Vec<Account>,
    /// Its groups with their numbers.
    pub groups: Vec<(String, u32)>,
    /// The packages that dpkg knows as installed, sorted by name.
    pub packages: Vec<DpkgPackage>,
}

/// An operating system, by `os-release(5)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatingSystem {
    /// `ID`, such as `debian`.
    pub id: String,
    /// `VERSION_ID`, where it has one.
    pub version: Option<String>,
}

/// A user of the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The login name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The number of the group.
    pub gid: u32,
}

impl Facts {
    /// Whether the content of a file is needed for them.
    pub(crate) fn needs(path: &ImagePath) -> bool {
        TEXTS.contains(&path.as_str())
            || path.parent().is_some_and(|folder| folder.as_str() == DPKG_STATUS_FOLDER)
            || glibc::needs(path)
    }

    pub(crate) fn read(merged: &Merged, platform: Platform) -> Self {
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
            users: text("etc/passwd").map(|text| users(&text)).unwrap_or_default(),
            groups: text("etc/group").map(|text| groups(&text)).unwrap_or_default(),
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
            Ok(uid) => (uid, self.users.iter().find(|account| account.uid == uid).map_or(0, |it| it.gid)),
            Err(_) => self.users.iter().find(|it| it.name == user).map(|it| (it.uid, it.gid))?,
        };
        let gid = match group {
            None => own_group,
            Some(group) => match group.parse() {
                Ok(gid) => gid,
                Err(_) => self.groups.iter().find(|(name, _)| name == group)?.1,
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

fn users(text: &str) -> Vec<Account> {
    let user = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, ..] = fields.as_slice() else { return None };
        Some(Account { name: (*name).to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()? })
    };
    text.lines().filter_map(user).collect()
}

fn groups(text: &str) -> Vec<(String, u32)> {
    let group = |line: &str| {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
    };
    text.lines().filter_map(group).collect()
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
            users: users("root:x:0:0:root:/root:/bin/sh\napp:x:500:600::/:/bin/sh\nbroken\n"),
            groups: groups("root:x:0:\nwheel:x:10:app\n"),
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

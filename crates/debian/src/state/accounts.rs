//! Users and groups, and the shells that they may have.

use imgbuild_layer::{EntryKind, Ownership};
use imgbuild_runtime::{AccountFiles, User};

use super::StateError;
use super::collect::BasePackages;
use super::read::ReadPackage;
use super::tree::Tree;
use crate::base_system::group_number;
use crate::package::effects::{MadeBy, SystemUser};

/// `/etc/passwd` and `/etc/group` as they come about.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    users: Vec<String>,
    groups: Vec<String>,
    system_groups: Vec<String>,
    /// The users that packages made, and what stands in place of their passwords.
    system_users: Vec<(String, &'static str)>,
    pub(crate) shadow: bool,
}

impl Accounts {
    /// `base-passwd`'s master files.
    pub(crate) fn read_masters(&mut self, package: &ReadPackage) -> Result<(), StateError> {
        let lines = |path| -> Result<Vec<String>, StateError> {
            let (_, bytes) = package.file(path)?;
            Ok(String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect())
        };
        self.users = lines("/usr/share/base-passwd/passwd.master")?;
        self.groups = lines("/usr/share/base-passwd/group.master")?;
        Ok(())
    }

    /// Adds a group with the next free number, where there is none of that name.
    pub(crate) fn system_group(&mut self, name: &str) {
        if !has(&self.groups, 0, name) {
            let free = (100..1000).find(|it: &u32| !has(&self.groups, 2, &it.to_string())).unwrap_or(999);
            self.groups.push(format!("{name}:*:{free}:"));
            self.system_groups.push(name.to_owned());
        }
    }

    /// Adds a user, where there is none of that name.
    pub(crate) fn system_user(&mut self, user: &SystemUser) {
        if has(&self.users, 0, &user.name) {
            return;
        }
        let is_free = |it: &u32| !has(&self.users, 2, &it.to_string());
        let (number, locked) = match user.by {
            MadeBy::Adduser => ((100..1000).find(is_free), "!"),
            MadeBy::Sysusers => ((100..1000).rev().find(is_free), "!*"),
        };
        let (number, group) = (number.unwrap_or(999), group_number("nogroup").unwrap_or(65534));
        let SystemUser { name, comment, home, shell, .. } = user;
        self.users.push(format!("{name}:*:{number}:{group}:{comment}:{home}:{shell}"));
        self.system_users.push((name.clone(), locked));
    }

    /// The number of a group.
    pub(crate) fn group_number(&self, name: &str) -> u32 {
        let line = self.groups.iter().find(|it| it.split(':').next() == Some(name));
        line.and_then(|it| it.split(':').nth(2)?.parse().ok()).unwrap_or(0)
    }

    /// Writes the files, with `more` users, whose homes are made.
    pub(crate) fn finish(self, more: &[User], timestamp: i64, tree: &mut Tree) -> Result<(), StateError> {
        if self.users.is_empty() {
            return Ok(());
        }
        let mut files = self.files(timestamp);
        for user in more {
            let name = user.name.clone();
            files.add(user, timestamp).map_err(|error| StateError::User { name, error })?;
            let home = Ownership::of_user(user.uid);
            tree.put(&user.home, EntryKind::Directory, home.folder_mode(), home.owner(), &[]);
        }
        let AccountFiles { passwd, group, shadow, gshadow } = &files;
        for (path, mode, group, text) in [
            ("/etc/passwd", 0o644, "root", passwd),
            ("/etc/group", 0o644, "root", group),
            ("/etc/shadow", 0o640, "shadow", shadow),
            ("/etc/gshadow", 0o640, "shadow", gshadow),
        ] {
            text.iter().for_each(|text| tree.file(path, mode, group, text.as_bytes()));
        }
        Ok(())
    }

    /// The users and groups so far. Shadow is as `pwconv` and `grpconv` write it: no password is ever right.
    fn files(&self, timestamp: i64) -> AccountFiles {
        if !self.shadow {
            let (passwd, group) = (Some(text(&self.users)), Some(text(&self.groups)));
            return AccountFiles { passwd, group, ..AccountFiles::default() };
        }
        let day = timestamp.div_euclid(24 * 60 * 60);
        let name = |line: &String| line.split(':').next().unwrap_or("").to_owned();
        let user = |name: String| match self.system_users.iter().find(|(user, _)| *user == name) {
            Some((_, locked)) => format!("{name}:{locked}:{day}::::::"),
            None => format!("{name}:*:{day}:0:99999:7:::"),
        };
        let users: Vec<_> = self.users.iter().map(name).map(user).collect();
        let lock = |group: &String| if self.system_groups.contains(group) { "!" } else { "*" };
        let groups: Vec<_> = self.groups.iter().map(name).map(|it| format!("{it}:{}::", lock(&it))).collect();
        // The field says where the password is.
        let moved = |it: &String| it.replacen(":*:", ":x:", 1);
        AccountFiles {
            passwd: Some(text(&self.users.iter().map(moved).collect::<Vec<_>>())),
            group: Some(text(&self.groups.iter().map(moved).collect::<Vec<_>>())),
            shadow: Some(text(&users)),
            gshadow: Some(text(&groups)),
        }
    }
}

fn has(lines: &[String], at: usize, value: &str) -> bool {
    lines.iter().any(|it| it.split(':').nth(at) == Some(value))
}

fn text(lines: &[String]) -> String {
    lines.iter().map(|it| format!("{it}\n")).collect()
}

/// `update-shells`: every shell that a package announces below `shells.d`, by both of its names where `/usr` is
/// merged. `added` are those that packages added by themselves.
pub(crate) fn shells(collected: &BasePackages, added: &[&str], tree: &mut Tree) {
    let mut announced = std::collections::BTreeMap::new();
    let mut head = String::new();
    for (path, (_, bytes)) in collected.packages.iter().flat_map(|it| &it.files) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if path.as_str() == "usr/share/debianutils/shells" {
            head = text;
        } else if path.as_str().starts_with("usr/share/debianutils/shells.d/") {
            announced.insert(path.clone(), text);
        }
    }
    let mut state = Vec::new();
    let listed = head.lines().chain(announced.values().flat_map(|it| it.lines()));
    for line in listed.filter(|it| it.starts_with('/')) {
        for shell in spellings(line) {
            if !state.contains(&shell) {
                state.push(shell);
            }
        }
    }
    let mut shells: Vec<String> = head.lines().map(str::to_owned).collect();
    shells.extend(state.iter().filter(|it| !head.lines().any(|line| line == it.as_str())).cloned());
    shells.extend(added.iter().map(|it| (*it).to_owned()));
    tree.file("/etc/shells", 0o644, "root", text(&shells).as_bytes());
    tree.file("/var/lib/shells.state", 0o644, "root", text(&state).as_bytes());
}

fn spellings(shell: &str) -> Vec<String> {
    match shell.strip_prefix("/usr/bin/") {
        Some(_) => vec![shell.to_owned()],
        None if shell.starts_with("/bin/") => vec![shell.to_owned(), format!("/usr{shell}")],
        None => vec![shell.to_owned()],
    }
}

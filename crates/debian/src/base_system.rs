//! The users and groups that every Debian system has, by the numbers that `base-passwd` gives them for all time.

use std::collections::BTreeMap;

use imgbuild_runtime::AccountFiles;

/// Users of `passwd.master`. Debian policy 9.2.2: these numbers are allocated globally, and never change.
const USERS: [(&str, u32); 18] = [
    ("root", 0),
    ("daemon", 1),
    ("bin", 2),
    ("sys", 3),
    ("sync", 4),
    ("games", 5),
    ("man", 6),
    ("lp", 7),
    ("mail", 8),
    ("news", 9),
    ("uucp", 10),
    ("proxy", 13),
    ("www-data", 33),
    ("backup", 34),
    ("list", 38),
    ("irc", 39),
    ("_apt", 42),
    ("nobody", 65534),
];

/// Groups of `group.master`.
const GROUPS: [(&str, u32); 38] = [
    ("root", 0),
    ("daemon", 1),
    ("bin", 2),
    ("sys", 3),
    ("adm", 4),
    ("tty", 5),
    ("disk", 6),
    ("lp", 7),
    ("mail", 8),
    ("news", 9),
    ("uucp", 10),
    ("man", 12),
    ("proxy", 13),
    ("kmem", 15),
    ("dialout", 20),
    ("fax", 21),
    ("voice", 22),
    ("cdrom", 24),
    ("floppy", 25),
    ("tape", 26),
    ("sudo", 27),
    ("audio", 29),
    ("dip", 30),
    ("www-data", 33),
    ("backup", 34),
    ("operator", 37),
    ("list", 38),
    ("irc", 39),
    ("src", 40),
    ("shadow", 42),
    ("utmp", 43),
    ("video", 44),
    ("sasl", 45),
    ("plugdev", 46),
    ("staff", 50),
    ("games", 60),
    ("users", 100),
    ("nogroup", 65534),
];

/// The user of `openssh-server`, in bookworm and, by another number, in trixie.
const ADDED: [(&str, u32); 2] = [("sshd", 100), ("sshd", 999)];

fn number(table: &[(&str, u32)], name: &str) -> Option<u32> {
    let table: BTreeMap<_, _> = table.iter().copied().collect();
    table.get(name).copied()
}

/// The number of a user that every system has.
pub(crate) fn user_number(name: &str) -> Option<u32> {
    number(&USERS, name)
}

/// The users and groups that a base has whatever its packages are, as far as names and numbers go, and those that packages add
/// whose scripts are known.
pub fn base_accounts() -> AccountFiles {
    let user = |(name, number): (&str, u32)| format!("{name}:*:{number}:{number}::/:/usr/sbin/nologin\n");
    let group = |(name, number): (&str, u32)| format!("{name}:*:{number}:\n");
    AccountFiles {
        passwd: Some(USERS.into_iter().chain(ADDED).map(user).collect()),
        group: Some(GROUPS.into_iter().map(group).collect()),
        ..AccountFiles::default()
    }
}

/// The number of a group that every system has.
pub(crate) fn group_number(name: &str) -> Option<u32> {
    number(&GROUPS, name)
}

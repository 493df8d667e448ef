//! Users and groups, as the image's own files name them.

use super::root::Root;
use crate::wire::{Failure, Step as _, User};

/// The most that is read of `/etc/passwd` and `/etc/group`.
const LIMIT: u64 = 16 << 20;

/// Who a command runs as, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Identity {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
    /// The home folder, where the image names one.
    pub(super) home: Option<String>,
}

/// Looks a user up.
pub(super) fn identity(root: &Root, user: &User) -> Result<Identity, Failure> {
    let text = |path| root.read(path, LIMIT).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    // An image without these files has numbers only.
    let (passwd, group) = (text("etc/passwd").unwrap_or_default(), text("etc/group").unwrap_or_default());
    find(&passwd, &group, user)
}

/// Checks that the machine has the ids; a `single` one can have any number. The largest number is none: to the kernel it means that an id stays as it is.
pub(super) fn check_ids(identity: &Identity, single: bool) -> Result<(), Failure> {
    let Identity { uid, gid, groups, .. } = identity;
    for (file, ids) in [("uid_map", vec![*uid]), ("gid_map", [groups.as_slice(), &[*gid]].concat())] {
        let map = std::fs::read_to_string(format!("/proc/self/{file}"));
        let map = map.step(|| "read which ids are mapped".to_owned())?;
        let ranges = map.lines().filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse::<u64>);
            let (inside, _, count) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
            Some(inside..inside + count)
        });
        let ranges: Vec<_> = ranges.collect();
        let is_mapped = |id: &u32| {
            *id != u32::MAX && (single || ranges.iter().any(|range| range.contains(&u64::from(*id))))
        };
        if !ids.iter().all(is_mapped) {
            let count = ranges.iter().map(|range| range.end).max().unwrap_or_default();
            return Err(Failure::NoId(*uid, *gid, u32::try_from(count).unwrap_or(u32::MAX)));
        }
    }
    Ok(())
}

/// A line of `/etc/passwd`, or of `/etc/group` with its members: passwd(5), group(5).
struct Line<'a> {
    name: &'a str,
    id: u32,
    gid: Option<u32>,
    members: &'a str,
    home: &'a str,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let id = fields.nth(1)?.parse().ok()?;
        let fourth = fields.next().unwrap_or_default();
        let home = fields.nth(1).unwrap_or_default();
        Some(Line { name, id, gid: fourth.parse().ok(), members: fourth, home })
    })
}

fn find(passwd: &str, group: &str, user: &User) -> Result<Identity, Failure> {
    let (user, named_group) = match user {
        User::Id { uid, gid } => (uid.to_string(), gid.map(|gid| gid.to_string())),
        User::Named(text) => match text.split_once(':') {
            None => (text.clone(), None),
            Some((user, group)) => {
                (user.to_owned(), Some(group.to_owned()).filter(|group| !group.is_empty()))
            }
        },
    };
    let user = if user.is_empty() { "0".to_owned() } else { user };
    let number = user.parse::<u32>().ok();
    // A name that is a number may still be a name: the name is looked for first, as engines do.
    let entry = lines(passwd)
        .find(|line| line.name == user)
        .or_else(|| lines(passwd).find(|line| Some(line.id) == number));
    let uid = match (&entry, number) {
        (Some(entry), _) => entry.id,
        (None, Some(number)) => number,
        (None, None) => return Err(Failure::NoUser(user)),
    };
    let name = entry.as_ref().map(|entry| entry.name);
    let home = entry.as_ref().map(|entry| entry.home).filter(|home| home.starts_with('/'));
    let home = home.map(str::to_owned);
    let Some(wanted) = named_group else {
        let gid = entry.as_ref().and_then(|entry| entry.gid).unwrap_or(0);
        let member = |line: &Line<'_>| name.is_some_and(|name| line.members.split(',').any(|it| it == name));
        let mut groups: Vec<_> = lines(group).filter(member).map(|line| line.id).collect();
        groups.push(gid);
        groups.sort_unstable();
        groups.dedup();
        return Ok(Identity { uid, gid, groups, home });
    };
    let gid = match (lines(group).find(|line| line.name == wanted), wanted.parse()) {
        (Some(line), _) => line.id,
        (None, Ok(number)) => number,
        (None, Err(_)) => return Err(Failure::NoGroup(wanted)),
    };
    Ok(Identity { uid, gid, groups: vec![gid], home })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:100::/home/app:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nusers:x:100:\nvideo:x:44:app,other\n";

    fn found(user: &str) -> (u32, u32, Vec<u32>) {
        let Identity { uid, gid, groups, .. } = find(PASSWD, GROUP, &User::Named(user.to_owned())).unwrap();
        (uid, gid, groups)
    }

    #[test]
    fn users_are_named_as_an_image_s_configuration_names_them() {
        assert_eq!(found(""), (0, 0, vec![0]));
        assert_eq!(found("app"), (1000, 100, vec![44, 100]));
        assert_eq!(found("1000"), (1000, 100, vec![44, 100]));
        assert_eq!(found("app:video"), (1000, 44, vec![44]));
        assert_eq!(found("1000:7"), (1000, 7, vec![7]));
        assert_eq!(found("4242"), (4242, 0, vec![0]));
        assert_eq!(found(":users"), (0, 100, vec![100]));
    }

    #[test]
    fn a_user_has_the_home_that_the_image_says() {
        let home = |user: &str| find(PASSWD, GROUP, &User::Named(user.to_owned())).unwrap().home;
        assert_eq!((home("app").as_deref(), home("4242")), (Some("/home/app"), None));
    }

    #[test]
    fn names_that_the_image_lacks_are_errors() {
        let find = |user: &str| find(PASSWD, GROUP, &User::Named(user.to_owned()));
        assert!(matches!(find("nobody"), Err(Failure::NoUser(name)) if name == "nobody"));
        assert!(matches!(find("app:wheel"), Err(Failure::NoGroup(name)) if name == "wheel"));
    }
}

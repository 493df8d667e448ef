//! How the ids of an image are mapped to those of this machine.

use std::fs;
use std::io;
use std::path::Path;

use rustix::process::{getegid, geteuid};
use serde::{Deserialize, Serialize};

/// How many ids images use: Debian's are all below, with `nobody` as the last but one.
const WANTED: u32 = 65_536;
/// Where root's ids begin on a machine that gives root no subordinate ones: the first that systemd's list of ids has as
/// unused (`UIDS-GIDS`, 0x70000000 to 0x7FFDFFFF).
const FIRST: u32 = 0x7000_0000;
/// The files that give users ids beside their own.
const SUBUID: &str = "/etc/subuid";
const SUBGID: &str = "/etc/subgid";

/// Consecutive ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extent {
    /// The first one inside.
    pub(crate) inside: u32,
    /// The first one on this machine.
    pub(crate) outside: u32,
    /// How many.
    pub(crate) count: u32,
}

/// How ids are mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) uids: Vec<Extent>,
    pub(crate) gids: Vec<Extent>,
    pub(crate) writer: Writer,
}

/// Who may write the maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    /// This process: it is root.
    Root,
    /// `newuidmap` and `newgidmap`.
    Programs,
    /// This process, for its own id alone.
    Own,
}

impl Ids {
    /// The best mapping that this user can have.
    pub(crate) fn of_this_user() -> io::Result<Self> {
        if geteuid().is_root() {
            let map = |own: &str, file: &str| -> io::Result<Vec<Extent>> {
                let own = parse_map(&fs::read_to_string(own)?);
                Ok(of_root(&own, subordinate(Path::new("/"), file, 0)?))
            };
            let (uids, gids) = (map("/proc/self/uid_map", SUBUID)?, map("/proc/self/gid_map", SUBGID)?);
            return Ok(Self { uids, gids, writer: Writer::Root });
        }
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let ranges = (subordinate(Path::new("/"), SUBUID, uid)?, subordinate(Path::new("/"), SUBGID, uid)?);
        if let (Some(uids), Some(gids)) = ranges
            && ["newuidmap", "newgidmap"].into_iter().all(|name| program(name).is_some())
        {
            // As podman does: what belongs to root inside belongs to this user, so that it can reach its own files.
            let with_own = |own, range: Extent| {
                vec![
                    Extent { inside: 0, outside: own, count: 1 },
                    Extent { inside: 1, outside: range.outside, count: range.count },
                ]
            };
            return Ok(Self {
                uids: with_own(uid, uids),
                gids: with_own(gid, gids),
                writer: Writer::Programs,
            });
        }
        Ok(Self::single())
    }

    /// Only this user's own id, which is root inside.
    pub(crate) fn single() -> Self {
        let one = |outside| vec![Extent { inside: 0, outside, count: 1 }];
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        Self { uids: one(uid), gids: one(gid), writer: Writer::Own }
    }

    /// The mapping as the name of a folder.
    pub(crate) fn name(&self) -> String {
        let list = |map: &[Extent]| {
            let parts: Vec<_> =
                map.iter().map(|it| format!("{}-{}-{}", it.inside, it.outside, it.count)).collect();
            parts.join("_")
        };
        let kind = if self.writer == Writer::Own { "single" } else { "range" };
        if self.uids == self.gids {
            format!("{kind}.{}", list(&self.uids))
        } else {
            format!("{kind}.{}.{}", list(&self.uids), list(&self.gids))
        }
    }

    /// What root inside is on this machine.
    pub(crate) fn root(&self) -> (u32, u32) {
        let root = |map: &[Extent]| map.iter().find(|it| it.inside == 0).map_or(0, |it| it.outside);
        (root(&self.uids), root(&self.gids))
    }
}

/// A map as the kernel reads it.
pub(crate) fn text(map: &[Extent]) -> String {
    map.iter().map(|it| format!("{} {} {}\n", it.inside, it.outside, it.count)).collect()
}

/// Root's own id is never mapped where that can be avoided: who has it may write what belongs to it, such as settings
/// of the kernel, and no limit on processes holds for it.
fn of_root(own: &[Extent], subordinate: Option<Extent>) -> Vec<Extent> {
    let here = |wanted: Extent| {
        own.iter().any(|it| {
            it.inside <= wanted.outside
                && u64::from(wanted.outside) + u64::from(wanted.count)
                    <= u64::from(it.inside) + u64::from(it.count)
        })
    };
    let fixed = Extent { inside: 0, outside: FIRST, count: WANTED };
    let subordinate = subordinate.filter(|range| range.count >= WANTED);
    match subordinate.into_iter().chain([fixed]).find(|range| here(*range)) {
        Some(range) => vec![range],
        // Root of a container with few ids: the ids are those of the container.
        None => own
            .iter()
            .filter(|it| it.inside < WANTED)
            .map(|it| Extent { outside: it.inside, count: it.count.min(WANTED - it.inside), ..*it })
            .collect(),
    }
}

fn parse_map(text: &str) -> Vec<Extent> {
    let line = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        let mut next = || numbers.next()?.ok();
        Some(Extent { inside: next()?, outside: next()?, count: next()? })
    };
    text.lines().filter_map(line).collect()
}

/// Subordinate ids that a machine's files give a user: the largest range of users and of groups, each by its first id and how
/// many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubordinateIds {
    /// Of `/etc/subuid`.
    pub users: Option<(u32, u32)>,
    /// Of `/etc/subgid`.
    pub groups: Option<(u32, u32)>,
}

impl SubordinateIds {
    /// How many ids the images of all kinds use.
    pub const WANTED: u32 = WANTED;

    /// What the files below `root` give a user.
    ///
    /// # Errors
    ///
    /// When one is there and cannot be read.
    pub fn of(root: &Path, uid: u32) -> io::Result<Self> {
        let range = |file| Ok::<_, io::Error>(subordinate(root, file, uid)?.map(|it| (it.outside, it.count)));
        Ok(Self { users: range(SUBUID)?, groups: range(SUBGID)? })
    }
}

/// The largest range that one of these files below `root` gives a user, by name or by number.
fn subordinate(root: &Path, file: &str, uid: u32) -> io::Result<Option<Extent>> {
    let below = |file: &str| root.join(file.trim_start_matches('/'));
    let text = match fs::read_to_string(below(file)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let users = fs::read_to_string(below("/etc/passwd")).unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    });
    let number = uid.to_string();
    let ranges = text.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let user = fields.next()?;
        let (first, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (user == number || Some(user) == name).then_some(Extent { inside: 0, outside: first, count })
    });
    Ok(ranges.filter(|range| range.count > 0).max_by_key(|range| range.count))
}

/// A program of the `PATH`.
pub(crate) fn program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| Path::is_file(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Extent = Extent { inside: 0, outside: 0, count: u32::MAX };

    #[test]
    fn root_is_never_mapped_to_itself_where_there_are_other_ids() {
        let fixed = Extent { inside: 0, outside: FIRST, count: WANTED };
        assert_eq!(of_root(&[ALL], None), [fixed]);
        let given = Extent { inside: 0, outside: 100_000, count: 200_000 };
        assert_eq!(of_root(&[ALL], Some(given)), [given]);
        let small = Extent { count: 1000, ..given };
        assert_eq!(of_root(&[ALL], Some(small)), [fixed]);
    }

    #[test]
    fn root_of_a_container_with_few_ids_takes_them_as_they_are() {
        let own = parse_map("         0       1000          1\n         1     100000      65536\n");
        let expected =
            [Extent { inside: 0, outside: 0, count: 1 }, Extent { inside: 1, outside: 1, count: 65_535 }];
        assert_eq!(of_root(&own, None), expected);
    }
}

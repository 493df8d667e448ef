//! Where the tests write what goes with them: in memory, where there is enough of it.
//!
//! They make and remove some million small files. A file system on a disk that has no journal, as those of virtual machines often
//! are, looks for a long time for an inode that was not used a moment ago; and nothing of it has to outlive a test.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{UnmountFlags, unmount};
use tempfile::TempDir;

/// The file system in memory that Linux distributions have.
const MEMORY: &str = "/dev/shm";
/// How our folders there are called, before the number of the process that they are of.
const PREFIX: &str = "imgbuild-tests-";
/// How many bytes must be free there: twice of what the tests have needed at once.
const ROOM: u64 = 8 << 30;
/// How many bytes of memory must be free, with what the tests themselves need.
const FREE: u64 = 12 << 30;

/// A folder in memory. It is locked while its process lives.
pub(crate) struct Scratch {
    folder: TempDir,
    _lock: std::fs::File,
}

impl Scratch {
    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A folder in memory that programs can be started from; nothing where there is too little of it.
///
/// # Errors
///
/// When it cannot be made.
pub(crate) fn in_memory() -> io::Result<Option<Scratch>> {
    let Ok(found) = statvfs(MEMORY) else { return Ok(None) };
    let room = found.f_bavail.saturating_mul(found.f_frsize);
    if room < ROOM || found.f_flag.contains(StatVfsMountFlags::NOEXEC) || free()? < FREE {
        return Ok(None);
    }
    remove_abandoned(Path::new(MEMORY))?;
    let prefix = format!("{PREFIX}{}-", std::process::id());
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(MEMORY)?;
    // Root of a user namespace is somebody else here.
    fs_err::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o1777))?;
    let lock = std::fs::File::open(folder.path())?;
    lock.lock()?;
    Ok(Some(Scratch { folder, _lock: lock }))
}

/// Removes what runs left that were killed: it would take memory until the machine is started again. What is somebody else's, or
/// has files of another user, stays.
fn remove_abandoned(parent: &Path) -> io::Result<()> {
    for item in fs_err::read_dir(parent)? {
        let item = item?;
        let name = item.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        let Some(owner) = owner.filter(|owner| owner.parse::<u32>().is_ok()) else { continue };
        // A container that shares the folder has processes that are not seen from here.
        let is_locked = || std::fs::File::open(item.path()).is_ok_and(|folder| folder.try_lock().is_err());
        if Path::new("/proc").join(owner).exists() || is_locked() {
            continue;
        }
        if let Err(error) = unmount_below(&item.path()).and_then(|()| fs_err::remove_dir_all(item.path())) {
            eprintln!("xtask: {error}");
        }
    }
    Ok(())
}

/// Unmounts what is mounted below a folder, the innermost first (proc_pid_mountinfo(5)): a mmdebstrap that was killed leaves
/// `proc` and `sys` in its tree.
fn unmount_below(folder: &Path) -> io::Result<()> {
    let mounts = fs_err::read_to_string("/proc/self/mountinfo")?;
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(4).map(Path::new));
    let below: Vec<&Path> = places.filter(|place| place.starts_with(folder) && *place != folder).collect();
    below.into_iter().rev().try_for_each(|place| Ok(unmount(place, UnmountFlags::DETACH)?))
}

/// How many bytes of memory are free (proc(5), `/proc/meminfo`).
fn free() -> io::Result<u64> {
    let text = fs_err::read_to_string(Path::new("/proc/meminfo"))?;
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?.parse().ok());
    Ok(kib.map_or(0, |kib: u64| kib << 10))
}

#[cfg(test)]
mod tests {
    use rustix::mount::{MountFlags, mount};

    use super::*;

    #[test]
    fn what_a_killed_run_left_goes_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        // No process has this number: it is above the most that Linux gives.
        let own = format!("{PREFIX}{}-abc", std::process::id());
        let locked = "imgbuild-tests-4194306-abc";
        let names = [own.as_str(), locked, "imgbuild-tests-4194305-abc", "imgbuild-tests-x", "sem.other"];
        for name in names {
            fs_err::create_dir_all(parent.path().join(name).join("below")).unwrap();
        }
        let lock = std::fs::File::open(parent.path().join(locked)).unwrap();
        lock.lock().unwrap();
        // Who may mount leaves a mount there too, as a mmdebstrap that is killed does.
        let below = parent.path().join(names[2]).join("below");
        mount("none", &below, "tmpfs", MountFlags::empty(), None).ok();
        remove_abandoned(parent.path()).unwrap();
        let left: Vec<bool> = names.iter().map(|name| parent.path().join(name).exists()).collect();
        assert_eq!(left, [true, true, false, true, true]);
    }
}

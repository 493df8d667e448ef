//! Where the tests write what goes with them: in memory, where there is enough of it.
//!
//! They make and remove some million small files. A file system on a disk that has no journal, as those of virtual machines often
//! are, looks for a long time for an inode that was not used a moment ago; and nothing of it has to outlive a test.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};
use tempfile::TempDir;

/// The file system in memory that Linux distributions have.
const MEMORY: &str = "/dev/shm";
/// How many bytes must be free there: twice of what the tests have needed at once.
const ROOM: u64 = 8 << 30;
/// How many bytes of memory must be free, with what the tests themselves need.
const FREE: u64 = 12 << 30;

/// A folder in memory that programs can be started from; nothing where there is too little of it.
///
/// # Errors
///
/// When it cannot be made.
pub(crate) fn in_memory() -> io::Result<Option<TempDir>> {
    let Ok(found) = statvfs(MEMORY) else { return Ok(None) };
    let room = found.f_bavail.saturating_mul(found.f_frsize);
    if room < ROOM || found.f_flag.contains(StatVfsMountFlags::NOEXEC) || free()? < FREE {
        return Ok(None);
    }
    let folder = tempfile::Builder::new().prefix("imgbuild-tests-").tempdir_in(MEMORY)?;
    // Root of a user namespace is somebody else here.
    fs_err::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o1777))?;
    Ok(Some(folder))
}

/// How many bytes of memory are free (proc(5), `/proc/meminfo`).
fn free() -> io::Result<u64> {
    let text = fs_err::read_to_string(Path::new("/proc/meminfo"))?;
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?.parse().ok());
    Ok(kib.map_or(0, |kib: u64| kib << 10))
}

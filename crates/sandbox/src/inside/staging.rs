//! Everything of this machine that a sandbox sees, bound to short names in one place.
//!
//! The data of a mount is one page: 127 layers fit in it by names of three letters, and not by their paths. And what was
//! opened before the user namespace was entered can be reached in it whatever folders are on the way.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, StatVfsMountFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive, mount_change, mount_remount,
};

use crate::wire::{Failure, Namespace, Step, World};

/// Where the staging place is mounted: what is below is hidden, but was opened before.
const PLACES: [&str; 4] = ["/tmp", "/var/tmp", "/mnt", "/run"];

/// The new root.
pub(super) const ROOT: &str = "root";
/// What is in memory: what the command writes, `/tmp`, `/run`, `/dev/shm`.
pub(super) const SCRATCH: &str = "scratch";
/// The folder that keeps what the command writes.
pub(super) const WRITABLE: &str = "writable";
/// The folder that the layers are copied into, where they cannot be stacked.
pub(super) const COPIED: &str = "copied";
/// What the record of a writable folder is called: what was made only to be mounted on.
pub(crate) const MADE: &str = "made";

/// The name of a layer.
pub(super) fn layer(index: usize) -> String {
    format!("l{index}")
}

/// The name of a mount.
pub(super) fn mount_name(index: usize) -> String {
    format!("m{index}")
}

/// What was opened, beside its name.
pub(super) struct Source {
    name: String,
    shown: String,
    file: OwnedFd,
    folder: bool,
    /// Whether mounts below it come as well, and whether it may be written.
    mount: Option<bool>,
}

/// Opens everything. The names may be links: they are the user's own.
pub(super) fn open(world: &World) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    let mut open = |name: String, path: &Path, mount: Option<bool>| {
        let shown = path.display().to_string();
        let what = || format!("open `{shown}`");
        let file = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).step(what)?;
        let stat = rustix::fs::fstat(&file).step(what)?;
        let folder = FileType::from_raw_mode(stat.st_mode).is_dir();
        if !folder && mount.is_none() {
            return Err(Failure::Step(what(), rustix::io::Errno::NOTDIR.raw_os_error()));
        }
        sources.push(Source { name, shown, file, folder, mount });
        Ok(())
    };
    for (index, path) in world.layers.iter().enumerate() {
        open(layer(index), Path::new(path), None)?;
    }
    if let Some(path) = world.writable.folder() {
        open(WRITABLE.to_owned(), Path::new(path), None)?;
    }
    if let Some(path) = &world.copied {
        open(COPIED.to_owned(), Path::new(path), None)?;
    }
    for (index, mount) in world.mounts.iter().enumerate() {
        open(mount_name(index), Path::new(&mount.source), Some(mount.write))?;
    }
    Ok(sources)
}

/// Mounts the staging place, binds everything, and makes it the working folder.
pub(super) fn stage(world: &World, sources: &[Source]) -> Result<(), Failure> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    let forbidden = |error: rustix::io::Errno| Failure::Namespace(Namespace::Mount, error.raw_os_error());
    mount_change("/", private).map_err(forbidden)?;
    let place = PLACES.into_iter().find(|place| Path::new(place).is_dir());
    let place = place.ok_or_else(|| Failure::Step("find a folder such as `/tmp`".to_owned(), 2))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", place, "tmpfs", flags, c"mode=755").map_err(forbidden)?;
    rustix::process::chdir(place).step(|| format!("enter `{place}`"))?;
    for folder in [ROOT, SCRATCH] {
        make_folder(folder)?;
    }
    if world.layers.is_empty() {
        make_folder(&layer(0))?;
    }
    sources.iter().try_for_each(bind)
}

fn make_folder(name: &str) -> Result<(), Failure> {
    std::fs::create_dir(name).step(|| format!("make the folder `{name}`"))?;
    rustix::fs::chmod(name, Mode::from_raw_mode(0o755)).step(|| format!("make the folder `{name}`"))
}

fn bind(source: &Source) -> Result<(), Failure> {
    let what = || format!("mount `{}`", source.shown);
    let from = format!("/proc/self/fd/{}", source.file.as_raw_fd());
    if source.folder {
        make_folder(&source.name)?;
    } else {
        std::fs::write(&source.name, "").step(what)?;
    }
    match source.mount {
        None => mount_bind(&from, &source.name).step(what),
        Some(write) => {
            mount_bind_recursive(&from, &source.name).step(what)?;
            // A device that was asked for by name is one; in a folder there are none.
            let nodev = if source.folder { MountFlags::NODEV } else { MountFlags::empty() };
            let readonly = if write { MountFlags::empty() } else { MountFlags::RDONLY };
            let own = std::env::current_dir().step(what)?.join(&source.name);
            for point in mounts_below(&own).step(what)? {
                restrict(&point, MountFlags::NOSUID | nodev | readonly).step(what)?;
            }
            Ok(())
        }
    }
}

/// This mount point and all below it.
fn mounts_below(own: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    let table = std::fs::read_to_string("/proc/self/mountinfo")?;
    let points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    Ok(points.map(std::path::PathBuf::from).filter(|point| point.starts_with(own)).collect())
}

/// `mountinfo` writes blanks and backslashes in octal.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                plain.push(char::from(byte));
                plain.push_str(&part[3..]);
            }
            None => plain.push_str(part),
        }
    }
    plain
}

/// Adds flags to a mount. Those that it has stay: in a user namespace they are locked.
pub(super) fn restrict(point: &Path, flags: MountFlags) -> rustix::io::Result<()> {
    let present = rustix::fs::statvfs(point)?.f_flag;
    let known = [
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ];
    let kept = known.into_iter().filter(|(has, _)| present.contains(*has)).map(|(_, flag)| flag);
    mount_remount(point, kept.collect::<MountFlags>() | flags | MountFlags::BIND, c"")
}

//! The root file system of a command: the stack of layers, and what the kernel gives beside it.

use std::ffi::CString;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, unmount};

use super::copied;
use super::root::{Root, by_descriptor};
use super::staging::{self, MADE, ROOT, SCRATCH, WRITABLE, restrict};
use crate::wire::{Failure, Namespace, Step, World, Writable};

/// What of `/proc` is read-only: what is written there is the whole machine's.
const READ_ONLY: [&str; 5] = ["sys", "sysrq-trigger", "irq", "bus", "fs"];
/// What of `/proc` is empty: it tells of the machine, or of its keys and memory.
const MASKED: [&str; 9] =
    ["kcore", "keys", "key-users", "latency_stats", "timer_list", "sched_debug", "acpi", "asound", "scsi"];
/// The devices that every program may expect.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const LINKS: [(&str, &str); 6] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("core", "/proc/kcore"),
    ("ptmx", "pts/ptmx"),
];
const HOSTS: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);
const QUIET: MountFlags = PLAIN.union(MountFlags::NOEXEC);

/// Builds the root file system in the staging place. What is made there only to be mounted on is in the record.
pub(super) fn build(world: &World, folder: Option<&str>) -> Result<Root, Failure> {
    let limit = match world.writable {
        // A file takes about a kilobyte of the kernel's memory, even an empty one.
        Writable::Memory(bytes) => format!("size={bytes},nr_inodes={},", bytes / 1024 + 4096),
        _ => String::new(),
    };
    scratch(&limit)?;
    stack(world)?;
    let root = Root::open(ROOT).step(|| "open the new root".to_owned())?;
    let mut made = Vec::new();
    proc(&root, &mut made)?;
    devices(&root, &mut made)?;
    // Its instance shows the network namespace's devices: that of the machine is not for this root to mount.
    if !world.host_network && root.has_folder("sys").unwrap_or(false) {
        let target = target(&root, "sys", true, &mut made)?;
        // A container may hide parts of its own `/sys`; then there is none here.
        let _ = mount("sysfs", by_descriptor(&target), "sysfs", QUIET | MountFlags::RDONLY, c"");
    }
    for name in ["tmp", "run"] {
        if root.has_folder(name).unwrap_or(false) {
            let target = target(&root, name, true, &mut made)?;
            // What an image has there is seen where it can be written anyway, and nobody keeps it.
            let is_thrown_away = matches!(world.writable, Writable::Memory(_) | Writable::Disk(_));
            if is_thrown_away
                && std::fs::read_dir(by_descriptor(&target)).is_ok_and(|mut it| it.next().is_some())
            {
                continue;
            }
            mount_bind(format!("{SCRATCH}/{name}"), by_descriptor(&target))
                .step(|| format!("mount `/{name}`"))?;
        }
    }
    names(world, &root, &mut made)?;
    mounts(world, &root, &mut made)?;
    if let Some(folder) = folder {
        root.folder(folder, &mut made).step(|| format!("make the folder `/{folder}`"))?;
    }
    if let Writable::Folder(_) = world.writable {
        record(&made)?;
    }
    if world.writable_nowhere() {
        restrict(Path::new(ROOT), PLAIN | MountFlags::RDONLY)
            .step(|| "make the root read-only".to_owned())?;
    }
    Root::open(ROOT).step(|| "open the new root".to_owned())
}

impl World {
    fn writable_nowhere(&self) -> bool {
        matches!(self.writable, Writable::Nothing)
    }
}

/// Whether the kernel stacks folders, else the number of its error.
pub(super) fn probe_overlay() -> Result<Result<(), i32>, Failure> {
    let world = World {
        layers: Vec::new(),
        writable: Writable::Nothing,
        mounts: Vec::new(),
        host_network: false,
        served: false,
        emulator: None,
        single: false,
        copied: None,
    };
    staging::stage(&world, &[])?;
    scratch("")?;
    Ok(overlay(&world).map_err(Errno::raw_os_error))
}

/// Whether a folder in memory can be marked as opaque: not before Linux 6.6.
pub(super) fn probe_attributes() -> bool {
    let place = format!("{SCRATCH}/upper");
    rustix::fs::setxattr(&*place, "user.imgbuild", b"y", rustix::fs::XattrFlags::empty()).is_ok()
}

/// Tells the kernel of an emulator, to see whether it listens.
pub(super) fn probe_emulator(line: &str) -> Result<(), Failure> {
    probe_overlay()?.map_or_else(|_| Ok(()), Ok)?;
    register_emulator(line).map(drop)
}

/// Mounts `/proc` anywhere, to see whether it can be.
pub(super) fn probe_proc() -> Result<(), Failure> {
    mount("proc", SCRATCH, "proc", QUIET, c"")
        .map_err(|error| Failure::Namespace(Namespace::Proc, error.raw_os_error()))
}

/// Makes the memory that everything shares which is not kept, so that one limit holds for all of it.
fn scratch(limit: &str) -> Result<(), Failure> {
    let what = || "mount a file system in memory".to_owned();
    let data = CString::new(format!("{limit}mode=755")).map_err(std::io::Error::other).step(what)?;
    mount("tmpfs", SCRATCH, "tmpfs", PLAIN, data.as_c_str()).step(what)?;
    for (name, mode) in
        [("upper", 0o755), ("work", 0o755), ("tmp", 0o1777), ("run", 0o755), ("shm", 0o1777), ("none", 0o555)]
    {
        let path = format!("{SCRATCH}/{name}");
        fs::create_dir(&path).step(what)?;
        rustix::fs::chmod(&path, Mode::from_raw_mode(mode)).step(what)?;
    }
    fs::write(format!("{SCRATCH}/hosts"), HOSTS).step(what)?;
    rustix::fs::chmod(format!("{SCRATCH}/hosts"), Mode::from_raw_mode(0o644)).step(what)
}

/// The stack of layers with what is written on top.
fn stack(world: &World) -> Result<(), Failure> {
    if world.copied.is_some() {
        let what = || "mount the copy of the layers".to_owned();
        copied::make(world.layers.len())?;
        mount_bind(format!("{}/{}", staging::COPIED, copied::TREE), ROOT).step(what)?;
        return restrict(Path::new(ROOT), PLAIN).step(what);
    }
    let upper = format!("{}/upper", place(world));
    if world.writable.folder().is_some() {
        let what = || "use the folder for what is written".to_owned();
        // The kernel keeps a mark of a command that was killed here, and refuses the folder.
        for name in ["work", "upper"] {
            let path = format!("{WRITABLE}/{name}");
            if name == "work" && Path::new(&path).exists() {
                super::remove::whole(Path::new(&path))?;
            }
            if !Path::new(&path).exists() {
                fs::create_dir(&path).step(what)?;
            }
        }
    }
    // What the topmost folder is, the whole root is.
    if let Some(top) = world.layers.len().checked_sub(1) {
        let what = || "copy what the topmost layer says of the root".to_owned();
        let stat = rustix::fs::stat(staging::layer(top)).step(what)?;
        let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
        rustix::fs::chown(&*upper, Some(uid), Some(gid)).step(what)?;
        rustix::fs::chmod(&*upper, Mode::from_raw_mode(stat.st_mode & 0o7777)).step(what)?;
    }
    overlay(world).map_err(|error| Failure::Stack(error.raw_os_error()))
}

/// Where what is written goes.
fn place(world: &World) -> &'static str {
    if world.writable.folder().is_some() { WRITABLE } else { SCRATCH }
}

fn overlay(world: &World) -> rustix::io::Result<()> {
    let lower: Vec<_> = (0..world.layers.len().max(1)).rev().map(staging::layer).collect();
    let (lower, place) = (lower.join(":"), place(world));
    // Nobody needs what was written after the machine stopped; then the kernel need not wait for the disk.
    let data = format!("lowerdir={lower},upperdir={place}/upper,workdir={place}/work,userxattr,volatile");
    let data = CString::new(data).map_err(|_| Errno::INVAL)?;
    mount("overlay", ROOT, "overlay", PLAIN, data.as_c_str())
}

/// Opens a place in the new root to mount on.
fn target(root: &Root, path: &str, folder: bool, made: &mut Vec<String>) -> Result<OwnedFd, Failure> {
    let target = if folder { root.folder(path, made) } else { root.file(path, made) };
    target.step(|| format!("make `/{path}` in the image, to mount on it"))
}

fn proc(root: &Root, made: &mut Vec<String>) -> Result<(), Failure> {
    // A link there would put it, and what is hidden of it, somewhere else.
    root.has_folder("proc").step(|| "use the image's `/proc`".to_owned())?;
    let target = target(root, "proc", true, made)?;
    mount("proc", by_descriptor(&target), "proc", QUIET, c"")
        .map_err(|error| Failure::Namespace(Namespace::Proc, error.raw_os_error()))
}

/// Locks the parts of `/proc` that are the whole machine's. It is done last: what is set up writes there.
pub(super) fn lock_proc(root: &Root) -> Result<(), Failure> {
    for name in READ_ONLY {
        let path = format!("proc/{name}");
        let Some(own) = present(root, &path)? else { continue };
        let what = || format!("make `/{path}` read-only");
        mount_bind_recursive(by_descriptor(&own), by_descriptor(&own)).step(what)?;
        let mounted = root.get(&path, OFlags::PATH).step(what)?;
        restrict(Path::new(&by_descriptor(&mounted)), QUIET | MountFlags::RDONLY).step(what)?;
    }
    for name in MASKED {
        let path = format!("proc/{name}");
        let Some(own) = present(root, &path)? else { continue };
        let what = || format!("hide `/{path}`");
        let folder =
            rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&own).step(what)?.st_mode).is_dir();
        let nothing = if folder { format!("{SCRATCH}/none") } else { format!("{ROOT}/dev/null") };
        mount_bind(&nothing, by_descriptor(&own)).step(what)?;
    }
    Ok(())
}

fn present(root: &Root, path: &str) -> Result<Option<OwnedFd>, Failure> {
    match root.get(path, OFlags::PATH) {
        Ok(file) => Ok(Some(file)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error).step(|| format!("open `/{path}`")),
    }
}

fn devices(root: &Root, made: &mut Vec<String>) -> Result<(), Failure> {
    let what = || "make `/dev`".to_owned();
    root.has_folder("dev").step(|| "use the image's `/dev`".to_owned())?;
    let dev = target(root, "dev", true, made)?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("tmpfs", by_descriptor(&dev), "tmpfs", flags, c"mode=755,size=64k,nr_inodes=256").step(what)?;
    // What is made from here on is in memory.
    let made = &mut Vec::new();
    for name in DEVICES {
        let file = target(root, &format!("dev/{name}"), false, made)?;
        mount_bind(format!("/dev/{name}"), by_descriptor(&file)).step(|| format!("mount `/dev/{name}`"))?;
    }
    let dev = root.get("dev", OFlags::PATH | OFlags::DIRECTORY).step(what)?;
    for (name, link) in LINKS {
        rustix::fs::symlinkat(link, &dev, name).step(what)?;
    }
    let shm = target(root, "dev/shm", true, made)?;
    mount_bind(format!("{SCRATCH}/shm"), by_descriptor(&shm)).step(|| "mount `/dev/shm`".to_owned())?;
    let pts = target(root, "dev/pts", true, made)?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    // The group `tty`, as engines have it: servers give terminals to it, and may not where these have another one.
    let mount_with = |data| mount("devpts", by_descriptor(&pts), "devpts", flags, data);
    let mounted = match mount_with(c"newinstance,ptmxmode=0666,mode=0620,gid=5") {
        // With one id there is no such group.
        Err(Errno::INVAL) => mount_with(c"newinstance,ptmxmode=0666,mode=0620"),
        mounted => mounted,
    };
    mounted.step(|| "mount `/dev/pts`".to_owned())?;
    target(root, "dev/console", false, made).map(drop)
}

/// The files that say who and where this machine is.
fn names(world: &World, root: &Root, made: &mut Vec<String>) -> Result<(), Failure> {
    if world.host_network {
        for path in ["etc/resolv.conf", "etc/hosts"] {
            let own = format!("/{path}");
            if Path::new(&own).is_file() {
                let file = target(root, path, false, made)?;
                mount_bind(&own, by_descriptor(&file)).step(|| format!("mount `{own}`"))?;
                let mounted = root.get(path, OFlags::PATH).step(|| format!("open `{own}`"))?;
                restrict(Path::new(&by_descriptor(&mounted)), PLAIN | MountFlags::RDONLY)
                    .step(|| format!("make `{own}` read-only"))?;
            }
        }
    } else if !matches!(world.writable, Writable::Folder(_)) {
        // Where the difference counts, the image is left as it is.
        let file = target(root, "etc/hosts", false, made)?;
        mount_bind(format!("{SCRATCH}/hosts"), by_descriptor(&file))
            .step(|| "mount `/etc/hosts`".to_owned())?;
    }
    Ok(())
}

/// What the user asked for.
fn mounts(world: &World, root: &Root, made: &mut Vec<String>) -> Result<(), Failure> {
    for (index, wanted) in world.mounts.iter().enumerate() {
        let name = staging::mount_name(index);
        let shown = Path::new(&wanted.source).display();
        let what = || format!("mount `{shown}` at `/{}`", wanted.target);
        let target = target(root, &wanted.target, Path::new(&name).is_dir(), made)?;
        mount_bind_recursive(&name, by_descriptor(&target)).step(what)?;
    }
    Ok(())
}

/// Adds to the record of what was made only to be mounted on.
fn record(made: &[String]) -> Result<(), Failure> {
    use std::io::Write as _;
    let what = || "write down what was made to mount on".to_owned();
    let file = fs::OpenOptions::new().create(true).append(true).open(format!("{WRITABLE}/{MADE}"));
    let lines: String = made.iter().map(|path| format!("{path}\0")).collect();
    file.and_then(|mut file| file.write_all(lines.as_bytes())).step(what)
}

/// Makes the new root the root, and lets go of the old one.
pub(super) fn pivot() -> Result<(), Failure> {
    let what = || "enter the new root".to_owned();
    rustix::process::chdir(ROOT).step(what)?;
    // The old root comes to lie upon the new one, from where it is taken away: pivot_root(2).
    rustix::process::pivot_root(".", ".").step(what)?;
    unmount(".", UnmountFlags::DETACH).step(what)?;
    rustix::process::chdir("/").step(what)
}

/// Tells the kernel of an emulator, for this user namespace alone. What is returned must stay open.
pub(super) fn register_emulator(line: &str) -> Result<OwnedFd, Failure> {
    let what = || "register an emulator".to_owned();
    let place = format!("{SCRATCH}/none");
    mount("binfmt_misc", &place, "binfmt_misc", QUIET, c"").step(what)?;
    let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let kept = rustix::fs::open(&place, folder, Mode::empty()).step(what)?;
    fs::write(format!("{place}/register"), line).step(what)?;
    unmount(&place, UnmountFlags::DETACH).step(what)?;
    Ok(kept)
}

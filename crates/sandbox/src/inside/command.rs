//! The last process: it gives up what a command must not have, and becomes the command.

use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, Gid, Uid};
use serde::{Deserialize, Serialize};

use super::users::Identity;
use super::{expect, filter};
use crate::channel::Channel;
use crate::wire::{Answer, Failure, Limits, Namespace, Plan, Step};

/// It has come as far as it can alone, or may go on.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ready;

/// What process 1 hears of it: that, or why it can come no further.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum ChildReport {
    Failed(Answer),
    Ready(Ready),
}

/// What to become. The three standard descriptors come with it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CommandStart {
    pub(super) plan: Plan,
    pub(super) identity: Identity,
    /// Whether there is one id only.
    pub(super) single: bool,
}

/// What root may do inside: what packages' scripts need. None of it reaches beyond the namespaces. Not among them is
/// `SETFCAP`, since a layer keeps no file's capabilities: scripts then fall back to setuid.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT);
const NONE: CapabilitySets = CapabilitySets {
    effective: CapabilitySet::empty(),
    permitted: CapabilitySet::empty(),
    inheritable: CapabilitySet::empty(),
};
/// The numbers of capabilities that a kernel may have.
const CAPABILITIES: u32 = 64;
/// Where programs are where the environment has no `PATH`: as of every engine.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(super) fn run(channel: &Channel) -> Result<(), Failure> {
    let tell = || channel.send(&Ready).step(|| "answer process 1".to_owned());
    tell()?;
    let (go, descriptors): (CommandStart, _) = expect(channel)?;
    let CommandStart { plan, identity, single } = go;
    standard(&descriptors, plan.terminal.is_some())?;
    drop(descriptors);
    let folder = format!("/{}", plan.folder.as_deref().unwrap_or_default());
    rustix::process::chdir(&folder).step(|| format!("enter the folder `{folder}`"))?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    if single {
        rename_own_id(&identity)?;
    }
    tell()?;
    expect::<Ready>(channel)?;
    limit(&plan.limits)?;
    become_user(&identity, single)?;
    filter::set()?;
    Err(execute(&plan, &identity))
}

/// Takes the three standard descriptors, in a session of its own.
fn standard(descriptors: &[OwnedFd], terminal: bool) -> Result<(), Failure> {
    let what = || "take the standard descriptors".to_owned();
    let [input, output, error] = descriptors else { return Err(super::first::unexpected()) };
    rustix::stdio::dup2_stdin(input).step(what)?;
    rustix::stdio::dup2_stdout(output).step(what)?;
    rustix::stdio::dup2_stderr(error).step(what)?;
    rustix::process::setsid().step(|| "start a session".to_owned())?;
    if terminal {
        rustix::process::ioctl_tiocsctty(std::io::stdin().as_fd()).step(|| "take the terminal".to_owned())?;
    }
    Ok(())
}

/// Where there is one id only, it gets the number that is wanted: in a user namespace below.
fn rename_own_id(identity: &Identity) -> Result<(), Failure> {
    if (identity.uid, identity.gid) == (0, 0) {
        return Ok(());
    }
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|error| Failure::Namespace(Namespace::User, error as i32))?;
    for (file, id) in [("uid_map", identity.uid), ("gid_map", identity.gid)] {
        std::fs::write(format!("/proc/self/{file}"), format!("{id} 0 1"))
            .step(|| format!("map the image's id {id}"))?;
    }
    Ok(())
}

fn limit(limits: &Limits) -> Result<(), Failure> {
    let set = |resource, value: Option<u64>| match value {
        None => Ok(()),
        some => rustix::process::setrlimit(resource, Rlimit { current: some, maximum: some })
            .step(|| "set a limit".to_owned()),
    };
    // 1, since 0 still hands the memory of a crashed program to the machine's own collector: core(5).
    set(Resource::Core, Some(1))?;
    set(Resource::Nproc, limits.processes)?;
    set(Resource::Nofile, limits.open_files)?;
    set(Resource::Fsize, limits.file_size)?;
    set(Resource::As, limits.memory)?;
    // Where both limits are one, the kernel kills at once, and nobody learns why.
    let Some(seconds) = limits.processor else { return Ok(()) };
    let limit = Rlimit { current: Some(seconds), maximum: Some(seconds.saturating_add(5)) };
    rustix::process::setrlimit(Resource::Cpu, limit).step(|| "set a limit".to_owned())
}

/// Becomes the user, with the rights of [`KEPT`] where that is root.
fn become_user(identity: &Identity, single: bool) -> Result<(), Failure> {
    let what = || format!("become the user {}:{} of the image", identity.uid, identity.gid);
    for number in 0..CAPABILITIES {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if !KEPT.contains(capability) {
            match rustix::thread::remove_capability_from_bounding_set(capability) {
                // The kernel has no more of them.
                Err(Errno::INVAL) => break,
                result => result.step(what)?,
            }
        }
    }
    let _ = rustix::thread::clear_ambient_capability_set();
    if !single {
        let groups: Vec<_> = identity.groups.iter().map(|group| Gid::from_raw(*group)).collect();
        rustix::thread::set_thread_groups(&groups).step(what)?;
        let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
        rustix::thread::set_thread_res_gid(gid, gid, gid).step(what)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid).step(what)?;
    }
    let kept =
        if identity.uid == 0 { CapabilitySets { effective: KEPT, permitted: KEPT, ..NONE } } else { NONE };
    rustix::thread::set_capabilities(None, kept).step(what)
}

/// The machines of ELF headers (`e_machine`) whose programs this kernel runs by itself.
const MACHINES: &[u8] = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => &[62, 3],
    b"aarch64" => &[183, 40],
    _ => &[],
};

/// Whether it is a program of another machine. What the kernel cannot run, the C library gives to a shell, which is right
/// for scripts alone.
fn is_foreign(place: &str) -> bool {
    let mut head = [0; 20];
    let read = std::fs::File::open(place).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head.starts_with(b"\x7fELF") && !(MACHINES.contains(&head[18]) && head[19] == 0)
}

/// The home folder. For whom the image names none, engines have the root, where programs that keep something die; so such a
/// user has a folder that can be written, where there is one.
fn home(identity: &Identity) -> &str {
    let writable = |folder: &&str| rustix::fs::access(*folder, rustix::fs::Access::WRITE_OK).is_ok();
    match &identity.home {
        Some(home) => home,
        None => ["/", "/tmp", "/var/tmp", "/dev/shm"].into_iter().find(writable).unwrap_or("/"),
    }
}

/// Becomes the command; returns only where that fails.
fn execute(plan: &Plan, identity: &Identity) -> Failure {
    let Some((program, arguments)) = plan.words.split_first() else {
        return Failure::NoProgram(String::new());
    };
    let path = plan.env.iter().rev().find(|(name, _)| name == "PATH").map_or(PATH, |(_, value)| value);
    let places: Vec<String> = if program.contains('/') {
        vec![program.clone()]
    } else {
        let folder = |folder: &str| if folder.is_empty() { ".".to_owned() } else { folder.to_owned() };
        path.split(':').map(|it| format!("{}/{program}", folder(it))).collect()
    };
    let mut forbidden = None;
    for place in places {
        if plan.native && is_foreign(&place) {
            return Failure::NotExecutable(place, Errno::NOEXEC.raw_os_error());
        }
        let mut command = Command::new(&place);
        command.arg0(program).args(arguments).env_clear().env("HOME", home(identity));
        let error = command.envs(plan.env.iter().map(|(name, value)| (name, value))).exec();
        // A word or a variable with a zero byte never came to the kernel.
        let number = error.raw_os_error().unwrap_or(Errno::INVAL.raw_os_error());
        match Errno::from_raw_os_error(number) {
            // A program that is there and still not found lacks its interpreter or loader.
            Errno::NOENT if std::path::Path::new(&place).exists() => {
                return Failure::NotExecutable(place, number);
            }
            Errno::NOENT | Errno::NOTDIR => {}
            Errno::ACCESS => forbidden = forbidden.or(Some(place)),
            _ => return Failure::NotExecutable(place, number),
        }
    }
    match forbidden {
        Some(place) => Failure::NotExecutable(place, Errno::ACCESS.raw_os_error()),
        None => Failure::NoProgram(program.clone()),
    }
}

//! Process 1 of a sandbox: it builds the root file system, starts the command, and waits for it.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Child;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Gid, OFlags, Uid};
use rustix::process::{DumpableBehavior, Pid, Signal, WaitOptions};
use rustix::pty::OpenptFlags;

use super::command::{ChildReport, CommandStart, Ready};
use super::first::unexpected;
use super::users::{self, Identity};
use super::{Process, answer, expect, network, published, world};
use crate::channel::Channel;
use crate::wire::{Answer, Ask, Failure, Plan, Step, World};

/// The first port that any user may listen on, unless a machine says otherwise.
const FIRST_FREE_PORT: u16 = 1024;

pub(super) fn run(channel: &Channel) -> Result<(), Failure> {
    // Nobody inside looks into this process: it has descriptors and memory of the outside.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .step(|| "hide process 1".to_owned())?;
    let (ask, descriptors) = expect(channel)?;
    match ask {
        Ask::Proc => {
            world::probe_proc()?;
            answer(channel, &Answer::Done)
        }
        Ask::Run(world, plan) => run_command(channel, &world, &plan, descriptors),
        _ => Err(unexpected()),
    }
}

fn run_command(
    channel: &Channel,
    world: &World,
    plan: &Plan,
    mut descriptors: Vec<OwnedFd>,
) -> Result<(), Failure> {
    let children = watch_children().step(|| "watch for ended processes".to_owned())?;
    // These stay here: the command gets the first three.
    let listeners = descriptors.split_off(descriptors.len().min(3));
    // The command's process is started while there still is a loader for it, and goes along into the new root.
    let (own, theirs) = Channel::pair().step(|| "make a socket".to_owned())?;
    let command = Process::Command.start().stdin(theirs).spawn();
    let command = command.step(|| "start the command's process".to_owned())?;
    own_network(world, &plan.published)?;
    rustix::system::sethostname(b"localhost").step(|| "set the name of the machine".to_owned())?;
    let root = world::build(world, plan.folder.as_deref())?;
    let namespaces = root
        .get("proc/sys/user/max_user_namespaces", OFlags::WRONLY)
        .step(|| "open `/proc/sys/user/max_user_namespaces`".to_owned())?;
    world::lock_proc(&root)?;
    let identity = users::identity(&root, &plan.user)?;
    users::check_ids(&identity, world.single)?;
    let emulator = world.emulator.as_deref().map(world::register_emulator).transpose()?;
    wait_for(&own)?;
    world::pivot()?;
    let terminal = plan.terminal.map(|_| terminal(&identity)).transpose()?;
    if let (Some((_, slave)), Some(wanted)) = (&terminal, plan.terminal) {
        replace(&mut descriptors, slave, if wanted.error { 3 } else { 2 })?;
    }
    let go = CommandStart { plan: plan.clone(), identity, single: world.single };
    let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    own.send_with(&go, &borrowed).step(|| "tell the command's process".to_owned())?;
    wait_for(&own)?;
    // No further user namespaces: in one of its own a process has all the rights that it lacks here.
    rustix::io::write(&namespaces, b"0\n").step(|| "forbid further user namespaces".to_owned())?;
    drop(namespaces);
    own.send(&Ready).step(|| "tell the command's process".to_owned())?;
    match own.receive::<Answer>().step(|| "listen to the command's process".to_owned())? {
        // The socket closes when the command takes the process's place.
        None => {}
        Some((Answer::Failed(failure), _)) => return Err(failure),
        Some(_) => return Err(unexpected()),
    }
    drop(descriptors);
    published::hand_on(listeners, &plan.published, world.served).step(|| "publish ports".to_owned())?;
    let master: Vec<BorrowedFd<'_>> = terminal.iter().map(|(master, _)| master.as_fd()).collect();
    channel.send_with(&Answer::Started, &master).step(|| "answer the outside".to_owned())?;
    drop(terminal);
    let ended = attend(channel, &children, &command)?;
    drop(emulator);
    match ended {
        Some(ended) => answer(channel, &Answer::Ended(ended)),
        // The outside is gone, or wants the end: it comes with this process's.
        None => Ok(()),
    }
}

/// Makes the network ready, where it is the sandbox's own.
fn own_network(world: &World, ports: &[u16]) -> Result<(), Failure> {
    if !world.host_network {
        network::loopback_up().step(|| "switch the loopback interface on".to_owned())?;
    }
    if world.served {
        network::add_served_address().step(|| "add an address to the interface".to_owned())?;
        let freed = network::free_low_ports();
        // Where it may not be set, as inside some containers, nothing is said of who cannot listen there.
        if ports.iter().any(|port| *port < FIRST_FREE_PORT) {
            freed.step(|| format!("let every user listen below port {FIRST_FREE_PORT}"))?;
        }
    }
    Ok(())
}

/// Puts a terminal in the place of the first standard descriptors.
fn replace(descriptors: &mut [OwnedFd], terminal: &OwnedFd, count: usize) -> Result<(), Failure> {
    for descriptor in descriptors.iter_mut().take(count) {
        *descriptor = terminal.try_clone().step(|| "use the terminal".to_owned())?;
    }
    Ok(())
}

/// Waits until the command's process has come further.
fn wait_for(command: &Channel) -> Result<(), Failure> {
    match expect::<ChildReport>(command)?.0 {
        ChildReport::Ready(Ready) => Ok(()),
        ChildReport::Failed(Answer::Failed(failure)) => Err(failure),
        ChildReport::Failed(_) => Err(unexpected()),
    }
}

/// A socket that becomes readable when a child ends.
fn watch_children() -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGCHLD, write)?;
    read.set_nonblocking(true)?;
    Ok(read)
}

/// A terminal of the sandbox's own: both ends.
fn terminal(identity: &Identity) -> Result<(OwnedFd, OwnedFd), Failure> {
    let what = || "open a terminal".to_owned();
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags).step(what)?;
    rustix::pty::unlockpt(&master).step(what)?;
    let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags).step(what)?;
    // With one id, all are the same one.
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    let _ = rustix::fs::fchown(&slave, Some(uid), Some(gid));
    let name = rustix::pty::ptsname(&master, Vec::new()).step(what)?;
    rustix::mount::mount_bind(name.as_c_str(), c"/dev/console").step(what)?;
    Ok((master, slave))
}

/// Waits until the command has ended, buries every other process, and hands signals on. Nothing where the outside is
/// gone.
fn attend(
    channel: &Channel,
    children: &UnixStream,
    command: &Child,
) -> Result<Option<Result<u8, i32>>, Failure> {
    let what = || "wait for the command".to_owned();
    let command = i32::try_from(command.id()).ok().and_then(Pid::from_raw).ok_or_else(unexpected)?;
    loop {
        while let Some((pid, status)) = bury().step(what)? {
            if pid == command {
                let code = status.exit_status().and_then(|code| u8::try_from(code).ok());
                return Ok(Some(code.ok_or_else(|| status.terminating_signal().unwrap_or_default())));
            }
        }
        let mut wanted = [PollFd::new(channel, PollFlags::IN), PollFd::new(children, PollFlags::IN)];
        match poll(&mut wanted, None) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result.step(what)?,
        };
        let asked = !wanted[0].revents().is_empty();
        let mut scratch = [0; 64];
        // Only that something ended matters, not how often.
        let _ = (&*children).read(&mut scratch);
        if asked {
            match channel.receive() {
                Ok(Some((Ask::Signal(number), _))) => send_signal(command, number),
                _ => return Ok(None),
            }
        }
    }
}

/// The next child that has ended, of whoever's making.
fn bury() -> rustix::io::Result<Option<(Pid, rustix::process::WaitStatus)>> {
    match rustix::process::wait(WaitOptions::NOHANG) {
        Err(rustix::io::Errno::CHILD) => Ok(None),
        result => result,
    }
}

/// As a terminal would: its signals are for all that run in the foreground, others for the command alone.
fn send_signal(command: Pid, number: i32) {
    let Some(signal) = Signal::from_named_raw(number) else { return };
    let of_terminal =
        [Signal::INT, Signal::QUIT, Signal::HUP, Signal::TSTP, Signal::CONT, Signal::WINCH].contains(&signal);
    // It may just have ended.
    let _ = if of_terminal {
        rustix::process::kill_process_group(command, signal)
    } else {
        rustix::process::kill_process(command, signal)
    };
}

//! Running a command, seen from the outside.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use imgbuild_oci::Platform;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::emulator::{self, Emulation};
use crate::outside::RunningSandbox;
use crate::piped::piped;
use crate::poll::add;
use crate::signals::Signals;
use crate::terminal::{self, Relay};
use crate::wire::{self, Answer, Ask, Job, Plan, World};
use crate::{
    Access, Command, Ended, Input, Machine, Mount, Network, Output, Ran, SandboxError, User, Writable,
};

impl Machine {
    /// Runs a command to its end. Every process that it started has ended then as well.
    ///
    /// # Errors
    ///
    /// When it cannot be started. That it fails is no error: see [`Ran::ended`].
    pub fn run(&self, command: &Command) -> Result<Ran, SandboxError> {
        let mut world = world(self, command)?;
        if self.stacks() {
            let disk = match command.writable {
                Writable::Memory(_) if !self.stacks_in_memory() => Some(ScratchFolder::make(self, command)?),
                _ => None,
            };
            if let Some(disk) = &disk {
                world.writable = wire::Writable::Disk(absolute(&disk.folder)?);
            }
            // The kernel may stack folders, and not these: such as those that are in a stack themselves.
            match attempt(self, command, world.clone()) {
                Err(SandboxError::Stack(_)) => {}
                result => return result,
            }
        }
        let copy = match &command.writable {
            // It is made once, for all commands that write there.
            Writable::Folder(folder) => {
                world.copied = Some(absolute(folder)?);
                None
            }
            _ => Some(ScratchFolder::make(self, command)?),
        };
        if let Some(copy) = &copy {
            world.copied = Some(absolute(&copy.folder)?);
        }
        attempt(self, command, world)
    }
}

/// A folder beside the layers, for one command.
struct ScratchFolder<'a> {
    folder: PathBuf,
    machine: &'a Machine,
}

impl<'a> ScratchFolder<'a> {
    fn make(machine: &'a Machine, command: &Command) -> Result<Self, SandboxError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let place = command.layers.first().and_then(|layer| layer.parent());
        let place = place.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = place.join(format!(".sandbox.{}.{number}", std::process::id()));
        machine.remove(&folder)?;
        machine.make(&folder)?;
        Ok(Self { folder, machine })
    }
}

impl Drop for ScratchFolder<'_> {
    fn drop(&mut self) {
        // It is in nobody's way, and the next one of that name removes it.
        let _ = self.machine.remove(&self.folder);
    }
}

fn attempt(machine: &Machine, command: &Command, world: World) -> Result<Ran, SandboxError> {
    let foreground = matches!(command.output, Output::Inherit);
    let terminal = terminal::of(command);
    let plan = plan(command, terminal);
    let mut kept = match command.output {
        Output::Inherit | Output::To(_) => None,
        Output::Keep(limit) => Some(OutputPipe::new(limit)?),
    };
    let signals =
        foreground.then(Signals::watch).transpose().map_err(SandboxError::step("watch for signals"))?;
    let deadline = command.limits.time.map(|time| Instant::now() + time);
    let mut inside = machine.start(Job::Run(Box::new(world.clone())))?;
    inside.done()?;
    {
        let nothing = File::options().read(true).write(true).open("/dev/null");
        let nothing = nothing.map_err(SandboxError::step("open `/dev/null`"))?;
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        let input = match &command.input {
            Input::Nothing => nothing.as_fd(),
            Input::Inherit => stdin.as_fd(),
            Input::From(input) => input.as_fd(),
        };
        let pipe = piped(input).map_err(SandboxError::step("read standard input"))?;
        let input = pipe.as_ref().map_or(input, OwnedFd::as_fd);
        let (output, error) = match (&command.output, kept.as_ref().and_then(|kept| kept.writer.as_ref())) {
            (_, Some(writer)) => (writer.as_fd(), writer.as_fd()),
            (Output::To(output), None) => (output.as_fd(), nothing.as_fd()),
            (_, None) => (stdout.as_fd(), stderr.as_fd()),
        };
        let mut descriptors = vec![input, output, error];
        descriptors.extend(command.published.iter().map(|published| published.listener.as_fd()));
        inside.ask_with(&Ask::Run(Box::new(world), Box::new(plan)), &descriptors)?;
    }
    // Only the sandbox holds it now: it ends with the last process in there.
    if let Some(kept) = &mut kept {
        kept.writer = None;
    }
    let stop = (deadline, command.until.as_deref());
    let ended = watch(&inside, &mut kept, signals.as_ref(), terminal.is_some(), stop)?;
    inside.end();
    let output = kept
        .map(OutputPipe::finish)
        .transpose()
        .map_err(SandboxError::step("read what the command prints"))?;
    Ok(Ran { ended, output: output.unwrap_or_default() })
}

fn absolute(path: &Path) -> Result<OsString, SandboxError> {
    let path = std::path::absolute(path).map_err(SandboxError::step("find the working folder"))?;
    Ok(path.into_os_string())
}

fn world(machine: &Machine, command: &Command) -> Result<World, SandboxError> {
    let writable = match &command.writable {
        Writable::Nothing => wire::Writable::Nothing,
        Writable::Memory(bytes) => wire::Writable::Memory(*bytes),
        Writable::Folder(folder) => {
            machine.make(folder)?;
            wire::Writable::Folder(absolute(folder)?)
        }
        Writable::Scratch(folder) => {
            machine.make(folder)?;
            wire::Writable::Disk(absolute(folder)?)
        }
    };
    let mount = |mount: &Mount| {
        Ok::<_, SandboxError>(wire::Mount {
            source: absolute(&mount.source)?,
            target: mount.target.as_str().to_owned(),
            write: mount.access == Access::Write,
        })
    };
    Ok(World {
        layers: command.layers.iter().map(|layer| absolute(layer)).collect::<Result<_, _>>()?,
        writable,
        mounts: command.mounts.iter().map(mount).collect::<Result<_, _>>()?,
        host_network: command.network == Network::Host,
        served: command.network == Network::Served,
        emulator: match emulator::of(command.platform)? {
            Emulation::None => None,
            Emulation::Register(line) => Some(line),
        },
        single: machine.is_single(),
        copied: None,
    })
}

fn plan(command: &Command, terminal: Option<wire::Terminal>) -> Plan {
    let limits = &command.limits;
    Plan {
        words: command.words.clone(),
        native: Platform::host() == Some(command.platform),
        env: command.env.clone(),
        folder: command.folder.as_ref().map(|folder| folder.as_str().to_owned()),
        user: match &command.user {
            User::Id { uid, gid } => wire::User::Id { uid: *uid, gid: *gid },
            User::Named(name) => wire::User::Named(name.clone()),
        },
        limits: wire::Limits {
            processes: limits.processes,
            open_files: limits.open_files,
            file_size: limits.file_size,
            memory: limits.memory,
            processor: limits.processor,
        },
        published: command.published.iter().map(|published| published.port).collect(),
        terminal,
    }
}

/// Waits for the end, and meanwhile takes what is printed, hands signals on, and serves the terminal.
fn watch(
    inside: &RunningSandbox,
    kept: &mut Option<OutputPipe>,
    signals: Option<&Signals>,
    with_terminal: bool,
    (deadline, until): (Option<Instant>, Option<&OwnedFd>),
) -> Result<Ended, SandboxError> {
    let failed = SandboxError::step("wait for the command");
    let mut relay: Option<Relay> = None;
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(Ended::TimedOut);
        }
        let mut wanted = vec![PollFd::new(inside.channel(), PollFlags::IN)];
        let output = kept.as_ref().filter(|kept| !kept.ended).map(|kept| add(&mut wanted, &kept.reader));
        let signal = signals.map(|signals| add(&mut wanted, signals));
        let stop = until.map(|until| add(&mut wanted, until));
        let served = relay.as_ref().map(|relay| relay.add(&mut wanted));
        let timeout = left.map(|left| Timespec::try_from(left + Duration::from_millis(1)));
        let timeout = timeout.transpose().ok().flatten();
        match poll(&mut wanted, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(failed(error.into())),
            Ok(_) => {}
        }
        let is_ready = |index: Option<usize>| index.is_some_and(|index| !wanted[index].revents().is_empty());
        let (answered, output, signal) = (is_ready(Some(0)), is_ready(output), is_ready(signal));
        let is_stopped = is_ready(stop);
        let served = served.map(|indices| indices.map(is_ready));
        drop(wanted);
        if output && let Some(kept) = kept {
            kept.take().map_err(SandboxError::step("read what the command prints"))?;
        }
        if let (Some(relay), Some(served)) = (&mut relay, served) {
            relay.serve(served).map_err(SandboxError::step("serve the terminal"))?;
        }
        if signal && let Some(signals) = signals {
            for number in signals.pending() {
                pass_on(inside, relay.as_ref(), number)?;
            }
        }
        if answered && let Some(ended) = answer(inside, &mut relay, with_terminal)? {
            return Ok(ended);
        }
        if is_stopped {
            return Ok(Ended::Stopped);
        }
    }
}

/// Takes what the inside says: that the command was started, or how it ended.
fn answer(
    inside: &RunningSandbox,
    relay: &mut Option<Relay>,
    with_terminal: bool,
) -> Result<Option<Ended>, SandboxError> {
    match inside.answer()? {
        (Answer::Started, mut files) => {
            if let (true, Some(master)) = (with_terminal, files.pop()) {
                *relay = Some(Relay::start(master).map_err(SandboxError::step("use the terminal"))?);
            }
            Ok(None)
        }
        (Answer::Ended(ended), _) => {
            if let Some(relay) = relay {
                relay.finish();
            }
            Ok(Some(ended.map_or_else(Ended::Signal, Ended::Code)))
        }
        _ => Err(SandboxError::Lost),
    }
}

fn pass_on(inside: &RunningSandbox, relay: Option<&Relay>, number: i32) -> Result<(), SandboxError> {
    use rustix::process::{Signal, getpid, kill_process};
    match (Signal::from_named_raw(number), relay) {
        // The sandbox's terminal tells its processes.
        (Some(Signal::WINCH), Some(relay)) => relay.resize(),
        (Some(Signal::TSTP), None) => {
            inside.ask(&Ask::Signal(number))?;
            // As this program would have done without us.
            let _ = kill_process(getpid(), Signal::STOP);
        }
        _ => inside.ask(&Ask::Signal(number))?,
    }
    Ok(())
}

/// What a command prints, where it is kept.
struct OutputPipe {
    reader: OwnedFd,
    writer: Option<OwnedFd>,
    limit: usize,
    bytes: Vec<u8>,
    ended: bool,
}

impl OutputPipe {
    fn new(limit: usize) -> Result<Self, SandboxError> {
        let (reader, writer) = io::pipe().map_err(SandboxError::step("make a pipe"))?;
        Ok(Self {
            reader: reader.into(),
            writer: Some(writer.into()),
            limit,
            bytes: Vec::new(),
            ended: false,
        })
    }

    /// Takes what is there, and waits where nothing is.
    fn take(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        let read = rustix::io::retry_on_intr(|| rustix::io::read(&self.reader, &mut buffer))?;
        self.ended = read == 0;
        self.bytes.extend_from_slice(&buffer[..read]);
        if self.bytes.len() > self.limit.saturating_mul(2).max(64 * 1024) {
            self.shorten();
        }
        Ok(())
    }

    fn shorten(&mut self) {
        let over = self.bytes.len().saturating_sub(self.limit);
        self.bytes.drain(..over);
    }

    /// Takes the rest, once nobody can write any more.
    fn finish(mut self) -> io::Result<Vec<u8>> {
        while !self.ended {
            self.take()?;
        }
        self.shorten();
        Ok(self.bytes)
    }
}

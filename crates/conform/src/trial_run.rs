//! Running an image to find out whether it meets a demand.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use imgbuild_archive::ImagePath;
use imgbuild_sandbox::limits::MOST_PUBLISHED;
use imgbuild_sandbox::{
    Access, Command, Ended, Limits, Machine, Mount, Network, Output, Published, Ran, SandboxError, User,
    Writable, printed, set_variable,
};

use crate::answer::{self, Asked};
use crate::devcontainer;
use crate::image::Inspected;
use crate::limits::{
    GRACE_SECONDS, SHOWN_LINES, START_SECONDS, TRIAL_OUTPUT, TRIAL_PROCESSES, TRIAL_SECONDS, TRIAL_WRITABLE,
};
use crate::trial::{Account, Answer, Home, NOBODYS_KEY, Root, Start, Trial};
use crate::verdict::Verdict;

/// The time between two questions to a server that does not answer yet.
const BETWEEN: Duration = Duration::from_millis(100);
/// How shells end that find no program, or one that cannot be executed.
const NO_PROGRAM: [u8; 2] = [126, 127];

/// An image that can be run here.
pub struct Container<'a> {
    /// What runs it.
    pub machine: &'a Machine,
    /// A command of it, with its environment, user and folder.
    pub command: &'a dyn Fn(Start) -> Result<Command, String>,
    /// A new empty folder, which the caller removes.
    pub folder: &'a dyn Fn() -> io::Result<PathBuf>,
}

impl Container<'_> {
    /// Tries an image.
    pub(crate) fn run(&self, trial: &Trial, image: &Inspected) -> Verdict {
        let command = match self.prepared(trial, image) {
            Err(fault) => return Verdict::Unknown(fault),
            Ok(command) => command,
        };
        let ports = image.ports();
        let verdict = match trial.answer {
            Answer::Code(code) => self.ends(&command, code),
            Answer::Starts => self.starts(&command),
            Answer::EveryPort => self.serves(command, &ports.into_iter().collect::<Vec<_>>(), None),
            Answer::Ports(ports) => self.serves(command, ports, None),
            Answer::Pages { port, paths, header } => self.serves(command, &[port], Some((paths, header))),
        };
        match verdict {
            Verdict::Holds(_) if self.machine.has_owners().is_err() => Verdict::Unknown(
                "only one user can be mapped here, to whom all files belong, so that rights were not tried"
                    .to_owned(),
            ),
            // s6 and its like refuse to be anything but the first process, which is ours here.
            Verdict::Fails(_) if trial.start != Start::Own && image.words().first() == Some(&"/init") => {
                Verdict::Unknown("its `/init` wants to be the first process, which it is not here".to_owned())
            }
            verdict => verdict,
        }
    }

    fn prepared(&self, trial: &Trial, image: &Inspected) -> Result<Command, String> {
        let mut command = (self.command)(trial.start)?;
        let mut home = image.home();
        let own = image.variable("HOME").is_some();
        match trial.account {
            Account::Own => {}
            Account::Editor => {
                let user = devcontainer::user(image)?;
                let numbers = image.facts.user(&user);
                if let Some((_, of_user)) = numbers.and_then(|(uid, _)| image.facts.accounts.login(uid)) {
                    home = of_user;
                }
                set_variable(&mut command.env, "HOME", &home);
                command.user = User::Named(user);
            }
            Account::Numbers(uid, gid) => {
                command.user = User::Id { uid, gid: Some(gid) };
                // Whom the image does not know, engines give no home but the root.
                if image.facts.accounts.login(uid).is_none() && !own {
                    set_variable(&mut command.env, "HOME", "/");
                }
            }
        }
        command.writable = match trial.root {
            Root::Writable => Writable::Memory(TRIAL_WRITABLE),
            Root::ReadOnly => Writable::Nothing,
        };
        if trial.home == Home::Volume && home != "/" {
            let target = ImagePath::from_absolute(&home);
            let target = target.map_err(|_| format!("its home `{home}` is no path for a volume"))?;
            command.mounts.push(self.volume(target)?);
            set_variable(&mut command.env, "HOME", &home);
        }
        if trial.root == Root::ReadOnly {
            for target in image.empty_volumes() {
                command.mounts.push(self.volume(target)?);
            }
        }
        if !matches!(trial.answer, Answer::Code(_)) {
            set_variable(&mut command.env, "SSH_AUTHORIZED_KEYS", NOBODYS_KEY);
        }
        for (name, value) in trial.env {
            set_variable(&mut command.env, name, value);
        }
        command.network = Network::Served;
        command.output = Output::Keep(TRIAL_OUTPUT);
        command.limits = Limits { processes: Some(TRIAL_PROCESSES), ..Limits::default() };
        Ok(command)
    }

    fn volume(&self, target: ImagePath) -> Result<Mount, String> {
        let source = (self.folder)().map_err(|error| format!("no volume can be made: {error}"))?;
        Ok(Mount { source, target, access: Access::Write })
    }

    fn limited(&self, command: &Command, seconds: u64) -> Result<Ran, SandboxError> {
        let time = Some(Duration::from_secs(seconds));
        self.machine.run(&Command { limits: Limits { time, ..command.limits }, ..command.clone() })
    }

    /// Whether a command ends with a code.
    fn ends(&self, command: &Command, code: u8) -> Verdict {
        match self.limited(command, TRIAL_SECONDS) {
            Ok(Ran { ended: Ended::Code(found), .. }) if found == code => {
                Verdict::Holds(format!("it ends with the exit code {code}"))
            }
            ran => ended(ran),
        }
    }

    /// Whether a command can be started.
    fn starts(&self, command: &Command) -> Verdict {
        match self.limited(command, START_SECONDS) {
            Ok(Ran { ended: Ended::Code(code), .. }) if !NO_PROGRAM.contains(&code) => {
                Verdict::Holds(format!("it runs, and ends with the exit code {code}"))
            }
            Ok(Ran { ended: Ended::TimedOut, .. }) => Verdict::Holds("it runs".to_owned()),
            ran => ended(ran),
        }
    }

    /// Whether a command that goes on answers on ports, and has pages there where some are named.
    fn serves(&self, mut command: Command, ports: &[u16], pages: Option<Pages<'_>>) -> Verdict {
        if ports.len() > MOST_PUBLISHED {
            return Verdict::Unknown(format!("{} ports are more than can be tried", ports.len()));
        }
        let mut asked = Vec::new();
        for port in ports {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
            let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
            let Ok((address, listener)) = bound else {
                return Verdict::Unknown("no port of this machine can be listened on".to_owned());
            };
            command.published.push(Published { listener: Arc::new(listener), port: *port });
            asked.push((*port, address));
        }
        let Ok((reader, writer)) = io::pipe() else {
            return Verdict::Unknown("no pipe can be made".to_owned());
        };
        command.until = Some(Arc::new(reader.into()));
        let machine = self.machine.clone();
        let running = std::thread::spawn(move || machine.run(&command));
        let answered = asked.iter().try_for_each(|(port, address)| answers(&running, *port, *address, pages));
        // Nobody can write there any more, which ends it.
        drop(writer);
        let ran = running.join();
        match answered {
            Ok(()) => Verdict::Holds(match pages {
                Some((paths, _)) => format!("`{}` for everybody", paths.join("`, `")),
                None => format!("{} answers", listed(ports)),
            }),
            Err(Some(verdict)) => verdict,
            Err(None) => {
                ran.map_or_else(|_| Verdict::Unknown("the thread that runs it died".to_owned()), ended)
            }
        }
    }
}

/// Paths, and the header that pages there have.
type Pages<'a> = (&'a [&'a str], Option<(&'a str, &'a str)>);

fn listed(ports: &[u16]) -> String {
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    format!("port {}", ports.join(", "))
}

/// Waits for the answers of one port; nothing for why they do not come where the run ended by itself, which says more.
fn answers(
    running: &JoinHandle<Result<Ran, SandboxError>>,
    port: u16,
    address: SocketAddr,
    pages: Option<Pages<'_>>,
) -> Result<(), Option<Verdict>> {
    match pages {
        None => wait(running, port, || answer::port(address)),
        Some((paths, header)) => {
            paths.iter().try_for_each(|path| wait(running, port, || answer::page(address, path, header)))
        }
    }
}

/// Asks until the answer is good. One that is not may become good a little later, while a server starts.
fn wait(
    running: &JoinHandle<Result<Ran, SandboxError>>,
    port: u16,
    ask: impl Fn() -> Asked,
) -> Result<(), Option<Verdict>> {
    let begun = Instant::now();
    let mut first: Option<Instant> = None;
    loop {
        match ask() {
            Asked::Good => return Ok(()),
            Asked::Unreachable(why) => return Err(Some(Verdict::Unknown(why))),
            _ if running.is_finished() => return Err(None),
            Asked::Bad(why) => {
                if first.get_or_insert_with(Instant::now).elapsed() > Duration::from_secs(GRACE_SECONDS) {
                    return Err(Some(Verdict::Fails(why)));
                }
            }
            Asked::Nobody => {}
        }
        if begun.elapsed() > Duration::from_secs(TRIAL_SECONDS) {
            let why = format!("nobody answers on port {port} from outside within {TRIAL_SECONDS} seconds");
            return Err(Some(Verdict::Fails(why)));
        }
        sleep(BETWEEN);
    }
}

/// What a run shows that should not have ended like this.
fn ended(ran: Result<Ran, SandboxError>) -> Verdict {
    let ran = match ran {
        Ok(ran) => ran,
        // What the image lacks, it lacks everywhere.
        Err(
            error @ (SandboxError::NoProgram(_)
            | SandboxError::NotExecutable { .. }
            | SandboxError::NoUser(_)
            | SandboxError::NoGroup(_)),
        ) => return Verdict::Fails(error.to_string()),
        Err(error) => return Verdict::Unknown(imgbuild_diagnostic::told(&error)),
    };
    let how = match ran.ended {
        Ended::Code(code) => format!("it ends with the exit code {code}"),
        Ended::Signal(signal) => format!("it is ended by the signal {signal}"),
        Ended::TimedOut | Ended::Stopped => format!("it does not end within {TRIAL_SECONDS} seconds"),
    };
    let said = printed(&ran.output);
    let lines: Vec<&str> = said.lines().collect();
    let shown = match lines.len().checked_sub(SHOWN_LINES) {
        Some(over) if over > 0 => format!("it printed, at its end:\n{}", lines[over..].join("\n")),
        _ => said,
    };
    Verdict::Fails(format!("{how}\n{shown}"))
}

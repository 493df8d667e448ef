//! Running an image to find out whether it meets a demand.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use imgbuild_archive::ImagePath;
use imgbuild_sandbox::{
    Access, Command, Ended, Limits, Machine, Mount, Output, Published, Ran, SandboxError, User, Writable,
    printed, set_variable,
};

use crate::image::Inspected;
use crate::limits::{ANSWER_HEAD, TRIAL_OUTPUT, TRIAL_PROCESSES, TRIAL_SECONDS, TRIAL_WRITABLE};
use crate::trial::{Account, Answer, Home, NOBODYS_KEY, Root, Start, Trial};
use crate::verdict::Verdict;

/// The time between two questions to a server that does not answer yet.
const BETWEEN: Duration = Duration::from_millis(100);
/// How long a server may take for one answer.
const ONE_ANSWER: Duration = Duration::from_secs(5);

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
        match self.prepared(trial, image) {
            Err(fault) => Verdict::Unknown(fault),
            Ok(command) => match trial.answer {
                Answer::Code(code) => self.ends(&command, code),
                Answer::EveryPort => self.serves(command, &image.ports(), &[], None),
                Answer::Ports(ports) => self.serves(command, ports, &[], None),
                Answer::Pages { port, paths, header } => self.serves(command, &[port], paths, header),
            },
        }
    }

    fn prepared(&self, trial: &Trial, image: &Inspected) -> Result<Command, String> {
        let mut command = (self.command)(trial.start)?;
        if let Account::Numbers(uid, gid) = trial.account {
            command.user = User::Id { uid, gid: Some(gid) };
        }
        command.writable = match trial.root {
            Root::Writable => Writable::Memory(TRIAL_WRITABLE),
            Root::ReadOnly => Writable::Nothing,
        };
        if trial.home == Home::Volume
            && let Ok(target) = ImagePath::from_absolute(&image.home())
        {
            let source = (self.folder)().map_err(|error| format!("no volume can be made: {error}"))?;
            command.mounts.push(Mount { source, target, access: Access::Write });
        }
        if !matches!(trial.answer, Answer::Code(_)) {
            set_variable(&mut command.env, "SSH_AUTHORIZED_KEYS", NOBODYS_KEY);
        }
        for (name, value) in trial.env {
            set_variable(&mut command.env, name, value);
        }
        command.output = Output::Keep(TRIAL_OUTPUT);
        command.limits = Limits { processes: Some(TRIAL_PROCESSES), ..Limits::default() };
        Ok(command)
    }

    /// Whether a command ends with a code.
    fn ends(&self, command: &Command, code: u8) -> Verdict {
        let command = Command {
            limits: Limits { time: Some(Duration::from_secs(TRIAL_SECONDS)), ..command.limits },
            ..command.clone()
        };
        match self.machine.run(&command) {
            Ok(Ran { ended: Ended::Code(found), .. }) if found == code => {
                Verdict::Holds(format!("it ends with the exit code {code}"))
            }
            ran => ended(ran),
        }
    }

    /// Whether a command that goes on answers.
    fn serves(
        &self,
        mut command: Command,
        ports: &[u16],
        paths: &[&str],
        header: Option<(&str, &str)>,
    ) -> Verdict {
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
        let answered = asked.iter().try_for_each(|(port, address)| match paths {
            [] => {
                wait(&running, || question(*address, "/").map(|_| Ok(()))).map_err(|why| of_port(*port, why))
            }
            paths => paths.iter().try_for_each(|path| {
                wait(&running, || page(*address, path, header))
                    .map_err(|why| why.map(|why| format!("`{path}` {why}")))
            }),
        });
        drop(writer);
        let ran = running.join();
        match answered {
            Ok(()) if paths.is_empty() => Verdict::Holds(answers(ports)),
            Ok(()) => Verdict::Holds(format!("`{}` for everybody", paths.join("`, `"))),
            Err(Some(why)) => Verdict::Fails(why),
            Err(None) => match ran {
                Ok(ran) => ended(ran),
                Err(_) => Verdict::Unknown("the thread that runs it died".to_owned()),
            },
        }
    }
}

fn answers(ports: &[u16]) -> String {
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    format!("port {} answers", ports.join(", "))
}

fn of_port(port: u16, why: Option<String>) -> Option<String> {
    why.map(|why| format!("port {port} {why}"))
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
        Ended::TimedOut | Ended::Stopped => format!("it does not end within {} seconds", TRIAL_SECONDS),
    };
    Verdict::Fails(format!("{how}\n{}", printed(&ran.output)))
}

/// Asks until there is an answer; nothing for why where the run ended by itself, which says more.
fn wait(
    running: &JoinHandle<Result<Ran, SandboxError>>,
    ask: impl Fn() -> Option<Result<(), String>>,
) -> Result<(), Option<String>> {
    let deadline = Instant::now() + Duration::from_secs(TRIAL_SECONDS);
    loop {
        match ask() {
            Some(answer) => return answer.map_err(Some),
            None if running.is_finished() => return Err(None),
            None if Instant::now() >= deadline => {
                return Err(Some(format!("says nothing within {} seconds", TRIAL_SECONDS)));
            }
            None => sleep(BETWEEN),
        }
    }
}

/// The head of what a server says to a question of HTTP; nothing where nobody says anything.
fn question(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, ONE_ANSWER).ok()?;
    stream.set_read_timeout(Some(ONE_ANSWER)).ok()?;
    stream.set_write_timeout(Some(ONE_ANSWER)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: localhost\r\nOrigin: http://localhost\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut said = Vec::new();
    // What was said before a connection broke was said.
    let _ = stream.take(ANSWER_HEAD).read_to_end(&mut said);
    (!said.is_empty()).then(|| String::from_utf8_lossy(&said).into_owned())
}

/// Whether a page is there for everybody; nothing where the server does not answer yet.
fn page(address: SocketAddr, path: &str, header: Option<(&str, &str)>) -> Option<Result<(), String>> {
    let said = question(address, path)?;
    let head = said.split_once("\r\n\r\n").map_or(said.as_str(), |(head, _)| head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    Some(match (status, header) {
        // It is still starting.
        ("502" | "503" | "504", _) => return None,
        ("200", None) => Ok(()),
        ("200", Some((name, value))) => {
            let is_it = |line: &str| {
                line.split_once(':')
                    .is_some_and(|(known, found)| known.eq_ignore_ascii_case(name) && found.trim() == value)
            };
            if lines.any(is_it) { Ok(()) } else { Err(format!("comes without `{name}: {value}`")) }
        }
        (status, _) => Err(format!("answers with the status {status}")),
    })
}

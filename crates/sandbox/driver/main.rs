//! A program of the sandbox's own, for its tests: each of the library's functions by its name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{EntryHead, EntrySink, SinkError, TarWriter, WriteOptions};
use imgbuild_oci::Platform;
use imgbuild_sandbox::{
    Access, Command, Ended, Input, Limits, Machine, Mount, Network, Output, Published, SandboxError, User,
    Writable,
};

/// How the driver ends where the sandbox could not be made.
const FAILED: u8 = 125;

fn main() -> ExitCode {
    imgbuild_sandbox::enter();
    let mut arguments = std::env::args().skip(1);
    let verb = arguments.next().unwrap();
    match drive(&verb, arguments.collect()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let mut text = error.to_string();
            let mut next = error.source();
            while let Some(cause) = next {
                text = format!("{text}: {cause}");
                next = cause.source();
            }
            text.extend(imgbuild_diagnostic::hints(&error).iter().map(|hint| format!("\nhint: {hint}")));
            eprintln!("{text}");
            ExitCode::from(FAILED)
        }
    }
}

fn drive(verb: &str, arguments: Vec<String>) -> Result<u8, SandboxError> {
    let mut machine = Machine::probe()?;
    if arguments.iter().any(|it| it == "--without-stacking") {
        machine = machine.without_stacking();
    }
    if arguments.iter().any(|it| it == "--without-attributes") {
        machine = machine.without_attributes();
    }
    let folder = || Path::new(&arguments[0]);
    match verb {
        "mapping" => println!("{}", machine.mapping()),
        "owners" => machine.has_owners()?,
        "runs" => machine.runs(arguments[0].parse().unwrap())?,
        "unpack" => machine.unpack(&mut io::stdin(), folder())?,
        "remove" => machine.remove(folder())?,
        "difference" => {
            let mut sink = Sink(TarWriter::new(io::stdout().lock()));
            let timestamp = arguments[1].parse().unwrap();
            let cleaned = |path: &ImagePath| arguments[2..].iter().any(|it| it == path.as_str());
            machine.difference(folder(), timestamp, &cleaned, &mut sink)?;
            sink.0.finish().unwrap().flush().unwrap();
        }
        "run" => return run(&machine, arguments),
        verb => panic!("{verb}"),
    }
    Ok(0)
}

struct Sink<W: Write>(TarWriter<W>);

impl<W: Write> EntrySink for Sink<W> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        self.0.append(head, body)
    }

    fn options(&self) -> WriteOptions {
        WriteOptions::default()
    }
}

fn run(machine: &Machine, arguments: Vec<String>) -> Result<u8, SandboxError> {
    let mut command = Command {
        platform: Platform::host().unwrap(),
        layers: Vec::new(),
        writable: Writable::Memory(64 << 20),
        words: Vec::new(),
        env: vec![("PATH".to_owned(), "/bin".to_owned())],
        folder: None,
        user: User::Named(String::new()),
        mounts: Vec::new(),
        network: Network::None,
        published: Vec::new(),
        limits: Limits::default(),
        input: Input::Nothing,
        output: Output::Inherit,
        until: None,
    };
    let mut arguments = arguments.into_iter();
    while let Some(name) = arguments.next() {
        if name == "--" {
            break;
        }
        let mut value = || arguments.next().unwrap();
        let mut number = || value().parse::<u64>().unwrap();
        match name.as_str() {
            "--platform" => command.platform = value().parse().unwrap(),
            "--layer" => command.layers.push(PathBuf::from(value())),
            "--read-only" => command.writable = Writable::Nothing,
            "--memory" => command.writable = Writable::Memory(number()),
            "--folder" => command.writable = Writable::Folder(PathBuf::from(value())),
            "--env" => {
                let value = value();
                let (name, value) = value.split_once('=').unwrap();
                command.env.retain(|it| it.0 != name);
                command.env.push((name.to_owned(), value.to_owned()));
            }
            "--in" => command.folder = Some(ImagePath::from_absolute(&value()).unwrap()),
            "--user" => command.user = User::Named(value()),
            "--uid" => command.user = User::Id { uid: u32::try_from(number()).unwrap(), gid: None },
            "--mount" => {
                let value = value();
                let [source, target, access] = value.split(':').collect::<Vec<_>>().try_into().unwrap();
                command.mounts.push(Mount {
                    source: PathBuf::from(source),
                    target: ImagePath::from_absolute(target).unwrap(),
                    access: if access == "rw" { Access::Write } else { Access::Read },
                });
            }
            "--without-stacking" | "--without-attributes" => {}
            "--net" => command.network = Network::Host,
            "--publish" => {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                println!("{}", listener.local_addr().unwrap().port());
                let port = u16::try_from(number()).unwrap();
                command.published.push(Published { listener: Arc::new(listener), port });
            }
            "--served" => command.network = Network::Served,
            "--seconds" => command.limits.time = Some(Duration::from_secs(number())),
            "--processes" => command.limits.processes = Some(number()),
            "--open-files" => command.limits.open_files = Some(number()),
            "--file-size" => command.limits.file_size = Some(number()),
            "--address-space" => command.limits.memory = Some(number()),
            "--until-input" => {
                let input = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned().unwrap();
                command.until = Some(Arc::new(input));
            }
            "--input" => command.input = Input::Inherit,
            "--keep" => command.output = Output::Keep(usize::try_from(number()).unwrap()),
            name => panic!("{name}"),
        }
    }
    command.words = arguments.collect();
    let ran = machine.run(&command)?;
    io::stdout().write_all(&ran.output).unwrap();
    Ok(match ran.ended {
        Ended::Code(code) => code,
        Ended::Signal(signal) => {
            eprintln!("signal {signal}");
            128 + u8::try_from(signal).unwrap()
        }
        Ended::TimedOut => {
            eprintln!("timed out");
            124
        }
        Ended::Stopped => {
            eprintln!("stopped");
            123
        }
    })
}

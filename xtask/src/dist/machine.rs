//! The machines that the program is for, in everybody's words.

use std::path::Path;
use std::process::Command;

use super::commands;
use super::error::DistError;

/// A kind of machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Machine {
    /// rustc's word.
    pub(super) target: &'static str,
    /// The kernel's, and Python's.
    pub(super) name: &'static str,
    /// Debian's.
    pub(super) debian: &'static str,
    /// conda's.
    pub(super) conda: &'static str,
    /// OCI's.
    pub(super) platform: &'static str,
    /// Where programs look for the loader of glibc.
    pub(super) loader: &'static str,
    /// The number that programs have for it (`e_machine` of ELF).
    pub(super) elf: u16,
}

const MACHINES: [Machine; 2] = [
    Machine {
        target: "x86_64-unknown-linux-gnu",
        name: "x86_64",
        debian: "amd64",
        conda: "linux-64",
        platform: "linux/amd64",
        loader: "lib64/ld-linux-x86-64.so.2",
        elf: 62,
    },
    Machine {
        target: "aarch64-unknown-linux-gnu",
        name: "aarch64",
        debian: "arm64",
        conda: "linux-aarch64",
        platform: "linux/arm64",
        loader: "lib/ld-linux-aarch64.so.1",
        elf: 183,
    },
];

impl Machine {
    /// That of a target of rustc.
    pub(super) fn of_target(target: &str) -> Result<Self, DistError> {
        let found = MACHINES.into_iter().find(|machine| machine.target == target);
        found.ok_or_else(|| DistError::Target(target.to_owned()))
    }

    /// That of programs with a number.
    pub(super) fn of_elf(number: u16) -> Option<Self> {
        MACHINES.into_iter().find(|machine| machine.elf == number)
    }

    /// The C compiler for it.
    pub(super) fn compiler(self) -> Result<String, DistError> {
        let is_host = host()?.target == self.target;
        Ok(if is_host { "gcc".to_owned() } else { format!("{}-linux-gnu-gcc", self.name) })
    }

    /// Why nothing can be built for it on this machine.
    pub(super) fn why_not(self) -> Result<Option<String>, DistError> {
        let mut rustc = Command::new("rustc");
        let libraries =
            commands::text(rustc.args(["--print", "target-libdir", "--target"]).arg(self.target))?;
        if !Path::new(&libraries).is_dir() {
            return Ok(Some(format!(
                "its standard library is not installed; `rustup target add {}` does it",
                self.target
            )));
        }
        let compiler = self.compiler()?;
        let is_there = Command::new(&compiler).arg("--version").output().is_ok();
        let package = format!("gcc-{}-linux-gnu", self.name.replace('_', "-"));
        Ok((!is_there)
            .then(|| format!("`{compiler}` is not on this machine; Debian's package {package} has it")))
    }
}

/// The machine that this runs on.
pub(super) fn host() -> Result<Machine, DistError> {
    let said = commands::text(Command::new("rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Machine::of_target(host.ok_or(DistError::NoHost)?)
}

//! Programs that must be on the machine.

use std::process::{Command, Stdio};

/// A program, and the Debian packages that bring it.
pub(crate) type Program = (&'static str, &'static str);

/// Programs are neither there nor may we install them.
#[derive(Debug, thiserror::Error)]
#[error("not on this machine: {}\nhint: as root, run `apt-get install {packages}`", names.join(", "))]
pub(crate) struct Lacking {
    names: Vec<&'static str>,
    packages: String,
}

impl Lacking {
    /// A single one.
    pub(crate) fn one(name: &'static str, packages: &str) -> Self {
        Self { names: vec![name], packages: packages.to_owned() }
    }
}

/// Sees to it that programs are there: as root, Debian's packages of those that are not are installed.
///
/// # Errors
///
/// When some are not there afterwards; it names them all.
pub(crate) fn ensure(programs: &[Program]) -> Result<(), Lacking> {
    let lacking = |programs: &[Program]| -> Vec<Program> {
        programs.iter().copied().filter(|(name, _)| !on_path(name)).collect()
    };
    let mut still = lacking(programs);
    if !still.is_empty() && install(&packages(&still)) {
        still = lacking(programs);
    }
    if still.is_empty() {
        return Ok(());
    }
    Err(Lacking { names: still.iter().map(|(name, _)| *name).collect(), packages: packages(&still) })
}

/// The packages of programs, each once, in order.
fn packages(programs: &[Program]) -> String {
    let mut packages: Vec<&str> = Vec::new();
    for package in programs.iter().flat_map(|(_, packages)| packages.split(' ')) {
        if !packages.contains(&package) {
            packages.push(package);
        }
    }
    packages.join(" ")
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether apt has installed the packages. It cannot where we are not root or apt is not there; it says so itself.
pub(crate) fn install(packages: &str) -> bool {
    eprintln!("xtask: apt-get install {packages}");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages.split(' '));
    apt(&["update"]) && apt(&arguments)
}

#[cfg(test)]
mod tests {
    use super::packages;

    #[test]
    fn a_package_of_several_programs_is_named_once() {
        assert_eq!(
            packages(&[("dockerd", "docker.io"), ("gcc", "gcc libc6-dev"), ("docker", "docker.io")]),
            "docker.io gcc libc6-dev"
        );
    }
}

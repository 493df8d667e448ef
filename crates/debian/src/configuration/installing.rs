//! `apt-get install` of the packages' archives, in the sandbox.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use imgbuild_sandbox::{
    Access, Command, Ended, Input, Limits, Machine, Mount, Network, Output, User, Writable,
};

use super::cleaned::{ARCHIVES, POLICY};
use super::{Configuration, ConfigurationError, archive_path, file_name, inside};

/// How long all packages together may take: an emulated machine is slow.
const TIME: Duration = Duration::from_secs(3600);
/// Of what is printed, the end is kept.
const KEPT: usize = 256 << 10;
/// Of what a failing package prints, so many lines are shown.
const SHOWN: usize = 40;
/// No service is started: `invoke-rc.d(8)`.
const POLICY_TEXT: &str = "#!/bin/sh\nexit 101\n";

/// apt takes the archives as they are, asks nobody, and leaves configuration files as packages have them.
const APT: [&str; 18] = [
    "/usr/bin/apt-get",
    "--quiet",
    "--yes",
    "--no-install-recommends",
    "-o",
    "APT::Sandbox::User=root",
    "-o",
    "Dir::Etc::SourceList=/dev/null",
    "-o",
    "Dir::Etc::SourceParts=/dev/null",
    "-o",
    "Dpkg::Use-Pty=false",
    "-o",
    "Dpkg::Options::=--force-unsafe-io",
    "-o",
    "Dpkg::Options::=--force-confdef",
    "-o",
    "Dpkg::Options::=--force-confold",
];

impl Configuration {
    /// Installs the packages in the root `scratch/root`; what changes goes to `upper`.
    pub(super) fn install(
        &self,
        machine: &Machine,
        scratch: &Path,
        upper: &Path,
    ) -> Result<(), ConfigurationError> {
        let (archives, policy) = (scratch.join("packages"), scratch.join("policy-rc.d"));
        self.lay_out(&archives, &policy)?;
        let read = |source: &Path, target| {
            Ok::<_, ConfigurationError>(Mount {
                source: source.to_owned(),
                target: inside(target)?,
                access: Access::Read,
            })
        };
        let command = Command {
            platform: self.platform,
            layers: vec![scratch.join("root")],
            writable: Writable::Folder(upper.to_owned()),
            words: self.words(),
            env: self.environment(),
            folder: None,
            user: User::Id { uid: 0, gid: Some(0) },
            mounts: vec![read(&archives, ARCHIVES)?, read(&policy, POLICY)?],
            network: Network::None,
            published: Vec::new(),
            limits: Limits { time: Some(TIME), ..Limits::default() },
            input: Input::Nothing,
            output: Output::Keep(KEPT),
            until: None,
        };
        let ran = machine.run(&command)?;
        let fault = match ran.ended {
            Ended::Code(0) => return Ok(()),
            Ended::Code(code) => format!("failed with the exit code {code}"),
            Ended::Signal(signal) => format!("was ended by the signal {signal}"),
            Ended::TimedOut | Ended::Stopped => format!("ran longer than {} seconds", TIME.as_secs()),
        };
        let output = String::from_utf8_lossy(&ran.output);
        let Failure { package, fault: own, printed } = Failure::read(&output);
        Err(ConfigurationError::Failed { package, fault: own.unwrap_or(fault), printed })
    }

    fn words(&self) -> Vec<String> {
        // What the image is built without: the configuration that says so is no part of the root.
        let rules =
            self.path_rules.iter().flat_map(|it| ["-o".to_owned(), format!("Dpkg::Options::=--{it}")]);
        let options = APT.iter().map(|it| (*it).to_owned()).chain(rules);
        let archives = self.configured.iter().map(archive_path);
        options.chain(["install".to_owned(), "--".to_owned()]).chain(archives).collect()
    }

    /// The archives under the names that apt expects, and the program that forbids starting services: readable by the
    /// sandbox's root, who need be nobody here.
    fn lay_out(&self, archives: &Path, policy: &Path) -> Result<(), ConfigurationError> {
        fn failed(path: &Path) -> impl FnOnce(io::Error) -> ConfigurationError {
            let path = path.to_owned();
            move |error| ConfigurationError::File { path, error }
        }
        let open = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed(path))
        };
        fs::create_dir(archives).map_err(failed(archives))?;
        open(archives, 0o755)?;
        for package in &self.configured {
            let path = archives.join(file_name(package));
            fs::copy(package.archive(), &path).map_err(failed(&path))?;
            open(&path, 0o644)?;
        }
        fs::write(policy, POLICY_TEXT).map_err(failed(policy))?;
        open(policy, 0o755)
    }

    fn environment(&self) -> Vec<(String, String)> {
        let timestamp = self.timestamp.to_string();
        let variables = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/root"),
            ("LC_ALL", "C.UTF-8"),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
            ("SOURCE_DATE_EPOCH", &timestamp),
            // What programs keep in tables of hashes they write in one order.
            ("PERL_HASH_SEED", "0"),
            ("PYTHONHASHSEED", "0"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }
}

/// What apt and dpkg printed of a failure.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    package: Option<String>,
    fault: Option<String>,
    printed: String,
}

impl Failure {
    /// Finds the package that failed first: what stands between the line that begins it and dpkg's message is its own.
    fn read(output: &str) -> Self {
        let lines: Vec<&str> = output.lines().map(str::trim_end).collect();
        let message = |line: &&str| line.starts_with("dpkg: error processing ");
        let Some(end) = lines.iter().position(message) else {
            return Self { package: None, fault: None, printed: shown(&lines) };
        };
        // `dpkg: error processing package nginx (--configure):`, or `… archive /run/packages/nginx_1_amd64.deb (--unpack):`
        let named = lines[end].split_whitespace().nth(4).unwrap_or_default();
        let named = named.rsplit('/').next().unwrap_or_default();
        let package = named.split(['_', ':']).next().unwrap_or_default().to_owned();
        let begins = |line: &&str| {
            let begun = ["Setting up ", "Preparing to unpack ", "Unpacking ", "Processing triggers for "];
            begun.iter().any(|it| line.starts_with(it))
        };
        let start = lines[..end].iter().rposition(begins).map_or(0, |at| at + 1);
        // dpkg's own words on what failed stand behind its message.
        let fault = lines.get(end + 1).map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
        Self {
            package: Some(package).filter(|it| !it.is_empty()),
            fault: fault.map(|it| format!("failed: {it}")),
            printed: shown(&lines[start..end]),
        }
    }
}

fn shown(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().copied().filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return "it printed nothing".to_owned();
    }
    let last = &lines[lines.len().saturating_sub(SHOWN)..];
    let lines: Vec<String> = last.iter().map(|line| format!("  {line}")).collect();
    format!("it printed:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_that_failed_is_found() {
        let output = "Reading package lists...\nSetting up words (1) ...\nfine\nSetting up editor (1) ...\nno such word\ndpkg: error processing package editor (--configure):\n installed editor package post-installation script subprocess returned error exit status 3\nErrors were encountered while processing:\n editor\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n";
        let failure = Failure::read(output);
        assert_eq!(failure.package.as_deref(), Some("editor"));
        assert_eq!(
            failure.fault.as_deref(),
            Some(
                "failed: installed editor package post-installation script subprocess returned error exit status 3"
            )
        );
        assert_eq!(failure.printed, "it printed:\n  no such word");
        let output = "Preparing to unpack .../editor_1_all.deb ...\nno room\ndpkg: error processing archive /run/packages/editor_1%3a2_all.deb (--unpack):\n new editor package pre-installation script subprocess returned error exit status 1\n";
        let failure = Failure::read(output);
        assert_eq!(
            (failure.package.as_deref(), failure.printed.as_str()),
            (Some("editor"), "it printed:\n  no room")
        );
        let failure = Failure::read("E: Unable to correct problems\n");
        assert_eq!(
            (failure.package, failure.printed.as_str()),
            (None, "it printed:\n  E: Unable to correct problems")
        );
    }
}

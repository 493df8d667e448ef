//! Whether the frameworks of an image have kernels for the GPUs that its spec names: in the sandbox and without a GPU, those that say
//! it are asked which architectures they were compiled for, and of all others the kernels in their libraries are looked at.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use imgbuild_fetch::Context;
use imgbuild_oci::Image;
use imgbuild_sandbox::{Ended, Limits, Output, Writable};
use imgbuild_spec::{Capability, Cuda, Variant};
use serde::Deserialize;

use crate::checks::{Checked, Finished, finished};
use crate::error::{CheckFailure, MakeError};
use crate::limits::{CHECK_WRITABLE, COMMAND_OUTPUT, COMMAND_PROCESSES, KERNELS_SECONDS};
use crate::running::Words;
use crate::variant_name::variant_name;

/// What the frameworks are asked with.
const PROGRAM: &str = include_str!("kernels.py");
/// What the line with the answer begins with: importing a framework may print more.
const ANSWER: &str = "imgbuild-kernels: ";
/// What the check is called in a report.
const TITLE: &str = "kernels for the GPUs of cuda.arch";

/// The first version of PyTorch whose wheels and packages have kernels for a compute capability.
const TORCH: [((u16, u16), &str); 4] =
    [((8, 6), "1.7"), ((9, 0), "2.0.1"), ((10, 0), "2.7"), ((12, 0), "2.7")];

/// A framework, and what it was compiled for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Framework {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    cuda: Option<String>,
    /// What it was compiled for; nothing where it does not use CUDA.
    #[serde(default)]
    architectures: Vec<String>,
    /// Why it cannot be asked.
    #[serde(default)]
    error: Option<String>,
    /// Why nothing is known of it.
    #[serde(default)]
    unknown: Option<String>,
}

/// What something was compiled for: a kind of GPU (`sm_90`), or the language that drivers compile for newer ones (`compute_90`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Architecture {
    is_portable: bool,
    major: u16,
    minor: u16,
    features: Features,
}

/// The GPUs that may run what was compiled for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Features {
    /// Newer ones too.
    Common,
    /// Those of its family: `sm_100f`.
    Family,
    /// None but it: `sm_90a`.
    Own,
}

impl FromStr for Architecture {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (is_portable, rest) = match (text.strip_prefix("sm_"), text.strip_prefix("compute_")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(()),
        };
        let digits = rest.trim_end_matches(|it: char| it.is_ascii_lowercase());
        let features = match &rest[digits.len()..] {
            "" => Features::Common,
            "f" => Features::Family,
            "a" => Features::Own,
            _ => return Err(()),
        };
        let (major, minor) = digits.split_at_checked(digits.len().saturating_sub(1)).ok_or(())?;
        let number = |text: &str| text.parse::<u16>().map_err(|_| ());
        Ok(Self { is_portable, major: number(major)?, minor: number(minor)?, features })
    }
}

impl Architecture {
    /// Whether a GPU of a compute capability runs what was compiled for this.
    fn serves(self, (major, minor): (u16, u16)) -> bool {
        let own = (self.major, self.minor);
        match self.features {
            Features::Own => own == (major, minor),
            // Machine code crosses no major version.
            Features::Family => self.major == major && self.minor <= minor,
            Features::Common if self.is_portable => own <= (major, minor),
            Features::Common => self.major == major && self.minor <= minor,
        }
    }
}

impl Framework {
    /// What is wrong with it, where anything is.
    fn fault(&self, arch: &[Capability]) -> Option<String> {
        if self.unknown.is_some() {
            return None;
        }
        if let Some(error) = &self.error {
            return Some(format!("`{}` cannot be asked: {error}", self.name));
        }
        let known = self.architectures.iter().filter_map(|text| text.parse::<Architecture>().ok());
        let known: Vec<Architecture> = known.collect();
        let lacking = |capability: &&Capability| !known.iter().any(|it| it.serves(capability.numbers()));
        let lacking: Vec<&Capability> = arch.iter().filter(lacking).collect();
        if lacking.is_empty() {
            return None;
        }
        let named: Vec<String> = lacking.iter().map(|it| it.architecture()).collect();
        let has = match self.architectures.as_slice() {
            [] => "it does not use CUDA".to_owned(),
            all => format!("it was compiled for {}", all.join(", ")),
        };
        let needs = self.needs(lacking.last()?).map(|it| format!("; needs {it}")).unwrap_or_default();
        Some(format!("{self}: no kernels for {}{needs}; {has}", named.join(", ")))
    }

    /// What has kernels for a GPU.
    fn needs(&self, capability: &Capability) -> Option<String> {
        let own = capability.numbers();
        let torch = TORCH.iter().find(|(known, _)| *known == own).filter(|_| self.name == "torch");
        let torch = torch.map(|(_, version)| format!("torch ≥ {version}"));
        let cuda = capability.since().filter(|since| self.cuda.is_some() && *since > self.cuda_numbers());
        let cuda = cuda.map(|(major, minor)| format!("CUDA ≥ {major}.{minor}"));
        let needs: Vec<String> = torch.into_iter().chain(cuda).collect();
        (!needs.is_empty()).then(|| needs.join(" and "))
    }

    /// The version of CUDA that it was compiled with.
    fn cuda_numbers(&self) -> (u16, u16) {
        let mut numbers = self.cuda.iter().flat_map(|text| text.split('.')).map(str::parse::<u16>);
        let mut next = || numbers.next().and_then(Result::ok).unwrap_or_default();
        (next(), next())
    }
}

impl fmt::Display for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", format!("{} {}", self.name, self.version).trim_end())?;
        match &self.cuda {
            Some(cuda) => write!(f, " (CUDA {cuda})"),
            None => Ok(()),
        }
    }
}

/// Checks that the frameworks of an image have kernels for the GPUs that its spec names.
///
/// # Errors
///
/// When one has none for some of them, cannot be asked, or nothing can be run on this machine.
pub fn check_kernels(variant: &Variant, image: &Image, context: &Context) -> Result<Vec<Checked>, MakeError> {
    let Some(cuda) = variant.cuda.as_ref().filter(|cuda| !cuda.arch.is_empty()) else {
        return Ok(Vec::new());
    };
    let checked = |skipped: Option<String>| vec![Checked { run: vec![TITLE.to_owned()], skipped }];
    let not_known = |it: &Framework| {
        let skipped = Some(format!("of {it} it is not known: {}", it.unknown.as_ref()?));
        Some(Checked { run: vec![TITLE.to_owned()], skipped })
    };
    let finished = match finished(variant, image, context)? {
        Ok(finished) => finished,
        Err(reason) => return Ok(checked(Some(reason))),
    };
    let mut frameworks = Vec::new();
    for view in variant.in_each_environment() {
        frameworks.extend(self::frameworks(&view, cuda, &finished)?);
    }
    let faults: Vec<String> = frameworks.iter().filter_map(|it| it.fault(&cuda.arch)).collect();
    if !faults.is_empty() {
        return Err(failure(variant, cuda, &faults.join("\n")));
    }
    let unknown: Vec<Checked> = frameworks.iter().filter_map(not_known).collect();
    if frameworks.is_empty() {
        return Ok(checked(Some("no framework of which it can be known is in the image".to_owned())));
    }
    let any_known = unknown.len() < frameworks.len();
    let known = if any_known { checked(None) } else { Vec::new() };
    Ok(known.into_iter().chain(unknown).collect())
}

/// The Python of one environment of an image; nothing for an environment beside the default one that asks for none.
fn python(variant: &Variant) -> Option<String> {
    match (&variant.environment, &variant.conda) {
        (None, _) => Some("python".to_owned()),
        (Some(_), Some(conda)) => Some(format!("{}/bin/python", conda.prefix)),
        (Some(_), None) => None,
    }
}

/// Asks the frameworks of one environment.
fn frameworks(variant: &Variant, cuda: &Cuda, finished: &Finished) -> Result<Vec<Framework>, MakeError> {
    let Some(python) = python(variant) else { return Ok(Vec::new()) };
    // What has no Python has no framework of it.
    let script = "command -v \"$0\" >/dev/null || { echo \"$2[]\"; exit; }; exec \"$0\" -c \"$1\"";
    let words = ["/bin/sh", "-c", script, &python, PROGRAM, ANSWER].map(str::to_owned).to_vec();
    let entrypoint = Some(finished.activation());
    let mut command = finished.runnable.command(&Words { entrypoint, command: Some(words) })?;
    command.writable = Writable::Memory(CHECK_WRITABLE);
    command.output = Output::Keep(COMMAND_OUTPUT);
    command.limits = Limits {
        time: Some(Duration::from_secs(KERNELS_SECONDS)),
        processes: Some(COMMAND_PROCESSES),
        ..Limits::default()
    };
    let ran = finished.machine.run(&command)?;
    let output = String::from_utf8_lossy(&ran.output);
    let answer = output.lines().rev().find_map(|line| line.strip_prefix(ANSWER));
    match (ran.ended, answer.map(serde_json::from_str)) {
        (Ended::Code(0), Some(Ok(frameworks))) => Ok(frameworks),
        _ => {
            let said = imgbuild_sandbox::printed(&ran.output);
            Err(failure(variant, cuda, &format!("its frameworks cannot be asked:\n{said}")))
        }
    }
}

fn failure(variant: &Variant, cuda: &Cuda, faults: &str) -> MakeError {
    CheckFailure::Kernels {
        variant: variant_name(variant),
        faults: faults.to_owned(),
        asked: vec![cuda.origin.snippet("the GPUs were named here", "`arch`")],
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(version: &str, cuda: &str, architectures: &str, arch: &[&str]) -> String {
        let framework = Framework {
            name: "torch".to_owned(),
            version: version.to_owned(),
            cuda: Some(cuda.to_owned()),
            architectures: architectures.split_whitespace().map(str::to_owned).collect(),
            error: None,
            unknown: None,
        };
        let arch: Vec<Capability> = arch.iter().map(|it| it.parse().unwrap()).collect();
        framework.fault(&arch).unwrap_or_default()
    }

    #[test]
    fn machine_code_crosses_no_major_version_and_ptx_does() {
        let serves =
            |text: &str, capability: (u16, u16)| text.parse::<Architecture>().unwrap().serves(capability);
        assert!(serves("sm_80", (8, 9)) && !serves("sm_80", (9, 0)) && !serves("sm_86", (8, 0)));
        assert!(serves("compute_90", (12, 0)) && !serves("compute_90", (8, 9)));
        assert!(serves("sm_90a", (9, 0)) && !serves("compute_90a", (10, 0)));
        assert!(serves("sm_100f", (10, 3)) && !serves("sm_100f", (12, 0)));
        for bad in ["", "sm_", "gfx90a", "sm_9x", "sm_90z"] {
            assert!(bad.parse::<Architecture>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_gpu_without_kernels_is_told_with_what_has_them() {
        assert_eq!(fault("2.7.0", "12.8", "sm_80 sm_90 sm_120 compute_120", &["8.0", "8.9", "12.0"]), "");
        assert_eq!(
            fault("2.4.1", "12.4", "sm_50 sm_80 sm_90", &["8.0", "12.0"]),
            "`torch 2.4.1` (CUDA 12.4): no kernels for sm_120; needs torch ≥ 2.7 and CUDA ≥ 12.8; it was compiled for sm_50, sm_80, sm_90"
        );
        assert_eq!(
            fault("2.9.0", "13.0", "sm_75 sm_80", &["7.0"]),
            "`torch 2.9.0` (CUDA 13.0): no kernels for sm_70; it was compiled for sm_75, sm_80"
        );
    }
}

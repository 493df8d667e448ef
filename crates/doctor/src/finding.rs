//! What a look found.

use std::error::Error;
use std::time::Duration;

use imgbuild_diagnostic::messages;
use miette::Diagnostic;

/// How what was looked at is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As builds need it.
    Fine,
    /// It is not there.
    Missing,
    /// It is there, and not as it should be.
    Wrong,
    /// That could not be found out, or nobody may ask.
    Unknown,
}

impl Verdict {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Missing => "missing",
            Self::Wrong => "wrong",
            Self::Unknown => "unknown",
        }
    }
}

/// What a finding is about, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// imgbuild's own settings, and the spec.
    Settings,
    /// The cache and the disk.
    Disk,
    /// What the machine gives to a process.
    Machine,
    /// Running programs of images.
    Sandbox,
    /// GPUs.
    Devices,
    /// For whom credentials are kept.
    Credentials,
    /// Servers.
    Network,
}

impl Area {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Disk => "disk",
            Self::Machine => "machine",
            Self::Sandbox => "sandbox",
            Self::Devices => "devices",
            Self::Credentials => "credentials",
            Self::Network => "network",
        }
    }
}

/// What a look found. None of its texts holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub area: Area,
    /// What was looked at.
    pub what: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do, one line each.
    pub remedies: Vec<String>,
    /// Whether builds need it.
    pub needed: bool,
    /// How long a server took for its answer.
    pub took: Option<Duration>,
}

impl Finding {
    /// What a look found. What the texts hold of secrets of URLs is taken out.
    pub(crate) fn new(area: Area, what: &str, verdict: Verdict, found: impl AsRef<str>) -> Self {
        Self {
            area,
            what: imgbuild_secret::public(what),
            verdict,
            found: imgbuild_secret::public(found.as_ref()),
            remedies: Vec::new(),
            needed: false,
            took: None,
        }
    }

    /// An error as a finding: its causes are what was found, and its hints what to do.
    pub(crate) fn of(area: Area, what: &str, error: &dyn Diagnostic) -> Self {
        let hints = imgbuild_diagnostic::hints(error);
        let told = Self::new(area, what, Verdict::Wrong, message(error));
        hints.iter().fold(told, |finding, hint| finding.remedy(hint))
    }

    /// The same, with something to do.
    pub(crate) fn remedy(mut self, remedy: impl AsRef<str>) -> Self {
        self.remedies.push(imgbuild_secret::public(remedy.as_ref()));
        self
    }

    /// The same, of what builds need.
    pub(crate) fn needed(self) -> Self {
        Self { needed: true, ..self }
    }

    /// The same, of what builds need if that is so.
    pub(crate) fn needed_if(self, needed: bool) -> Self {
        Self { needed, ..self }
    }

    /// The same, of a server that took so long for its answer.
    pub(crate) fn after(self, took: Duration) -> Self {
        Self { took: Some(took), ..self }
    }

    /// Whether builds fail for it.
    pub fn hinders(&self) -> bool {
        self.needed && matches!(self.verdict, Verdict::Missing | Verdict::Wrong)
    }
}

/// An error and its causes, without what to do.
pub(crate) fn message(error: &dyn Error) -> String {
    messages(error).join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error, Diagnostic)]
    #[error("`https://me:hunter2@r.example/x` cannot be read")]
    #[diagnostic(help("ask https://r.example/?token=hunter2\nor nobody"))]
    struct Failed(#[source] std::io::Error);

    #[test]
    fn an_error_is_a_finding_without_secrets() {
        let error = Failed(std::io::Error::other("no such thing"));
        let finding = Finding::of(Area::Network, "https://me:hunter2@r.example", &error);
        insta::assert_debug_snapshot!(finding, @r#"
        Finding {
            area: Network,
            what: "https://r.example",
            verdict: Wrong,
            found: "`https://r.example/x` cannot be read: no such thing",
            remedies: [
                "ask https://r.example/",
                "or nobody",
            ],
            needed: false,
            took: None,
        }
        "#);
    }

    #[test]
    fn only_what_is_needed_hinders() {
        let of = |verdict| Finding::new(Area::Disk, "x", verdict, "y");
        for verdict in [Verdict::Missing, Verdict::Wrong] {
            assert!(of(verdict).needed().hinders() && !of(verdict).hinders());
        }
        for verdict in [Verdict::Fine, Verdict::Unknown] {
            assert!(!of(verdict).needed().hinders());
        }
    }
}

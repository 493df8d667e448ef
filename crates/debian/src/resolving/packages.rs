//! Which packages an image has: the default set, and Debian's Python.

use imgbuild_spec::Suite;

use crate::archive::index::Index;

/// What every base has beside the Essential packages: a package manager that works, certificates, time zones, an
/// init that reaps. Shell, coreutils and `C.UTF-8` come with the Essential packages (`dash`, `coreutils`, `libc-bin`).
pub const DEFAULT_PACKAGES: [&str; 4] = ["apt", "ca-certificates", "tini", "tzdata"];

/// It says that the links of a merged `/usr` are there, as they are in our images, so that bookworm's
/// `init-system-helpers` does not pull in the program `usrmerge` and all of Perl. From trixie on `base-files` holds
/// the links itself.
const MERGED_USR: (&str, &str) = ("bookworm", "usr-is-merged");

/// The packages that a base of `suite` has beside the Essential ones and what all of them need.
pub fn default_packages(suite: &str) -> Vec<String> {
    let merged = Some(MERGED_USR.1).filter(|_| suite == MERGED_USR.0);
    DEFAULT_PACKAGES.into_iter().chain(merged).map(str::to_owned).collect()
}

/// A Python that a suite does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("the suite `{suite}` has no Python {version}")]
#[diagnostic(help("{}", self.what_to_write()))]
pub struct NoPython {
    /// The suite.
    pub suite: String,
    /// What was asked for.
    pub version: String,
    /// What there is.
    pub known: Vec<String>,
}

impl NoPython {
    /// What the suite has, which release has the version that was asked for, and that conda has every one.
    fn what_to_write(&self) -> String {
        let known = match self.known.as_slice() {
            [] => "none".to_owned(),
            known => known.join(", "),
        };
        let series: Vec<&str> = self.version.splitn(3, '.').take(2).collect();
        let other = Suite::with_python(&series.join(".")).filter(|suite| suite.as_str() != self.suite);
        let other = other.map(|it| format!("`base = \"{}\"` has {}; ", it.as_str(), it.python()));
        let conda = format!("conda has every version: `python = \"{}\"`", self.version);
        format!("it has {known}; {}{conda}", other.unwrap_or_default())
    }
}

/// The packages of Debian's Python `version`, such as `3.11`: the interpreter, and the names `python3` and `python`.
///
/// # Errors
///
/// When the suite has another version.
pub fn python_packages(index: &Index, suite: &str, version: &str) -> Result<Vec<String>, NoPython> {
    let is_version = |name: &str| {
        name.split_once('.')
            .is_some_and(|(major, minor)| major == "3" && minor.bytes().all(|it| it.is_ascii_digit()))
    };
    let mut known: Vec<String> = index
        .names()
        .filter_map(|name| name.strip_prefix("python"))
        .filter(|it| is_version(it))
        .map(str::to_owned)
        .collect();
    // The suite may hold a further version for developers; `python3` is the one that its modules are built for.
    let default = index.versions("python3").first().map(|it| it.version.upstream().to_owned());
    known.retain(|it| default.as_deref().is_some_and(|default| default.starts_with(&format!("{it}."))));
    let interpreter = known.iter().find(|it| {
        *it == version
            || version
                .strip_prefix(it.as_str())
                .is_some_and(|rest| rest.starts_with('.') && default.as_deref() == Some(version))
    });
    match interpreter {
        Some(version) => {
            Ok(vec!["python-is-python3".to_owned(), "python3".to_owned(), format!("python{version}")])
        }
        None => Err(NoPython { suite: suite.to_owned(), version: version.to_owned(), known }),
    }
}

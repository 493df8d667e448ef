//! Why a `pylock.toml` cannot be used.

use std::path::PathBuf;

use crate::choosing::tags::Tags;
use crate::choosing::unfit::{self, Unfit};
use crate::wheel::filename::FilenameError;

/// A `pylock.toml` that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PylockError {
    /// It is not TOML, or not what the specification says. The line is not shown: it may hold a password.
    #[error("the lock file cannot be read: line {line} is not what PEP 751 says")]
    Syntax {
        /// The line, from 1.
        line: usize,
    },
    /// The same of a `uv.lock`.
    #[error("the lock file cannot be read: line {line} is not what uv writes")]
    #[diagnostic(help("`uv lock` writes it anew"))]
    UvSyntax {
        /// The line, from 1.
        line: usize,
    },
    /// It follows rules that are not known yet.
    #[error("the lock file has version `{0}`, and version 1 is the one that is known")]
    Version(String),
    /// It was made for other environments.
    #[error("the lock file is not for {environment}: its `{key}` is `{stated}`")]
    Environment {
        /// What it is wanted for.
        environment: String,
        /// The key.
        key: &'static str,
        /// What it says.
        stated: String,
    },
    /// A condition is none.
    #[error("the lock file has a condition that is none: `{}`", .0.escape_default())]
    Marker(String),
    /// It has no such part of a project.
    #[error("the lock file has no {kind} `{name}`; {}", of_kind(.known, .kind))]
    NoPart {
        /// `extra` or `group`.
        kind: &'static str,
        /// The part.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// It has two packages of one name for one environment.
    #[error("the lock file has `{name}` twice for {environment}")]
    Twice {
        /// The name.
        name: String,
        /// The environment.
        environment: String,
    },
    /// A package has no file at all.
    #[error("the lock file has no file of `{0}`")]
    NoFile(String),
    /// A wheel is another project's, or of another version.
    #[error("the lock file has the wheel `{wheel}` for `{package}`, and by its name it is another one")]
    #[diagnostic(help(
        "lock again with the tool that wrote it; if it still says so, somebody has changed the file"
    ))]
    OtherWheel {
        /// The package and its version.
        package: String,
        /// The wheel.
        wheel: String,
    },
    /// What is stated as a hash is none.
    #[error(
        "the lock file states the {algorithm} `{}` of `{file}`, which cannot be one", digits.escape_default()
    )]
    Hash {
        /// The file.
        file: String,
        /// The algorithm.
        algorithm: String,
        /// What is stated.
        digits: String,
    },
    /// A package is not for this Python.
    #[error("`{package}` is for Python {wanted}, and the image has {python}")]
    Python {
        /// The package and its version.
        package: String,
        /// What it is for.
        wanted: String,
        /// What there is.
        python: String,
    },
    /// A file's address is neither a URL nor a path.
    #[error("`{0}` is not where a package can be")]
    Location(String),
    /// A path in the folder that a link leads out of it by.
    #[error(
        "`{}` is in the lock file's folder, but a link leads from there to `{}`",
        path.display(), found.display()
    )]
    LeadsOut {
        /// The path.
        path: PathBuf,
        /// Where it leads.
        found: PathBuf,
    },
    /// A wheel's name is not one.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Filename(#[from] FilenameError),
    /// No file has one of the hashes that were asked for.
    #[error("no file of `{package}` has one of its hashes")]
    #[diagnostic(help("the hashes are those of other files, or somebody has replaced a file of the index"))]
    Hashes {
        /// The package and its version.
        package: String,
    },
    /// No wheel of some packages runs on the target.
    #[error("{}", unfit::message(packages, tags, None))]
    NoWheel {
        /// The packages, and which wheels they have.
        packages: Vec<Unfit>,
        /// What would fit.
        tags: Box<Tags>,
        /// What to do, where that is known.
        #[help]
        hint: Option<String>,
    },
}

impl PylockError {
    /// No wheel of these packages runs where these tags fit.
    pub(crate) fn no_wheel(packages: Vec<Unfit>, tags: &Tags) -> Self {
        let hint = unfit::hint(&packages);
        Self::NoWheel { packages, tags: Box::new(tags.clone()), hint }
    }
}

fn of_kind(names: &[String], kind: &str) -> String {
    let named: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if named.is_empty() {
        format!("it has no {kind}s at all")
    } else {
        format!("it has {}", named.join(", "))
    }
}

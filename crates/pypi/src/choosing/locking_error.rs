//! Why wheels cannot be locked.

use std::collections::BTreeSet;
use std::io;

use imgbuild_diagnostic::{Subject, Subjects};

use crate::choosing::building::BuildFailed;
use crate::choosing::provided::{Holder, ProvidedError};
use crate::choosing::said;
use crate::choosing::tags::Tags;
use crate::choosing::unfit::{self, Unfit};
use crate::choosing::uv_error::UvError;
use crate::index::fetch::WheelReadError;
use crate::index::settings_files::SettingsError;
use crate::lists::pylock_error::PylockError;
use crate::lists::stated::StatedError;
use crate::wheel::filename::FilenameError;

/// Why wheels cannot be locked. Requirements are named by their places in the request.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LockingError {
    /// uv cannot be run, or failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Uv(#[from] UvError),
    /// The settings of indexes cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A line is not a requirement.
    #[error("`{}` is not a requirement: {rule}", text.escape_default())]
    Requirement {
        /// Which one.
        requirement: usize,
        /// The line.
        text: String,
        /// What is wrong.
        rule: String,
    },
    /// A line is not a constraint.
    #[error("`{}` is not a constraint: it is an option, or more than one line", text.escape_default())]
    Constraint {
        /// The line.
        text: String,
    },
    /// No set of wheels satisfies all requirements.
    #[error("no set of wheels satisfies all requirements for {target}:\n{explanation}")]
    Unsatisfiable {
        /// The first of the requirements of which uv speaks.
        requirement: Option<usize>,
        /// What they were to be chosen for.
        target: String,
        /// What uv says.
        explanation: String,
        /// The places of the constraints that take part.
        constraints: Vec<usize>,
        /// What to do, where that is known.
        #[help]
        hint: Option<String>,
    },
    /// What is there already contradicts a requirement.
    #[error("{wanted} contradicts {}{}", holder.providing(provided), explanation.as_ref().map(|it| format!(":\n{it}")).unwrap_or_default())]
    #[diagnostic(help("{}", after(hints, &holder.hint(if constraint.is_some() { "constraint" } else { "requirement" }))))]
    Conflict {
        /// The requirement, where it is known.
        requirement: Option<usize>,
        /// What is wanted, for people.
        wanted: Box<str>,
        /// What has something else.
        holder: Box<Holder>,
        /// What that provides: name and version.
        provided: Box<str>,
        /// What uv says.
        explanation: Option<Box<str>>,
        /// The place of the constraint that is contradicted, where it is one.
        constraint: Option<usize>,
        /// What uv says to do.
        hints: Box<[String]>,
    },
    /// Something would have to be built, and may not be.
    #[error("{}", not_permitted(what))]
    #[diagnostic(help("{hint}"))]
    NotPermitted {
        /// The first of the requirements, where it is known.
        requirement: Option<usize>,
        /// What is no wheel, with the name of the project where that is known: ``the folder `x` ``.
        what: Vec<(Option<String>, String)>,
        /// What to do.
        hint: String,
    },
    /// What a requirement names on this machine cannot be installed.
    #[error("{what} cannot be installed: {rule}")]
    Unusable {
        /// Which one.
        requirement: usize,
        /// What it names: ``the wheel `x.whl` ``.
        what: String,
        /// Why not.
        rule: String,
    },
    /// Packages that the indexes do not have as they are asked for, or whose wheels do not fit.
    #[error("{}", unfit::message(packages, tags, explanation.as_deref()))]
    NoWheels {
        /// The first of the requirements, where it is known.
        requirement: Option<usize>,
        /// The packages, and what is wrong with each.
        packages: Vec<Unfit>,
        /// What would fit.
        tags: Box<Tags>,
        /// What uv says, where there may be more to it.
        explanation: Option<String>,
        /// What to do, where that is known.
        #[help]
        hint: Option<String>,
    },
    /// A file has not the hash that a lock states.
    #[error(transparent)]
    Stated(#[from] StatedError),
    /// Something cannot be built.
    #[error("{what} cannot be built")]
    Build {
        /// The requirement, where it is known.
        requirement: Option<usize>,
        /// What cannot be built.
        what: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: BuildFailed,
    },
    /// What was built is not what was wanted.
    #[error("{what} was built, and became `{filename}`, which {rule}")]
    Built {
        /// The requirement, where it is known.
        requirement: Option<usize>,
        /// What was built.
        what: String,
        /// The wheel.
        filename: String,
        /// What is wrong.
        rule: String,
    },
    /// A lock file cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Pylock(#[from] PylockError),
    /// A wheel's name is not one.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Filename(#[from] FilenameError),
    /// A wheel cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Metadata(#[from] WheelReadError),
    /// What is there already says something of itself that cannot be had.
    #[error("cannot read what {holder} says of `{name}`")]
    Provided {
        /// The distribution.
        name: String,
        /// What has it.
        holder: Box<Holder>,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: ProvidedError,
    },
    /// A package requires one that is not there.
    #[error("`{package}` requires `{required}`, and {found}")]
    #[diagnostic(help("the list of packages must be whole: it is taken as it is"))]
    Missing {
        /// The package and its version.
        package: String,
        /// What it requires.
        required: String,
        /// What is there.
        found: String,
    },
    /// A requirement has no hash, where all must have one.
    #[error("`{text}` has no hash of sha256, and every requirement must have one here")]
    #[diagnostic(help("`uv pip compile --generate-hashes` writes them"))]
    NoHash {
        /// The requirement.
        requirement: usize,
        /// What it says.
        text: String,
    },
    /// Frameworks do not use CUDA.
    #[error("the image has CUDA {cuda}, and these wheels do not use it:\n{}", wheels.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))]
    #[diagnostic(help("choose other versions or an index with wheels for CUDA, or leave `cuda` out"))]
    ProcessorOnly {
        /// The version of CUDA.
        cuda: String,
        /// The wheels, each with the reason.
        wheels: Vec<String>,
    },
    /// A mirror of PyTorch's indexes does not answer, or lacks the one that is needed.
    #[error("the mirror `{mirror}` of PyTorch's indexes cannot be used: {reason}")]
    #[diagnostic(help(
        "it must have what PyTorch's server has below `/whl`: `{index}/torch/` among others; another mirror goes into `[pip.mirrors] pytorch`; an index that has `torch` in `index-url` or `extra-index-urls` of `[pip]` is asked instead; `torch-backend = \"none\"` asks no index but these"
    ))]
    PytorchMirror {
        /// Where it is.
        mirror: String,
        /// Which of the indexes is needed.
        index: String,
        /// Why.
        reason: String,
    },
    /// An index of PyTorch does not answer.
    #[error("PyTorch's index `{index}` cannot be used: {reason}")]
    #[diagnostic(help(
        "name a mirror: `[pip.mirrors] pytorch = \"https://…/whl\"`; or an index that has `torch` in `index-url` or `extra-index-urls` of `[pip]`, which is then asked instead; `torch-backend = \"none\"` asks no index but these"
    ))]
    Pytorch {
        /// Where it is.
        index: String,
        /// Why.
        reason: String,
    },
    /// Wheels of a newer CUDA than the image may count on.
    #[error("the image is for CUDA {cuda}, and these wheels are for a newer one, which needs a newer driver:\n{}", wheels.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))]
    #[diagnostic(help(
        "choose a version or an index (`torch-backend`) for that CUDA, or write the newer one: `cuda = \"{found}\"`"
    ))]
    NewerCuda {
        /// The version of CUDA.
        cuda: String,
        /// The newer one.
        found: String,
        /// The wheels.
        wheels: Vec<String>,
    },
    /// A locked wheel is not on any index any more.
    #[error("no index has `{filename}` with the locked hash any more")]
    #[diagnostic(help("lock again with `--upgrade {name}`"))]
    Gone {
        /// The wheel's file.
        filename: String,
        /// The project.
        name: String,
    },
    /// A file for uv cannot be written.
    #[error("cannot write what uv is to read")]
    Write(#[from] io::Error),
}

imgbuild_diagnostic::boxed_sources!(LockingError);

impl Subjects for LockingError {
    fn subjects(&self) -> BTreeSet<Subject> {
        let requirement = self.requirement().map(Subject::Requirement);
        let constraints = self.constraints().into_iter().map(Subject::Constraint);
        let beneath = match self {
            Self::Conflict { holder, .. } => Some(match holder.as_ref() {
                Holder::Conda(package) => {
                    Subject::Beneath(package.split(' ').next().unwrap_or_default().to_owned())
                }
                Holder::Base(_) => Subject::Base,
            }),
            _ => None,
        };
        requirement.into_iter().chain(constraints).chain(beneath).collect()
    }
}

impl LockingError {
    /// What is said of packages that cannot be had; with what uv says, where there may be more to it, and what it says to do.
    pub(crate) fn no_wheels(
        requirement: Option<usize>,
        packages: Vec<Unfit>,
        tags: Tags,
        (explanation, mut hints): (Option<String>, Vec<String>),
    ) -> Self {
        hints.extend(unfit::hint(&packages));
        let (tags, hint) = (Box::new(tags), said::hint(&hints));
        Self::NoWheels { requirement, packages, tags, explanation, hint }
    }

    /// The place of the requirement that the error speaks of, where it speaks of one.
    pub fn requirement(&self) -> Option<usize> {
        match self {
            Self::Requirement { requirement, .. }
            | Self::NoHash { requirement, .. }
            | Self::Unusable { requirement, .. } => Some(*requirement),
            Self::Unsatisfiable { requirement, .. }
            | Self::Conflict { requirement, .. }
            | Self::NotPermitted { requirement, .. }
            | Self::NoWheels { requirement, .. }
            | Self::Build { requirement, .. }
            | Self::Built { requirement, .. } => *requirement,
            _ => None,
        }
    }
}

impl LockingError {
    /// The places of the constraints that the error speaks of.
    pub fn constraints(&self) -> Vec<usize> {
        match self {
            Self::Unsatisfiable { constraints, .. } => constraints.clone(),
            Self::Conflict { constraint, .. } => constraint.iter().copied().collect(),
            Self::NoWheels { packages, .. } => packages.iter().filter_map(|unfit| unfit.constraint).collect(),
            _ => Vec::new(),
        }
    }
}

/// What uv says to do, and after it what is always to be done.
fn after(hints: &[String], always: &str) -> String {
    hints.iter().map(|hint| format!("{hint}\n")).chain([always.to_owned()]).collect()
}

/// What is no wheel and may not be built: one thing, or all of them.
fn not_permitted(what: &[(Option<String>, String)]) -> String {
    if let [(_, only)] = what {
        return format!("{only} is no wheel, and may not be built");
    }
    let line = |(name, what): &(Option<String>, String)| match name {
        Some(name) => format!("\n  `{name}`: {what}"),
        None => format!("\n  {what}"),
    };
    let lines: String = what.iter().map(line).collect();
    format!("{} packages are no wheels, and may not be built:{lines}", what.len())
}

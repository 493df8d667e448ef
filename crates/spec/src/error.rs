//! What can be wrong with a spec, and how it is told.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, SourceCode};
use oci::Platform;

use crate::source::{Origin, Source};

/// A spec that images cannot be made of: every mistake that was found.
///
/// It renders through miette: file, line, column and caret for each mistake, and a hint of what to do.
#[derive(Debug)]
pub struct SpecError {
    file: String,
    problems: Vec<Problem>,
}

/// One mistake, the place where it was made, and a hint.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{mistake}")]
pub struct Problem {
    mistake: Box<Mistake>,
    hint: Option<String>,
    file: Option<Source>,
    labels: Vec<(String, Range<usize>)>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// A file could not be read.
    #[error("cannot read `{file}`: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the operating system says.
        reason: String,
    },
    /// A file is larger than any that a person writes.
    #[error("`{file}` is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        file: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// A file is not text.
    #[error("`{file}` is not UTF-8 text")]
    NotText {
        /// The file.
        file: String,
    },
    /// The TOML parser stopped.
    #[error("this is not valid TOML: {message}")]
    Toml {
        /// What the parser says.
        message: String,
    },
    /// The YAML parser stopped.
    #[error("this is not valid YAML: {message}")]
    Yaml {
        /// What the parser says.
        message: String,
    },
    /// An explicit list has a line that is not a URL of an archive.
    #[error("this is not a line of an explicit list: {message}")]
    Explicit {
        /// What is wrong with the line.
        message: String,
    },
    /// The `env` file says neither by its name nor by its text what it is.
    #[error("`{file}` is neither an environment file nor a lock that imgbuild reads")]
    UnknownEnvironmentFormat {
        /// The file.
        file: String,
    },
    /// A key that the language does not have.
    #[error("unknown key `{key}`")]
    UnknownKey {
        /// The key, with the tables around it.
        key: String,
    },
    /// A key that must be there is not.
    #[error("the key `{key}` is missing")]
    MissingKey {
        /// The key, with the tables around it.
        key: String,
    },
    /// A value of another type than the key has.
    #[error("`{key}` must be {expected}, but is {found}")]
    WrongType {
        /// The key, with the tables around it.
        key: String,
        /// The type that it has.
        expected: String,
        /// The type that was found.
        found: String,
    },
    /// A word that is none of the known ones.
    #[error("`{key}` cannot be `{value}`")]
    UnknownValue {
        /// The key, with the tables around it.
        key: String,
        /// The word.
        value: String,
    },
    /// A value that breaks its type's rule.
    #[error("{message}")]
    Value {
        /// The value and the rule.
        message: String,
    },
    /// A template names no key of the matrix.
    #[error("the template `{{{name}}}` has no key in `[matrix]`")]
    UnknownTemplate {
        /// The name between the braces.
        name: String,
    },
    /// A brace without its partner.
    #[error("a `{brace}` without its partner")]
    LoneBrace {
        /// The brace.
        brace: char,
    },
    /// Nothing in the spec depends on a key of the matrix.
    #[error("nothing uses the matrix key `{key}`")]
    UnusedMatrixKey {
        /// The key.
        key: String,
    },
    /// A key of the matrix that cannot stand in a template.
    #[error("`{key}` cannot be a matrix key: it must be a letter, then letters, digits, `_` and `-`")]
    MatrixKeyName {
        /// The key.
        key: String,
    },
    /// A key of the matrix that has no values.
    #[error("the matrix key `{key}` has no values, so there is nothing to build")]
    EmptyMatrixKey {
        /// The key.
        key: String,
    },
    /// A value of the matrix that is there twice.
    #[error("the matrix key `{key}` has the value `{value}` twice")]
    RepeatedMatrixValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// A matrix of more combinations than anyone means.
    #[error("the matrix has more than {limit} combinations")]
    TooManyCombinations {
        /// The limit.
        limit: usize,
    },
    /// An item of `exclude` names a key that the matrix does not have.
    #[error("`exclude` names `{key}`, which is no key of the matrix")]
    ExcludeUnknownKey {
        /// The key.
        key: String,
    },
    /// An item of `exclude` that takes nothing away.
    #[error("this `exclude` matches no combination of the matrix")]
    ExcludeMatchesNothing,
    /// `exclude` takes everything away.
    #[error("`exclude` leaves no combination of the matrix, so there is nothing to build")]
    NothingLeft,
    /// Two combinations would be pushed to one tag.
    #[error("the tag `{tag}` is given to two combinations: ({first}) and ({second})")]
    SharedTag {
        /// The tag.
        tag: String,
        /// The first combination.
        first: String,
        /// The second combination.
        second: String,
    },
    /// A list that must not be empty, or has a value twice.
    #[error("`{key}` {fault}")]
    List {
        /// The key.
        key: String,
        /// What is wrong with it.
        fault: String,
    },
    /// Keys that exclude each other.
    #[error("`{first}` and `{second}` exclude each other")]
    Conflict {
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// Python and conda's packages need a C library, which an empty base does not have.
    #[error("the base is `scratch`, but {what} needs a base with glibc: the image could not start")]
    NeedsBase {
        /// What needs it.
        what: String,
    },
    /// Wheels, and no Python.
    #[error("wheels are asked for, but no Python that they could be for")]
    NoPython,
    /// A requirement in a set with hashes that is not held to one file.
    #[error(
        "`{requirement}` {fault}, and every requirement beside one with a hash must be one version with a hash"
    )]
    Hashes {
        /// The requirement.
        requirement: String,
        /// What it lacks.
        fault: String,
    },
    /// A requirements file that includes itself.
    #[error("a requirements file includes itself: {files}")]
    RequirementsCycle {
        /// The files on the way.
        files: String,
    },
    /// Requirements files that name more files than anyone has.
    #[error("requirements files name more than {many} files, or stand more than {deep} deep in one another")]
    TooManyRequirementsFiles {
        /// How deep they may be.
        deep: usize,
        /// How many they may be.
        many: usize,
    },
    /// A file of locked packages that has nothing for the platform.
    #[error("`{file}` has packages for {listed}, but the image is for `{wanted}`, which is `{}`", crate::environment::subdir(*.wanted))]
    LockPlatform {
        /// The file.
        file: String,
        /// Its platforms.
        listed: String,
        /// The variant's platform.
        wanted: Platform,
    },
    /// Several platforms of a lock are one platform of images.
    #[error("`{file}` has several platforms that are `{wanted}`: {found}")]
    ManyPlatforms {
        /// The file.
        file: String,
        /// The variant's platform.
        wanted: Platform,
        /// The platforms of the lock.
        found: String,
    },
    /// A lock of a version that is not known.
    #[error("`{file}` has version {version}, and this version of imgbuild reads {known}")]
    LockVersion {
        /// The file.
        file: String,
        /// Its version.
        version: u64,
        /// The versions that are read.
        known: String,
    },
    /// A lock contradicts itself, or holds a value that is none.
    #[error("`{file}` cannot be used: {message}")]
    Lock {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
    /// A lock has not the environment that was asked for.
    #[error("`{file}` has no environment `{environment}`")]
    NoEnvironment {
        /// The file.
        file: String,
        /// The environment.
        environment: String,
    },
    /// An environment of a lock without packages.
    #[error("the environment `{environment}` of `{file}` has no packages")]
    EmptyEnvironment {
        /// The file.
        file: String,
        /// The environment.
        environment: String,
    },
    /// A lock has not the category that was asked for.
    #[error("`{file}` has no package of the category `{category}`")]
    NoCategory {
        /// The file.
        file: String,
        /// The category.
        category: String,
    },
    /// A choice where there is nothing to choose from.
    #[error("`{key}` chooses from a lock of {tool}, and the file is none")]
    NothingToChoose {
        /// The key.
        key: String,
        /// Whose lock has such a choice.
        tool: String,
    },
    /// A lock with packages of PyPI that are no wheels.
    #[error("`{file}` has PyPI packages that are not wheels with a sha256: {packages}")]
    PypiPackages {
        /// The file.
        file: String,
        /// The packages.
        packages: String,
    },
    /// A lock with packages that are nowhere to be had.
    #[error("`{file}` has packages that are built from source or are files of one machine: {packages}")]
    SourcePackages {
        /// The file.
        file: String,
        /// The packages.
        packages: String,
    },
    /// A lock that does not hold what the spec asks for beside it.
    #[error("`{file}` has {found}, but `{key}` asks for {wanted}")]
    LockLacks {
        /// The file.
        file: String,
        /// What it has.
        found: String,
        /// The key of the spec.
        key: String,
        /// What the spec asks for.
        wanted: String,
    },
}

impl SpecError {
    /// `problems` is not empty where it is called; an empty one still makes a readable message.
    pub(crate) fn new(file: &str, problems: Vec<Problem>) -> Self {
        Self { file: file.to_owned(), problems }
    }

    /// The mistakes, in the order in which they were found. There is at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn single(&self) -> Option<&Problem> {
        match self.problems.as_slice() {
            [problem] => Some(problem),
            _ => None,
        }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.single() {
            Some(problem) => problem.fmt(f),
            None => write!(f, "`{}` has {} mistakes", self.file, self.problems.len()),
        }
    }
}

impl std::error::Error for SpecError {}

impl Diagnostic for SpecError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.single()?.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.single()?.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.single()?.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self.problems.as_slice() {
            [_] => None,
            problems => Some(Box::new(problems.iter().map(|problem| problem as &dyn Diagnostic))),
        }
    }
}

impl Problem {
    pub(crate) fn new(mistake: Mistake) -> Self {
        Self { mistake: Box::new(mistake), hint: None, file: None, labels: Vec::new() }
    }

    /// Adds the place. The first place is the one that the message names; all are in one file.
    pub(crate) fn at(mut self, source: &Source, span: Range<usize>, label: impl Into<String>) -> Self {
        self.file.get_or_insert_with(|| Source::clone(source));
        self.labels.push((label.into(), one_line(source.inner(), span)));
        self
    }

    /// Adds a hint of what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn hint_if_any(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// What is wrong.
    pub fn mistake(&self) -> &Mistake {
        &self.mistake
    }

    /// Where it is wrong; nothing where the spec itself cannot be read.
    pub fn origin(&self) -> Option<Origin> {
        let (_, span) = self.labels.first()?;
        Some(Origin::new(self.file.as_ref()?, span.clone(), ""))
    }

    /// Whether it tells of the same kind of mistake at the same place: what each combination of a matrix finds again.
    pub(crate) fn repeats(&self, other: &Self) -> bool {
        let place = |problem: &Self| {
            (
                problem.file.as_ref().map(|source| source.name().to_owned()),
                problem.labels.first().map(|label| label.1.clone()),
            )
        };
        std::mem::discriminant(self.mistake()) == std::mem::discriminant(other.mistake())
            && place(self) == place(other)
    }
}

/// The part of a span that stands on its first line: a caret under forty lines shows nothing.
fn one_line(text: &str, span: Range<usize>) -> Range<usize> {
    let inside = text.get(span.clone()).unwrap_or_default();
    let line = inside.lines().next().unwrap_or_default().trim_end();
    span.start.min(text.len())..(span.start + line.len()).min(text.len())
}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.file.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.labels.is_empty() {
            return None;
        }
        let label = |(text, span): &(String, Range<usize>)| {
            LabeledSpan::new_with_span(Some(text.clone()), span.clone())
        };
        Some(Box::new(self.labels.iter().map(label)))
    }
}

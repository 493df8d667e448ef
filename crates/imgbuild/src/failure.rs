//! Errors for people.

use std::error::Error;
use std::fmt;
use std::io::IsTerminal;

use imgbuild_diagnostic::hints;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity, SourceCode};

use crate::output::say;
use crate::shown::{cleaned, shown};

/// What a command fails with.
#[derive(Debug)]
pub(crate) struct Failure(Box<dyn Diagnostic + Send + Sync>);

impl<D: Diagnostic + Send + Sync + 'static> From<D> for Failure {
    fn from(error: D) -> Self {
        Self(Box::new(error))
    }
}

impl Failure {
    /// An error of any kind.
    pub(crate) fn of(error: Box<dyn Diagnostic + Send + Sync>) -> Self {
        Self(error)
    }
}

/// An error of a library without help of its own.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum Plain {
    /// The store.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] imgbuild_store::StoreError),
    /// The network.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Net(#[from] imgbuild_net::NetError),
    /// The lock.
    #[error(transparent)]
    Lock(#[from] imgbuild_lock::LockError),
    /// A pattern of paths is none.
    #[error("`{pattern}` is not a pattern of paths: {reason}")]
    #[diagnostic(help("`*` stands for a part of a name, `**` for any folders: `/opt/conda/**/*.so`"))]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A document in canonical JSON.
    #[error(transparent)]
    Canonical(#[from] imgbuild_oci::canonical::CanonicalError),
    /// The credentials for channels.
    #[error(transparent)]
    Credentials(#[from] imgbuild_conda::CredentialsError),
    /// The man pages.
    #[error("cannot write man pages into `{}`", folder.display())]
    ManPages {
        /// The folder.
        folder: std::path::PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// `SOURCE_DATE_EPOCH` holds no time.
    #[error("`SOURCE_DATE_EPOCH` is `{0}`, which is not a number of seconds since 1970")]
    Epoch(String),
    /// `IMGBUILD_HTTP_RETRIES` holds no number.
    #[error("`IMGBUILD_HTTP_RETRIES` is `{0}`, which is not a number of times")]
    Retries(String),
    /// A port of this machine cannot be listened on.
    #[error("port {port} of this machine's loopback address cannot be published")]
    #[diagnostic(help("take another one of this machine: `--publish {}:{inside}`", if *port < 1024 { 8888 } else { port.saturating_add(1).max(1024) }))]
    Publish {
        /// The port.
        port: u16,
        /// The port inside.
        inside: u16,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// An image does not meet what platforms demand; the demands were printed.
    #[error("`{image}` does not conform to {contracts}: {}", if *failed == 1 { "1 demand does not hold".to_owned() } else { format!("{failed} demands do not hold") })]
    Conform {
        /// The image.
        image: String,
        /// The platforms.
        contracts: String,
        /// How many demands do not hold.
        failed: usize,
    },
    /// There is no such repository.
    #[error("there is no repository `{0}`")]
    NoRepository(String),
    /// An image that is to be verified, and is in no registry.
    #[error("`{0}` cannot be verified: what is signed is in a registry")]
    #[diagnostic(help("name it as it is there: HOST/NAME:TAG"))]
    Unverifiable(String),
    /// A spec whose lock is not there, or does not fit.
    #[error("`{0}` has no lock that fits it")]
    #[diagnostic(help(
        "the machine that completes a matrix needs the lock that the images were made from: `imgbuild lock` writes it, beside the spec"
    ))]
    NoLock(String),
    /// Images of a matrix that are not there.
    #[error("{missing} of {all} images are not there as this lock makes them")]
    #[diagnostic(help(
        "build what is lacking: `imgbuild build SPEC --push …`, with `--only` for single ones{}",
        if *several_platforms {
            "; machines that build one platform of an image each push with `--platform-tags`"
        } else {
            ""
        }
    ))]
    Incomplete {
        /// How many are not there.
        missing: usize,
        /// How many there should be.
        all: usize,
        /// Whether one is for several platforms.
        several_platforms: bool,
    },
    /// What has no spec is to be pushed by platforms.
    #[error("`{0}` is no spec, of whose images each platform gets a tag by `--platform-tags`")]
    #[diagnostic(help("name the tag of an image itself, such as `:latest-amd64`"))]
    NoSpecOfPlatforms(String),
    /// A target without a tag.
    #[error("`{0}` has no tag")]
    #[diagnostic(help("name one: `{0}:latest`"))]
    NoTag(String),
    /// Too many ports.
    #[error("more than {} ports cannot be published", imgbuild_sandbox::limits::MOST_PUBLISHED)]
    MostPublished,
    /// No spec is named.
    #[error("no spec is named, and what follows `--upgrade` are packages")]
    #[diagnostic(help("write it before them: `imgbuild lock spec.toml --upgrade numpy`"))]
    NoSpec,
    /// A CI does not take so many jobs.
    #[error("these are {jobs} jobs, and a matrix of {of} has at most {most}")]
    #[diagnostic(help("let each job build a part of the images: `--shards 50`"))]
    MostJobs {
        /// How many.
        jobs: usize,
        /// The CI.
        of: &'static str,
        /// How many it takes.
        most: usize,
    },
    /// Something damaged was found and removed.
    #[error("{0} damaged things were found in the cache, and removed")]
    #[diagnostic(help("the next build makes or downloads them anew"))]
    Damaged(usize),
    /// A file cannot be written.
    #[error("`{file}` cannot be written")]
    Write {
        /// The file.
        file: String,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot write the result")]
    Output(#[from] std::io::Error),
    /// The result cannot be written as JSON.
    #[error("cannot write the result as JSON")]
    Json(#[from] serde_json::Error),
}

impl Failure {
    /// Prints the error to standard error: what happened, why, where it was asked for, what to do.
    pub(crate) fn print(&self) {
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        // Terminals wrap lines themselves; ours would break paths and URLs, which then cannot be searched for or copied.
        let handler = GraphicalReportHandler::new_themed(theme).with_wrap_lines(false).with_cause_chain();
        let mut text = String::new();
        match handler.render_report(&mut text, &FailureReport::new(self.0.as_ref())) {
            Ok(()) => say(&shown(&text)),
            Err(_) => say(&format!("error: {}\n", cleaned(&self.0.to_string()))),
        }
    }
}

/// An error with the hints of its whole chain gathered at its end.
struct FailureReport<'a> {
    inner: &'a dyn Diagnostic,
    message: String,
    cause: Option<Cause>,
    hints: Vec<String>,
    related: Vec<Self>,
}

struct Cause {
    message: String,
    cause: Option<Box<Self>>,
}

impl<'a> FailureReport<'a> {
    fn new(inner: &'a dyn Diagnostic) -> Self {
        let message = words(inner);
        let cause = inner.source().and_then(|source| cause(source, &message));
        let hints = hints(inner).iter().map(|hint| cleaned(hint)).collect();
        let related = inner.related().into_iter().flatten().map(FailureReport::new).collect();
        Self { inner, message, cause, hints, related }
    }
}

/// The chain of causes. A cause that only repeats what stands above it is passed over.
fn cause(error: &dyn Error, above: &str) -> Option<Cause> {
    let message = words(error);
    if above.contains(&message) {
        return error.source().and_then(|source| cause(source, above));
    }
    let below = error.source().and_then(|source| cause(source, &message)).map(Box::new);
    Some(Cause { message, cause: below })
}

/// What an error says. Programs whose words are in it end them with empty lines.
fn words(error: impl fmt::Display) -> String {
    cleaned(&error.to_string()).trim_end().to_owned()
}

impl fmt::Debug for FailureReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for FailureReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for FailureReport<'_> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as &(dyn Error + 'static))
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

impl Diagnostic for FailureReport<'_> {
    fn severity(&self) -> Option<Severity> {
        self.inner.severity()
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        if self.hints.is_empty() { None } else { Some(Box::new(self.hints.join("\n"))) }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.inner.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.inner.labels()
    }

    fn related<'b>(&'b self) -> Option<Box<dyn Iterator<Item = &'b dyn Diagnostic> + 'b>> {
        let related = self.related.iter().map(|shown| shown as &dyn Diagnostic);
        if self.related.is_empty() { None } else { Some(Box::new(related)) }
    }
}

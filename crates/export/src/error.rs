//! Why a lock has no such form.

use miette::Diagnostic;

/// Why a lock cannot be written in a form.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum ExportError {
    /// The form holds one image.
    #[error("the lock has several images, and this form holds one: {}", variants.join(", "))]
    #[diagnostic(help("choose one by `--only KEY=VALUE` and `--platform OS/ARCH`"))]
    Several {
        /// The images.
        variants: Vec<String>,
    },
    /// There is no lock, or one of another spec.
    #[error("there is no lock of `{spec}` as it is now")]
    #[diagnostic(help("`imgbuild lock {spec}` makes it"))]
    NoLock {
        /// The spec.
        spec: String,
    },
    /// No image is chosen.
    #[error("the lock has no such image")]
    #[diagnostic(help("it has {}", variants.join(", ")))]
    None {
        /// Those that it has.
        variants: Vec<String>,
    },
    /// No image has the environment that is asked for.
    #[error("no image of the lock has an environment `{name}`")]
    #[diagnostic(help("{}", match environments.as_slice() {
        [] => "leave `--environment` out: they have one each".to_owned(),
        names => format!("beside the default one, which needs no name, there are {}", names.join(", ")),
    }))]
    NoEnvironment {
        /// The one that is asked for.
        name: String,
        /// Those that there are.
        environments: Vec<String>,
    },
    /// The image has nothing that the form holds.
    #[error("`{variant}` has no packages of {what}")]
    Nothing {
        /// The image.
        variant: String,
        /// What the form holds: `conda`, `PyPI`.
        what: &'static str,
    },
    /// Where a wheel is, is not known.
    #[error("where `{filename}` is, is not known")]
    #[diagnostic(help("the index says it: export without `--offline`"))]
    Location {
        /// The wheel.
        filename: String,
    },
}

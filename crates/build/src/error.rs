//! What can go wrong on the way from a spec to an image: the crates' own errors, with where they were asked for.

use std::path::{Path, PathBuf};

use archive::PathError;
use conda::{ChannelError, EnvironmentError, EnvironmentFilesError, LockedError, LockingError, PackageError};
use layer::{LayerError, OverBudget};
use miette::Diagnostic;
use spec::Snippet;

use crate::fetch_failure::FetchFailure;

/// A build that failed.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum BuildError {
    /// The spec is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Spec(#[from] spec::SpecError),
    /// Several things are wrong, all of which are known before anybody is asked.
    #[error("`{spec}` has {count} mistakes")]
    Mistakes {
        /// The spec.
        spec: String,
        /// How many there are.
        count: usize,
        /// The first of them.
        #[related]
        errors: Vec<BuildError>,
    },
    /// What stands for the mistakes that are not shown.
    #[error("and {0} more mistakes, which are shown when those above are mended")]
    MoreMistakes(usize),
    /// The conda environment of a variant cannot be locked.
    #[error("cannot lock the conda environment of `{variant}`")]
    Conda {
        /// The variant.
        variant: String,
        /// Why.
        #[source]
        error: Box<LockingError>,
        /// What to do.
        #[help]
        help: Option<String>,
        /// The lines that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// The packages that another tool has locked cannot be taken.
    #[error("cannot take the packages of `{file}` for `{variant}`")]
    Locked {
        /// The file.
        file: String,
        /// The variant.
        variant: String,
        /// Why.
        #[source]
        error: Box<LockedError>,
        /// What to do.
        #[help]
        help: Option<String>,
    },
    /// A package that cannot be moved here.
    #[error("`{name}` cannot be upgraded here: `{file}` says which version there is")]
    #[diagnostic(help("upgrade it with the tool that wrote the file, and lock again"))]
    LockedElsewhere {
        /// The package.
        name: String,
        /// The file.
        file: String,
    },
    /// The wheels of a variant cannot be locked or found.
    #[error("cannot lock the wheels of `{variant}`")]
    Pypi {
        /// The variant.
        variant: String,
        /// Why.
        #[source]
        error: Box<pypi::LockingError>,
        /// The lines that asked for them.
        #[related]
        asked: Vec<Snippet>,
    },
    /// Wheels for a Python that nobody makes wheels for.
    #[error("wheels cannot be chosen for Python {python}")]
    #[diagnostic(help("they are chosen for CPython 3 with its global lock, on a base with glibc"))]
    OtherPython {
        /// The version of Python.
        python: String,
    },
    /// The Debian base of a variant cannot be locked.
    #[error("cannot lock the Debian base of `{variant}`")]
    Debian {
        /// The variant.
        variant: String,
        /// Why.
        #[source]
        error: Box<debian::LockDebianError>,
        /// The lines that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// Debian packages cannot be configured.
    #[error("cannot configure the Debian packages of `{variant}`")]
    #[diagnostic(help(
        "their maintainer scripts run in the sandbox, off the network; `[base] configure = false` names them while locking"
    ))]
    Configure {
        /// The variant.
        variant: String,
        /// Why.
        #[source]
        error: Box<debian::ConfigurationError>,
        /// The lines that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An existing image cannot be a base.
    #[error("cannot build on `{base}`")]
    Base {
        /// The layout or tarball, as it is written.
        base: String,
        /// Why.
        #[source]
        error: Box<base::BaseError>,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An existing image is another one than it was.
    #[error(
        "the base `{base}` is another image than the one that was locked: its digest is `{found}`, and the lock has `{locked}`"
    )]
    #[diagnostic(help("run `imgbuild lock` to take it as it is now"))]
    BaseChanged {
        /// The layout or tarball, as it is written.
        base: String,
        /// The digest in the lock.
        locked: oci::Digest,
        /// The digest that it has.
        found: oci::Digest,
    },
    /// An existing image cannot carry a conda environment.
    #[error("no conda environment can stand on `{base}`")]
    #[diagnostic(help(
        "build on an image with glibc, as Debian, Ubuntu and Fedora have it, or on `base = \"bookworm\"`"
    ))]
    BaseGlibc {
        /// The layout or tarball, as it is written.
        base: String,
        /// Why.
        #[source]
        error: base::NoGlibc,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// An existing image has no shell where one is needed.
    #[error("the base `{base}` has no `/bin/bash`, which {what} need")]
    #[diagnostic(help("build on an image that has bash"))]
    BaseShell {
        /// The layout or tarball, as it is written.
        base: String,
        /// What needs it.
        what: String,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// The prefix is to belong to somebody whom the image does not know.
    #[error("the environment is to belong to `{user}`, whom the base `{base}` does not know")]
    #[diagnostic(help("name a user by number: `user = \"1000:100\"` in `[image]`"))]
    BaseUser {
        /// The layout or tarball, as it is written.
        base: String,
        /// The user.
        user: String,
    },
    /// A Debian mirror cannot be used.
    #[error("cannot find a Debian mirror")]
    Mirror(#[from] debian::MirrorError),
    /// A keyring cannot be used.
    #[error("cannot use the keyring `{}`", path.display())]
    Keyring {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// A lock cannot be read or written.
    #[error("cannot use the lock `{}`", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: Box<lock::LockError>,
        /// What to do.
        #[help]
        help: Option<String>,
    },
    /// A variant lacks a package, in a lock that no file holds yet.
    #[error(transparent)]
    #[diagnostic(help("this is a fault of imgbuild: please report it with the spec"))]
    Whole(#[from] lock::LockError),
    /// There is no lock where there must be one.
    #[error("there is no lock `{}`, and `--locked` forbids making one", path.display())]
    #[diagnostic(help("run `imgbuild lock` first, and keep the lock beside the spec"))]
    NoLock {
        /// Where it should be.
        path: PathBuf,
    },
    /// The lock is not that of the spec.
    #[error("the lock `{}` is stale: the spec asks for something else than it was made for", path.display())]
    #[diagnostic(help("run `imgbuild lock` to renew it"))]
    Stale {
        /// The lock.
        path: PathBuf,
    },
    /// A folder of archives cannot be used.
    #[error("`{}` is not a folder of archives: it has no `SHA256SUMS` that can be read", folder.display())]
    #[diagnostic(help("make it with `imgbuild lock --vendor`"))]
    NoVendor {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        error: Option<std::io::Error>,
    },
    /// The index of a folder of archives is damaged.
    #[error("line {line} of `{}` is not a hash and a path", path.display())]
    #[diagnostic(help("remove the file and run `imgbuild lock --vendor` again"))]
    VendorIndex {
        /// The index.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
    },
    /// What is to be upgraded is not in the lock.
    #[error("`{0}` is not a package of the lock, so it cannot be upgraded")]
    NotLocked(String),
    /// A file cannot be read or written.
    #[error("`{}` cannot be {what}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// The store fails.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The network fails.
    #[error(transparent)]
    Net(#[from] net::NetError),
    /// An archive cannot be had.
    #[error("cannot get `{name}`")]
    Fetch {
        /// The archive.
        name: String,
        /// Why.
        #[source]
        error: Box<FetchFailure>,
    },
    /// A layer cannot be made.
    #[error(transparent)]
    Layer(Box<LayerError>),
    /// There are too many layers.
    #[error(transparent)]
    #[diagnostic(help("raise `[layers] budget`"))]
    Budget(#[from] OverBudget),
    /// A locked conda package is damaged.
    #[error("the lock's conda packages cannot be used")]
    Package(#[source] Box<PackageError>),
    /// A locked environment is damaged.
    #[error("the lock's conda environment cannot be used")]
    Environment(#[source] Box<LockingError>),
    /// conda's own settings cannot be used.
    #[error(transparent)]
    Condarc(conda::CondarcError),
    /// A channel cannot be used.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The environment's requirements cannot be read.
    #[error(transparent)]
    Requirement(#[from] EnvironmentError),
    /// The environment's own files cannot be made.
    #[error(transparent)]
    EnvironmentFiles(#[from] EnvironmentFilesError),
    /// A path is wrong.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A locked wheel is damaged.
    #[error("the lock's wheel `{wheel}` cannot be used")]
    Wheel {
        /// The wheel's file name.
        wheel: String,
        /// Why.
        #[source]
        error: Box<pypi::PackageError>,
    },
    /// A locked wheel is nowhere, and cannot be built anew.
    #[error("the locked wheel `{wheel}` is not in the cache, and cannot be built anew")]
    Rebuild {
        /// The wheel.
        wheel: String,
        /// Why.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A local project is another one than it was.
    #[error("the lock `{}` is stale: the folder `{folder}` is not what it was made for", path.display())]
    #[diagnostic(help("run `imgbuild lock` to build it as it is now"))]
    StaleFolder {
        /// The lock.
        path: PathBuf,
        /// The folder, as the lock has it.
        folder: String,
    },
    /// Wheels in an image without Python.
    #[error("the lock has wheels, and no Python that they are for")]
    #[diagnostic(help("run `imgbuild lock` to renew it"))]
    NoPython,
    /// Nothing can compile bytecode on this machine.
    #[error("the lock has no interpreter that compiles bytecode on {host}")]
    #[diagnostic(help("run `imgbuild lock` on this machine, or set `[layers] bytecode = false`"))]
    NoCompiler {
        /// This machine's platform.
        host: String,
    },
    /// This program runs on a machine that it cannot name.
    #[error("imgbuild does not know the platform of this machine")]
    #[diagnostic(help("it runs on linux/amd64 and linux/arm64"))]
    NoHost,
    /// What is copied holds secrets.
    #[error("`{}` {what}, and is not copied into an image by accident", path.display())]
    #[diagnostic(help(
        "name it in `.imgbuildignore`, or name this one file in `from` if it must be in the image"
    ))]
    Secret {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// What is copied cannot be read.
    #[error("`{}` cannot be copied", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// What is copied cannot be put into an image.
    #[error("`{}` {what}, and cannot be copied", path.display())]
    Uncopyable {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// The line that asked for it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// The ignore file of the spec's folder cannot be used.
    #[error(transparent)]
    Ignore(#[from] folder::IgnoreError),
    /// A path in the spec's folder that a link leads out of it by.
    #[error(
        "`{}` is in the spec's folder, but a link leads from there to `{}`\n\nhint: name what the link leads to, or put it into the spec's folder",
        path.display(), found.display()
    )]
    LeadsOut {
        /// The path.
        path: PathBuf,
        /// Where it leads.
        found: PathBuf,
    },
    /// A lock lists a wheel of another project or version.
    #[error(
        "the wheel `{wheel}` is listed as `{listed}`, and by its name it is another one\n\nhint: lock again with the tool that wrote the list; if it still says so, somebody has changed the file"
    )]
    OtherWheel {
        /// The wheel.
        wheel: String,
        /// What it is listed as.
        listed: String,
        /// The line that lists it.
        #[related]
        asked: Vec<Snippet>,
    },
    /// The image's documents do not fit together.
    #[error("the image cannot be assembled")]
    Image(#[from] oci::ImageError),
    /// The lock's time is none.
    #[error("the lock's timestamp cannot be used")]
    Timestamp(#[from] oci::TimestampError),
    /// The output cannot be written.
    #[error("the image cannot be written")]
    Write(#[from] oci::WriteError),
    /// A layer of the store is not what its name says.
    #[error(
        "a layer in the cache is damaged: {0}\n\nhint: `imgbuild cache verify` removes what is damaged, and the next build makes it anew"
    )]
    DamagedLayer(oci::BlobError),
    /// Nothing is left to build.
    #[error("no variant of the spec has {0}")]
    #[diagnostic(help("`imgbuild check` lists the variants"))]
    Nothing(String),
    /// A compressor that was linked gives other bytes.
    #[error(transparent)]
    Library(#[from] layer::WrongLibrary),
    /// Nothing can be run on this machine, or not this.
    #[error(transparent)]
    Sandbox(#[from] sandbox::SandboxError),
    /// A layer cannot be unpacked.
    #[error("the layer `{digest}` cannot be unpacked")]
    Unpack {
        /// The layer's blob.
        digest: oci::Digest,
        /// Why.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no such image.
    #[error("there is no image `{text}`: it is no file or folder, and was not built here")]
    #[diagnostic(help("{}", built_here(known)))]
    NoImage {
        /// What was asked for.
        text: String,
        /// What was built here.
        known: Vec<String>,
    },
    /// A spec was not built yet.
    #[error("`{reference}` was not built here yet")]
    #[diagnostic(help("build it first: `imgbuild build {}`", spec.display()))]
    NotBuilt {
        /// The spec.
        spec: PathBuf,
        /// Its image.
        reference: String,
    },
    /// A spec has several images.
    #[error("the spec `{}` has {} images for this platform", spec.display(), references.len())]
    #[diagnostic(help("name one: {}", references.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")))]
    Several {
        /// The spec.
        spec: PathBuf,
        /// Its images.
        references: Vec<String>,
    },
    /// A document of an image cannot be read.
    #[error("the image's document `{digest}` cannot be read")]
    Document {
        /// The document.
        digest: oci::Digest,
        /// Why.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stored image cannot be read.
    #[error(transparent)]
    Read(Box<oci::ReadError>),
    /// A platform is none of ours.
    #[error(transparent)]
    Platform(#[from] oci::PlatformError),
    /// An image's documents contradict each other.
    #[error("the image's manifest has {layers} layers, and its configuration {diff_ids}")]
    Layers {
        /// The layers of the manifest.
        layers: usize,
        /// The diffIDs of the configuration.
        diff_ids: usize,
    },
    /// Neither the image nor the user says what to run.
    #[error("the image does not say what to run")]
    #[diagnostic(help("name a command: `imgbuild run IMAGE -- COMMAND`"))]
    NoCommand,
    /// A post-link script failed.
    #[error("the post-link script of `{package}` {fault}\n{printed}")]
    #[diagnostic(help(
        "it runs as root in the image, off the network; where the package works without it: `[conda] skip-post-link = [\"{package}\"]`"
    ))]
    PostLink {
        /// The package.
        package: String,
        /// What is wrong.
        fault: String,
        /// What it printed.
        printed: String,
    },
    /// A check cannot be started.
    #[error("the check `{command}` of `{variant}` cannot be started")]
    CheckStart {
        /// The variant.
        variant: String,
        /// The command.
        command: String,
        /// Why.
        #[source]
        error: Box<sandbox::SandboxError>,
        /// Where it was asked for.
        #[related]
        asked: Vec<Snippet>,
    },
    /// A check failed.
    #[error("the check `{command}` of `{variant}` {fault}\n{printed}")]
    #[diagnostic(help("nothing was delivered; `imgbuild build --no-check` delivers without checking"))]
    Check {
        /// The variant.
        variant: String,
        /// The command.
        command: String,
        /// What is wrong.
        fault: String,
        /// What it printed.
        printed: String,
        /// Where it was asked for.
        #[related]
        asked: Vec<Snippet>,
    },
    /// A thread died.
    #[error("a part of the build died: {0}")]
    Died(String),
}

/// What to run instead of an image that is not there.
fn built_here(known: &[String]) -> String {
    if known.is_empty() {
        return "build one first: `imgbuild build SPEC`".to_owned();
    }
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("built here: {}", known.join(", "))
}

impl BuildError {
    /// What is said of a file of this machine that cannot be read or written: `what` was tried.
    pub(crate) fn file(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, what, error }
    }
}

impl From<conda::CondarcError> for BuildError {
    fn from(error: conda::CondarcError) -> Self {
        match error {
            // It shows the line.
            conda::CondarcError::Wrong(error) => Self::Spec(*error),
            error => Self::Condarc(error),
        }
    }
}

impl From<oci::ReadError> for BuildError {
    fn from(error: oci::ReadError) -> Self {
        Self::Read(Box::new(error))
    }
}

impl From<PackageError> for BuildError {
    fn from(error: PackageError) -> Self {
        Self::Package(Box::new(error))
    }
}

impl From<tokio::task::JoinError> for BuildError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Died(error.to_string())
    }
}

//! What can be wrong with an environment file, or with a lock of another tool.

use imgbuild_oci::Platform;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentMistake {
    /// A file is another one than it was named as.
    #[error("`{file}` is {what}")]
    OtherFile {
        /// The file.
        file: String,
        /// What it is.
        what: String,
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
    /// A file of locked packages that has nothing for the platform.
    #[error("`{file}` has packages for {listed}, but the image is for `{wanted}`, which is `{}`", crate::subdir::subdir(*.wanted))]
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
    /// A lock with packages of PyPI that are nowhere where anything can be taken from.
    #[error("`{file}` has PyPI packages that cannot be had from where it says that they are: {packages}")]
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
}

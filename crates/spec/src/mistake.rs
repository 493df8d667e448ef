//! What can be wrong with a spec beyond its single values.

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecMistake {
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
    /// Python and conda's packages need a C library, which an empty base does not have.
    #[error("the base is `scratch`, but {what} needs a base with glibc: the image could not start")]
    NeedsBase {
        /// What needs it.
        what: String,
    },
    /// A secret that whoever has the image would have.
    #[error("`{name}` is a secret, and whoever has the image would have it")]
    SecretVariable {
        /// The variable.
        name: String,
    },
    /// Two servers, and one port.
    #[error("Jupyter and SSH are both to listen on port {port}")]
    SharedPort {
        /// The port.
        port: u16,
    },
    /// A port that only root may listen on, in an image that does not run as root.
    #[error("port {port} is below 1024, and the image does not run as root")]
    PrivilegedPort {
        /// The port.
        port: u16,
    },
    /// Jupyter, and no Python.
    #[error("Jupyter is asked for, but no Python that it could run in")]
    JupyterWithoutPython,
    /// A certificate without its key, or the other way about.
    #[error("`{key}` is there, and `{missing}` is not: a certificate and its key belong together")]
    HalfCertificate {
        /// The one that is there.
        key: String,
        /// The other one.
        missing: String,
    },
    /// A version of `JupyterHub` without a profile of it.
    #[error("`hub-version` says which JupyterHub spawns the image, and the profile is for none")]
    NoHub,
    /// A user of a base that has no users.
    #[error("the base is `scratch`, which has no users")]
    NeedsUsers,
    /// Parts of a project, and no lock of one.
    #[error("`pip.{key}` chooses from a `uv.lock` or a `pylock.toml`, and no such file is named")]
    NoLockOfProject {
        /// The key.
        key: &'static str,
    },
    /// `[pip] writable` with a Python that is not Debian's.
    #[error(
        "`pip.writable` is of a virtual environment, which only Debian's Python and an existing image's get"
    )]
    NoVirtualEnvironment,
    /// The Python of an existing image, where the base is Debian.
    #[error("`from = \"base\"` is the Python of an existing image, and the base is Debian")]
    NoExistingBase,
    /// An environment without anything in it.
    #[error("nothing is to be in the environment `{name}`")]
    EmptyEnvironment {
        /// Its name.
        name: String,
    },
    /// An environment that is called as conda calls the one in the prefix itself.
    #[error("`{name}` is the environment in the prefix itself, and no other can be called so")]
    ReservedEnvironmentName {
        /// The name.
        name: String,
    },
    /// Two environments, and one name.
    #[error("two environments are called `{name}`")]
    SharedEnvironmentName {
        /// The name.
        name: String,
    },
    /// A default environment that there is not.
    #[error("`default-env` names `{name}`, and there is no such environment")]
    UnknownEnvironment {
        /// The name.
        name: String,
    },
    /// Two default environments.
    #[error("two environments are to be the default one: `{first}` and `{second}`")]
    TwoDefaults {
        /// The spec's own.
        first: String,
        /// The one that is asked for.
        second: String,
    },
    /// Wheels, and no Python.
    #[error("wheels are asked for, but no Python that they could be for")]
    NoPython,
    /// A driver that a version of CUDA does not run on.
    #[error("CUDA {version} needs a driver from {oldest} on, and `driver` is {driver}")]
    OldDriver {
        /// The version.
        version: String,
        /// The oldest driver that it runs on.
        oldest: String,
        /// The one that is named.
        driver: String,
    },
    /// A version of CUDA that is newer than the tables of this program.
    #[error("which driver CUDA {version} needs is not known")]
    UnknownCuda {
        /// The version.
        version: String,
    },
    /// A compute capability that no GPU has.
    #[error("no GPU has the compute capability {arch}")]
    NoSuchCapability {
        /// The capability.
        arch: String,
    },
    /// GPUs that a version of CUDA has no kernels for.
    #[error("the compute capability {arch} {needs}, and `version` is {version}")]
    Kernels {
        /// The capability.
        arch: String,
        /// What it needs.
        needs: String,
        /// The version.
        version: String,
    },
    /// Packages of CUDA's toolkit, and no conda environment.
    #[error(
        "`{package}` is asked for, which is a conda package, but no conda environment that it could be in"
    )]
    ToolkitWithoutConda {
        /// The package.
        package: String,
    },
    /// Wheels for the processor in an image for CUDA.
    #[error("the image is for CUDA {version}, and `torch-backend = \"cpu\"` takes wheels that do not use it")]
    ProcessorIndex {
        /// The version.
        version: String,
    },
    /// An index of PyTorch whose wheels need a newer driver than the image may count on.
    #[error("the wheels of `{backend}` need a driver for CUDA {major}, and the image is for CUDA {version}")]
    NewIndex {
        /// The index.
        backend: String,
        /// Its major version.
        major: u16,
        /// The version of the image.
        version: String,
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
}

//! What can be wrong with a spec and the files that it names.

use oci::Platform;

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
    #[error("`{file}` is not {encoding} text")]
    NotText {
        /// The file.
        file: String,
        /// The encoding that it should have.
        encoding: String,
    },
    /// A file says that it is in an encoding that nobody knows.
    #[error("`{file}` says that it is in the encoding `{encoding}`, which is not known")]
    UnknownEncoding {
        /// The file.
        file: String,
        /// The name of the encoding.
        encoding: String,
    },
    /// A file is another one than it was named as.
    #[error("`{file}` is {what}")]
    OtherFile {
        /// The file.
        file: String,
        /// What it is.
        what: String,
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
    /// A path that a link leads out of the spec's folder by.
    #[error("`{path}` is in the spec's folder, but a link leads from there to `{found}`")]
    LeadsOut {
        /// The path.
        path: String,
        /// Where it leads.
        found: String,
    },
    /// A list or table that must not be empty.
    #[error("`{key}` must not be empty")]
    EmptyList {
        /// The key.
        key: String,
    },
    /// A list that has a value twice.
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

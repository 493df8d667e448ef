//! What can be wrong with any file of text, and with any value in it.

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
    /// A key that nobody knows.
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
    /// A path that a link leads out of the spec's folder by.
    #[error(transparent)]
    LeadsOut(imgbuild_folder::LeadsOut),
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
}

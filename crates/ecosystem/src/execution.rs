//! What runs while images are made.

/// Something that was run in the sandbox: now, or when what it made was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// What ran, such as `maintainer scripts, by dpkg`.
    pub what: String,
    /// Whose it was: packages, or a command.
    pub of: Vec<String>,
}

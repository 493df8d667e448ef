//! What can be wrong with requirements, beyond one line of them.

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequirementMistake {
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
}

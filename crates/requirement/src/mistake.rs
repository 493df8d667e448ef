//! What can be wrong with requirements, beyond one line of them.

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequirementMistake {
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

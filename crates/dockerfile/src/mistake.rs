//! What is wrong with a Dockerfile.

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DockerfileMistake {
    /// A file without any stage.
    #[error("`{file}` is no Dockerfile: it has no `FROM`")]
    None {
        /// The file.
        file: String,
    },
    /// A word that is no instruction.
    #[error("`{word}` is no instruction of a Dockerfile")]
    UnknownInstruction {
        /// The word.
        word: String,
    },
    /// Something other than `ARG` stands before the first `FROM`.
    #[error("`{keyword}` stands before the first `FROM`")]
    BeforeFrom {
        /// The instruction.
        keyword: String,
    },
    /// An instruction says nothing.
    #[error("`{keyword}` stands without arguments")]
    Empty {
        /// The instruction.
        keyword: String,
    },
    /// A `FROM` of another form.
    #[error("`FROM {arguments}` does not name one image")]
    From {
        /// What stands behind it.
        arguments: String,
    },
    /// A heredoc goes on to the end of the file.
    #[error("the heredoc `{name}` has no end")]
    EndlessDocument {
        /// The word that would end it.
        name: String,
    },
    /// A quote that is opened and not closed.
    #[error("a quote is opened and not closed")]
    Quote,
}

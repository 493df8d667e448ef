//! Why sources cannot be compiled.

use imgbuild_archive::ImagePath;

use crate::cached::CacheTag;

/// Why sources cannot be compiled.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum CompilerError {
    /// The interpreter cannot be had: the message of whoever should have given it.
    #[error("the interpreter that compiles bytecode cannot be had: {why}")]
    Unavailable {
        /// Why.
        why: String,
        /// What to do about that.
        #[help]
        hint: Option<String>,
    },
    /// The interpreter does not start.
    #[error("the interpreter `{program}` does not start on this machine: {error}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        error: String,
        /// What to do about that.
        #[help]
        hint: Option<String>,
    },
    /// It is another version than the lock says.
    #[error("the interpreter is Python {found}, and the image's is {wanted}")]
    Version {
        /// The image's version.
        wanted: String,
        /// The interpreter's version.
        found: String,
    },
    /// It names its bytecode in another way than the image's.
    #[error("the interpreter that compiles bytecode names it for `{found}`, and the image's for `{wanted}`")]
    #[diagnostic(help("`bytecode = false` in `[layers]` makes an image without bytecode"))]
    Tag {
        /// The image's tag.
        wanted: CacheTag,
        /// The interpreter's tag.
        found: String,
    },
    /// It stopped in the middle of its work.
    #[error("the interpreter that compiles bytecode stopped while it compiled `{path}`: {why}")]
    Stopped {
        /// The source.
        path: ImagePath,
        /// Why, as far as it is known.
        why: String,
        /// What to do about that.
        #[help]
        hint: Option<String>,
    },
    /// A source takes too long. It is no reason to leave its bytecode out: another machine might be faster.
    #[error("`{path}` takes too long to compile")]
    #[diagnostic(help("`bytecode = false` in `[layers]` makes an image without bytecode"))]
    TooLong {
        /// The source.
        path: ImagePath,
    },
}

impl CompilerError {
    /// The interpreter cannot be had because of what whoever should have given it says.
    pub fn unavailable(error: &dyn miette::Diagnostic) -> Self {
        Self::Unavailable { why: error.to_string(), hint: imgbuild_diagnostic::hint(error) }
    }
}

impl From<imgbuild_store::StoreError> for CompilerError {
    /// The store has no place for the interpreter.
    fn from(error: imgbuild_store::StoreError) -> Self {
        Self::unavailable(&error)
    }
}

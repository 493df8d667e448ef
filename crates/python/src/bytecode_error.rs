//! Why a package's bytecode cannot be made.

use std::io;

use imgbuild_store::StoreError;

use crate::compiler_error::CompilerError;

/// Why a package's bytecode cannot be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum BytecodeError {
    /// The compiler fails.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Compiler(#[from] CompilerError),
    /// The store fails.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// What the store holds is damaged.
    #[error("the cached bytecode is damaged")]
    Cache(#[from] imgbuild_archive::TarError),
    /// A temporary file cannot be written.
    #[error("cannot keep bytecode in a temporary file")]
    Spool(#[from] io::Error),
}

//! What conda, wheels and Debian's Python share: the names of distributions, the byte compiler, and an interpreter that runs
//! on the build machine.

mod bytecode;
mod compiler;
mod distribution;
mod folder;
mod links;
mod pyc;
mod spool;

pub use bytecode::{Bytecode, BytecodeError, BytecodeFolders};
pub use compiler::{Compiler, CompilerError, Interpreter, LazyCompiler};
pub use distribution::{Distribution, NotADistribution, is_name, normalized};
pub use folder::FolderSink;

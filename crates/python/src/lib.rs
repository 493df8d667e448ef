//! What conda, wheels and Debian's Python share: the byte compiler, and an interpreter that runs on the build machine.

mod bytecode;
mod compiler;
mod folder;
mod links;
mod pyc;
mod spool;

pub use bytecode::{Bytecode, BytecodeError, BytecodeFolders};
pub use compiler::{Compiler, CompilerError, Interpreter, LazyCompiler};
pub use folder::FolderSink;

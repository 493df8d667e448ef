//! What conda, wheels and Debian's Python share: the names of distributions, the byte compiler, and an interpreter that runs
//! on the build machine.

mod assumption;
mod bytecode;
mod bytecode_error;
mod cached;
mod compiler;
mod compiler_error;
mod compiling;
mod distribution;
mod folder;
mod inspection;
mod interpreter;
mod limits;
mod links;
mod overriding;
mod process;
mod pyc;
mod resolving;
mod seen_folder;
mod spool;
mod target;

pub use bytecode::Bytecode;
pub use bytecode_error::BytecodeError;
pub use cached::{CacheTag, Cached, Optimization};
pub use compiler::{Compiler, LazyCompiler};
pub use compiler_error::CompilerError;
pub use distribution::{Distribution, NotADistribution, is_name, normalized};
pub use folder::FolderSink;
pub use interpreter::{Ending, Interpreter, Launcher, Unconfined};
pub use overriding::Overriding;
pub use resolving::resolve;
pub use seen_folder::{SEEN_FOLDER_FILE, seeing, seen_by};
pub use target::{BytecodeFolders, Target};

//! What conda, wheels and Debian's Python share: the names of distributions, the byte compiler, and an interpreter that runs
//! on the build machine.

mod bytecode;
mod cached;
mod compiler;
mod compiling;
mod distribution;
mod folder;
mod inspection;
mod limits;
mod links;
mod overriding;
mod process;
mod pyc;
mod resolving;
mod spool;
mod target;

pub use bytecode::{Bytecode, BytecodeError};
pub use cached::{CacheTag, Cached, Optimization};
pub use compiler::{Compiler, CompilerError, Ending, Interpreter, Launcher, LazyCompiler, Unconfined};
pub use distribution::{Distribution, NotADistribution, is_name, normalized};
pub use folder::FolderSink;
pub use overriding::Overriding;
pub use resolving::resolve;
pub use target::{BytecodeFolders, Target};

//! Files that people write: read with the place of every value, so that whatever is wrong is told with file, line and column.
//!
//! TOML and YAML become one tree ([`Node`]); [`decode`] reads types out of it; a [`Problem`] says what is wrong where, and a
//! [`DocumentError`] all of it at once. What a file means is its readers' business, and so are the kinds of mistakes in it: a
//! [`Problem`] holds one of any crate's.

pub mod beneath;
mod decode;
mod encoding;
pub mod files;
mod limits;
pub mod list;
mod mistake;
pub mod note;
mod problem;
mod requirement;
mod source;
pub mod suggest;
pub mod toml_tree;
mod tree;
mod value;
mod variable;
pub mod yaml_tree;

pub use decode::{
    DecodeError, Literal, Located, Requires, decode, decode_readable, decode_required, type_of, unreadable,
};
pub use limits::FILE_LIMIT;
pub use mistake::Mistake;
pub use note::Note;
pub use problem::{DocumentError, MOST_SHOWN, Problem, and_more};
pub use requirement::Requirement;
pub use source::{Origin, Snippet, Source, SourceFile, source};
pub use tree::{Entry, Node, Value};
pub use value::{ValueError, printable, shown};
pub use variable::{ProgramText, VariableName};

//! Why a file is not a wheel that may be installed.

use imgbuild_archive::{PathError, ZipFileError};

use crate::wheel::entry_points::EntryPointError;
use crate::wheel::record::RecordError;

/// Why a file is not a wheel that may be installed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum WheelError {
    /// The zip cannot be read.
    #[error(transparent)]
    Zip(#[from] ZipFileError),
    /// A path must not be written.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A member that no wheel may hold.
    #[error("it holds `{}`, which {rule}", path.escape_default())]
    Member {
        /// The member.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// It has not exactly one folder of metadata.
    #[error("it has {}", if folders.is_empty() { "no `.dist-info` folder".to_owned() } else { format!("several `.dist-info` folders: {}", folders.join(", ")) })]
    DistInfo {
        /// The folders.
        folders: Vec<String>,
    },
    /// It lacks a file of metadata.
    #[error("it has no `{0}`")]
    Missing(String),
    /// A file of metadata is too large, or is no text.
    #[error("its `{file}` {rule}")]
    Text {
        /// The file.
        file: String,
        /// What is wrong.
        rule: &'static str,
    },
    /// A header is not there, or is there twice.
    #[error("its `{file}` has {count} `{header}`")]
    Header {
        /// The file.
        file: &'static str,
        /// How many there are: `no`, `more than one`.
        count: &'static str,
        /// The header.
        header: &'static str,
    },
    /// It follows rules that are not known yet.
    #[error("it follows version `{}` of the wheel format, and version 1 is the one that is known", .0.escape_default())]
    Format(String),
    /// The metadata is that of another project or version.
    #[error("the file is named `{filename}`, and its {place} says `{}`", found.escape_default())]
    Name {
        /// The name of the file.
        filename: String,
        /// Where the other name stands.
        place: &'static str,
        /// The other name.
        found: String,
    },
    /// Its list of files is damaged or does not hold.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It has a command that must not be written.
    #[error(transparent)]
    EntryPoint(#[from] EntryPointError),
}

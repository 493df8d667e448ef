//! Why a package cannot be written into a layer.

use std::io;

use imgbuild_archive::ImagePath;
use imgbuild_layer::SinkError;

use crate::conda_archive::ArchiveError;
use crate::info::{InfoError, way_round};
use crate::limits::MOST_COPIED;
use crate::record::RecordError;

/// Why a package cannot be written into a layer.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PackageError {
    /// The lock's record is damaged.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Record(#[from] RecordError),
    /// The metadata cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Info(#[from] InfoError),
    /// The archive cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Archive(#[from] ArchiveError),
    /// A path must not be written.
    #[error(transparent)]
    Path(#[from] imgbuild_archive::PathError),
    /// A noarch Python package in an environment without Python.
    #[error("it is a noarch Python package, and the environment has no Python")]
    NoPython,
    /// The archive is not what the lock says.
    #[error("the lock says of its {fact} `{locked}`, and the archive `{found}`")]
    Fact {
        /// What differs.
        fact: &'static str,
        /// What the lock says.
        locked: String,
        /// What the archive says.
        found: String,
    },
    /// The lock knows nothing of distributions that the archive holds, as one from before they were locked.
    #[error("the lock says nothing of the Python distributions in it: `{found}`")]
    #[diagnostic(help("the lock was changed by hand, or written by another version: run `imgbuild lock`"))]
    Distributions {
        /// What the archive holds.
        found: String,
    },
    /// A path is a folder, and the metadata says that it is none, or the reverse: who trusts one would write through the
    /// other.
    #[error("`{path}` is a {found}, and `info/paths.json` declares a {declared}")]
    Folder {
        /// The path.
        path: ImagePath,
        /// The kind in the metadata.
        declared: &'static str,
        /// The kind in the archive.
        found: &'static str,
    },
    /// A path is a link, and the metadata says that it is a file, or the reverse: what becomes of it depends on who
    /// installs it, and even on the file system.
    #[error("`{path}` is a {found}, and `info/paths.json` declares a {declared}")]
    #[diagnostic(help("{}", way_round(package)))]
    Kind {
        /// The package.
        package: String,
        /// The path.
        path: ImagePath,
        /// The kind in the metadata.
        declared: &'static str,
        /// The kind in the archive.
        found: &'static str,
    },
    /// The archive holds several things for one path.
    #[error("the archive holds `{path}` twice, and the two differ")]
    #[diagnostic(help("{}", way_round(package)))]
    Twice {
        /// The package.
        package: String,
        /// The path.
        path: ImagePath,
    },
    /// The metadata lists a path that the archive does not hold.
    #[error("`info/paths.json` lists `{0}`, which the archive does not hold")]
    Absent(ImagePath),
    /// The placeholder cannot be replaced.
    #[error("cannot put the prefix `{prefix}` into `{path}`")]
    Replace {
        /// The file.
        path: ImagePath,
        /// The prefix.
        prefix: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A hard link to something that is not a file of the package.
    #[error("`{path}` is a hard link to `{target}`, which is no file of the package")]
    Hardlink {
        /// The link.
        path: ImagePath,
        /// The target.
        target: ImagePath,
    },
    /// The member with the files holds metadata, which belongs into the other member.
    #[error("the files of the archive hold `{0}`, which belongs to its metadata")]
    InfoInFiles(ImagePath),
    /// Too many hard links would become files of their own.
    #[error(
        "`{0}` is a hard link that becomes a file of its own, and those of the package have more than {MOST_COPIED} bytes together"
    )]
    Copied(ImagePath),
    /// Finding the files of hard links takes too long.
    #[error(
        "`{0}` is a hard link that becomes a file of its own, and the package has too many of them to read it again for each"
    )]
    ReadAgain(ImagePath),
    /// Its record cannot be written.
    #[error("its `conda-meta` record cannot be written")]
    Meta(#[source] io::Error),
    /// The layer refuses an entry.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

imgbuild_diagnostic::boxed_sources!(PackageError);

//! An image on standard output.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use imgbuild_image::{Format, Output};
use miette::Diagnostic;

use crate::arguments::BuildArguments;

/// An image that cannot be written to standard output.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum StreamError {
    /// Somebody would see it.
    #[error("an image is not written to a terminal")]
    #[diagnostic(help("pipe it somewhere: `imgbuild build SPEC -o - | docker load`"))]
    Terminal,
    /// It is a folder.
    #[error("an image that is a folder cannot be written to standard output")]
    #[diagnostic(help("leave `--format` out, which makes a tarball, or name a folder: `-o DIR`"))]
    Folder,
    /// Two things would be written there.
    #[error("the image and the result as JSON cannot both be written to standard output")]
    #[diagnostic(help("leave out `--json`, or name a folder for the image: `-o DIR`"))]
    Json,
    /// It is closed.
    #[error("standard output cannot be written")]
    Closed(#[source] io::Error),
}

/// Where `--output` says that images are written; nothing where it is not given.
///
/// # Errors
///
/// When it says standard output, and no image can be written there.
pub(crate) fn output(arguments: &BuildArguments, format: Format) -> Result<Option<Output>, StreamError> {
    let folder = match &arguments.output {
        None => return Ok(None),
        Some(path) if path != Path::new("-") => return Ok(Some(Output::Folder(path.clone()))),
        Some(_) => matches!(format, Format::OciDir | Format::Sparse),
    };
    match () {
        () if folder => Err(StreamError::Folder),
        () if arguments.json => Err(StreamError::Json),
        () if io::stdout().is_terminal() => Err(StreamError::Terminal),
        () => {
            let stream = io::stdout().as_fd().try_clone_to_owned().map_err(StreamError::Closed)?;
            Ok(Some(Output::Stream(Arc::new(File::from(stream)))))
        }
    }
}

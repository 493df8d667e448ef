//! Why a machine's devices cannot be had.

use std::io;
use std::path::PathBuf;

use imgbuild_document::DocumentError;

/// Why a machine's devices cannot be had.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CdiError {
    /// Nothing describes any.
    #[error("this machine describes no GPU: there is no file of devices in {}", list(.folders))]
    #[diagnostic(help(
        "with NVIDIA's driver and its container toolkit on the machine, `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` writes one; `--cdi-spec-dir` names another folder"
    ))]
    NoSpecs {
        /// Where they are looked for.
        folders: Vec<PathBuf>,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file is no description of devices.
    #[error("`{}` does not describe devices: {error}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// The same, with the lines that say it.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Yaml(#[from] DocumentError),
    /// A file that says something that cannot be.
    #[error("`{}` {what}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// No such device.
    #[error("this machine describes no device `{name}`: there {known}")]
    NoDevice {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Two files describe one device, and neither goes before the other.
    #[error("`{name}` is described by `{}` and by `{}`", first.display(), second.display())]
    #[diagnostic(help("remove the one that is out of date"))]
    Twice {
        /// The device.
        name: String,
        /// The one file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// What a file names is not on the machine.
    #[error("`{}` is named by `{}`, and is not there", path.display(), named_by.display())]
    #[diagnostic(help(
        "the driver was changed, or is not loaded: `nvidia-smi` loads it, and `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` describes it anew"
    ))]
    Missing {
        /// What is not there.
        path: PathBuf,
        /// Who names it.
        named_by: PathBuf,
    },
}

fn list(folders: &[PathBuf]) -> String {
    let shown: Vec<String> = folders.iter().map(|folder| format!("`{}`", folder.display())).collect();
    shown.join(" or ")
}

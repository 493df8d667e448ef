//! The Python of an existing image, in the lock.

use imgbuild_archive::ImagePath;
use serde::{Deserialize, Serialize};

/// The Python of the image that a variant stands on, where the wheels are for that one: they are in a virtual environment of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BasePython {
    /// Its version, as exactly as the image says it: `3.11.9`, or `3.11`.
    pub version: String,
    /// Its program, which is no link, such as `/opt/conda/bin/python3.11`.
    pub program: ImagePath,
    /// Whether what is installed for that program is seen.
    pub system_site_packages: bool,
    /// The folder of modules of the image's virtual environment, where its Python is one: it is seen too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<ImagePath>,
    /// Whether pip is among what is seen.
    pub has_pip: bool,
}

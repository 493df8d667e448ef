//! What all ecosystems of packages have in common: archives with a hash, where these are to be had, and what they become in an
//! image.

mod archive_source;
mod compilers;
mod execution;
mod image_python;
mod ingredients;
mod packages;

pub use archive_source::{ArchiveError, ArchiveSource};
pub use compilers::{Compilers, HostInterpreter, HostSources, OwnLibrary};
pub use execution::Execution;
pub use image_python::ImagePython;
pub use ingredients::Ingredients;
pub use packages::{Ecosystem, EcosystemError, Surroundings};

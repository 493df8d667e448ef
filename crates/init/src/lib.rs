//! A first spec, for people who have none yet: from nothing, or from what other tools have — environment files, requirements,
//! locks, projects, Dockerfiles, dev containers.
//!
//! [`draft`] reads the file, and [`Draft::settle`] leaves out what is no spec, as whoever checks specs says it. What is not taken
//! over is told with its reason, and no secret is repeated.

mod devcontainer;
mod docker;
mod draft;
mod error;
mod first;
mod folder;
mod jsonc;
mod limits;
mod literal;
mod locked;
mod making;
mod name;
mod pyproject;
mod python;
mod reading;
mod recognition;
mod secrets;
mod settling;
#[cfg(test)]
mod tests;
mod text;
mod writing;

pub use draft::{Draft, LeftOut};
pub use error::InitError;
pub use first::first_spec;
pub use making::{draft, folder_of};
pub use settling::{Check, FirstSpec};
pub use writing::{check_free, write_spec};

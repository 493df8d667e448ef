//! Wheels of what is none: source distributions, git repositories and local projects, built by PEP 517 in the sandbox.
//!
//! | step | where |
//! |---|---|
//! | the source is fetched, and becomes a layer of one owner and one time | `source_fetcher`, `source`, `sdist`, `git`, `folder` |
//! | the image without its wheels is made, and unpacked | by whoever asks: `frontend` |
//! | how the project is built is read | `project` |
//! | the build requirements are locked and got, and become a layer: a virtual environment | `requirements`, `environment` |
//! | the backend is asked for more, and then for the wheel, in the sandbox | `hooks` |
//! | the wheel is checked, and goes into the store | `wheel` |
//! | all of it, in order | `builder` |
//! | a locked wheel that is nowhere is built anew | `rebuilding` |
//!
//! Nothing that the backend sees depends on the machine: it runs off the network, as a user of no image, in the same folder, at
//! the same time of 1980, with the same environment variables. So the same source and the same requirements give the same
//! wheel, as far as the backend is deterministic; its hash is in the lock, and a wheel that comes out otherwise is an error.

mod builder;
mod environment;
mod error;
mod folder;
mod frontend;
mod git;
mod git_error;
mod git_list;
mod git_objects;
mod git_process;
mod hooks;
mod limits;
mod project;
mod rebuilding;
mod requirements;
mod sdist;
mod source;
mod source_fetcher;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
mod wheel;

pub use builder::WheelBuilder;
pub use error::WheelBuildError;
pub use frontend::{Failure, Frontend, Progress, Root};
pub use git_error::GitError;
pub use project::{ProjectError, check_folder};
pub use rebuilding::{BuiltWheels, changed_folder};
pub use source::SourceError;

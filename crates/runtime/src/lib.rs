//! What makes an image usable: its user, its environment variables, and how its programs are started.

mod contents;
mod cuda;
mod dev_container;
mod environment;
mod files;
mod jupyter;
mod kernels;
mod shells;
mod ssh;
mod start;
mod user;
mod variables;

pub use cuda::{cuda_files, cuda_variables};
pub use dev_container::{DEV_CONTAINER_LABEL, DevContainer};
pub use environment::Environment;
pub use files::{Runtime, RuntimeUser};
pub use jupyter::opened_by;
pub use kernels::{Kernel, kernels};
pub use shells::{ACTIVATION_FILE, SHELL_FILE, SHELL_FILES};
pub use start::{ACTIVATE, BaseStart, OwnStart, START, Start, command, start};
pub use user::{AccountFiles, User, UserError};
pub use variables::{UserSite, Variables, variables};

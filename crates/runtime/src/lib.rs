//! What makes an image usable: its user, its environment variables, and how its programs are started.

mod files;
mod start;
mod user;
mod variables;

pub use files::runtime_files;
pub use start::{ACTIVATE, BaseStart, Start, start};
pub use user::{DEFAULT_USER, User};
pub use variables::{Variables, variables};

//! What makes an image usable: its user, its environment variables, and how its programs are started.

mod contents;
mod files;
mod jupyter;
mod shells;
mod ssh;
mod start;
mod user;
mod variables;

pub use files::{Runtime, RuntimeUser};
pub use jupyter::is_open;
pub use start::{ACTIVATE, BaseStart, OwnStart, START, Start, command, start};
pub use user::{AccountFiles, User, UserError};
pub use variables::{UserSite, Variables, variables};

//! What conda and its companions write of environments: environment files, explicit lists and exports, the locks of pixi and
//! conda-lock, and conda's own settings.
//!
//! Only text is read here, and nothing is solved or fetched.

mod channel;
mod channel_key;
mod channel_priority;
mod choice;
mod conda_lock;
mod condarc;
mod contents;
mod environment;
mod explicit;
mod file;
mod limits;
mod listed;
mod listed_package;
mod listing;
mod lock_format;
mod locked;
mod md5;
mod mistake;
mod name;
mod open_file;
mod other_file;
mod pixi;
mod selectors;
mod subdir;
mod versioned;
mod yaml_text;

pub use channel::{Channel, match_spec_name};
pub use channel_priority::ChannelPriority;
pub use choice::Choice;
pub use condarc::{Condarc, Setting, SettingMark, SettingTable, SslVerify};
pub use contents::{Contents, limit, read};
pub use environment::{Environment, PipPart};
pub use listed_package::{ListedPackage, ListedPackages};
pub use listing::no_requirements;
pub use lock_format::LockFormat;
pub use locked::{ArchiveUrl, LockedArchive, LockedBuild, LockedList, LockedPackages, OtherLock};
pub use md5::Md5;
pub use mistake::EnvironmentMistake;
pub use name::{ChannelName, EnvironmentName, MatchSpecText, PackageName};
pub use yaml_text::yaml_text;

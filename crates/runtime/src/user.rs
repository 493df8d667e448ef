//! The user that an image runs as.

/// A user of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The login name.
    pub name: &'static str,
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its home folder.
    pub home: &'static str,
    /// Its shell.
    pub shell: &'static str,
}

/// The user that every image with a base has, and runs as unless the spec says otherwise: 1000, the number of the first
/// user of most machines, so that mounted folders can be written; and `users`, group 100.
pub const DEFAULT_USER: User =
    User { name: "user", uid: 1000, gid: 100, home: "/home/user", shell: "/bin/bash" };

//! The users and groups of a Dockerfile.

use std::collections::BTreeMap;

/// The users and groups that are known by their names.
#[derive(Debug, Clone)]
pub(crate) struct Users {
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, u32>,
    /// The user that commands and containers run as, with its place.
    pub(crate) current: Option<(String, String)>,
    /// Where a user may become root without a password.
    pub(crate) sudo: Option<String>,
}

/// A user.
#[derive(Debug, Clone, Default)]
pub(crate) struct User {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) place: String,
}

impl Default for Users {
    fn default() -> Self {
        let root = User { uid: Some(0), gid: Some(0), place: String::new() };
        Self {
            users: BTreeMap::from([("root".to_owned(), root)]),
            groups: BTreeMap::from([("root".to_owned(), 0), ("users".to_owned(), 100)]),
            current: None,
            sudo: None,
        }
    }
}

impl Users {
    pub(crate) fn uid(&self, user: &str) -> Option<u32> {
        user.parse().ok().or_else(|| self.users.get(user)?.uid)
    }

    pub(crate) fn gid(&self, group: &str) -> Option<u32> {
        group.parse().ok().or_else(|| self.groups.get(group).copied()).or_else(|| self.users.get(group)?.gid)
    }

    /// Whether it is said whom a container runs as.
    pub(crate) fn is_said(&self) -> bool {
        self.current.is_some()
    }

    /// The user that a container runs as.
    pub(crate) fn switch(&mut self, user: String, place: String) {
        self.current = Some((user, place));
    }

    /// The user that a container runs as is another one from now on, and nobody knows which: what was said before holds no longer.
    pub(crate) fn forget(&mut self) {
        self.current = None;
    }
}

//! What parts are to an image.

use std::cmp::Ordering;
use std::fmt;

/// What a part is to the image, as whoever makes it says: where it stands, and how it shares layers. Whoever makes parts of
/// another kind gives them a role of its own.
#[derive(Clone, Copy)]
pub struct Role {
    /// Its name: two roles of one name are one.
    pub name: &'static str,
    /// Its place among the roles, for layers between which [`crate::plan()`] finds no other difference: what changes least comes first.
    pub order: u8,
    /// How its parts share layers.
    pub grouping: Grouping,
    /// Whether more of its parts share layers where the budget is short. The parts of the others have the same layers in every image.
    pub yields: bool,
    /// Whether its parts are of a base that we make: on an image that is there stand none.
    pub of_base: bool,
    /// Whether its parts are written when the archives of the others are there, of which they are made.
    pub comes_last: bool,
}

/// How the parts of a role share layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// A large part has a layer of its own; the small ones fall into so many groups.
    Share(u32),
    /// All stand in one layer.
    Together,
    /// Each has a layer of its own: it holds what running something changed.
    Alone,
}

impl Role {
    /// The interpreter and the libraries that it is linked with.
    pub const INTERPRETER: Self = Self::package("interpreter", 40, 1);
    /// A CUDA library.
    pub const CUDA: Self = Self { yields: true, ..Self::package("cuda", 50, 1) };
    /// Any other package.
    pub const PACKAGE: Self = Self { yields: true, ..Self::package("package", 60, 4) };
    /// The environment's own records: `conda-meta/history`, variables, the lock.
    pub const METADATA: Self = Self { grouping: Grouping::Together, ..Self::package("metadata", 80, 1) };
    /// Files that the user copies in.
    pub const COPY: Self = Self { grouping: Grouping::Together, ..Self::package("copy", 90, 1) };

    /// A role of packages whose small ones fall into so many groups.
    pub const fn package(name: &'static str, order: u8, groups: u32) -> Self {
        let grouping = Grouping::Share(groups);
        Self { name, order, grouping, yields: false, of_base: false, comes_last: false }
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Role {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Role {}

impl Ord for Role {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.order, self.name).cmp(&(other.order, other.name))
    }
}

impl PartialOrd for Role {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

//! What Debian packages are to an image.

use imgbuild_layer::{Grouping, Role};

/// A package that every base of the suite has: the same layers in every image.
pub const BASE: Role = Role { of_base: true, ..Role::package("base", 10, 2) };

/// A package that only Debian's Python needs.
pub const BASE_PYTHON: Role = Role { of_base: true, ..Role::package("base-python", 12, 1) };

/// A package that was added to the base, or that one of these needs.
pub const BASE_ADDED: Role = Role { of_base: true, ..Role::package("base-added", 14, 1) };

/// What the base's packages have in common: dpkg's status, users, the loader's cache.
pub const BASE_STATE: Role =
    Role { name: "base-state", order: 20, grouping: Grouping::Together, comes_last: true, ..BASE };

/// What running the maintainer scripts of the base's packages changed.
pub const BASE_CONFIGURATION: Role =
    Role { name: "base-configuration", order: 30, grouping: Grouping::Alone, ..BASE };

/// Whether the parts of a role are packages of Debian's.
pub fn is_of_packages(role: Role) -> bool {
    [BASE, BASE_PYTHON, BASE_ADDED].contains(&role)
}

//! What Debian packages are to an image.

use imgbuild_layer::{Grouping, Role};

/// A package of the operating system.
pub const BASE: Role = Role { of_base: true, ..Role::package("base", 10, 10) };

/// What the base's packages have in common: dpkg's status, users, the loader's cache.
pub const BASE_STATE: Role =
    Role { name: "base-state", order: 20, grouping: Grouping::Together, comes_last: true, ..BASE };

/// What running the maintainer scripts of the base's packages changed.
pub const BASE_CONFIGURATION: Role =
    Role { name: "base-configuration", order: 30, grouping: Grouping::Alone, ..BASE };

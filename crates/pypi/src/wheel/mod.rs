//! Wheels: what they say of themselves, and what becomes of their files.

pub(crate) mod entry_points;
pub(crate) mod filename;
pub(crate) mod headers;
pub(crate) mod ingredients;
pub(crate) mod layout;
pub(crate) mod metadata;
pub(crate) mod package;
pub(crate) mod package_error;
pub(crate) mod record;
pub(crate) mod shebang;
pub(crate) mod virtual_environment;
pub(crate) mod wheel_error;
pub(crate) mod whole_wheel;
pub(crate) mod writing;

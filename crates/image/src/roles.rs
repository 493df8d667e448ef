//! The roles that the parts of an image may have.

use imgbuild_debian::{BASE, BASE_ADDED, BASE_CONFIGURATION, BASE_PYTHON, BASE_STATE};
use imgbuild_layer::Role;

use crate::post_link::PACKAGE_CONFIGURATION;

/// All of them.
pub const ROLES: [Role; 11] = [
    BASE,
    BASE_PYTHON,
    BASE_ADDED,
    BASE_STATE,
    BASE_CONFIGURATION,
    Role::INTERPRETER,
    Role::CUDA,
    Role::PACKAGE,
    PACKAGE_CONFIGURATION,
    Role::METADATA,
    Role::COPY,
];

//! A spec from nothing: what most people begin with, and what they often want next.

use std::path::Path;

use imgbuild_spec::Suite;

use crate::{literal, name};

/// The spec without its name.
const SPEC: &str = include_str!("first.toml");

/// A first spec for a folder, with comments.
pub fn first_spec(folder: &Path) -> String {
    let python = literal::text(Suite::default().python());
    SPEC.replacen("\"NAME\"", &literal::text(&name::of_folder(folder)), 1).replacen("\"DEBIAN\"", &python, 1)
}

//! A spec from nothing: what most people begin with, and what they often want next.

use std::path::Path;

use crate::{literal, name};

/// The spec without its name.
const SPEC: &str = include_str!("first.toml");

/// A first spec for a folder, with comments.
pub fn first_spec(folder: &Path) -> String {
    SPEC.replacen("\"NAME\"", &literal::text(&name::of_folder(folder)), 1)
}
